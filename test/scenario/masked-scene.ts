/**
 * What the tests of masked views share: a bastion whose policy lets `bot`, a service, read masked, and others in the
 * other modes, and clones of what they see.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { MaskPreview, MaskStatus } from '../../src/domain/mask.ts';
import { registerUser } from '../support/admin-call.ts';
import { type Bastion, type Door, startBastion, type UpstreamKind } from '../support/bastion.ts';
import { makeClientKey } from '../support/client.ts';
import { type GitOptions, type GitRun, git, runGit } from '../support/git.ts';
import { putInForce } from './approving.ts';

/** Services, each in the group that reads in the mode of its name. */
export const readers = {
  bot: 'masked',
  second: 'masked',
  strict: 'deny-secrets',
  short: 'cut',
  trusted: 'clear',
} as const;

export type Reader = keyof typeof readers;

export interface MaskedScene {
  readonly bastion: Bastion;
  /** The repository through a door as the reader; over HTTP with its token. */
  url(door: Door, name: string, reader?: Reader, upstream?: UpstreamKind): string;
  /** Runs git as the reader; it must exit 0. */
  git(args: readonly string[], options?: GitOptions, reader?: Reader): Promise<string>;
  run(args: readonly string[], options?: GitOptions, reader?: Reader): Promise<GitRun>;
  /** Sends a request by hand to git-receive-pack over HTTP, and gives the answer's text. */
  post(name: string, body: Buffer, reader?: Reader): Promise<string>;
  /** The environment of a git as the reader. */
  env(reader?: Reader): NonNullable<GitOptions['env']>;
  /** Has the repository looked at and its view made; waits until it is served. */
  enable(name: string, upstream?: UpstreamKind): Promise<MaskStatus>;
  preview(name: string, upstream?: UpstreamKind): Promise<MaskPreview>;
  /** Puts this policy in force, beside the access lines of the scene. */
  apply(more?: Readonly<Record<string, unknown>>): Promise<void>;
}

const repos = ['ssh/*', 'http/*', 'path/*'];

const access = [
  { who: { group: 'dev' }, repo: repos, may: ['read', 'write'] },
  ...[...new Set(Object.values(readers))].map((mode) => ({
    who: { group: `reads-${mode}` },
    repo: repos,
    may: ['read', 'write'],
    read: mode,
  })),
];

/** Starts everything; it ends with the test. */
export async function startMaskedScene(
  test: Pick<TestContext, 'after'>,
  options: { readonly config?: Readonly<Record<string, unknown>>; readonly readers?: readonly Reader[] } = {},
): Promise<MaskedScene> {
  const bastion = await startBastion(test, options.config === undefined ? {} : { config: options.config });
  const { refgate } = bastion;
  const logins = new Map<Reader, { readonly token: string; readonly env: NonNullable<GitOptions['env']> }>();
  const apply = async (more: Readonly<Record<string, unknown>> = {}): Promise<void> => {
    await putInForce(bastion.refgate, { access, ...more });
  };
  await apply();
  for (const name of options.readers ?? (['bot'] as const)) {
    const folder = join(bastion.dir, name);
    mkdirSync(folder);
    const key = await makeClientKey(folder);
    const groups = [`reads-${readers[name]}`];
    const token = await registerUser(refgate, { name, groups, service: true, key: key.publicLine });
    logins.set(name, { token, env: key.env });
  }
  const loginOf = (reader: Reader) => {
    const login = logins.get(reader);
    if (login === undefined) throw new Error(`${reader} is not among the readers of this scene`);
    return login;
  };
  const as = (given: GitOptions, reader: Reader): GitOptions => ({
    ...given,
    env: { ...loginOf(reader).env, ...given.env },
  });
  const mask = async <T>(...args: string[]): Promise<T> =>
    JSON.parse(await refgate.ok(['mask', ...args, '--json'])) as T;
  return {
    bastion,
    apply,
    url(door, name, reader = 'bot', upstream = 'path') {
      if (door === 'ssh') return `ssh://git@127.0.0.1:${refgate.sshPort}/${upstream}/${name}.git`;
      const url = new URL(`${refgate.http}/${upstream}/${name}.git`);
      url.username = reader;
      url.password = loginOf(reader).token;
      return url.href;
    },
    git: (args, given = {}, reader = 'bot') => git(args, as(given, reader)),
    run: (args, given = {}, reader = 'bot') => runGit(args, as(given, reader)),
    async post(name, body, reader = 'bot') {
      const login = Buffer.from(`${reader}:${loginOf(reader).token}`).toString('base64');
      const response = await fetch(`${refgate.http}/path/${name}.git/git-receive-pack`, {
        method: 'POST',
        headers: {
          authorization: `Basic ${login}`,
          'content-type': 'application/x-git-receive-pack-request',
        },
        body: new Uint8Array(body),
      });
      return response.text();
    },
    env: (reader = 'bot') => loginOf(reader).env,
    async enable(name, upstream = 'path') {
      await mask('preview', `${upstream}/${name}`);
      return mask<MaskStatus>('enable', `${upstream}/${name}`, '--wait');
    },
    preview: (name, upstream = 'path') => mask<MaskPreview>('preview', `${upstream}/${name}`),
  };
}

/** Writes files, commits them, and gives the commit. */
export async function commitFiles(
  work: string,
  files: Readonly<Record<string, string | Uint8Array>>,
  message = 'edit',
): Promise<string> {
  for (const [name, content] of Object.entries(files)) writeFileSync(join(work, name), content);
  await git(['add', '-A'], { cwd: work });
  await git(['commit', '-q', '-m', message], { cwd: work });
  return git(['rev-parse', 'HEAD'], { cwd: work });
}
