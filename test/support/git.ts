/**
 * The machine's git, without anything of the machine's or the person's
 * configuration, and repositories to try it on.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface GitRun {
  readonly status: number;
  readonly stdout: string;
  /** The same bytes before they became text. */
  readonly stdoutBytes: Buffer;
  readonly stderr: string;
}

export interface GitOptions {
  readonly cwd?: string;
  /** Added to the clean environment; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string | Uint8Array;
  /** Milliseconds until the child is killed; 60 s when not said. */
  readonly timeout?: number;
}

const home = mkdtempSync(join(tmpdir(), 'refgate-home-'));
process.once('exit', () => rmSync(home, { recursive: true, force: true }));

/** The environment of every git child: an empty home, no prompts, fixed names, dates and language. */
export function gitEnv(extra: GitOptions['env'] = {}): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: home,
    XDG_CONFIG_HOME: home,
    LC_ALL: 'C',
    TZ: 'UTC',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_COUNT: '5',
    GIT_CONFIG_KEY_0: 'init.defaultBranch',
    GIT_CONFIG_VALUE_0: 'main',
    GIT_CONFIG_KEY_1: 'protocol.file.allow',
    GIT_CONFIG_VALUE_1: 'always',
    GIT_CONFIG_KEY_2: 'gc.auto',
    GIT_CONFIG_VALUE_2: '0',
    GIT_CONFIG_KEY_3: 'maintenance.auto',
    GIT_CONFIG_VALUE_3: 'false',
    GIT_CONFIG_KEY_4: 'safe.directory',
    GIT_CONFIG_VALUE_4: '*',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '/bin/false',
    SSH_ASKPASS: '/bin/false',
    GIT_AUTHOR_NAME: 'Ann Author',
    GIT_AUTHOR_EMAIL: 'ann@example.com',
    GIT_AUTHOR_DATE: '1700000000 +0000',
    GIT_COMMITTER_NAME: 'Cid Committer',
    GIT_COMMITTER_EMAIL: 'cid@example.com',
    GIT_COMMITTER_DATE: '1700000000 +0000',
    ...extra,
  };
}

/** Runs git and gives what it said, whatever its exit status; a signal counts as status 128 + 9. */
export function runGit(args: readonly string[], options: GitOptions = {}): Promise<GitRun> {
  return runCommand('git', args, { ...options, env: gitEnv(options.env) });
}

/** Runs git and gives its stdout without the last newline; an exit status other than 0 is an error. */
export async function git(args: readonly string[], options: GitOptions = {}): Promise<string> {
  const run = await runGit(args, options);
  if (run.status !== 0) throw new Error(`git ${args.join(' ')} gave ${run.status}: ${run.stderr}`);
  return run.stdout.replace(/\n$/, '');
}

/** Runs any program with exactly the environment given, to its end. */
export function runCommand(
  command: string,
  args: readonly string[],
  options: GitOptions = {},
): Promise<GitRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env,
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: options.timeout ?? 60_000,
      killSignal: 'SIGKILL',
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (piece: Buffer) => out.push(piece));
    child.stderr.on('data', (piece: Buffer) => err.push(piece));
    child.on('error', reject);
    child.on('close', (code) => {
      const stdoutBytes = Buffer.concat(out);
      const stderr = Buffer.concat(err).toString();
      resolve({ status: code ?? 137, stdout: stdoutBytes.toString(), stdoutBytes, stderr });
    });
    // A child that ends without reading its input is no error of the caller.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
  });
}

/** A new folder that is removed when the test ends. Short, so that a socket path fits in it. */
export function tempDir(t: { after(close: () => unknown): void }, name = 't'): string {
  const folder = mkdtempSync(join(tmpdir(), `refgate-${name}-`));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }));
  return folder;
}

/** A port of 127.0.0.1 that was free a moment ago; for programs that cannot be told port 0. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** Whether a program is there; the reason to skip a test otherwise. */
export async function missing(
  command: string,
  args: readonly string[] = ['--version'],
): Promise<string | false> {
  try {
    await runCommand(command, args, { env: process.env as Record<string, string>, timeout: 10_000 });
    return false;
  } catch {
    return `${command} is not installed`;
  }
}

/** Makes an empty bare repository, or one with `--object-format`. */
export async function initBare(gitDir: string, objectFormat: 'sha1' | 'sha256' = 'sha1'): Promise<void> {
  mkdirSync(gitDir, { recursive: true });
  await git(['init', '--quiet', '--bare', `--object-format=${objectFormat}`, gitDir]);
}
