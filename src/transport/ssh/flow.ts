import type { Connection } from 'ssh2';
import { isRekeying, socketOf } from './library.ts';

// What may wait in this process for a socket that the peer does not read.
const congestedBytes = 1024 * 1024;

/**
 * Back-pressure of the TCP socket under a connection, which ssh2 does not
 * pass on: a client that claims an endless window and then reads nothing, or
 * stops in a key exchange, would otherwise make our memory grow.
 */
export class Flow {
  readonly #connection: Connection;
  readonly #waiting: (() => void)[] = [];

  constructor(connection: Connection) {
    this.#connection = connection;
    socketOf(connection).on('drain', () => this.#wake());
    (connection as NodeJS.EventEmitter).on('handshake', () => this.#wake());
    // Requests that want replies, too, are only read as fast as the replies are.
    const socket = socketOf(connection);
    socket.on('data', () => {
      if (socket.writableLength < congestedBytes) return;
      socket.pause();
      socket.once('drain', () => socket.resume());
    });
  }

  get #isOpen(): boolean {
    return socketOf(this.#connection).writableLength < congestedBytes && !isRekeying(this.#connection);
  }

  /** Calls back once a further write would not wait in memory; perhaps never, when the connection closes. */
  whenOpen(callback: () => void): void {
    if (this.#waiting.length === 0 && this.#isOpen) callback();
    else this.#waiting.push(callback);
  }

  #wake(): void {
    while (this.#waiting.length > 0 && this.#isOpen) this.#waiting.shift()?.();
  }
}
