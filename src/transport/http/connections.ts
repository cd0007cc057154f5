import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { RefgateError } from '../../domain/error.ts';
import { sourceOf } from '../ssh/admission.ts';

/** The two directions of a request in progress, and how to end it. */
interface Watched {
  readonly body: { readonly waitingSince: number | undefined };
  readonly output: { readonly waitingSince: number | undefined };
  cut(error: RefgateError): void;
}

/** Requests that one client may send ahead on one connection. */
const maxPipelined = 8;

/**
 * What holds for a connection, whatever is asked on it: how many one source
 * may have, one request at a time in order, and how long a client may neither
 * send what is awaited nor take what is ready.
 */
export class Connections {
  readonly #idleMs: number;
  readonly #maxPerSource: number;
  readonly #perSource = new Map<string, number>();
  readonly #queues = new WeakMap<Socket, { last: Promise<void>; length: number }>();
  readonly #watched = new Map<Socket, Watched>();
  readonly #expecting = new WeakSet<IncomingMessage>();

  constructor(limits: { idleMs: number; maxConnectionsPerSource: number }) {
    this.#idleMs = limits.idleMs;
    this.#maxPerSource = limits.maxConnectionsPerSource;
  }

  /** Counts a new connection, and closes it when its source has too many. */
  accept(socket: Socket): void {
    const source = sourceOf(socket.remoteAddress ?? '');
    const count = (this.#perSource.get(source) ?? 0) + 1;
    if (count > this.#maxPerSource) {
      socket.destroy();
      return;
    }
    this.#perSource.set(source, count);
    // Each request that was sent ahead listens for the end of the connection, and so does node itself.
    socket.setMaxListeners(maxPipelined + 16);
    socket.once('close', () => {
      const left = (this.#perSource.get(source) ?? 1) - 1;
      if (left === 0) this.#perSource.delete(source);
      else this.#perSource.set(source, left);
    });
  }

  /**
   * Waits until every earlier request of this connection is answered. False
   * when the connection has gone, or sent too many requests ahead and was
   * closed.
   */
  async turn(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const socket = request.socket;
    const queue = this.#queues.get(socket) ?? { last: Promise.resolve(), length: 0 };
    this.#queues.set(socket, queue);
    if (queue.length >= maxPipelined) {
      socket.destroy();
      return false;
    }
    queue.length += 1;
    const before = queue.last;
    queue.last = new Promise((resolve) => {
      const over = () => {
        response.off('close', over);
        socket.off('close', over);
        queue.length -= 1;
        resolve();
      };
      response.once('close', over);
      socket.once('close', over);
    });
    await before;
    return !socket.destroyed;
  }

  /** Remembers that this client waits for 100 (Continue) before it sends its body. */
  expectContinue(request: IncomingMessage): void {
    this.#expecting.add(request);
  }

  expectsContinue(request: IncomingMessage): boolean {
    return this.#expecting.has(request);
  }

  watch(socket: Socket, watched: Watched): void {
    this.#watched.set(socket, watched);
  }

  unwatch(socket: Socket): void {
    this.#watched.delete(socket);
  }

  /** Ends every request in progress with this error. */
  cutAll(error: RefgateError): void {
    for (const watched of this.#watched.values()) watched.cut(error);
  }

  /**
   * For the server's `timeout` event: no byte has moved on this socket for
   * idleMs. While it is our side that is thinking, the clock starts anew.
   */
  idle(socket: Socket): void {
    const watched = this.#watched.get(socket);
    if (watched === undefined) {
      socket.destroy();
      return;
    }
    // Timers may fire a little early; what waits this long has waited long enough.
    const since = performance.now() - this.#idleMs + 50;
    const { body, output } = watched;
    if (output.waitingSince !== undefined && output.waitingSince <= since) {
      watched.cut(new RefgateError('IDLE_TIMEOUT', 'client', 'the answer was not read'));
      socket.destroy();
    } else if (body.waitingSince !== undefined && body.waitingSince <= since) {
      watched.cut(new RefgateError('IDLE_TIMEOUT', 'client'));
      socket.setTimeout(this.#idleMs);
    } else {
      socket.setTimeout(this.#idleMs);
    }
  }
}
