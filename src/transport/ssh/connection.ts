import type { Socket } from 'node:net';
import type { Connection, Session } from 'ssh2';
import { RefgateError } from '../../domain/error.ts';
import type { Authenticator } from '../../domain/identity.ts';
import type { Log } from '../../domain/log.ts';
import type { ChannelResult, GitChannel, Principal } from '../../domain/session.ts';
import { authenticate } from './authenticate.ts';
import { Flow } from './flow.ts';
import { isRekeying, limitPacketSize, overranWindow, socketOf } from './library.ts';
import type { SshLimits } from './limits.ts';
import { attendSession, type OpenSession } from './session.ts';

/** What a connection needs of its door. */
export interface ConnectionContext {
  readonly address: string;
  readonly authenticator: Authenticator;
  readonly limits: SshLimits;
  readonly log: Log;
  serve(channel: GitChannel): Promise<ChannelResult>;
  /** Called once, when the client is known. */
  loggedIn(): void;
  /** Called when a try to log in was refused. */
  loginRefused(): void;
}

// RFC 4253, 6.1: every client takes packets of this size. Much smaller ones
// would only make each byte dear.
const packetBytes = { least: 1024, most: 32_768 };
// How long a peer may take to close its side, once we have closed ours.
const lingerMs = 2_000;
// How long sessions that were cut may take to end.
const lastWordsMs = 1_000;

/** One client from its first SSH line on: login, then sessions, several at a time. */
export class SshConnection {
  readonly #connection: Connection;
  readonly #socket: Socket;
  readonly #context: ConnectionContext;
  readonly #flow: Flow;
  readonly #sessions = new Map<Session, OpenSession>();
  readonly #idle: NodeJS.Timeout;
  #principal: Principal | undefined;
  #isClosing = false;
  #isCut = false;
  #rekeyAt: number;

  constructor(connection: Connection, context: ConnectionContext) {
    this.#connection = connection;
    this.#socket = socketOf(connection);
    this.#context = context;
    this.#flow = new Flow(connection);
    this.#rekeyAt = context.limits.rekeyBytes;
    this.#idle = setTimeout(() => this.#onIdle(), context.limits.idleMs);
    this.#watch();
    this.#login();
    connection.on('session', (accept, reject) => this.#open(accept, reject));
  }

  /** Whether a command runs on any session. */
  get isBusy(): boolean {
    return [...this.#sessions.values()].some((session) => session.isRunning());
  }

  /** Takes no more sessions; hangs up as soon as none runs. */
  drain(): void {
    this.#isClosing = true;
    if (!this.isBusy) this.hangUp();
  }

  /** Ends running sessions with this error, then the connection. */
  cut(error: RefgateError): void {
    this.#isClosing = true;
    this.#isCut = true;
    for (const session of this.#sessions.values()) session.cut(error);
    if (!this.isBusy) {
      this.hangUp();
      return;
    }
    // the sessions can still say why
    const timer = setTimeout(() => this.hangUp(), lastWordsMs);
    this.#socket.once('close', () => clearTimeout(timer));
  }

  /** Says goodbye, and does not wait long for the peer to say it too. */
  hangUp(): void {
    this.#connection.end();
    this.#lingerOut();
  }

  #watch(): void {
    const { address, log } = this.#context;
    const gone = (): void => {
      clearTimeout(this.#idle);
      const error = new RefgateError('HUNG_UP', 'client');
      for (const session of this.#sessions.values()) session.cut(error);
    };
    this.#connection.on('error', (error: Error & { level?: string }) => {
      log.debug({ address, reason: error.message, level: error.level }, 'ssh connection error');
      gone(); // every error is the end of the connection
      this.#lingerOut();
    });
    this.#connection.on('end', gone);
    this.#connection.on('close', gone);
    this.#connection.on('rekey', () => {
      // no client has a reason to, and each costs us more than it costs the client
      if (this.#principal === undefined) this.#socket.destroy();
    });
    this.#socket.on('finish', () => this.#lingerOut());
    this.#socket.on('data', () => this.#check());
  }

  #login(): void {
    const { address, authenticator, limits, log } = this.#context;
    authenticate(this.#connection, authenticator, limits.maxAuthTries, {
      accepted: (principal) => {
        this.#principal = principal;
        this.#context.loggedIn();
        log.info({ address, user: principal.user, credential: principal.credential }, 'ssh login');
      },
      refused: () => this.#context.loginRefused(),
      exhausted: () => {
        log.info({ address }, 'ssh login given up');
        this.hangUp();
      },
      failed: (error) => {
        log.error({ address, err: error }, 'ssh login failed');
        this.hangUp();
      },
    });
  }

  #open(accept: () => Session, reject: () => void): void {
    const { address, limits, log, serve } = this.#context;
    const principal = this.#principal;
    const isFull = this.#sessions.size >= limits.maxSessionsPerConnection;
    if (principal === undefined || this.#isClosing || isFull) {
      reject();
      return;
    }
    const session = accept();
    if (limitPacketSize(session, packetBytes.most) < packetBytes.least) {
      log.info({ address, user: principal.user }, 'ssh client takes no packets of useful size');
      this.hangUp();
      return;
    }
    const open = attendSession(session, {
      connection: this.#connection,
      principal,
      address,
      flow: this.#flow,
      idleMs: limits.idleMs,
      log,
      serve,
      // without a DISCONNECT, before which the client might not have read the exit status
      ended: () => void (this.#isCut && !this.isBusy && this.#socket.end()),
    });
    this.#sessions.set(session, open);
    session.on('close', () => {
      this.#sessions.delete(session);
      this.#idle.refresh();
      if (this.#isClosing && !this.isBusy) this.hangUp();
    });
  }

  /** What ssh2 does not look after, on every piece of input. */
  #check(): void {
    for (const session of this.#sessions.keys()) if (overranWindow(session)) this.#socket.destroy();
    const moved = this.#socket.bytesRead + this.#socket.bytesWritten;
    if (moved < this.#rekeyAt || this.#principal === undefined || isRekeying(this.#connection)) return;
    this.#rekeyAt = moved + this.#context.limits.rekeyBytes;
    this.#connection.rekey();
  }

  #onIdle(): void {
    if (this.isBusy) this.#idle.refresh();
    else this.hangUp();
  }

  #lingerOut(): void {
    if (this.#socket.destroyed) return;
    const timer = setTimeout(() => this.#socket.destroy(), lingerMs);
    this.#socket.once('close', () => clearTimeout(timer));
  }
}
