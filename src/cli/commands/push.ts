import type { Command } from 'commander';
import { heldStates } from '../../domain/approval.ts';
import { RefgateError } from '../../domain/error.ts';
import { type Output, print } from '../output.ts';
import { formatPushes, type ShownPush } from '../push-text.ts';
import { addPushShow } from './push-show.ts';
import { adminOf, oneOf, optionsOf, withJson } from './shared.ts';

const states = ['open', 'all', ...heldStates] as const;

const whoVotes =
  '\nA vote is of a person: set REFGATE_URL, and REFGATE_TOKEN to your own token (refgate token create).';

/** push: what waits for people, and their decision. */
export function addPushCommands(program: Command, output: Output): void {
  const push = program.command('push').description('pushes that wait for people to decide');
  addList(push, output);
  addPushShow(push, output);
  addVote(push, output, 'approve', 'vote for it', '[reason]');
  addVote(push, output, 'deny', 'vote against it', '<reason>');
  addVote(
    push,
    output,
    'force',
    'let it go on without the votes, for emergencies; everybody is told',
    '<reason>',
  );
  addCancel(push, output);
}

interface ListOptions {
  readonly state: string;
  readonly user?: string;
  readonly repo?: string;
  readonly ref?: string;
  readonly mine?: boolean;
  readonly limit: string;
  readonly before?: string;
}

function addList(push: Command, output: Output): void {
  withJson(push.command('list'), 'refgate push list --repo acme/web')
    .description('held pushes, the newest first')
    .option('--state <state>', states.join(', '), 'open')
    .option('--user <name>', 'of this user')
    .option('--repo <repo>', 'on this repository')
    .option('--ref <ref>', 'that update this ref, named in full: refs/heads/main')
    .option('--mine', 'only what waits for your vote')
    .option('--limit <n>', 'how many, at most 500', '50')
    .option('--before <id>', 'the page after this push')
    .action(async (_options: unknown, command: Command) => {
      const { state, user, repo, ref, mine, limit, before, json } = optionsOf<ListOptions>(command);
      if (ref !== undefined && !ref.startsWith('refs/'))
        throw new RefgateError('USAGE', 'client', `--ref takes a name in full, such as refs/heads/${ref}`);
      if (!/^[1-9]\d{0,2}$/.test(limit) || Number(limit) > 500)
        throw new RefgateError('USAGE', 'client', `--limit is a number from 1 to 500, not ${limit}`);
      const query = {
        state: oneOf('--state', states, state),
        user,
        repo: repo?.replace(/\.git$/, ''),
        ref,
        waitsFor: mine === true ? 'me' : undefined,
        limit,
        before,
      };
      const rows = await adminOf(command).get<ShownPush[]>('/pushes', query);
      print(output, json, rows, formatPushes);
    });
}

function addVote(
  push: Command,
  output: Output,
  kind: 'approve' | 'deny' | 'force',
  does: string,
  reason: '[reason]' | '<reason>',
): void {
  const example = `refgate push ${kind} p-7k3m2xa --reason "read it with alice"`;
  const command = withJson(push.command(`${kind} <id>`), example)
    .description(does)
    .addHelpText('after', whoVotes);
  if (reason === '<reason>') command.requiredOption('--reason <text>', 'why; the one who pushes reads it');
  else command.option('--reason <text>', 'why; needed where the rule says so');
  command.action(async (id: string, _options: unknown, ran: Command) => {
    const { reason: why, json } = optionsOf<{ reason?: string }>(ran);
    const path = `/pushes/${encodeURIComponent(id)}/votes`;
    const after = await adminOf(ran).send<ShownPush>('POST', path, { kind, ...reasonOf(why) });
    print(output, json, after, ({ state }) =>
      state === 'pending'
        ? `your vote counts; ${id} is pending, and needs more votes\n`
        : `${id} is ${state}\n`,
    );
  });
}

function addCancel(push: Command, output: Output): void {
  withJson(push.command('cancel <id>'), 'refgate push cancel p-7k3m2xa --reason "pushed by mistake"')
    .description('take back a push of your own, or any as an administrator')
    .option('--reason <text>', 'why; the one who pushes reads it')
    .action(async (id: string, _options: unknown, command: Command) => {
      const { reason, json } = optionsOf<{ reason?: string }>(command);
      const path = `/pushes/${encodeURIComponent(id)}/cancel`;
      const after = await adminOf(command).send<ShownPush>('POST', path, reasonOf(reason));
      print(output, json, after, ({ state }) => `${id} is ${state}\n`);
    });
}

function reasonOf(reason: string | undefined): { readonly reason?: string } {
  return reason === undefined ? {} : { reason };
}
