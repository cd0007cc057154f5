import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { RefgateError } from '../domain/error.ts';

/**
 * The output side of a channel: counts bytes, waits for the peer to read, and
 * never queues more than the stream's own high-water mark. Every write throws
 * the signal's reason, or HUNG_UP (client), once the client is gone.
 */
export class ChannelWriter {
  readonly #output: Writable;
  readonly #signal: AbortSignal;
  bytesWritten = 0;

  constructor(output: Writable, signal: AbortSignal) {
    this.#output = output;
    this.#signal = signal;
  }

  async write(bytes: Buffer): Promise<void> {
    if (this.#signal.aborted || this.#output.destroyed) throw this.#gone();
    this.bytesWritten += bytes.length;
    if (this.#output.write(bytes)) return;
    try {
      await once(this.#output, 'drain', { signal: this.#signal });
    } catch (cause) {
      throw this.#gone(cause);
    }
  }

  /** The door knows best why the client is gone: it hung up, it was idle for too long, or we are shutting down. */
  #gone(cause?: unknown): RefgateError {
    const { reason } = this.#signal;
    return reason instanceof RefgateError
      ? reason
      : new RefgateError('HUNG_UP', 'client', undefined, { cause });
  }

  async writeAll(chunks: Iterable<Buffer> | AsyncIterable<Buffer>): Promise<void> {
    for await (const chunk of chunks) await this.write(chunk);
  }
}
