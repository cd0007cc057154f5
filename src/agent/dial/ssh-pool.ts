import type { Client, ClientChannel, ConnectConfig } from 'ssh2';
import ssh2 from 'ssh2';
import { RefgateError } from '../../domain/error.ts';
import type { DialTimeouts } from './dial.ts';

/** A channel that the upstream has accepted; `reused` when its connection had served before. */
export interface OpenedChannel {
  readonly channel: ClientChannel;
  readonly reused: boolean;
  /** Gives the place back; the connection stays for the next. Breaks the connection off when it is not to be trusted again. */
  release(broken?: boolean): void;
}

interface Connection {
  readonly client: Client;
  readonly ready: Promise<void>;
  channels: number;
  served: boolean;
  alive: boolean;
  idleTimer?: NodeJS.Timeout;
}

/** How long a pooled connection may take to accept a channel before another is tried, in milliseconds. */
const acceptTimeout = 10_000;

/**
 * Connections to one upstream with one credential. Each carries at most
 * `maxChannels` services at a time (sshd's MaxSessions is 10), and is closed
 * after a time without use.
 */
export class SshPool {
  readonly #connect: () => Promise<ConnectConfig>;
  readonly #explain: (error: Error & { level?: string }) => RefgateError;
  readonly #timeouts: DialTimeouts;
  readonly #maxChannels: number;
  readonly #connections = new Set<Connection>();

  constructor(options: {
    connect: () => Promise<ConnectConfig>;
    explain: (error: Error & { level?: string }) => RefgateError;
    timeouts: DialTimeouts;
    maxChannels: number;
  }) {
    this.#connect = options.connect;
    this.#explain = options.explain;
    this.#timeouts = options.timeouts;
    this.#maxChannels = options.maxChannels;
  }

  get size(): number {
    return this.#connections.size;
  }

  /**
   * Runs a command on a connection that has room, or on a new one.
   * @param fresh never on a connection that has served before.
   */
  async exec(command: string, env: Record<string, string>, fresh: boolean): Promise<OpenedChannel> {
    const connection = this.#withRoom(fresh) ?? (await this.#open());
    const reused = connection.served;
    connection.channels += 1;
    clearTimeout(connection.idleTimer);
    const release = this.#releaser(connection);
    try {
      await connection.ready;
      const channel = await startChannel(connection.client, command, env, reused);
      connection.served = true;
      channel.once('close', () => release());
      return { channel, reused, release };
    } catch (error) {
      release(reused);
      if (reused) return this.exec(command, env, true);
      throw error instanceof RefgateError ? error : this.#explain(error as Error);
    }
  }

  close(): void {
    for (const connection of this.#connections) this.#drop(connection);
  }

  #withRoom(fresh: boolean): Connection | undefined {
    for (const connection of this.#connections) {
      if (fresh && connection.served) continue;
      if (connection.alive && connection.channels < this.#maxChannels) return connection;
    }
    return undefined;
  }

  async #open(): Promise<Connection> {
    const config = await this.#connect();
    const client = new ssh2.Client();
    const ready = new Promise<void>((resolve, reject) => {
      client.once('ready', resolve);
      client.once('error', (error) => reject(this.#explain(error)));
      client.once('close', () => reject(this.#explain(new Error('the connection was closed'))));
    });
    // Whoever waits for a channel hears of it; this keeps it from being unhandled when nobody does.
    ready.catch(() => {});
    const connection: Connection = { client, ready, channels: 0, served: false, alive: true };
    this.#connections.add(connection);
    // An error of a connection is told to its channels by their closing.
    client.on('error', () => this.#drop(connection));
    client.on('close', () => this.#drop(connection));
    try {
      client.connect({
        ...config,
        readyTimeout: this.#timeouts.connect,
        keepaliveInterval: 20_000,
        keepaliveCountMax: 3,
      });
      client.setNoDelay(true);
    } catch (error) {
      this.#drop(connection);
      throw this.#explain(error as Error);
    }
    return connection;
  }

  #releaser(connection: Connection): (broken?: boolean) => void {
    let held = true;
    return (broken = false) => {
      if (broken) this.#drop(connection);
      if (!held) return;
      held = false;
      connection.channels -= 1;
      if (connection.channels > 0 || !connection.alive) return;
      connection.idleTimer = setTimeout(() => this.#drop(connection), this.#timeouts.idle);
      connection.idleTimer.unref();
    };
  }

  #drop(connection: Connection): void {
    if (!connection.alive) return;
    connection.alive = false;
    clearTimeout(connection.idleTimer);
    this.#connections.delete(connection);
    connection.client.end();
    // A peer that does not answer must not keep the socket.
    setTimeout(() => connection.client.destroy(), 1000).unref();
  }
}

function startChannel(
  client: Client,
  command: string,
  env: Record<string, string>,
  reused: boolean,
): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => reject(new Error('the connection was closed'));
    client.once('close', onClose);
    const timer = reused ? setTimeout(() => reject(new Error('no answer')), acceptTimeout) : undefined;
    client.exec(command, { env }, (error, channel) => {
      clearTimeout(timer);
      client.off('close', onClose);
      if (error) reject(error);
      else resolve(channel);
    });
  });
}
