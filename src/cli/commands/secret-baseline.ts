import type { Command } from 'commander';
import { cleanText } from '../../app/offline.ts';
import type { AcceptedSecret, RepoScan, RepoSecret } from '../../domain/admin.ts';
import { RefgateError } from '../../domain/error.ts';
import { formatJson, formatTable, type Output, print } from '../output.ts';
import { adminOf, optionsOf, withJson } from './shared.ts';

interface BaselineOptions {
  readonly write?: boolean;
  readonly reason?: string;
  readonly list?: boolean;
  readonly remove?: string;
}

/** secret baseline: what a repository holds already, found and, where people say so, accepted. */
export function addSecretBaseline(secret: Command, output: Output): void {
  withJson(
    secret.command('baseline <repo>'),
    'refgate secret baseline acme/web --write --reason "rotated on 2026-01-31"',
  )
    .description('search every branch and tag of a repository, with its whole history, for secrets')
    .option('--write', 'accept what is found: a push that brings it again is not refused for it')
    .option('--reason <text>', 'why it is accepted; with --write')
    .option('--list', 'what is accepted, without searching')
    .option('--remove <fingerprint>', 'accept this one no more')
    .action(async (repo: string, _options: unknown, command: Command) => {
      const options = optionsOf<BaselineOptions>(command);
      const { write, list, remove, reason } = options;
      if ([write, list, remove].filter((one) => one !== undefined).length > 1)
        throw new RefgateError('USAGE', 'client', 'give one of --write, --list and --remove');
      if (write === true && (reason === undefined || reason.trim() === ''))
        throw new RefgateError('USAGE', 'client', '--write needs --reason: why is what is found accepted?');
      if (list) await listAccepted(repo, command, output);
      else if (remove !== undefined) await removeAccepted(repo, remove, command, output);
      else await scan(repo, write ? reason : undefined, command, output);
    });
}

async function listAccepted(repo: string, command: Command, output: Output): Promise<void> {
  const accepted = await adminOf(command).get<AcceptedSecret[]>('/baseline', { repo });
  print(output, optionsOf(command).json, accepted, (all) =>
    formatTable(
      ['FINGERPRINT', 'RULE', 'SAMPLE', 'PATH', 'ACCEPTED', 'BY', 'REASON'],
      all.map((one) => [
        one.fingerprint,
        one.rule,
        one.sample,
        one.path ?? '-',
        one.time,
        one.actor,
        one.reason,
      ]),
    ),
  );
}

async function removeAccepted(
  repo: string,
  fingerprint: string,
  command: Command,
  output: Output,
): Promise<void> {
  await adminOf(command).send('DELETE', '/baseline', { repo, fingerprint });
  print(
    output,
    optionsOf(command).json,
    { repo, fingerprint, removed: true },
    () => `${fingerprint} is not accepted in ${repo} any more\n`,
  );
}

type Done = Omit<RepoScan, 'secrets'> & { readonly count: number; readonly added?: number };

interface ScanLine {
  readonly progress?: string;
  readonly secret?: RepoSecret;
  readonly done?: Done;
}

async function scan(
  repo: string,
  reason: string | undefined,
  command: Command,
  output: Output,
): Promise<void> {
  const { json } = optionsOf(command);
  const order = reason === undefined ? { repo } : { repo, accept: { reason } };
  let done: Done | undefined;
  for await (const line of adminOf(command).lines<ScanLine>('/baseline/scan', order)) {
    if (line.progress !== undefined && json !== true) output.err(`${line.progress}\n`);
    if (line.secret !== undefined)
      output.out(json ? `${formatJson(line.secret)}\n` : formatSecret(line.secret));
    done = line.done ?? done;
  }
  if (done === undefined) throw new RefgateError('INTERNAL', 'operator', 'the server broke off; see its log');
  output.out(json ? `${formatJson({ done })}\n` : formatDone(repo, done));
}

function formatSecret(secret: RepoSecret): string {
  const { path = 'in no file', line, commit, count } = secret;
  const where = `${path}${line === undefined ? '' : `:${line}`}${commit === undefined ? '' : ` in ${commit.slice(0, 10)}`}`;
  const times = count === 1 ? '' : `, ${count} places`;
  const state = secret.accepted ? ', accepted' : '';
  const what = `${secret.rule} (${secret.confidence})  ${secret.sample}  ${secret.fingerprint}${times}${state}`;
  return `${cleanText(where, 1_000)}\n  ${cleanText(what, 1_000)}\n`;
}

function formatDone(repo: string, done: Done): string {
  const { refs, objects, count, added, unknowns, unknownCount } = done;
  const lines = unknowns.map((text) => `incomplete: ${text}`);
  if (unknownCount > unknowns.length) lines.push(`and ${unknownCount - unknowns.length} more`);
  lines.push(`${repo}: ${refs} branches and tags, ${objects} objects, ${count} secrets`);
  if (added !== undefined) lines.push(`${added} accepted that were not before`);
  else if (count > 0) lines.push('accept them with --write --reason TEXT, once each is revoked or harmless');
  return lines.map((line) => `${cleanText(line, 1_000)}\n`).join('');
}
