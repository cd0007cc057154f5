import { finished } from 'node:stream/promises';
import type { Connection, ServerChannel, Session } from 'ssh2';
import { RefgateError } from '../../domain/error.ts';
import type { ProtocolVersion } from '../../domain/git.ts';
import type { Log } from '../../domain/log.ts';
import type { ChannelResult, GitChannel, Principal } from '../../domain/session.ts';
import { parseCommandLine } from '../../git/command-line.ts';
import { canonicalRepo, parseGitProtocol } from '../../git/repo-path.ts';
import { cleanLine } from '../../git/text.ts';
import type { Flow } from './flow.ts';
import { closeUnused, refuseRequest } from './library.ts';
import { refuse } from './refuse.ts';
import { openStreams, type SessionStreams } from './session-streams.ts';

/** What one session channel needs of its connection. */
export interface SessionContext {
  readonly connection: Connection;
  readonly principal: Principal;
  readonly address: string;
  readonly flow: Flow;
  readonly idleMs: number;
  readonly log: Log;
  serve(channel: GitChannel): Promise<ChannelResult>;
  /** Called when what ran on the session has ended, and all was sent. */
  ended(): void;
}

/** A session channel, for the connection that holds it. */
export interface OpenSession {
  /** Whether a command runs now. */
  isRunning(): boolean;
  /** Ends what runs, with this error for whoever reads or writes; the client is told when it is there to hear. */
  cut(error: RefgateError): void;
}

// Without a listener ssh2 refuses these too, but leaves the client without an answer while a command runs.
const neverServed = ['pty', 'window-change', 'x11', 'auth-agent', 'signal', 'subsystem', 'sftp'] as const;

const greetingStatus = 1; // as GitHub does: nothing was done

/**
 * Attends to one session channel: at most one exec, GIT_PROTOCOL as the only
 * environment, and a greeting instead of a shell. Everything else is refused.
 */
export function attendSession(session: Session, context: SessionContext): OpenSession {
  const { connection, principal } = context;
  let version: ProtocolVersion = 0;
  let running: { cut(error: RefgateError): void } | undefined;
  let wasStarted = false;

  function start(
    accept: (() => ServerChannel) | undefined,
    reject: unknown,
    command: string | undefined,
  ): void {
    if (wasStarted || accept === undefined) {
      if (typeof reject === 'function') refuseRequest(connection, session);
      return;
    }
    wasStarted = true;
    // accepted at once: bytes that come before would be lost
    const channel = accept();
    channel.on('error', () => undefined);
    channel.stderr.on('error', () => undefined);
    const run = new Run(channel, context);
    running = run;
    const task = command === undefined ? run.greet(principal) : run.serve(command, version);
    task
      .catch((error: unknown) =>
        context.log.error({ err: error, address: context.address }, 'ssh session broke'),
      )
      .finally(() => {
        running = undefined;
        context.ended();
      });
  }

  session.on('env', (accept, reject, { key, val }) => {
    const isTaken = key === 'GIT_PROTOCOL' && !wasStarted;
    if (isTaken) version = parseGitProtocol(val);
    (isTaken ? accept : reject)?.();
  });
  session.on('exec', (accept, reject, { command }) => start(accept as () => ServerChannel, reject, command));
  session.on('shell', (accept, reject) => start(accept as () => ServerChannel, reject, undefined));
  for (const name of neverServed)
    (session as NodeJS.EventEmitter).on(name, (_accept: unknown, reject: unknown) => {
      if (typeof reject === 'function') refuseRequest(connection, session);
    });
  session.on('close', () => {
    if (!wasStarted) closeUnused(connection, session);
    wasStarted = true;
    running?.cut(new RefgateError('HUNG_UP', 'client'));
  });
  return { isRunning: () => running !== undefined, cut: (error) => running?.cut(error) };
}

/** One exec, from the command to the exit status. */
class Run {
  readonly #channel: ServerChannel;
  readonly #context: SessionContext;
  readonly #streams: SessionStreams;
  readonly #control = new AbortController();

  constructor(channel: ServerChannel, context: SessionContext) {
    this.#channel = channel;
    this.#context = context;
    this.#streams = openStreams(channel, context.flow, context.idleMs, (error) => this.cut(error));
  }

  cut(error: RefgateError): void {
    if (this.#control.signal.aborted) return;
    this.#control.abort(error);
    this.#streams.fail(error);
  }

  async greet(principal: Principal): Promise<void> {
    const name = cleanLine(principal.user, 100);
    const text = "You've successfully authenticated, but Refgate does not provide shell access.";
    await this.#end(greetingStatus, `Hi ${name}! ${text}\r\n`);
  }

  async serve(command: string, version: ProtocolVersion): Promise<void> {
    const { principal, address, log } = this.#context;
    try {
      const { service, path } = parseCommandLine(command);
      const repo = canonicalRepo(path);
      const { exitStatus } = await this.#context.serve({
        transport: 'ssh',
        mode: 'stateful',
        service,
        // the others have no version 2; git's own answers such a client in version 0
        version: service !== 'upload-pack' && version === 2 ? 0 : version,
        principal,
        repo,
        client: { address },
        input: this.#streams.input,
        output: this.#streams.output,
        signal: this.#control.signal,
      });
      await this.#end(exitStatus, '');
    } catch (error) {
      await this.#end(1, refuse(error, log, { address, user: principal.user }));
    }
  }

  /** Writes what is left, then the line, then the status, and closes: in this order, or the client loses some of it. */
  async #end(status: number, line: string): Promise<void> {
    const { output } = this.#streams;
    if (!output.writableEnded) output.end();
    const isWhole = await finished(output).then(
      () => true,
      () => false,
    );
    const reason: unknown = this.#control.signal.reason;
    const isGone = reason instanceof RefgateError && reason.code === 'HUNG_UP';
    // After output on stdout ssh2 must not be given stderr: with a full window it would repeat stdout's bytes.
    if (line !== '' && !isGone && this.#streams.written() === 0) await this.#say(line);
    this.#streams.finish();
    if (isGone) return;
    this.#channel.exit(isWhole ? status : 1);
    if (isWhole) this.#channel.end();
    else this.#channel.close();
  }

  /** Resolves once the line was sent, or cannot be. */
  #say(line: string): Promise<void> {
    const { signal } = this.#control;
    return new Promise((resolve) => {
      this.#channel.stderr.write(line, () => resolve());
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}
