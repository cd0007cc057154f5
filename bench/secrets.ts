/**
 * How well the default rules find secrets, and how fast: recall and precision
 * on labelled files that are made from a seed (tokens of known shape, tiers A
 * and B, and their look-alikes), then false findings and speed on source that
 * holds none, the packages of node_modules or a folder of one's own.
 *
 *   npm run bench secrets [FOLDER]
 */
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { defaultRules, readDefaultRules } from '../src/inspect/secrets/rules/load-rules.ts';
import { Scanner } from '../src/inspect/secrets/scanner.ts';
import { negatives, positives } from '../test/support/secret-corpus.ts';

const scanner = new Scanner(defaultRules());
const seed = 1;
const sourceTypes = new Set(['.js', '.ts', '.mjs', '.cjs', '.json', '.md']);
const greatestBytes = 300 * 1024 * 1024;

interface Found {
  readonly start: number;
  readonly end: number;
}

function findIn(path: string, data: Buffer, confidences: readonly string[]): readonly Found[] {
  return scanner.scan(data).matches.filter(({ confidence, rule, value }) => {
    return confidences.includes(confidence) && rule.admitPath?.(path, value) !== false;
  });
}

function measureLabelled(): Readonly<Record<string, string>> {
  const entries = readDefaultRules()
    .map(({ entry }) => entry)
    .filter(({ tier }) => tier === 'A' || tier === 'B');
  let [wanted, hit, wrong, clean, cleanFound] = [0, 0, 0, 0, 0];
  for (const { path, content, secret } of positives(entries, seed)) {
    if (secret === undefined) continue;
    wanted++;
    const found = findIn(path, Buffer.from(content, 'latin1'), ['high', 'medium', 'low']);
    const touches = ({ start, end }: Found): boolean => start < secret.end && secret.start < end;
    if (found.some(touches)) hit++;
    wrong += found.filter((one) => !touches(one)).length;
  }
  for (const { path, content } of negatives(5000, seed)) {
    clean++;
    cleanFound += findIn(path, Buffer.from(content, 'latin1'), ['high', 'medium']).length;
  }
  return {
    'labelled secrets': `${wanted}`,
    'recall, tiers A and B': (hit / wanted).toFixed(4),
    'precision, tiers A and B': (hit / (hit + wrong + cleanFound)).toFixed(4),
    'found in look-alikes': `${cleanFound} in ${clean} files`,
  };
}

function readSources(folder: string): readonly { path: string; data: Buffer }[] {
  const sources: { path: string; data: Buffer }[] = [];
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || !sourceTypes.has(extname(entry.name)) || bytes > greatestBytes) continue;
    const path = join(entry.parentPath, entry.name);
    const data = readFileSync(path);
    bytes += data.length;
    sources.push({ path, data });
  }
  return sources;
}

function measureSources(folder: string): Readonly<Record<string, string>> {
  const sources = readSources(folder);
  const counts: Record<string, number> = { high: 0, medium: 0, low: 0 };
  let [lines, bytes, unscanned] = [0, 0, 0];
  for (const { path, data } of sources) {
    bytes += data.length;
    for (const byte of data) if (byte === 10) lines++;
    const result = scanner.scan(data);
    if (result.unscanned.length > 0) unscanned++;
    for (const { rule, value, confidence } of result.matches) {
      if (rule.admitPath?.(path, value) !== false) counts[confidence] = (counts[confidence] ?? 0) + 1;
    }
  }
  const before = process.cpuUsage();
  for (const { data } of sources) scanner.scan(data);
  const { user, system } = process.cpuUsage(before);
  const perMillion = (count = 0): string => ((count / lines) * 1e6).toFixed(1);
  return {
    'clean source': `${sources.length} files, ${(bytes / 1e6).toFixed(0)} MB, ${lines} lines`,
    'findings per million lines, high': perMillion(counts['high']),
    'findings per million lines, medium': perMillion(counts['medium']),
    'findings per million lines, low': perMillion(counts['low']),
    'files not scanned to their end': `${unscanned}`,
    'MB/s per core': (bytes / (user + system)).toFixed(0),
  };
}

const folder = process.argv[2] ?? new URL('../../node_modules', import.meta.url).pathname;
for (const table of [measureLabelled(), measureSources(folder)]) {
  for (const [name, value] of Object.entries(table)) process.stdout.write(`${name.padEnd(38)}${value}\n`);
}
