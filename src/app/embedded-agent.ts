import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { RefgateError } from '../domain/error.ts';
import type { Log } from '../domain/log.ts';

const agentMain = fileURLToPath(new URL('../agent/main.js', import.meta.url));

/** How the agent begins the line that says why it ends; see agent/main.ts. */
const complaint = 'refgate-agent: ';

/**
 * What the agent does is pass on buffers. Collecting them with helper threads took twice the CPU in all, from the
 * cores that git wants; bin/ starts both programs so too.
 */
const nodeFlags = ['--single-threaded-gc'];

/** How long the agent has to say that it is ready, and to end when asked, in ms. */
const patience = 15_000;

const vaultKeyHere =
  'REFGATE_VAULT_KEY is in the environment of the gateway, which must not know it; unset it, or start refgate-agent by itself with it and name its socket in agentSocket:';

/** How long an agent must have run for its next end to count as the first, in ms. */
const stableAfter = 30_000;

export interface EmbeddedAgentOptions {
  readonly socket: string;
  readonly data: string;
  readonly gatewayKey: string;
  readonly upstreams: string;
  readonly log: Log;
}

export interface EmbeddedAgent {
  /** The process id of the agent as it runs now. */
  readonly pid: number | undefined;
  /** When that process was started, RFC 3339. */
  readonly since: string;
  close(): Promise<void>;
}

/**
 * Starts the agent as a child process and starts it again when it ends, waiting
 * longer each time up to 5 s. It ends with us: its standard input is our pipe.
 * @throws CONFIG_INVALID or UPSTREAM_UNREACHABLE when the first start fails
 */
export async function startEmbeddedAgent(options: EmbeddedAgentOptions): Promise<EmbeddedAgent> {
  const { log } = options;
  if (process.env['REFGATE_VAULT_KEY'] !== undefined)
    throw new RefgateError('CONFIG_INVALID', 'operator', vaultKeyHere);
  let closing = false;
  let restarts = 0;
  let child = await launch(options);
  let since = new Date().toISOString();
  let timer: NodeJS.Timeout | undefined;

  const watch = (watched: ChildProcess): void => {
    const stable = setTimeout(() => {
      restarts = 0;
    }, stableAfter);
    stable.unref();
    watched.once('exit', (code, signal) => {
      clearTimeout(stable);
      if (closing) return;
      log.error({ code, signal }, 'agent ended, starting it again');
      again();
    });
  };
  const again = (): void => {
    timer = setTimeout(
      async () => {
        try {
          const started = await launch(options);
          if (closing) return void started.kill();
          child = started;
          since = new Date().toISOString();
          watch(child);
        } catch (error) {
          log.error({ err: error }, 'agent does not start');
          if (!closing) again();
        }
      },
      Math.min(5_000, 100 * 2 ** restarts++),
    );
  };
  watch(child);

  return {
    get pid() {
      return child.pid;
    },
    get since() {
      return since;
    },
    async close() {
      closing = true;
      clearTimeout(timer);
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      const force = setTimeout(() => child.kill('SIGKILL'), patience);
      await gone;
      clearTimeout(force);
    },
  };
}

async function launch({
  socket,
  data,
  gatewayKey,
  upstreams,
  log,
}: EmbeddedAgentOptions): Promise<ChildProcess> {
  const args = ['--socket', socket, '--data', data, '--gateway-key', gatewayKey, '--upstreams', upstreams];
  const child = spawn(process.execPath, [...nodeFlags, agentMain, ...args, '--parent-stdin'], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // Ctrl-C goes to a terminal's whole process group; the agent must outlive the pushes that the gateway lets end.
    detached: true,
  });
  let last = '';
  createInterface({ input: child.stderr }).on('line', (line) => {
    last = line.startsWith(complaint) ? line.slice(complaint.length) : last;
    logLine(log, line);
  });
  const ready = new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', () => resolve());
    child.once('error', reject);
    // 'close' and not 'exit': what it said on stderr has then been read.
    child.once('close', () => reject(new Error('it ended at once')));
    setTimeout(() => reject(new Error('it was not ready in time')), patience).unref();
  });
  try {
    await ready;
  } catch (cause) {
    child.kill('SIGKILL');
    const configuration = /^CONFIG_INVALID: [^:]+: (.+)$/.exec(last)?.[1];
    if (configuration) throw new RefgateError('CONFIG_INVALID', 'operator', configuration, { cause });
    const why = last || `${(cause as Error).message}; see the log`;
    throw new RefgateError('UPSTREAM_UNREACHABLE', 'operator', `the agent does not start: ${why}`, { cause });
  }
  return child;
}

const logEntry = z.looseObject({
  level: z.number(),
  time: z.number(),
  hostname: z.string(),
  name: z.string(),
});

/** The agent logs as we do: its lines become lines of ours, with their level. */
function logLine(log: Log, line: string): void {
  const entry = logEntry.safeParse(parseJson(line));
  if (!entry.success) {
    log.warn({ agent: line.slice(0, 4_000) }, 'agent says');
    return;
  }
  const { level, time: _, hostname: __, name: ___, ...agent } = entry.data;
  const method = level >= 50 ? 'error' : level >= 40 ? 'warn' : level >= 30 ? 'info' : 'debug';
  log[method]({ agent }, 'agent says');
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
