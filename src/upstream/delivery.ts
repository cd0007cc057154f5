import { createReadStream } from 'node:fs';
import type { ClientRequest } from 'node:http';
import { RefgateError } from '../domain/error.ts';
import type { RelayOrder } from '../domain/ports.ts';
import { writeChunk } from './link-write.ts';

/** How much of a held pack is read at a time, in bytes. */
const readSize = 256 * 1024;

/**
 * The body of a relay on its way to the agent. Knows whether the agent may have
 * had everything, and gives up when for a while no byte moves in either direction.
 */
export class Delivery {
  readonly #request: ClientRequest;
  readonly #timer: NodeJS.Timeout;
  #connected = false;
  /** Whether the agent may have all that it needs to let the upstream act. */
  #complete = false;
  #late: RefgateError | undefined;
  /** Whether what came is still being passed on: then it is not the agent that is waited for. */
  #passing = false;
  #unreadable: RefgateError | undefined;

  /** @param idle milliseconds without a byte until it is given up. */
  constructor(request: ClientRequest, idle: number) {
    this.#request = request;
    this.#timer = setTimeout(() => {
      if (this.#passing) {
        this.#timer.refresh();
        return;
      }
      this.#late = new RefgateError('UPSTREAM_TIMEOUT', 'upstream', `nothing came for ${idle / 1000} s`);
      request.destroy(this.#late);
    }, idle);
    request.once('close', () => clearTimeout(this.#timer));
    this.#connected = request.socket?.connecting === false;
    request.once('socket', (socket) => {
      this.#connected = !socket.connecting;
      socket.once('connect', () => {
        this.#connected = true;
      });
    });
  }

  /** Writes the job and the pack. Never rejects: what goes wrong is told by `broken`. */
  async send(job: Buffer, pack: RelayOrder['pack']): Promise<void> {
    try {
      this.#complete = pack === undefined;
      await writeChunk(this.#request, job);
      if (pack !== undefined) await this.#sendPack(pack);
      this.#request.end();
    } catch (error) {
      this.#request.destroy(error as Error);
    }
  }

  /** The answer's chunks as they are; each shows that the other side lives. */
  async *watched(answer: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of answer) {
      this.#passing = true;
      yield chunk;
      this.#passing = false;
      this.#timer.refresh();
    }
  }

  /** What it means that the link broke: UPSTREAM_LOST when the upstream may have acted, else nothing was changed. */
  broken(cause: unknown): RefgateError {
    if (this.#unreadable) return this.#unreadable;
    if (this.#complete && this.#connected) {
      return new RefgateError('UPSTREAM_LOST', 'upstream', this.#late?.detail ?? 'the agent went away', {
        cause,
      });
    }
    return (
      this.#late ?? new RefgateError('UPSTREAM_UNREACHABLE', 'operator', 'the agent is not there', { cause })
    );
  }

  async #sendPack({ file, bytes }: NonNullable<RelayOrder['pack']>): Promise<void> {
    const stream = createReadStream(file, { highWaterMark: readSize });
    const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    let left = bytes;
    let chunk = await this.#next(chunks);
    while (!chunk.done) {
      const next = await this.#next(chunks);
      left -= chunk.value.length;
      // The agent would wait for what is missing.
      if (left < 0 || (next.done && left > 0)) throw this.#spoilt('the held pack is not as long as it was');
      // Before the last bytes, not after them: the agent may be quick.
      if (next.done) this.#complete = true;
      await writeChunk(this.#request, chunk.value);
      this.#timer.refresh();
      chunk = next;
    }
  }

  async #next(chunks: AsyncIterator<Buffer>): Promise<IteratorResult<Buffer>> {
    try {
      return await chunks.next();
    } catch (cause) {
      throw this.#spoilt('the held pack cannot be read', cause);
    }
  }

  #spoilt(what: string, cause?: unknown): RefgateError {
    this.#unreadable = new RefgateError('INTERNAL', 'refgate', what, { cause });
    return this.#unreadable;
  }
}
