/**
 * A whole Refgate: `refgate serve` as a process of its own, with its embedded
 * agent, as an operator starts it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { type GitRun, runCommand } from './git.ts';

/** The folder that holds the compiled src and test, whichever build this file is of. */
export const outDir = fileURLToPath(new URL('../../', import.meta.url));

const main = join(outDir, 'src', 'cli', 'main.js');

export interface RefgateOptions {
  /** A folder of the test: refgate.yaml, policy.yaml and data are written into it. */
  readonly dir: string;
  /** refgate.yaml as text, or as a value; addresses default to port 0 of 127.0.0.1, `data` and `policy` to `dir`. */
  readonly config: string | Readonly<Record<string, unknown>>;
  /** policy.yaml as text, or as a value. */
  readonly policy: string | Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  /** A compiled program to run in place of `refgate`, with the same arguments; for servers that fail on purpose. */
  readonly program?: string;
  /** Milliseconds until the ready line must have come; 30 s when not said. */
  readonly readyWithin?: number;
}

/** The line that `refgate serve` prints when it is ready. */
export interface ReadyLine {
  readonly event: 'ready';
  readonly ssh: string;
  readonly http: string;
  readonly ops: string;
  readonly admin: string;
  readonly pid: number;
}

export interface Refgate extends ReadyLine {
  readonly dir: string;
  readonly configFile: string;
  readonly sshPort: number;
  /** Runs `refgate ARGS --config FILE` to its end. */
  cli(args: readonly string[], input?: string): Promise<GitRun>;
  /** `cli` that must exit 0; gives stdout. */
  ok(args: readonly string[], input?: string): Promise<string>;
  /** Everything the server wrote on stderr until now. */
  log(): string;
  /** SIGTERM, and its exit status; null when a signal ended it. */
  stop(): Promise<number | null>;
  /** SIGKILL, as a crash. */
  kill(): Promise<void>;
}

/** Starts the server and waits until it is ready; it is ended with the test. */
export async function startRefgate(
  t: { after(close: () => unknown): void },
  options: RefgateOptions,
): Promise<Refgate> {
  const configFile = writeConfig(options);
  const child = spawn(
    process.execPath,
    ['--single-threaded-gc', options.program ?? main, 'serve', '--config', configFile],
    {
      cwd: options.dir,
      env: { PATH: process.env['PATH'], HOME: options.dir, LC_ALL: 'C', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let log = '';
  child.stderr.on('data', (piece: Buffer) => {
    log = (log + piece.toString()).slice(-1_000_000);
  });
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill(signal);
      await Promise.race([exited, killLater(child)]);
    }
    return child.exitCode;
  };
  t.after(() => end('SIGTERM'));
  const ready = await readyLine(child, options.readyWithin ?? 30_000, () => log);
  const cli = (args: readonly string[], input = ''): Promise<GitRun> =>
    runCommand(process.execPath, [main, ...args, '--config', configFile], {
      cwd: options.dir,
      env: { PATH: process.env['PATH'], HOME: options.dir, LC_ALL: 'C', ...options.env },
      input,
    });
  return {
    ...ready,
    dir: options.dir,
    configFile,
    sshPort: Number(/:(\d+)$/.exec(ready.ssh)?.[1]),
    cli,
    ok: async (args, input) => {
      const run = await cli(args, input);
      if (run.status !== 0) throw new Error(`refgate ${args.join(' ')} gave ${run.status}: ${run.stderr}`);
      return run.stdout;
    },
    log: () => log,
    stop: () => end('SIGTERM'),
    kill: async () => {
      await end('SIGKILL');
    },
  };
}

function writeConfig({ dir, config, policy }: RefgateOptions): string {
  const policyFile = join(dir, 'policy.yaml');
  const configFile = join(dir, 'refgate.yaml');
  const defaults = {
    data: join(dir, 'data'),
    listen: { ssh: '127.0.0.1:0', http: '127.0.0.1:0', ops: '127.0.0.1:0' },
    policy: policyFile,
  };
  writeFileSync(policyFile, typeof policy === 'string' ? policy : stringify(policy));
  writeFileSync(configFile, typeof config === 'string' ? config : stringify({ ...defaults, ...config }));
  for (const file of [policyFile, configFile]) chmodSync(file, 0o600);
  return configFile;
}

function readyLine(child: ChildProcess, within: number, log: () => string): Promise<ReadyLine> {
  const { stdout } = child;
  if (stdout === null) throw new Error('the server has no stdout');
  const lines = createInterface({ input: stdout });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail('was not ready in time'), within);
    const exited = (): void => fail(`ended with ${child.exitCode ?? child.signalCode}`);
    const fail = (what: string): void => {
      finish();
      child.kill('SIGKILL');
      reject(new Error(`refgate serve ${what}:\n${log()}`));
    };
    const finish = (): void => {
      clearTimeout(timer);
      child.off('exit', exited);
    };
    child.once('exit', exited);
    lines.on('line', (line) => {
      if (!line.includes('"ready"')) return;
      finish();
      resolve(JSON.parse(line) as ReadyLine);
    });
  });
}

/** A server that does not stop within 15 s of SIGTERM is killed; the exit status then tells. */
function killLater(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
