import type { Command } from 'commander';
import { cleanText, loadPolicy, parseDuration } from '../../app/offline.ts';
import type { BacktestRow, JudgedRef } from '../../domain/admin.ts';
import { RefgateError } from '../../domain/error.ts';
import { formatJson, type Output } from '../output.ts';
import { readText } from './identity.ts';
import { adminOf, optionsOf, withJson } from './shared.ts';

interface Summary {
  readonly judged: number;
  readonly notJudged: number;
  readonly refs: number;
  readonly changes: Readonly<Record<string, number>>;
}

interface BacktestLine {
  readonly row?: BacktestRow;
  readonly progress?: { readonly done: number };
  readonly summary?: Summary;
}

/** policy backtest: what another policy would have made of the pushes that were recorded. */
export function addBacktest(policy: Command, output: Output): void {
  withJson(policy.command('backtest <file>'), 'refgate policy backtest new-policy.yaml --since 30d')
    .description('judge the recorded pushes again by another policy, and say what would change')
    .option('--since <time>', 'from here on: a duration such as 30d, a date or an RFC 3339 time', '30d')
    .option('--all', 'also what would not change')
    .addHelpText('after', '\nWith --json, one JSON value a line: each row, then {"summary": ...}.')
    .action(async (file: string, _options: unknown, command: Command) => {
      const options = optionsOf<{ since: string; all?: boolean }>(command);
      const text = readText(file);
      // The server checks it as well; what is wrong is told without it.
      loadPolicy(text, file);
      const order = { text, file, since: sinceOf(options.since), all: options.all ?? false };
      const showProgress = process.stderr.isTTY && options.json !== true;
      let summary: Summary | undefined;
      for await (const line of adminOf(command).lines<BacktestLine>('/policy/backtest', order)) {
        if (line.row !== undefined)
          output.out(options.json ? `${formatJson(line.row)}\n` : formatRow(line.row));
        if (line.progress !== undefined && showProgress) output.err(`\r${line.progress.done} pushes`);
        summary = line.summary ?? summary;
      }
      if (showProgress) output.err('\r');
      if (summary === undefined)
        throw new RefgateError('INTERNAL', 'operator', 'the server broke off; see its log');
      output.out(options.json ? `${formatJson({ summary })}\n` : formatSummary(summary));
    });
}

/** A time, or a duration before now, as RFC 3339. */
export function sinceOf(text: string): string {
  const ago = parseDuration(text);
  const ms = ago === undefined ? Date.parse(text) : Date.now() - ago;
  if (Number.isNaN(ms) || ms < 0)
    throw new RefgateError('USAGE', 'client', `--since: ${text} is not a duration such as 30d, nor a date`);
  return new Date(ms).toISOString();
}

function formatRow(row: BacktestRow): string {
  const head = `${row.time}  ${row.session}  ${row.user}  ${row.repo}`;
  if ('notJudged' in row) return `${head}  not judged again: ${row.notJudged}\n`;
  const { was, would } = row;
  const outcome =
    was.effect === would.effect
      ? `${was.effect}${named(was)}, as before`
      : `${was.effect}${named(was)} -> ${would.effect}${named(would)}`;
  return `${head}  ${cleanText(row.ref, 1_000)}  ${outcome}\n`;
}

function named({ rules }: JudgedRef): string {
  return rules.length === 0 ? '' : ` (${rules.join(', ')})`;
}

function formatSummary({ judged, notJudged, refs, changes }: Summary): string {
  const changed = Object.values(changes).reduce((sum, count) => sum + count, 0);
  const kinds = Object.entries(changes).map(([change, count]) => `${change} ${count}`);
  const would = changed === 0 ? 'nothing would change' : `${changed} would change: ${kinds.join(', ')}`;
  const rest = notJudged === 0 ? '' : `; ${notJudged} pushes not judged again`;
  return `${judged} pushes of ${refs} ref updates judged again; ${would}${rest}\n`;
}
