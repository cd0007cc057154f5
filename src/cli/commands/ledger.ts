import type { Command } from 'commander';
import { RefgateError } from '../../domain/error.ts';
import type { LedgerEvent, SessionOutcome, SessionSummary } from '../../domain/record.ts';
import { formatJson, formatTable, type Output, print } from '../output.ts';
import { adminOf, oneOf, optionsOf, withJson } from './shared.ts';

const outcomes: readonly SessionOutcome[] = [
  'ok',
  'partial',
  'held',
  'refused',
  'rejected',
  'failed',
  'aborted',
  'unknown',
];

/** session: what happened. */
export function addSessionCommands(program: Command, output: Output): void {
  const session = program.command('session').description('what clients did, from the ledger');
  withJson(
    session.command('list'),
    'refgate session list --repo acme/web --outcome refused --since 2026-01-31',
  )
    .description('the newest sessions first')
    .option('--user <name>', 'of this user')
    .option('--repo <repo>', 'on this repository')
    .option('--ref <ref>', 'that pushed this ref, named in full: refs/heads/main')
    .option('--outcome <outcome>', outcomes.join(', '))
    .option('--since <time>', 'opened at or after: a date or an RFC 3339 time')
    .option('--until <time>', 'opened at or before')
    .option('--limit <n>', 'how many, at most 1000', '50')
    .option('--before <id>', 'the page after this session')
    .action(async (_options: unknown, command: Command) => {
      const options =
        optionsOf<
          Record<
            'user' | 'repo' | 'ref' | 'outcome' | 'since' | 'until' | 'limit' | 'before',
            string | undefined
          >
        >(command);
      const { user, ref, before } = options;
      if (ref !== undefined && !ref.startsWith('refs/'))
        throw new RefgateError('USAGE', 'client', `--ref takes a name in full, such as refs/heads/${ref}`);
      const query = {
        user,
        repo: options.repo?.replace(/\.git$/, ''),
        ref,
        outcome: options.outcome === undefined ? undefined : oneOf('--outcome', outcomes, options.outcome),
        limit: limitOf(options.limit),
        before,
        since: timeOf(options.since),
        until: timeOf(options.until),
      };
      const rows = await adminOf(command).get<SessionSummary[]>('/sessions', query);
      print(output, options.json, rows, formatSessions);
    });
  withJson(session.command('show <id>'), 'refgate session show s-0mfx1k2p9abcd1234')
    .description('every event of one session')
    .action(async (id: string, _options: unknown, command: Command) => {
      const events = await adminOf(command).get<LedgerEvent[]>(`/sessions/${encodeURIComponent(id)}`);
      print(output, optionsOf(command).json, events, (all) => all.map(formatEvent).join(''));
    });
}

function limitOf(text = '50'): string {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1_000) return text;
  throw new RefgateError('USAGE', 'client', `--limit is a number from 1 to 1000, not ${text}`);
}

function timeOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const ms = Date.parse(text);
  if (Number.isNaN(ms))
    throw new RefgateError('USAGE', 'client', `${text} is not a date or an RFC 3339 time`);
  return new Date(ms).toISOString();
}

function formatSessions(rows: readonly SessionSummary[]): string {
  return formatTable(
    ['SESSION', 'OPENED', 'USER', 'REPO', 'VIA', 'SERVICE', 'OUTCOME', 'REFS'],
    rows.map((row) => [
      row.id,
      row.openedAt,
      row.user ?? '-',
      row.repo,
      row.transport,
      row.service,
      [row.outcome ?? 'open', row.code].filter(Boolean).join(' '),
      row.refs.join(' ') || '-',
    ]),
  );
}

function formatEvent(event: LedgerEvent): string {
  return `${event.time}  #${event.seq}  ${event.code}  ${formatJson(event.data)}\n`;
}

interface VerifyLine {
  readonly progress?: { readonly done: number; readonly total: number };
  readonly done?: { readonly size: number; readonly rootHash: string };
}

/** audit: whether the ledger is whole. */
export function addAuditCommands(program: Command, output: Output): void {
  const audit = program.command('audit').description('the evidence itself');
  withJson(audit.command('verify'), 'refgate audit verify')
    .description('recompute every hash of the ledger and its root')
    .action(async (_options: unknown, command: Command) => {
      const { json } = optionsOf(command);
      const showProgress = process.stderr.isTTY && json !== true;
      let done: VerifyLine['done'];
      for await (const line of adminOf(command).lines<VerifyLine>('/audit/verify')) {
        const { progress, done: result } = line;
        if (progress !== undefined && showProgress)
          output.err(`\r${progress.done} of ${progress.total} events`);
        done = result ?? done;
      }
      if (showProgress) output.err('\n');
      if (done === undefined)
        throw new RefgateError('LEDGER_UNAVAILABLE', 'operator', 'the server broke off; see its log');
      print(
        output,
        json,
        done,
        ({ size, rootHash }) => `the ledger is whole: ${size} events, root ${rootHash}\n`,
      );
    });
}
