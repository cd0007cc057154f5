/**
 * Everything that a measurement runs on, on 127.0.0.1: an sshd and a
 * `git http-backend` over one folder of bare repositories, and a Refgate that
 * has both as upstreams.
 */
import { randomBytes } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeClientKey } from '../test/support/client.ts';
import { gitEnv } from '../test/support/git.ts';
import { startHttpBackend } from '../test/support/http-backend.ts';
import { type Refgate, startRefgate } from '../test/support/refgate.ts';
import { startSshd } from '../test/support/sshd.ts';
import { benchRepo } from './make-repo.ts';

/** A way to the repositories. */
export interface Route {
  readonly url: (repo: string) => string;
  readonly env: NodeJS.ProcessEnv;
}

export interface Stage {
  /** A folder for what a measurement makes. */
  readonly dir: string;
  readonly direct: { readonly ssh: Route; readonly http: Route };
  readonly through: { readonly ssh: Route; readonly http: Route };
  readonly gatewayPid: number;
  /** Where the upstream keeps a repository. */
  readonly upstreamDir: (repo: string) => string;
  close(): Promise<void>;
}

/** Starts it all; `tiny` and `big` are there, and other repositories may be put into `upstreamDir`. */
export async function openStage(): Promise<Stage> {
  const closers: (() => unknown)[] = [];
  const t = { after: (closer: () => unknown) => void closers.unshift(closer) };
  const close = async (): Promise<void> => {
    for (const closer of closers) await closer();
  };
  try {
    return { ...(await open(t)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

type Hook = { after: (closer: () => unknown) => void };

async function open(t: Hook): Promise<Omit<Stage, 'close'>> {
  const dir = mkdtempSync(join(tmpdir(), 'refgate-stage-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const root = join(dir, 'upstream');
  const upstreamDir = (repo: string): string => join(root, 'bench', `${repo}.git`);
  cpSync(await benchRepo('tiny'), upstreamDir('tiny'), { recursive: true });
  symlinkSync(await benchRepo('big'), upstreamDir('big'));

  const key = await makeClientKey(dir);
  const sshHost = await startSshd(t);
  sshHost.authorize(key.publicLine);
  // A Git host asks for a login: the direct client shows one as well as ours.
  const login = { user: 'bench', password: randomBytes(12).toString('hex') };
  const httpHost = await startHttpBackend(t, { root, login });
  const refgate = await startGateway(t, dir, root, sshHost, httpHost);
  await refgate.ok(['user', 'add', 'bench', '--group', 'dev']);
  await refgate.ok(['key', 'add', 'bench', '-'], `${key.publicLine}\n`);
  await refgate.ok(['deploy-key', 'import', '--upstream', 'ssh', '--file', key.file]);
  const credential = ['upstream', 'credential', 'http', '--user', login.user, '--password-file', '-'];
  await refgate.ok(credential, login.password);
  const token = await refgate.ok(['token', 'create', 'bench', '--ttl', '8h', '--json']);

  const env = gitEnv(key.env);
  const httpUrl = withLogin(refgate.http, 'bench', (JSON.parse(token) as { token: string }).token);
  const directUrl = withLogin(httpHost.url, login.user, login.password);
  return {
    dir,
    upstreamDir,
    gatewayPid: refgate.pid,
    direct: {
      ssh: { env, url: (repo) => `${sshHost.url}${upstreamDir(repo)}` },
      http: { env, url: (repo) => `${directUrl}bench/${repo}.git` },
    },
    through: {
      ssh: { env, url: (repo) => `ssh://git@${refgate.ssh}/ssh/${repo}.git` },
      http: { env, url: (repo) => `${httpUrl}http/${repo}.git` },
    },
  };
}

function withLogin(base: string, user: string, password: string): string {
  const url = new URL(base);
  url.username = user;
  url.password = password;
  return url.href;
}

function startGateway(
  t: Hook,
  dir: string,
  root: string,
  sshHost: { url: string; hostKey: string },
  httpHost: { url: string },
): Promise<Refgate> {
  return startRefgate(t, {
    dir,
    config: {
      upstreams: {
        ssh: { ssh: { url: `${sshHost.url}${root}`, hostKeys: [sshHost.hostKey] } },
        http: { http: { url: httpHost.url } },
      },
      repos: [
        { path: 'ssh/*', upstream: 'ssh', to: 'bench/*' },
        { path: 'http/*', upstream: 'http', to: 'bench/*' },
      ],
    },
    policy: { access: [{ who: { group: 'dev' }, repo: '**', may: ['read', 'write'] }] },
    env: { REFGATE_LOG: 'warn' },
  });
}
