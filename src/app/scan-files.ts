/** Searches files and folders for secrets, without a server: the same scanner as for a push. */
import { randomBytes } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Confidence, SecretTier } from '../domain/facts.ts';
import type { ScannedSecret } from '../inspect/contents/walk-order.ts';
import { type LoadedRules, loadRuleSet } from '../inspect/secrets/load-rule-set.ts';
import { admitAt, pathFindings } from '../inspect/secrets/locate.ts';
import { confidenceOf, type SecretRule } from '../inspect/secrets/rule.ts';
import { ObjectScanner, type ScannedContent } from '../inspect/secrets/scan-object.ts';
import { Scanner } from '../inspect/secrets/scanner.ts';
import { walkFiles } from './walk-files.ts';

export type { LoadedRules, SecretRule };

/** One candidate in one file; offsets are bytes of the file, of the outermost encoded form. */
export interface FileFinding {
  readonly file: string;
  readonly rule: string;
  readonly tier: SecretTier;
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  /** Masked. */
  readonly sample: string;
  readonly family: string;
  readonly confidence: Confidence;
  /** Counted from 1; absent in binary files. */
  readonly line?: number;
  readonly decoded?: readonly string[];
  /** Only with a key. */
  readonly fingerprint?: string;
  /** Its line carries `refgate:allow` or `gitleaks:allow`. */
  readonly comment?: true;
}

/** What was found in one file, and why some of it was not looked at. */
export interface FileReport {
  readonly file: string;
  readonly bytes: number;
  readonly findings: readonly FileFinding[];
  readonly unscanned: readonly string[];
}

/** Files up to so many bytes are scanned as a whole, archives in them opened; larger ones pass in windows. */
const heldBytes = 16 * 1024 * 1024;
const sniffedBytes = 8_192;

/**
 * The rules of a scan: the default ones, and those of files, which may extend
 * one another by path. Throws SECRET_RULES_INVALID (operator).
 */
export function readRules(options: {
  readonly defaults: boolean;
  readonly files: readonly { readonly path: string; readonly text: string }[];
}): LoadedRules {
  return loadRuleSet({ ...options, readFile: (path) => readFileSync(path, 'utf8') });
}

/**
 * One report for each file, in the order of the paths. Memory does not grow
 * with the files. What cannot be read or scanned is in `unscanned`, never left out. With a key,
 * findings carry fingerprints.
 */
export async function* scanFiles(
  paths: readonly string[],
  rules: readonly SecretRule[],
  key?: Buffer,
): AsyncGenerator<FileReport> {
  const scanner = new ObjectScanner(new Scanner(rules), key ?? randomBytes(32));
  for (const named of paths)
    for (const walked of walkFiles(named)) {
      const { file } = walked;
      if ('unscanned' in walked) {
        yield { file, bytes: 0, findings: [], unscanned: [walked.unscanned] };
        continue;
      }
      const { path, size } = walked;
      const { secrets, unscanned, bytes } = await scanFile(scanner, file, size);
      const findings = [
        ...pathFindings(rules, path).map((rule) => fileItself(file, rule, bytes)),
        ...admitAt(secrets, path).map((secret) => findingOf(file, secret, key !== undefined)),
      ];
      yield { file, bytes, findings, unscanned };
    }
}

interface ScannedFile extends ScannedContent {
  readonly bytes: number;
}

async function scanFile(scanner: ObjectScanner, file: string, size: number): Promise<ScannedFile> {
  try {
    if (size > heldBytes) return await scanLarge(scanner, file);
    const content = readFileSync(file);
    return { ...scanner.blob(content), bytes: content.length };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return { secrets: [], unscanned: [`it cannot be read (${code})`], bytes: 0 };
  }
}

async function scanLarge(scanner: ObjectScanner, file: string): Promise<ScannedFile> {
  const stream = scanner.stream();
  let bytes = 0;
  for await (const piece of createReadStream(file, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    stream.write(piece);
    bytes += piece.length;
  }
  const { secrets, unscanned } = stream.end();
  return { secrets: await withLines(file, secrets), unscanned, bytes };
}

/** Counts the lines of a large file up to what was found in it, in a second reading. */
async function withLines(file: string, secrets: readonly ScannedSecret[]): Promise<ScannedSecret[]> {
  const sorted = [...secrets].sort((a, b) => a.match.start - b.match.start);
  const counted: ScannedSecret[] = [];
  let [line, base] = [1, 0];
  if (sorted.length > 0)
    for await (const piece of createReadStream(file, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
      if (base === 0 && piece.subarray(0, sniffedBytes).includes(0)) return sorted;
      let from = 0;
      for (let next = sorted[counted.length]; next !== undefined; next = sorted[counted.length]) {
        const to = next.match.start - base;
        if (to >= piece.length) break;
        line += newlinesIn(piece.subarray(from, to));
        from = to;
        counted.push({ ...next, line });
      }
      if (counted.length === sorted.length) break;
      line += newlinesIn(piece.subarray(from));
      base += piece.length;
    }
  return [...counted, ...sorted.slice(counted.length)];
}

function newlinesIn(piece: Buffer): number {
  let count = 0;
  for (let at = piece.indexOf(10); at >= 0; at = piece.indexOf(10, at + 1)) count++;
  return count;
}

function findingOf(file: string, secret: ScannedSecret, keyed: boolean): FileFinding {
  const { match, line, sample, fingerprint, comment } = secret;
  return {
    file,
    rule: match.rule.id,
    tier: match.rule.tier,
    start: match.start,
    end: match.end,
    sample,
    family: match.rule.family,
    confidence: match.confidence,
    ...(line === undefined ? {} : { line }),
    ...(match.decoded.length > 0 ? { decoded: match.decoded } : {}),
    ...(keyed ? { fingerprint } : {}),
    ...(comment ? { comment } : {}),
  };
}

/** A file that is a finding by its name. */
function fileItself(file: string, rule: SecretRule, bytes: number): FileFinding {
  return {
    file,
    rule: rule.id,
    tier: rule.tier,
    start: 0,
    end: bytes,
    sample: basename(file),
    family: rule.family,
    confidence: confidenceOf(rule, 'unknown'),
  };
}
