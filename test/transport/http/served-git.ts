import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { RefgateError } from '../../../src/domain/error.ts';
import type { Authenticator } from '../../../src/domain/identity.ts';
import type { GitChannel } from '../../../src/domain/session.ts';
import {
  type HttpDoor,
  type HttpDoorOptions,
  startHttpDoor,
} from '../../../src/transport/http/accept-http.ts';

/** Made at run time: nothing in the repository looks like a secret. */
export const token = ['not', 'a', 'real', 'one'].join('-');
export const user = 'alice';
export const basic = `Basic ${Buffer.from(`${user}:${token}`).toString('base64')}`;

export const limits = {
  headersMs: 5_000,
  idleMs: 5_000,
  maxBodyBytes: 64 * 1024 * 1024,
  maxInflatedRatio: 100,
  maxConnections: 100,
  maxConnectionsPerSource: 100,
};

export const authenticator: Authenticator = {
  byPublicKey: async () => undefined,
  byToken: async (name, given) =>
    name === user && given === token
      ? { user, kind: 'person', groups: [], credential: { type: 'token', id: 't1' } }
      : undefined,
  stillValid: async () => true,
};

export interface Logged {
  readonly level: string;
  readonly fields: object;
  readonly phrase: string;
}

/** A door on loopback in front of real git, and what it served and logged. */
export interface TestDoor {
  readonly door: HttpDoor;
  readonly dir: string;
  readonly channels: GitChannel[];
  readonly logged: Logged[];
  /** `http://alice:TOKEN@127.0.0.1:PORT/acme/web.git` */
  readonly repoUrl: string;
  close(): Promise<void>;
}

/** Opens a door whose `serve` runs git itself on the bare repositories below `dir`. */
export async function openDoor(
  change: Partial<Omit<HttpDoorOptions, 'limits'>> & { limits?: Partial<HttpDoorOptions['limits']> } = {},
): Promise<TestDoor> {
  const dir = await mkdtemp(join(tmpdir(), 'refgate-http-'));
  const channels: GitChannel[] = [];
  const logged: Logged[] = [];
  const note = (level: string) => (fields: object, phrase: string) => {
    logged.push({ level, fields, phrase });
  };
  const serve = change.serve ?? ((channel: GitChannel) => serveWithGit(dir, channel));
  const door = await startHttpDoor({
    listen: { host: '127.0.0.1', port: 0 },
    authenticator,
    log: { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') },
    ...change,
    serve: (channel) => {
      channels.push(channel);
      return serve(channel);
    },
    limits: { ...limits, ...change.limits },
  }).catch(async (error: unknown) => {
    await rm(dir, { recursive: true });
    throw error;
  });
  await mkdir(join(dir, 'acme'));
  const repoUrl = `${door.url.replace('://', `://${user}:${token}@`)}/acme/web.git`;
  const close = async () => {
    await door.close(0);
    await rm(dir, { recursive: true, force: true });
  };
  return { door, dir, channels, logged, repoUrl, close };
}

/** A stand-in for the spine: the real git, in its stateless form. */
export async function serveWithGit(dir: string, channel: GitChannel): Promise<{ exitStatus: 0 | 1 }> {
  if (channel.repo !== 'acme/web') throw new RefgateError('REPO_NOT_FOUND', 'client');
  const advertise = channel.mode === 'advertise' ? ['--http-backend-info-refs'] : [];
  const child = spawn(
    'git',
    [channel.service, '--stateless-rpc', ...advertise, join(dir, `${channel.repo}.git`)],
    {
      env: { ...gitEnv, GIT_PROTOCOL: `version=${channel.version}` },
      stdio: ['pipe', 'pipe', 'ignore'],
    },
  );
  channel.signal.addEventListener('abort', () => child.kill());
  const exit = exitOf(child);
  child.stdin.on('error', () => {});
  await Promise.all([
    pipeline(channel.input, child.stdin).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    }),
    pipeline(child.stdout, channel.output, { end: false }),
  ]).finally(() => child.kill());
  return { exitStatus: (await exit) === 0 ? 0 : 1 };
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code) => resolve(code));
  });
}

export const gitEnv = {
  PATH: process.env['PATH'] ?? '',
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
  GIT_AUTHOR_NAME: 'A',
  GIT_AUTHOR_EMAIL: 'a@example.com',
  GIT_COMMITTER_NAME: 'A',
  GIT_COMMITTER_EMAIL: 'a@example.com',
  LC_ALL: 'C',
};

export interface GitRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the machine's git; never throws for its exit status. */
export async function git(
  cwd: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<GitRun> {
  const child = spawn('git', args, { cwd, env: { ...gitEnv, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return { code: await exitOf(child), stdout, stderr };
}

/** Runs git and throws with its stderr when it fails. */
export async function gitOk(cwd: string, ...args: string[]): Promise<string> {
  const run = await git(cwd, args);
  if (run.code !== 0) throw new Error(`git ${args.join(' ')}: ${run.stderr}`);
  return run.stdout.trim();
}

/** A bare repository acme/web below `dir`, with one commit on main; and a working copy that made it. */
export async function makeRepo(dir: string): Promise<{ bare: string; work: string }> {
  const bare = join(dir, 'acme', 'web.git');
  const work = join(dir, 'work');
  await gitOk(dir, 'init', '-q', '--bare', '-b', 'main', bare);
  await gitOk(dir, 'init', '-q', '-b', 'main', work);
  await gitOk(work, 'commit', '-q', '--allow-empty', '-m', 'first');
  await gitOk(work, 'push', '-q', bare, 'main');
  return { bare, work };
}
