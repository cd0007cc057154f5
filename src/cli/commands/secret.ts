import { existsSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { cleanText } from '../../app/offline.ts';
import type { FileFinding, FileReport, LoadedRules } from '../../app/scan-files.ts';
import { RefgateError } from '../../domain/error.ts';
import { formatJson, formatTable, type Output, print } from '../output.ts';
import { readText } from './identity.ts';
import { collect, optionsOf, withJson } from './shared.ts';

interface RuleOptions {
  readonly rules?: string[];
  readonly defaults: boolean;
}

interface ScanOptions extends RuleOptions {
  readonly jsonl?: boolean;
  readonly all?: boolean;
  readonly redact?: boolean;
  readonly keyFile?: string;
}

/** secret scan, secret rules: the scanner on a desk, without a server. */
export function addSecretCommands(secret: Command, output: Output): void {
  withRules(secret.command('scan <path...>'))
    .description('search files and folders for secrets, without a server')
    .option('--jsonl', 'one JSON line for each finding, of every confidence')
    .option('--json', 'the same')
    .option('--all', 'show findings of low confidence, and those that a comment allows, too')
    .option('--redact', 'show nothing of the secrets, not even masked')
    .option('--key-file <file>', 'key (at least 16 bytes) for fingerprints; without it there are none')
    .addHelpText(
      'after',
      `
Exit status 0: nothing found. 1: a finding of high or medium confidence, or something that could not be scanned.

Examples:
  $ refgate secret scan .
  $ refgate secret scan src deploy --rules .gitleaks.toml
  $ refgate secret scan . --jsonl --redact > findings.jsonl`,
    )
    .action(async (paths: readonly string[], _options: unknown, command: Command) =>
      scan(paths, optionsOf<ScanOptions>(command), output),
    );
  withRules(withJson(secret.command('rules [id]'), 'refgate secret rules github-pat'))
    .description('list the rules: tier, family, title')
    .action(async (id: string | undefined, _options: unknown, command: Command) => {
      const options = optionsOf<RuleOptions>(command);
      const { rules } = await readRules(options, output);
      const shown = rules
        .filter((rule) => id === undefined || rule.id === id)
        .map(({ id, tier, family, title, keywords }) => ({ id, tier, family, title, keywords }));
      if (id !== undefined && shown.length === 0)
        throw new RefgateError(
          'NOT_FOUND',
          'client',
          `there is no rule ${id}; refgate secret rules lists all`,
        );
      print(output, options.json, shown, (all) =>
        formatTable(
          ['RULE', 'TIER', 'FAMILY', 'TITLE'],
          all.map((one) => [one.id, one.tier, one.family, one.title]),
        ),
      );
    });
}

function withRules(command: Command): Command {
  return command
    .option('--rules <file>', "rules in Refgate's or gitleaks' format; may be repeated", collect)
    .option('--no-defaults', 'leave out the rules that Refgate brings along');
}

/** The scanner is loaded when it is asked for: no other command waits for it. */
async function readRules({ rules = [], defaults }: RuleOptions, output: Output): Promise<LoadedRules> {
  const { readRules: read } = await import('../../app/scan-files.ts');
  const loaded = read({ defaults, files: rules.map((path) => ({ path, text: readText(path) })) });
  for (const warning of loaded.warnings) output.err(`refgate: ${cleanText(warning, 1_000)}\n`);
  if (loaded.rules.length === 0)
    throw new RefgateError('USAGE', 'client', 'there are no rules; name a file with --rules');
  return loaded;
}

interface Counts {
  files: number;
  bytes: number;
  /** Of high or medium confidence, and not allowed by a comment. */
  serious: number;
  low: number;
  allowed: number;
  unscanned: number;
}

async function scan(
  paths: readonly string[],
  options: ScanOptions & { readonly json?: boolean },
  output: Output,
): Promise<void> {
  const missing = paths.find((path) => !existsSync(path));
  if (missing !== undefined) throw new RefgateError('USAGE', 'client', `there is no ${missing}`);
  const key = options.keyFile === undefined ? undefined : readKey(options.keyFile);
  const { rules, version } = await readRules(options, output);
  const { scanFiles } = await import('../../app/scan-files.ts');
  const counts: Counts = { files: 0, bytes: 0, serious: 0, low: 0, allowed: 0, unscanned: 0 };
  const progress = new Progress(output);
  const json = options.jsonl === true || options.json === true;
  for await (const report of scanFiles(paths, rules, key)) {
    count(counts, report);
    const text = json ? jsonLines(report, options) : peopleLines(report, options);
    if (text !== '') progress.clear();
    output.out(text);
    progress.show(counts);
  }
  progress.clear();
  output.err(summary(counts, rules.length, version, json || options.all === true));
  if (counts.serious + counts.unscanned > 0)
    throw new RefgateError('CHECK_FAILED', 'client', complaint(counts));
}

function readKey(file: string): Buffer {
  try {
    const key = readFileSync(file);
    if (key.length >= 16) return key;
  } catch (cause) {
    throw new RefgateError('USAGE', 'client', `${file} cannot be read`, { cause });
  }
  throw new RefgateError(
    'USAGE',
    'client',
    `${file} holds less than 16 bytes; make a key with openssl rand 32`,
  );
}

function count(counts: Counts, { bytes, findings, unscanned }: FileReport): void {
  counts.files++;
  counts.bytes += bytes;
  counts.unscanned += unscanned.length;
  for (const { comment, confidence } of findings)
    counts[comment ? 'allowed' : confidence === 'low' ? 'low' : 'serious']++;
}

function jsonLines({ file, findings, unscanned }: FileReport, { all, redact }: ScanOptions): string {
  const lines = findings
    .filter(({ comment }) => comment !== true || all === true)
    .map((one) => (redact ? { ...one, sample: '***' } : one));
  return [...lines, ...unscanned.map((why) => ({ file, unscanned: why }))]
    .map((one) => `${formatJson(one)}\n`)
    .join('');
}

function peopleLines({ file, findings, unscanned }: FileReport, { all, redact }: ScanOptions): string {
  const shown = findings.filter(({ comment, confidence }) => all || (!comment && confidence !== 'low'));
  const lines = shown.map(
    (one) => `${placeOf(one)}: ${one.rule} (${one.tier}, ${one.confidence})${tail(one, redact)}`,
  );
  return [...lines, ...unscanned.map((why) => `${file}: not scanned: ${why}`)]
    .map((line) => `${cleanText(line, 2_000)}\n`)
    .join('');
}

function placeOf({ file, line, start }: FileFinding): string {
  return line === undefined ? `${file}@${start}` : `${file}:${line}`;
}

function tail({ sample, decoded, comment }: FileFinding, redact = false): string {
  const wrapped = decoded === undefined ? '' : ` [${decoded.join(', ')}]`;
  return `${redact ? '' : ` ${sample}`}${wrapped}${comment ? ' [allowed by its comment]' : ''}`;
}

function summary(counts: Counts, rules: number, version: string, all: boolean): string {
  const { files, bytes, serious, low, allowed, unscanned } = counts;
  const hidden = all ? '' : `${low > 0 ? ` (${low} of low confidence: --all shows them)` : ''}`;
  const also = [
    ...(allowed > 0 ? [`${allowed} allowed by comments`] : []),
    ...(unscanned > 0 ? [`${unscanned} not scanned`] : []),
  ];
  const told = [
    `${files} files`,
    `${(bytes / 1e6).toFixed(1)} MB`,
    `${serious + low} findings${hidden}`,
    ...also,
  ];
  return `${told.join(', ')}; ${rules} rules, version ${version}\n`;
}

function complaint({ serious, unscanned }: Counts): string {
  const parts = [
    ...(serious > 0
      ? [
          serious === 1
            ? '1 secret found: take it out and revoke it; if it is none, see docs/secrets.md'
            : `${serious} secrets found: take them out and revoke them; if they are none, see docs/secrets.md`,
        ]
      : []),
    ...(unscanned > 0 ? [`${unscanned} times something could not be scanned`] : []),
  ];
  return parts.join('\n');
}

/** One line that is written over again, on a terminal only. */
class Progress {
  readonly #output: Output;
  readonly #shown = process.stderr.isTTY === true;
  #next = 0;
  #dirty = false;

  constructor(output: Output) {
    this.#output = output;
  }

  show({ files, bytes }: Counts): void {
    if (!this.#shown || Date.now() < this.#next) return;
    this.#next = Date.now() + 200;
    this.#dirty = true;
    this.#output.err(`\r\x1b[K${files} files, ${(bytes / 1e6).toFixed(0)} MB`);
  }

  clear(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    this.#output.err('\r\x1b[K');
  }
}
