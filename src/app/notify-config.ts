import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { type EmailTarget, type NotifierConfig, noticeTypes } from '../approval/notify/notifier-config.ts';
import { isMailAddress } from '../approval/notify/peer-text.ts';
import { RefgateError } from '../domain/error.ts';
import { Secret } from '../domain/secret.ts';

/** `notify:` of refgate.yaml: who is told of held pushes. Secrets are in files of their own. */

const file = z.string().min(1);
const isLocal = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(host);

function urlProblem(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return 'expected https://HOST/PATH';
  if (url.username !== '' || url.password !== '')
    return 'expected an address without a user name or password';
  if (url.protocol === 'http:' && !isLocal(url.hostname))
    return 'plain HTTP would show the notices to the network; use https://';
  return undefined;
}

const webhookUrl = z.string().superRefine((text, context) => {
  const message = urlProblem(text);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

const mailAddress = z.string().refine(isMailAddress, 'expected one address, such as refgate@example.com');

const mailServer = z.string().transform((text, context) => {
  const [, scheme, host = '', digits] =
    /^(smtps?):\/\/([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::(\d{1,5}))?\/?$/.exec(text) ?? [];
  const port = Number(digits ?? (scheme === 'smtps' ? 465 : 587));
  if (scheme === undefined || port < 1 || port > 65_535) {
    context.addIssue({ code: 'custom', message: 'expected smtps://HOST[:PORT], or smtp:// for STARTTLS' });
    return z.NEVER;
  }
  const plain = isLocal(host) ? ('any' as const) : ('starttls' as const);
  return {
    host: host.replace(/^\[|\]$/g, ''),
    port,
    security: scheme === 'smtps' ? ('tls' as const) : plain,
  };
});

const recipients = z.unknown().transform((value, context): readonly string[] | 'reviewers' => {
  if (value === 'reviewers') return value;
  const list = z.array(mailAddress).min(1).max(100).safeParse(value);
  if (list.success) return list.data;
  context.addIssue({ code: 'custom', message: 'expected reviewers, or a list of addresses' });
  return z.NEVER;
});

const chat = z.strictObject({ urlFile: file });
const kinds = ['webhook', 'slack', 'teams', 'email'] as const;

const notifier = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'a notifier is named with lower-case letters, digits and hyphens'),
    on: z
      .array(z.enum(noticeTypes, { message: `expected one of ${noticeTypes.join(', ')}` }))
      .min(1, 'expected at least one')
      .default(['push.held', 'push.approved', 'push.rejected', 'push.forced', 'push.lapsed', 'push.failed']),
    webhook: z.strictObject({ url: webhookUrl, secretFile: file, ca: file.optional() }).optional(),
    slack: chat.optional(),
    teams: chat.optional(),
    email: z
      .strictObject({
        smtp: mailServer,
        user: z.string().min(1).optional(),
        passwordFile: file.optional(),
        from: mailAddress,
        to: recipients,
        ca: file.optional(),
      })
      .refine(({ user, passwordFile }) => (user === undefined) === (passwordFile === undefined), {
        message: 'user and passwordFile belong together',
      })
      .optional(),
  })
  .refine((one) => kinds.filter((kind) => one[kind] !== undefined).length === 1, {
    message: `expected exactly one of ${kinds.map((kind) => `${kind}:`).join(', ')}`,
  });

/** The list; names are unique. */
export const notifySchema = z
  .array(notifier)
  .max(32, 'at most 32')
  .superRefine((list, context) => {
    const names = list.map(({ name }) => name);
    for (const [at, name] of names.entries()) {
      if (names.indexOf(name) === at) continue;
      const message = `${name} is the name of another notifier already`;
      context.addIssue({ code: 'custom', path: [at, 'name'], message });
    }
  });

type Entry = z.output<typeof notifier>;

/**
 * Reads the files that `notify` names. `base` is the folder of the configuration
 * file `file`. @throws CONFIG_INVALID, all problems in one text, one per line
 */
export function readNotifiers(config: {
  readonly notify: readonly Entry[];
  readonly file: string;
  readonly base: string;
}): readonly NotifierConfig[] {
  const problems: string[] = [];
  const notifiers = config.notify.map((entry, at): NotifierConfig | undefined => {
    const read = <T>(path: string, key: string, parse: (text: string) => T): T => {
      const where = `${config.file}: notify.${at}.${key}: ${path}`;
      try {
        return parse(readFileSync(resolve(config.base, path), 'utf8').trim());
      } catch (cause) {
        throw new RefgateError('CONFIG_INVALID', 'operator', `${where} ${fileProblem(cause)}`, { cause });
      }
    };
    try {
      return { name: entry.name, on: entry.on, target: targetOf(entry, read) };
    } catch (error) {
      if (!(error instanceof RefgateError)) throw error;
      problems.push(error.detail ?? error.message);
      return undefined;
    }
  });
  if (problems.length > 0) throw new RefgateError('CONFIG_INVALID', 'operator', problems.join('\n'));
  return notifiers.filter((one) => one !== undefined);
}

type Read = <T>(path: string, key: string, parse: (text: string) => T) => T;

/** What is wrong with the text of a file; the text itself is nowhere in it. */
class ContentProblem extends Error {}

function fileProblem(cause: unknown): string {
  if (cause instanceof ContentProblem) return cause.message;
  return `cannot be read (${(cause as NodeJS.ErrnoException).code}); make it, or name another`;
}

function targetOf({ webhook, slack, teams, email }: Entry, read: Read): NotifierConfig['target'] {
  const trust = (kind: string, path: string | undefined): { readonly ca?: string } =>
    path === undefined ? {} : { ca: read(path, `${kind}.ca`, (text) => text) };
  if (webhook !== undefined) {
    const keys = read(webhook.secretFile, 'webhook.secretFile', parseKeys);
    return { kind: 'webhook', url: webhook.url, keys, ...trust('webhook', webhook.ca) };
  }
  if (slack !== undefined)
    return { kind: 'slack', url: read(slack.urlFile, 'slack.urlFile', parseSecretUrl) };
  if (teams !== undefined)
    return { kind: 'teams', url: read(teams.urlFile, 'teams.urlFile', parseSecretUrl) };
  if (email !== undefined) return { ...mailTarget(email, read), ...trust('email', email.ca) };
  throw new TypeError('an entry of notify has no receiver');
}

function mailTarget(email: NonNullable<Entry['email']>, read: Read): EmailTarget {
  const { smtp, user, passwordFile, from, to } = email;
  if (user === undefined || passwordFile === undefined) return { kind: 'email', ...smtp, from, to };
  const password = read(passwordFile, 'email.passwordFile', (text) => {
    if (text === '') throw new ContentProblem('is empty; write the password into it');
    return new Secret(text);
  });
  return { kind: 'email', ...smtp, auth: { user, password }, from, to };
}

function parseSecretUrl(text: string): Secret<string> {
  const problem = urlProblem(text);
  if (problem !== undefined) throw new ContentProblem(`does not hold one URL: ${problem}`);
  return new Secret(text);
}

/** Standard Webhooks: a key has 24 to 64 bytes. */
function parseKeys(text: string): readonly Secret<Buffer>[] {
  const lines = text.split(/\s+/);
  return lines.map((line) => {
    const [, base64 = ''] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(line) ?? [];
    const key = Buffer.from(base64, 'base64');
    if (key.length < 24 || key.length > 64 || lines.length > 4) {
      throw new ContentProblem(
        'does not hold one to four lines of whsec_ and the base64 of 24 to 64 bytes; make one with: echo "whsec_$(openssl rand -base64 32)"',
      );
    }
    return new Secret(key);
  });
}
