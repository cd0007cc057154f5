import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { RefgateError } from '../../domain/error.ts';
import { cleanBytes } from '../../git/text.ts';

const complaintBytes = 4096;
const complaintLength = 300;
const defaultMaxBytes = 64 * 1024 * 1024;

/** The environment of every git child: the search path, and nothing of the machine's or the user's configuration. */
export function gitEnvironment(): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: '/nonexistent',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_TERMINAL_PROMPT: '0',
    LC_ALL: 'C',
  };
}

/** A git that runs. */
export interface GitChild {
  readonly process: ChildProcessWithoutNullStreams;
  /**
   * Settled when the child has ended and its output is read. Rejects with INTERNAL (refgate) for an exit status other
   * than 0, and with the signal's reason when that ended it. Need not be awaited.
   */
  readonly ended: Promise<void>;
  /** Ends the child at once. May be called twice. */
  kill(): void;
}

/**
 * Runs git on the repository in `dir`, without a shell; killed when the signal aborts.
 * @param options.env is added to the environment.
 */
export function spawnGit(
  dir: string,
  args: readonly string[],
  options: { signal?: AbortSignal | undefined; env?: Readonly<Record<string, string>> } = {},
): GitChild {
  const { signal, env } = options;
  signal?.throwIfAborted();
  const child = spawn('git', [`--git-dir=${dir}`, ...args], {
    cwd: dir,
    env: { ...gitEnvironment(), ...env },
    stdio: 'pipe',
  });
  // Without free file descriptors there are no pipes; the reason comes by the event.
  if ((child.stdin as unknown) === undefined) {
    child.on('error', () => {});
    throw failed(args, 'too many files are open');
  }
  const kill = (): void => {
    // In this order: an input that ends would have it end well, with half of the answers.
    child.kill('SIGKILL');
    child.stdin.destroy();
  };
  signal?.addEventListener('abort', kill, { once: true });
  // A git that ends early closes its input; its exit status tells why.
  child.stdin.on('error', () => {});
  const complaint = collectTail(child);
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', (cause) => reject(failed(args, cause.message, cause)));
    child.once('close', (status, killedBy) => {
      signal?.removeEventListener('abort', kill);
      if (signal?.aborted) reject(signal.reason);
      else if (status === 0) resolve();
      else reject(failed(args, complaint() || `it ended with ${killedBy ?? `status ${status}`}`));
    });
  });
  ended.catch(() => {});
  return { process: child, ended, kill };
}

function failed(args: readonly string[], why: string, cause?: unknown): RefgateError {
  const command = args.find((arg) => !arg.startsWith('-')) ?? '';
  return new RefgateError('INTERNAL', 'refgate', `git ${command}: ${why}`, { cause });
}

/** Keeps the end of what the child says on stderr; gives its last line. */
function collectTail(child: ChildProcessWithoutNullStreams): () => string {
  let tail: Buffer = Buffer.alloc(0);
  child.stderr.on('data', (piece: Buffer) => {
    const all = Buffer.concat([tail, piece]);
    tail = all.subarray(Math.max(0, all.length - complaintBytes));
  });
  child.stderr.on('error', () => {});
  return () => {
    const lines = tail.toString('latin1').trimEnd().split('\n');
    return cleanBytes(Buffer.from(lines.at(-1) ?? '', 'latin1'), complaintLength);
  };
}

/**
 * Runs git to its end and gives its whole stdout. Throws INTERNAL (refgate) for an exit status other than 0 and for more
 * than `maxBytes` (64 MiB), and the signal's reason.
 */
export async function runGit(
  dir: string,
  args: readonly string[],
  options: {
    input?: string | Uint8Array;
    signal?: AbortSignal | undefined;
    maxBytes?: number;
    env?: Readonly<Record<string, string>>;
  } = {},
): Promise<Buffer> {
  const most = options.maxBytes ?? defaultMaxBytes;
  const child = spawnGit(dir, args, options);
  const pieces: Buffer[] = [];
  let bytes = 0;
  child.process.stdout.on('data', (piece: Buffer) => {
    bytes += piece.length;
    if (bytes > most) child.kill();
    else pieces.push(piece);
  });
  child.process.stdin.end(options.input ?? '');
  try {
    await child.ended;
  } catch (error) {
    if (bytes <= most) throw error;
    throw failed(args, `its answer is over ${most} bytes`);
  }
  if (bytes > most) throw failed(args, `its answer is over ${most} bytes`);
  return Buffer.concat(pieces);
}

/**
 * Runs git while its stdout is read, with back-pressure both ways; it starts with the first read, and is killed when the
 * reader leaves early. Throws as `runGit`, and what the input throws.
 */
export async function* streamGit(
  dir: string,
  args: readonly string[],
  options: { input?: AsyncIterable<Buffer | string>; signal?: AbortSignal | undefined } = {},
): AsyncGenerator<Buffer, void, undefined> {
  const child = spawnGit(dir, args, options);
  let fault: { error: unknown } | undefined;
  // Not awaited: an input that is stuck must not keep an ended child from being told.
  void feed(child, options.input, (error) => {
    fault = { error };
    child.kill();
  });
  try {
    for await (const piece of child.process.stdout) yield piece as Buffer;
    await child.ended;
  } catch (error) {
    fault ??= { error };
  } finally {
    child.kill();
  }
  if (fault !== undefined) throw fault.error;
}

async function feed(
  child: GitChild,
  input: AsyncIterable<Buffer | string> | undefined,
  onFault: (error: unknown) => void,
): Promise<void> {
  const { stdin } = child.process;
  try {
    if (input !== undefined) {
      for await (const piece of input) {
        if (stdin.destroyed) break;
        if (!stdin.write(piece)) await drained(stdin);
      }
    }
    stdin.end();
  } catch (error) {
    onFault(error);
  }
}

/** Waits until a child takes more of its input, or takes none any more. */
export function drained(stdin: GitChild['process']['stdin']): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stdin.off('drain', done);
      stdin.off('close', done);
      resolve();
    };
    stdin.once('drain', done);
    stdin.once('close', done);
    if (stdin.destroyed) done();
  });
}
