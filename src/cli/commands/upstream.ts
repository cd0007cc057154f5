import type { Command } from 'commander';
import { createVaultClient, type HeldCredential } from '../../app/offline.ts';
import type { CheckLine, VaultChange } from '../../domain/admin.ts';
import { RefgateError } from '../../domain/error.ts';
import { Secret } from '../../domain/secret.ts';
import { formatTable, type Output, print } from '../output.ts';
import { readText } from './identity.ts';
import { adminOf, optionsOf, withJson } from './shared.ts';

/** upstream and deploy-key: where pushes go, and with what credential. */
export function addUpstreamCommands(program: Command, output: Output): void {
  addUpstreams(program.command('upstream').description('the Git hosts behind the bastion'), output);
  addDeployKeys(
    program.command('deploy-key').description('the keys that the agent shows to the upstream'),
    output,
  );
}

/** Asks the gateway to record and sign the change, then takes the ticket and the secret to the agent, past the gateway. */
async function changeVault(
  command: Command,
  change: VaultChange,
  secret?: Secret<string>,
): Promise<readonly HeldCredential[]> {
  const { socket, ticket } = await adminOf(command).send<{ socket: string; ticket: string }>(
    'POST',
    '/vault/tickets',
    change,
  );
  return createVaultClient(socket).apply(ticket, secret);
}

function addUpstreams(upstream: Command, output: Output): void {
  withJson(upstream.command('list'), 'refgate upstream list').action(
    async (_options: unknown, command: Command) => {
      const all = await adminOf(command).get<{ name: string; kind: string; where: string }[]>('/upstreams');
      print(output, optionsOf(command).json, all, (list) =>
        formatTable(
          ['NAME', 'KIND', 'WHERE'],
          list.map((one) => [one.name, one.kind, one.where]),
        ),
      );
    },
  );
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
    .requiredOption('--user <name>', 'the user name there')
    .requiredOption('--password-file <file>', 'a file with the password; - reads standard input')
    .option('--repo <pattern>', 'for these repositories only', '**')
    .action(async (name: string, _options: unknown, command: Command) => {
      const options = optionsOf<{ user: string; passwordFile: string; repo: string }>(command);
      const password = new Secret(readText(options.passwordFile).replace(/\r?\n$/, ''));
      const change = {
        do: 'credential-set',
        upstream: name,
        pattern: options.repo,
        user: options.user,
      } as const;
      await changeVault(command, change, password);
      const done = { upstream: name, repo: options.repo, user: options.user };
      print(output, options.json, done, () => `the agent holds a credential for ${name} ${options.repo}\n`);
    });
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
  scoped(deployKey.command('remove'), 'refgate deploy-key remove --upstream ghe --repo acme/web').action(
    async (_options: unknown, command: Command) => {
      const { upstream, repo, json } = optionsOf<KeyOptions>(command);
      await changeVault(command, { do: 'deploy-key-remove', upstream, pattern: repo });
      print(
        output,
        json,
        { upstream, repo, removed: true },
        () => `removed the deploy key of ${upstream} ${repo}\n`,
      );
    },
  );
  withJson(deployKey.command('list'), 'refgate deploy-key list')
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
