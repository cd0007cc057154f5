import type { Command } from 'commander';
import { RefgateError } from '../../domain/error.ts';
import type { AllowedValue, MaskProgress, MaskStatus } from '../../domain/mask.ts';
import type { AdminClient } from '../admin-client.ts';
import {
  formatAllowed,
  formatPreview,
  formatStatus,
  formatStatuses,
  progressText,
  type ToldPreview,
} from '../mask-text.ts';
import { type Output, print } from '../output.ts';
import { paintFor } from '../paint.ts';
import { RewrittenLine } from '../rewritten-line.ts';
import { adminOf, optionsOf, withJson } from './shared.ts';
import { waitForView } from './wait-for-view.ts';

/** mask: what readers of a masked view see, and how far the views are. */
export function addMaskCommands(program: Command, output: Output): void {
  const mask = program
    .command('mask')
    .description('masked views: what who does not read in clear sees in place of secrets');
  addPreview(mask, output);
  addAllowed(mask, output);
  addMaking(mask, output, 'enable', 'make the masked view of a repository, and serve it from then on');
  addMaking(mask, output, 'rebuild', 'make the view anew from the originals, beside the one that is served');
  addChange(mask, output, 'disable', 'serve no masked view of a repository any more, and remove it');
  addChange(mask, output, 'stop', 'stop what is being made of a repository');
  addChange(mask, output, 'resume', 'go on with what was stopped, or has failed');
  withJson(mask.command('status [repo]'), 'refgate mask status acme/web')
    .description('how far the view of a repository is; without one, of all')
    .action(async (repo: string | undefined, _options: unknown, command: Command) => {
      const { json } = optionsOf(command);
      const admin = adminOf(command);
      if (repo === undefined) print(output, json, await admin.get<MaskStatus[]>('/mask'), formatStatuses);
      else print(output, json, await statusOf(admin, repo), said);
    });
}

function said(status: MaskStatus): string {
  return formatStatus(status, paintFor(process.stdout, process.env));
}

function statusOf(admin: AdminClient, repo: string): Promise<MaskStatus> {
  return admin.get<MaskStatus>('/mask/status', { repo });
}

interface PreviewLine {
  readonly progress?: MaskProgress;
  readonly preview?: ToldPreview;
}

function addPreview(mask: Command, output: Output): void {
  withJson(mask.command('preview <repo>'), 'refgate mask preview acme/web')
    .description('search a repository with its whole history, and tell what a masked view would change')
    .option('--last', 'what the last search found, without another one')
    .action(async (repo: string, _options: unknown, command: Command) => {
      const { json, last } = optionsOf<{ last?: boolean }>(command);
      const admin = adminOf(command);
      const preview = last
        ? await admin.get<ToldPreview>('/mask/preview', { repo })
        : await search(admin, repo, output, json === true);
      const { enabled } = json === true ? { enabled: false } : await statusOf(admin, repo);
      print(output, json, preview, (found) =>
        formatPreview(found, enabled, paintFor(process.stdout, process.env)),
      );
    });
}

async function search(
  admin: AdminClient,
  repo: string,
  output: Output,
  isQuiet: boolean,
): Promise<ToldPreview> {
  const line = new RewrittenLine(output, !isQuiet && process.stderr.isTTY === true);
  let found: ToldPreview | undefined;
  try {
    for await (const { progress, preview } of admin.lines<PreviewLine>('/mask/preview', { repo })) {
      if (progress !== undefined) line.show(progressText(progress));
      found = preview ?? found;
    }
  } finally {
    line.clear();
  }
  if (found !== undefined) return found;
  throw new RefgateError('INTERNAL', 'operator', 'the server broke off; see its log');
}

function addAllowed(mask: Command, output: Output): void {
  withJson(
    mask.command('allow <fingerprint>'),
    'refgate mask allow 3f0c6a5e9b1d4c7788aa01f2e3d4c5b6 --repo acme/web --reason "key of an example"',
  )
    .description('show a value in clear that is no secret; views that masked it are made anew')
    .requiredOption('--reason <text>', 'why it may be read')
    .option('--repo <repo>', 'in this repository alone; left out, in every one')
    .action(async (fingerprint: string, _options: unknown, command: Command) => {
      const { reason, repo, json } = optionsOf<{ reason: string; repo?: string }>(command);
      const value = { fingerprint, ...(repo === undefined ? {} : { repo }) };
      await adminOf(command).send('POST', '/mask/allowed', { ...value, reason });
      print(
        output,
        json,
        { ...value, reason, allowed: true },
        () => `${fingerprint} is shown in clear ${whereText(repo)}\n`,
      );
    });
  withJson(mask.command('allowed'), 'refgate mask allowed')
    .description('list the values that are shown in clear')
    .action(async (_options: unknown, command: Command) => {
      const all = await adminOf(command).get<AllowedValue[]>('/mask/allowed');
      print(output, optionsOf(command).json, all, formatAllowed);
    });
  withJson(
    mask.command('disallow <fingerprint>'),
    'refgate mask disallow 3f0c6a5e9b1d4c7788aa01f2e3d4c5b6 --repo acme/web',
  )
    .description('mask a value again that was shown in clear')
    .option('--repo <repo>', 'as it was allowed')
    .action(async (fingerprint: string, _options: unknown, command: Command) => {
      const { repo, json } = optionsOf<{ repo?: string }>(command);
      const value = { fingerprint, ...(repo === undefined ? {} : { repo }) };
      await adminOf(command).send('DELETE', '/mask/allowed', value);
      print(
        output,
        json,
        { ...value, allowed: false },
        () => `${fingerprint} is masked again ${whereText(repo)}\n`,
      );
    });
}

function whereText(repo: string | undefined): string {
  return repo === undefined ? 'in every repository' : `in ${repo}`;
}

/** enable and rebuild: the server goes on by itself, and who sits at a terminal sees it. */
function addMaking(mask: Command, output: Output, what: 'enable' | 'rebuild', does: string): void {
  withJson(mask.command(`${what} <repo>`), `refgate mask ${what} acme/web --wait`)
    .description(does)
    .option('--wait', 'until it is made; as a matter of course on a terminal')
    .option('--no-wait', 'not, on a terminal either')
    .action(async (repo: string, _options: unknown, command: Command) => {
      const { wait, json } = optionsOf<{ wait?: boolean }>(command);
      const admin = adminOf(command);
      const begun = await admin.send<MaskStatus>('POST', `/mask/${what}`, { repo });
      const line = new RewrittenLine(output, json !== true && process.stderr.isTTY === true);
      const shows = wait ?? (process.stderr.isTTY === true && json !== true);
      const status = shows ? await waitForView(begun, () => statusOf(admin, repo), line) : begun;
      print(output, json, status, said);
    });
}

function addChange(mask: Command, output: Output, what: 'disable' | 'stop' | 'resume', does: string): void {
  withJson(mask.command(`${what} <repo>`), `refgate mask ${what} acme/web`)
    .description(does)
    .action(async (repo: string, _options: unknown, command: Command) => {
      const status = await adminOf(command).send<MaskStatus>('POST', `/mask/${what}`, { repo });
      print(output, optionsOf(command).json, status, said);
    });
}
