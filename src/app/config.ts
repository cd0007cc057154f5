import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { RefgateError } from '../domain/error.ts';
import { notifySchema } from './notify-config.ts';
import { parseDuration, parseSize } from './units.ts';

/**
 * refgate.yaml: the schema, its defaults, and its errors with line and column.
 * docs/configuration.md explains every key; a test holds both together.
 */

const size = z.string().transform((text, context) => {
  const bytes = parseSize(text);
  if (bytes === undefined)
    context.addIssue({ code: 'custom', message: 'expected a size such as 512MiB or 2GiB' });
  return bytes ?? 0;
});

const duration = z.string().transform((text, context) => {
  const ms = parseDuration(text);
  if (ms === undefined)
    context.addIssue({ code: 'custom', message: 'expected a duration such as 30s, 5m or 8h' });
  return ms ?? 0;
});

const address = z.string().transform((text, context) => {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:\s[\]]+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match?.[1] === undefined || port > 65535) {
    context.addIssue({ code: 'custom', message: 'expected HOST:PORT, such as 127.0.0.1:2222' });
    return { host: '', port: 0 };
  }
  return { host: match[1].replace(/^\[|\]$/g, ''), port };
});

const upstreamName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'an upstream is named with lower-case letters, digits and hyphens');
const hostKey = z
  .string()
  .regex(
    /^(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|ssh-rsa) AAAA[A-Za-z0-9+/]+={0,2}(\s.*)?$/,
    'expected TYPE BASE64, such as ssh-ed25519 AAAAC3...: a line of ssh-keyscan without the host name',
  );
const count = z.number().int().min(1, 'expected at least 1');
const agent = z.literal('local', { message: "only 'local' is served by this version" }).default('local');

/** TLS, or a host that is this machine. */
function keepsPasswords(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}

const upstream = z.union([
  z.strictObject({
    ssh: z.strictObject({
      url: z.string().regex(/^ssh:\/\/[^\s/]+(\/\S*)?$/, 'expected ssh://USER@HOST[:PORT][/PREFIX]'),
      hostKeys: z.array(hostKey).min(1, 'pin at least one host key; there is no trust on first use'),
    }),
    agent,
  }),
  z.strictObject({
    http: z.strictObject({
      url: z
        .string()
        .regex(/^https?:\/\/[^\s@]+$/, 'expected https://HOST without a user name or password')
        .refine(keepsPasswords, 'plain HTTP would show the password to the network; use https://'),
      ca: z.string().optional(),
    }),
    agent,
  }),
  z.strictObject({ path: z.strictObject({ root: z.string().min(1) }), agent }),
]);

const repoPattern = z.string().regex(/^[^*\s]*(\*{1,2})?[^*\s]*$/, 'use at most one * or **');
const repoLine = z
  .strictObject({ path: repoPattern, upstream: upstreamName, to: repoPattern.optional() })
  .refine(({ path, to }) => to === undefined || path.includes('*') === to.includes('*'), {
    path: ['to'],
    message: 'has a * exactly when path has one',
  });

/** A signed job has at most 32 MiB, and an update of the longest ref name 1.3 KiB. */
const maxRefUpdates = 20_000;

const limits = z
  .strictObject({
    loginGrace: duration.default(60_000),
    authTries: count.default(3),
    maxStartups: z
      .string()
      .regex(/^\d+:\d+:\d+$/, 'expected START:PERCENT:FULL as in sshd_config(5), such as 10:30:60')
      .default('10:30:60'),
    connectionsPerSource: count.default(256),
    sessionsPerConnection: count.default(10),
    idle: duration.default(600_000),
    headers: duration.default(20_000),
    upstreamConnect: duration.default(120_000),
    upstreamIdle: duration.default(600_000),
    refUpdates: count
      .max(maxRefUpdates, `at most ${maxRefUpdates}, which is what one job for the agent can hold`)
      .default(1_000),
    fetchLines: count.default(1_000_000),
    packBytes: size.default(4 * 2 ** 30),
    packObjects: count.default(1_000_000),
    objectBytes: size.default(512 * 2 ** 20),
    inflatedBytes: size.default(64 * 2 ** 30),
    deltaDepth: count.default(4_095),
    sessionsPerUser: count.default(256),
    pushesPerUser: count.default(8),
    heldPushesPerUser: count.default(50),
    heldBytesPerUser: size.default(8 * 2 ** 30),
  })
  .prefault({});

const schema = z.strictObject({
  data: z.string().min(1).default('./data'),
  publicUrl: z
    .string()
    .regex(/^https?:\/\/[^\s/@?#]+\/?$/, 'expected https://HOST[:PORT]')
    .optional(),
  listen: z
    .strictObject({
      ssh: address.prefault('127.0.0.1:2222'),
      http: address.prefault('127.0.0.1:8080'),
      ops: address.prefault('127.0.0.1:9090'),
      tls: z.strictObject({ cert: z.string().min(1), key: z.string().min(1) }).optional(),
    })
    .prefault({}),
  store: z
    .strictObject({ level: z.literal(true, 'expected true; LevelDB is the one store of this version') })
    .prefault({ level: true }),
  upstreams: z.record(upstreamName, upstream),
  repos: z.array(repoLine).min(1, 'expected at least one line'),
  policy: z.string().min(1).default('policy.yaml'),
  secrets: z
    .strictObject({ defaults: z.boolean().default(true), rules: z.array(z.string().min(1)).default([]) })
    .prefault({}),
  masking: z
    .strictObject({
      enable: z.enum(['manual', 'auto'], 'expected manual or auto').default('manual'),
      confidence: z.enum(['high', 'medium', 'low'], 'expected high, medium or low').default('medium'),
      threads: count.max(64, 'at most 64').default(2),
      wait: duration.default(10_000),
    })
    .prefault({}),
  notify: notifySchema.default([]),
  noThin: z.boolean().default(true),
  agentSocket: z.string().min(1).optional(),
  limits,
});

export type Config = z.output<typeof schema> & { readonly file: string; readonly base: string };
export type UpstreamConfig = z.output<typeof upstream>;

/** Reads and checks the file at `file`. Paths in it are made absolute, from the file's folder. @throws CONFIG_INVALID, all problems in one text, one per line. */
export function loadConfig(file: string): Config {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const then = code === 'EACCES' ? 'run this as the user that runs the server' : 'name it with --config';
    const detail = `${file} cannot be read (${code}); ${then}`;
    throw new RefgateError('CONFIG_INVALID', 'operator', detail, { cause });
  }
  return parseConfig(text, resolve(file));
}

/** The configuration of `text`, as `loadConfig`; `file` is its absolute path. */
export function parseConfig(text: string, file: string): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const fail = (problems: readonly string[]): never => {
    throw new RefgateError('CONFIG_INVALID', 'operator', problems.join('\n'));
  };
  if (document.errors.length > 0)
    fail(document.errors.map((error) => `${at(error.pos[0])}: ${error.message}`));
  const parsed = schema.safeParse(plainOf(document, file) ?? {}, { reportInput: true });
  if (!parsed.success) {
    return fail(
      parsed.error.issues.flatMap(flatten).map(({ path, message, key }) => {
        const where = at(offsetOf(document, key === undefined ? path : [...path, key]));
        return `${where}: ${path.concat(key ?? []).join('.') || 'file'}: ${message}`;
      }),
    );
  }
  return finish(parsed.data, file, fail);
}

/** The document's value; aliases that multiply it without bounds are refused. */
function plainOf(document: Doc, file: string): unknown {
  try {
    return document.toJS();
  } catch (cause) {
    throw new RefgateError('CONFIG_INVALID', 'operator', `${file}: ${(cause as Error).message}`, { cause });
  }
}

interface Problem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly key?: string;
}

/** One problem per unknown key; the branch of a union that the file seems to mean, not every branch. */
function flatten(issue: z.core.$ZodIssue): Problem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: issue.path,
      key,
      message: 'unknown key; see docs/configuration.md',
    }));
  }
  if (issue.code === 'invalid_union') {
    const meant = issue.errors.find(
      (branch) => !branch.some((inner) => inner.path.length === 1 && inner.code === 'invalid_type'),
    );
    if (meant === undefined) return [{ path: issue.path, message: 'expected one of ssh:, http: or path:' }];
    return meant.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] })).flatMap(flatten);
  }
  if (issue.code === 'invalid_type') {
    const missing = issue.input === undefined;
    return [{ path: issue.path, message: missing ? 'is missing' : `expected ${kindOf(issue.expected)}` }];
  }
  if (issue.code === 'invalid_key') return issue.issues.map(({ message }) => ({ path: issue.path, message }));
  if (issue.code === 'too_small' && issue.origin === 'string')
    return [{ path: issue.path, message: 'is empty' }];
  return [{ path: issue.path, message: issue.message }];
}

const kinds: Readonly<Record<string, string>> = {
  record: 'keys and values',
  object: 'keys and values',
  array: 'a list',
  string: 'text; write it in quotes when it looks like a number',
  int: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
};

function kindOf(expected: string): string {
  return kinds[expected] ?? expected;
}

type Doc = ReturnType<typeof parseDocument>;

/** Where the node at `path` begins; where it is missing, its nearest ancestor. */
function offsetOf(document: Doc, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length--) {
    const parent = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const key = path[length - 1];
    if (typeof parent === 'object' && parent !== null && 'items' in parent && Array.isArray(parent.items)) {
      for (const item of parent.items)
        if (item?.key?.value === key && item.key.range) return item.key.range[0];
    }
    const node = document.getIn(path.slice(0, length), true);
    if (typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range))
      return node.range[0];
  }
  return 0;
}

function finish(data: z.output<typeof schema>, file: string, fail: (problems: string[]) => never): Config {
  const base = dirname(file);
  const unknown = data.repos.filter((line) => data.upstreams[line.upstream] === undefined);
  if (unknown.length > 0) {
    fail(
      unknown.map(
        (line) =>
          `${file}: repos: ${line.path} names upstream ${line.upstream}, which upstreams: does not have`,
      ),
    );
  }
  const abs = (path: string): string => resolve(base, path);
  const upstreams = Object.fromEntries(
    Object.entries(data.upstreams).map(([name, up]): [string, UpstreamConfig] => {
      if ('path' in up) return [name, { ...up, path: { root: abs(up.path.root) } }];
      if ('http' in up && up.http.ca !== undefined)
        return [name, { ...up, http: { ...up.http, ca: abs(up.http.ca) } }];
      return [name, up];
    }),
  );
  const tls = data.listen.tls && { cert: abs(data.listen.tls.cert), key: abs(data.listen.tls.key) };
  return {
    ...data,
    data: abs(data.data),
    policy: abs(data.policy),
    secrets: { ...data.secrets, rules: data.secrets.rules.map(abs) },
    upstreams,
    listen: tls ? { ...data.listen, tls } : data.listen,
    ...(data.agentSocket === undefined ? {} : { agentSocket: abs(data.agentSocket) }),
    file,
    base,
  };
}
