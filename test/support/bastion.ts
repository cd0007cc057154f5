/**
 * A whole Refgate before three upstreams that serve one and the same folder of
 * repositories: the repository `acme/web` of the folder is `ssh/web`, `http/web`
 * and `path/web` to a client. Credentials are given with the command line, as an operator does.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { LedgerEvent, SessionSummary } from '../../src/domain/record.ts';
import { admin, registerUser } from './admin-call.ts';
import { makeClientKey } from './client.ts';
import { type GitOptions, type GitRun, git, runGit, tempDir } from './git.ts';
import { startHttpBackend } from './http-backend.ts';
import { type Refgate, startRefgate } from './refgate.ts';
import { type Sshd, startSshd } from './sshd.ts';

export const doors = ['ssh', 'http'] as const;
export const upstreamKinds = ['ssh', 'http', 'path'] as const;

export type Door = (typeof doors)[number];
export type UpstreamKind = (typeof upstreamKinds)[number];

/** Who may what: ann reads and writes, rob reads, eve has no grant at all. */
export const people = ['ann', 'rob', 'eve'] as const;

export type Person = (typeof people)[number];

export interface BastionOptions {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
}

interface Login {
  /** The private key's file. */
  readonly keyFile: string;
  readonly publicLine: string;
  readonly env: { readonly GIT_SSH_COMMAND: string; readonly GIT_SSH_VARIANT: string };
  readonly token: string;
}

export interface Bastion {
  readonly refgate: Refgate;
  /** A folder for what a test makes. */
  readonly dir: string;
  /** The folder that the upstreams serve. */
  readonly root: string;
  readonly sshd: Sshd;
  readonly logins: Readonly<Record<Person, Login>>;
  /** The repository `acme/NAME` of the folder, on disk. */
  gitDir(name: string): string;
  /** The same through a door and an upstream, with the person's token in it where the door is HTTP. */
  url(door: Door, upstream: UpstreamKind, name: string, person?: Person): string;
  /** The same without Refgate: the folder, or the HTTP upstream with the agent's own login. */
  direct(kind: 'file' | 'http', name: string): string;
  /** Runs git as the person (ann when not said); it must exit 0. */
  git(args: readonly string[], options?: GitOptions, person?: Person): Promise<string>;
  run(args: readonly string[], options?: GitOptions, person?: Person): Promise<GitRun>;
  /** The newest sessions of a repository as clients name it. */
  sessions(repo: string, limit?: number): Promise<readonly SessionSummary[]>;
  events(session: string): Promise<readonly LedgerEvent[]>;
}

const policy = {
  access: [
    { who: { group: 'dev' }, repo: ['ssh/*', 'http/*', 'path/*'], may: ['read', 'write'] },
    { who: { group: 'readers' }, repo: ['ssh/*', 'http/*', 'path/*'], may: ['read'] },
  ],
};

const groupOf: Readonly<Record<Person, string>> = { ann: 'dev', rob: 'readers', eve: 'strangers' };

/** Starts everything; it ends with the test, what was started last first. */
export async function startBastion(
  test: Pick<TestContext, 'after'>,
  options: BastionOptions = {},
): Promise<Bastion> {
  const closers: (() => unknown)[] = [];
  const t = { after: (closer: () => unknown) => void closers.push(closer) };
  test.after(async () => {
    for (const closer of closers.reverse()) await closer();
  });
  const dir = tempDir(t, 'bast');
  const root = join(dir, 'srv');
  const home = join(dir, 'refgate');
  const keys = join(dir, 'deploy');
  for (const folder of [root, home, keys]) mkdirSync(folder);
  const deployKey = await makeClientKey(keys);
  const sshd = await startSshd(t);
  sshd.authorize(deployKey.publicLine);
  const password = randomBytes(12).toString('hex');
  const web = await startHttpBackend(t, { root, login: { user: 'machine', password } });
  const refgate = await startRefgate(t, {
    dir: home,
    policy,
    config: {
      upstreams: {
        sshd: { ssh: { url: `${sshd.url}${root}`, hostKeys: [sshd.hostKey] } },
        web: { http: { url: web.url } },
        disk: { path: { root } },
      },
      repos: [
        { path: 'ssh/*', upstream: 'sshd', to: 'acme/*' },
        { path: 'http/*', upstream: 'web', to: 'acme/*' },
        { path: 'path/*', upstream: 'disk', to: 'acme/*' },
      ],
      ...options.config,
    },
    ...(options.env === undefined ? {} : { env: options.env }),
  });
  const login = ['--user', 'machine', '--password-file', '-'];
  const [ann, rob, eve] = await Promise.all([
    ...people.map((person) => register(refgate, dir, person)),
    refgate.ok(['deploy-key', 'import', '--upstream', 'sshd', '--file', deployKey.file]),
    refgate.ok(['upstream', 'credential', 'web', ...login], `${password}\n`),
  ] as const);
  const logins = { ann, rob, eve } as Record<Person, Login>;
  const direct = new URL(web.url);
  direct.username = 'machine';
  direct.password = password;
  return new RunningBastion(refgate, dir, root, sshd, direct.href, logins);
}

async function register(refgate: Refgate, dir: string, person: Person): Promise<Login> {
  const folder = join(dir, person);
  mkdirSync(folder);
  const key = await makeClientKey(folder);
  const token = await registerUser(refgate, { name: person, groups: [groupOf[person]], key: key.publicLine });
  return { keyFile: key.file, publicLine: key.publicLine, env: key.env, token };
}

class RunningBastion implements Bastion {
  readonly refgate: Refgate;
  readonly dir: string;
  readonly root: string;
  readonly sshd: Sshd;
  readonly #web: string;
  readonly logins: Readonly<Record<Person, Login>>;

  constructor(
    refgate: Refgate,
    dir: string,
    root: string,
    sshd: Sshd,
    web: string,
    logins: Readonly<Record<Person, Login>>,
  ) {
    this.refgate = refgate;
    this.dir = dir;
    this.root = root;
    this.sshd = sshd;
    this.#web = web;
    this.logins = logins;
  }

  gitDir(name: string): string {
    return join(this.root, 'acme', `${name}.git`);
  }

  url(door: Door, upstream: UpstreamKind, name: string, person: Person = 'ann'): string {
    if (door === 'ssh') return `ssh://git@127.0.0.1:${this.refgate.sshPort}/${upstream}/${name}.git`;
    const url = new URL(`${this.refgate.http}/${upstream}/${name}.git`);
    url.username = person;
    url.password = this.logins[person].token;
    return url.href;
  }

  direct(kind: 'file' | 'http', name: string): string {
    return kind === 'file' ? pathToFileURL(this.gitDir(name)).href : `${this.#web}acme/${name}.git`;
  }

  git(args: readonly string[], options: GitOptions = {}, person: Person = 'ann'): Promise<string> {
    return git(args, this.#as(options, person));
  }

  run(args: readonly string[], options: GitOptions = {}, person: Person = 'ann'): Promise<GitRun> {
    return runGit(args, this.#as(options, person));
  }

  #as(options: GitOptions, person: Person): GitOptions {
    return { ...options, env: { ...this.logins[person].env, ...options.env } };
  }

  sessions(repo: string, limit = 10): Promise<readonly SessionSummary[]> {
    return admin(this.refgate, 'GET', `/sessions?repo=${encodeURIComponent(repo)}&limit=${limit}`);
  }

  events(session: string): Promise<readonly LedgerEvent[]> {
    return admin(this.refgate, 'GET', `/sessions/${session}`);
  }
}
