import type { Command } from 'commander';
import { createVaultClient, type HeldCredential } from '../../app/offline.ts';
import type { CheckLine, VaultChange } from '../../domain/admin.ts';
import { RefgateError } from '../../domain/error.ts';
import { Secret } from '../../domain/secret.ts';
import { formatTable, type Output, print } from '../output.ts';
import { readText } from './identity.ts';
import { adminOf, isFar, optionsOf, withJson } from './shared.ts';

/** upstream and deploy-key: where pushes go, and with what credential. */
export function addUpstreamCommands(program: Command, output: Output): void {
  addUpstreams(program.command('upstream').description('the Git hosts behind the bastion'), output);
  addDeployKeys(
    program.command('deploy-key').description('the keys that the agent shows to the upstream'),
    output,
  );
}

const besideServer =
  'the agent takes credentials beside the server only; run this there, with --config and without REFGATE_URL';

/** Asks the gateway to record and sign the change, then takes the ticket and the secret to the agent, past the gateway. */
async function changeVault(
  command: Command,
  change: VaultChange,
  secret?: Secret<string>,
): Promise<readonly HeldCredential[]> {
  if (isFar(command)) throw new RefgateError('USAGE', 'client', besideServer);
  const admin = adminOf(command);
  const { socket, ticket } = await admin.send<{ socket: string; ticket: string }>(
    'POST',
    '/vault/tickets',
    change,
  );
  const held = await createVaultClient(socket).apply(ticket, secret);
  if (change.do !== 'list') await admin.send('POST', '/vault/changes', change);
  return held;
}

function addUpstreams(upstream: Command, output: Output): void {
  withJson(upstream.command('list'), 'refgate upstream list')
    .description('list the upstreams of the configuration')
    .action(async (_options: unknown, command: Command) => {
      const all = await adminOf(command).get<{ name: string; kind: string; where: string }[]>('/upstreams');
      print(output, optionsOf(command).json, all, (list) =>
        formatTable(
          ['NAME', 'KIND', 'WHERE'],
          list.map((one) => [one.name, one.kind, one.where]),
        ),
      );
    });
  withJson(upstream.command('check <repo>'), 'refgate upstream check acme/web')
    .description('say what works for a repository and what does not')
    .action(async (repo: string, _options: unknown, command: Command) => {
      const lines = await adminOf(command).send<CheckLine[]>('POST', '/upstreams/check', { repo });
      print(output, optionsOf(command).json, lines, (all) =>
        all.map((one) => `${one.outcome.padEnd(7)}  ${describeLine(one)}\n`).join(''),
      );
      if (lines.some((line) => line.outcome === 'failed'))
        throw new RefgateError(
          'CHECK_FAILED',
          'operator',
          `${repo} is not usable yet; see what failed above`,
        );
    });
  withJson(
    upstream.command('credential <upstream>'),
    'refgate upstream credential ghe --user x-access-token --password-file token.txt',
  )
    .description('give the agent the user name and password, or token, for an HTTP upstream')
    .option('--user <name>', 'the user name there')
    .option('--password-file <file>', 'a file with the password; - reads standard input')
    .option('--remove', 'let the agent forget it')
    .option('--repo <pattern>', 'for these repositories only', '**')
    .action(async (name: string, _options: unknown, command: Command) => {
      const options = optionsOf<CredentialOptions>(command);
      const { repo, json } = options;
      if (options.remove) {
        await changeVault(command, { do: 'credential-remove', upstream: name, pattern: repo });
        const done = { upstream: name, repo, removed: true };
        return print(
          output,
          json,
          done,
          () => `the agent has forgotten the credential for ${name} ${repo}\n`,
        );
      }
      const { user, passwordFile } = options;
      if (user === undefined || passwordFile === undefined) {
        throw new RefgateError('USAGE', 'client', 'name --user and --password-file, or --remove');
      }
      const password = new Secret(readText(passwordFile).replace(/\r?\n$/, ''));
      await changeVault(command, { do: 'credential-set', upstream: name, pattern: repo, user }, password);
      const done = { upstream: name, repo, user };
      return print(output, json, done, () => `the agent holds a credential for ${name} ${repo}\n`);
    });
}

interface CredentialOptions {
  readonly user?: string;
  readonly passwordFile?: string;
  readonly remove?: boolean;
  readonly repo: string;
}

const describeLine = ({ name, outcome, text }: CheckLine): string =>
  text === outcome ? name : `${name}: ${text}`;

interface KeyOptions {
  readonly upstream: string;
  readonly repo: string;
  readonly file: string;
}

function addDeployKeys(deployKey: Command, output: Output): void {
  const scoped = (command: Command, example: string): Command =>
    withJson(command, example)
      .requiredOption('--upstream <name>', 'as in refgate.yaml')
      .option('--repo <pattern>', 'for these repositories only', '**');
  const publicKeyText = (held: readonly HeldCredential[]): string =>
    held.map((one) => `${one.publicKey ?? ''}\n`).join('');
  scoped(deployKey.command('create'), 'refgate deploy-key create --upstream ghe --repo acme/web')
    .description('make a key at the agent and print its public half, for the host')
    .action(async (_options: unknown, command: Command) => {
      const { upstream, repo, json } = optionsOf<KeyOptions>(command);
      const answer = await changeVault(command, { do: 'deploy-key-create', upstream, pattern: repo });
      print(output, json, answer, publicKeyText);
    });
  scoped(
    deployKey.command('import'),
    'refgate deploy-key import --upstream ghe --repo acme/web --file deploy_key',
  )
    .description('give the agent a private key that exists already')
    .requiredOption('--file <file>', 'the private key, without a passphrase; - reads standard input')
    .action(async (_options: unknown, command: Command) => {
      const { upstream, repo, file, json } = optionsOf<KeyOptions>(command);
      const answer = await changeVault(
        command,
        { do: 'deploy-key-import', upstream, pattern: repo },
        new Secret(readText(file)),
      );
      print(output, json, answer, publicKeyText);
    });
  scoped(deployKey.command('remove'), 'refgate deploy-key remove --upstream ghe --repo acme/web')
    .description('make the agent forget a key; remove it on the host as well')
    .action(async (_options: unknown, command: Command) => {
      const { upstream, repo, json } = optionsOf<KeyOptions>(command);
      await changeVault(command, { do: 'deploy-key-remove', upstream, pattern: repo });
      print(
        output,
        json,
        { upstream, repo, removed: true },
        () => `removed the deploy key of ${upstream} ${repo}\n`,
      );
    });
  withJson(deployKey.command('list'), 'refgate deploy-key list')
    .description('list what the agent holds: public halves and user names')
    .option('--upstream <name>', 'as in refgate.yaml')
    .action(async (_options: unknown, command: Command) => {
      const { upstream, json } = optionsOf<{ upstream?: string }>(command);
      const answer = await changeVault(command, {
        do: 'list',
        ...(upstream === undefined ? {} : { upstream }),
      });
      print(output, json, answer, (entries) =>
        formatTable(
          ['UPSTREAM', 'REPO', 'KIND', 'PUBLIC'],
          entries.map((one) => [one.upstream, one.pattern, one.kind, one.publicKey ?? one.user ?? '-']),
        ),
      );
    });
}
