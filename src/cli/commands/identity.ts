import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { parsePublicKey, parseTtl } from '../../app/offline.ts';
import { RefgateError } from '../../domain/error.ts';
import { type KeyRecord, roles, type TokenRecord, type UserRecord } from '../../domain/identity.ts';
import { formatTable, type Output, print } from '../output.ts';
import { adminOf, collect, oneOf, optionsOf, withJson } from './shared.ts';

/** user, key and token: who may come in. */
export function addIdentityCommands(program: Command, output: Output): void {
  addUserCommands(program.command('user').description('people and services'), output);
  addKeyCommands(program.command('key').description('SSH public keys of users'), output);
  addTokenCommands(program.command('token').description('tokens for Git over HTTP'), output);
}

function addUserCommands(user: Command, output: Output): void {
  withJson(user.command('add <name>'), 'refgate user add alice --group dev')
    .description('register a person or a service')
    .option('--group <group>', 'a group to be in; may be repeated', collect)
    .option('--role <role>', roles.join(', '), 'user')
    .option('--service', 'a service, such as CI or a coding agent, and not a person')
    .option('--email <address>', 'an address of theirs in commits; may be repeated', collect)
    .option(
      '--owner <name>',
      'the person whose account this is as well: of a service, or of a second account',
    )
    .action(async (name: string, _options: unknown, command: Command) => {
      const options = optionsOf<NewUserOptions>(command);
      const record = await adminOf(command).send<UserRecord>('POST', '/users', {
        name,
        kind: options.service ? 'service' : 'person',
        groups: options.group ?? [],
        role: oneOf('--role', roles, options.role),
        emails: options.email ?? [],
        owner: options.owner,
      });
      print(
        output,
        options.json,
        record,
        (added) => `added ${added.kind} ${added.name}; next: refgate key add ${added.name} FILE\n`,
      );
    });
  withJson(user.command('list'), 'refgate user list')
    .description('list people and services')
    .action(async (_options: unknown, command: Command) => {
      const users = await adminOf(command).get<UserRecord[]>('/users');
      print(output, optionsOf(command).json, users, (all) =>
        formatTable(
          ['NAME', 'KIND', 'ROLE', 'GROUPS', 'STATE', 'OWNER', 'EMAILS'],
          all.map((one) => [
            one.name,
            one.kind,
            one.role,
            one.groups.join(',') || '-',
            one.disabled ? 'disabled' : 'enabled',
            one.owner ?? '-',
            one.emails?.join(',') || '-',
          ]),
        ),
      );
    });
  addUserChange(user, output);
  withJson(user.command('email <name>'), 'refgate user email alice --add alice@example.com')
    .description('change the addresses by which commits are known to be theirs')
    .option('--add <address>', 'may be repeated', collect)
    .option('--remove <address>', 'may be repeated', collect)
    .action(async (name: string, _options: unknown, command: Command) => {
      const { add = [], remove = [], json } = optionsOf<{ add?: string[]; remove?: string[] }>(command);
      if (add.length + remove.length === 0)
        throw new RefgateError('USAGE', 'client', 'give --add or --remove with an address');
      const path = `/users/${encodeURIComponent(name)}/emails`;
      const record = await adminOf(command).send<UserRecord>('POST', path, { add, remove });
      print(
        output,
        json,
        record,
        ({ emails = [] }) => `${name}: ${emails.length === 0 ? 'no addresses' : emails.join(', ')}\n`,
      );
    });
  withJson(user.command('disable <name>'), 'refgate user disable alice')
    .description('end every key and token of a user at once')
    .action(async (name: string, _options: unknown, command: Command) => {
      await adminOf(command).send('POST', `/users/${encodeURIComponent(name)}/disable`);
      print(output, optionsOf(command).json, { name, disabled: true }, () => `disabled ${name}\n`);
    });
}

interface NewUserOptions {
  readonly group?: string[];
  readonly role: string;
  readonly service?: boolean;
  readonly email?: string[];
  readonly owner?: string;
}

interface ChangeOptions {
  readonly role?: string;
  readonly addGroup?: string[];
  readonly removeGroup?: string[];
  /** commander makes `false` of `--no-owner`. */
  readonly owner?: string | false;
}

function addUserChange(user: Command, output: Output): void {
  withJson(user.command('change <name>'), 'refgate user change alice --role reviewer --add-group ops')
    .description('change the role, the groups or the owner; what is not named stays')
    .option('--role <role>', roles.join(', '))
    .option('--add-group <group>', 'may be repeated', collect)
    .option('--remove-group <group>', 'may be repeated', collect)
    .addOption(new Option('--owner <name>', 'the person whose account this is as well'))
    .addOption(new Option('--no-owner', 'the account is nobody else’s').default(undefined))
    .action(async (name: string, _options: unknown, command: Command) => {
      const { role, addGroup = [], removeGroup = [], owner, json } = optionsOf<ChangeOptions>(command);
      if (role === undefined && owner === undefined && addGroup.length + removeGroup.length === 0)
        throw new RefgateError(
          'USAGE',
          'client',
          'give --role, --add-group, --remove-group, --owner or --no-owner',
        );
      const record = await adminOf(command).send<UserRecord>('POST', `/users/${encodeURIComponent(name)}`, {
        role: role === undefined ? undefined : oneOf('--role', roles, role),
        addGroups: addGroup,
        removeGroups: removeGroup,
        owner: owner === false ? null : owner,
      });
      print(output, json, record, describeUser);
    });
}

const describeUser = ({ name, kind, role, groups, owner }: UserRecord): string =>
  `${name}: ${kind}, ${role}, groups ${groups.join(', ') || 'none'}, owner ${owner ?? 'none'}\n`;

function addKeyCommands(key: Command, output: Output): void {
  withJson(key.command('add <name> <file>'), 'refgate key add alice ~/.ssh/id_ed25519.pub')
    .description('register a public key; - reads it from standard input')
    .action(async (user: string, file: string, _options: unknown, command: Command) => {
      const line = readText(file).trim();
      // The server checks it as well; but a private key that was given by mistake must not even go there.
      parsePublicKey(line);
      const record = await adminOf(command).send<KeyRecord>('POST', '/keys', { user, line });
      print(
        output,
        optionsOf(command).json,
        record,
        (added) => `added ${added.type} ${added.fingerprint} to ${added.user}\n`,
      );
    });
  withJson(key.command('list [name]'), 'refgate key list alice')
    .description('list the keys of one user, or of all')
    .action(async (user: string | undefined, _options: unknown, command: Command) => {
      const keys = await adminOf(command).get<KeyRecord[]>('/keys', { user });
      print(output, optionsOf(command).json, keys, (all) =>
        formatTable(
          ['USER', 'TYPE', 'FINGERPRINT', 'ADDED', 'COMMENT'],
          all.map((one) => [one.user, one.type, one.fingerprint, one.addedAt, one.comment || '-']),
        ),
      );
    });
  withJson(key.command('remove <name> <fingerprint>'), 'refgate key remove alice SHA256:abc...')
    .description('end a key at once')
    .action(async (user: string, fingerprint: string, _options: unknown, command: Command) => {
      await adminOf(command).send('DELETE', '/keys', { user, fingerprint });
      print(
        output,
        optionsOf(command).json,
        { user, fingerprint },
        () => `removed ${fingerprint} from ${user}\n`,
      );
    });
}

function addTokenCommands(token: Command, output: Output): void {
  withJson(token.command('create <name>'), 'refgate token create alice --ttl 8h')
    .description('make a token; it is shown this once')
    .requiredOption('--ttl <duration>', 'how long it lives: 30m, 8h, 90d')
    .action(async (user: string, _options: unknown, command: Command) => {
      const options = optionsOf<{ ttl: string }>(command);
      const made = await adminOf(command).send<{ token: string; record: TokenRecord }>('POST', '/tokens', {
        user,
        ttl: parseTtl(options.ttl),
      });
      print(output, options.json, { token: made.token, ...made.record }, (one) => `${one.token}\n`);
      if (!options.json)
        output.err(
          `token ${made.record.id} of ${user} until ${made.record.expiresAt}; it is not shown again\n`,
        );
    });
  withJson(token.command('list [name]'), 'refgate token list alice')
    .description('list the tokens of one user, or of all; not what is secret of them')
    .action(async (user: string | undefined, _options: unknown, command: Command) => {
      const tokens = await adminOf(command).get<TokenRecord[]>('/tokens', { user });
      print(output, optionsOf(command).json, tokens, (all) =>
        formatTable(
          ['ID', 'USER', 'CREATED', 'EXPIRES', 'STATE'],
          all.map((one) => [one.id, one.user, one.createdAt, one.expiresAt, stateOf(one)]),
        ),
      );
    });
  withJson(token.command('revoke <id>'), 'refgate token revoke tok-0123456789abcdef')
    .description('end a token at once')
    .action(async (id: string, _options: unknown, command: Command) => {
      await adminOf(command).send('DELETE', `/tokens/${encodeURIComponent(id)}`);
      print(output, optionsOf(command).json, { id, revoked: true }, () => `revoked ${id}\n`);
    });
}

function stateOf(token: TokenRecord): string {
  if (token.revokedAt !== undefined) return 'revoked';
  return Date.parse(token.expiresAt) <= Date.now() ? 'expired' : 'alive';
}

/** A file's text, or standard input's for `-`. */
export function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (cause) {
    const { code = 'unknown cause' } = cause as NodeJS.ErrnoException;
    const why = { ENOENT: 'there is no such file', EISDIR: 'it is a folder', EACCES: 'permission denied' }[
      code
    ];
    throw new RefgateError('NOT_FOUND', 'client', `${file} cannot be read: ${why ?? code}`, { cause });
  }
}
