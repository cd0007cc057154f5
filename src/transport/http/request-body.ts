import type { IncomingMessage } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { RefgateError } from '../../domain/error.ts';
import { HttpRefusal } from './refuse.ts';

export interface BodyLimits {
  /** Bytes, both as sent and as inflated. */
  readonly maxBodyBytes: number;
  /** Inflated bytes per byte sent, once more than 1 MiB is inflated. */
  readonly maxInflatedRatio: number;
}

/**
 * The body as it came, with back-pressure to the socket. Ends with an error
 * LIMIT_EXCEEDED above the limit, and HUNG_UP when the client goes away before
 * the end. Destroying it leaves the request itself alone, so that the rest can
 * still be discarded.
 */
export class RequestBody extends Readable {
  /** Since when the client's bytes are awaited; undefined while it is our turn. Milliseconds of performance.now(). */
  waitingSince: number | undefined;
  received = 0;
  readonly #request: IncomingMessage;
  readonly #maxBytes: number;

  constructor(request: IncomingMessage, maxBytes: number) {
    super({ highWaterMark: 64 * 1024 });
    this.#request = request;
    this.#maxBytes = maxBytes;
    // Without a listener node would throw what the consumer is told anyway.
    this.on('error', () => {});
    request
      .on('data', this.#onData)
      .on('end', this.#onEnd)
      .on('error', this.#onLost)
      .on('close', this.#onLost);
    request.pause();
  }

  override _read(): void {
    this.waitingSince ??= performance.now();
    this.#request.resume();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.waitingSince = undefined;
    this.#request.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onLost);
    this.#request.pause();
    callback(error);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.received += chunk.length;
    if (this.received > this.#maxBytes) {
      this.destroy(tooLarge(this.#maxBytes));
      return;
    }
    this.waitingSince = performance.now();
    if (!this.push(chunk)) {
      this.waitingSince = undefined;
      this.#request.pause();
    }
  };

  readonly #onEnd = (): void => {
    this.waitingSince = undefined;
    this.push(null);
  };

  readonly #onLost = (): void => {
    if (!this.#request.complete) this.destroy(new RefgateError('HUNG_UP', 'client'));
  };
}

/** Throws HttpRefusal 415 for a Content-Encoding other than gzip: what cannot be undone cannot be judged. */
export function checkEncoding(encoding: string | undefined): void {
  if (encoding === undefined || isGzip(encoding)) return;
  throw new HttpRefusal(415, 'a request body may be compressed with gzip only; use a stock git client');
}

function isGzip(encoding: string): boolean {
  return encoding === 'gzip' || encoding === 'x-gzip';
}

/**
 * What the Git grammar reads: the body, inflated when Content-Encoding says
 * gzip. The stream fails with LIMIT_EXCEEDED for a gzip bomb, and
 * PROTOCOL_ERROR for bytes that are not one gzip stream.
 */
export function decodeBody(body: RequestBody, encoding: string | undefined, limits: BodyLimits): Readable {
  if (encoding === undefined || !isGzip(encoding)) return body;
  return Readable.from(inflate(body, limits), { objectMode: false });
}

/** Small requests may shrink well: the ratio counts only from here on. */
const ratioFloor = 1024 * 1024;

async function* inflate(body: RequestBody, limits: BodyLimits): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: 64 * 1024 });
  const piped = pipeline(body, gunzip, () => {});
  let total = 0;
  try {
    for await (const chunk of piped as AsyncIterable<Buffer>) {
      total += chunk.length;
      if (total > limits.maxBodyBytes) throw tooLarge(limits.maxBodyBytes);
      if (total > ratioFloor && total > body.received * limits.maxInflatedRatio) {
        throw new RefgateError(
          'LIMIT_EXCEEDED',
          'client',
          'the gzip body inflates too much; send it uncompressed',
        );
      }
      yield chunk;
    }
  } catch (cause) {
    if (cause instanceof RefgateError) throw cause;
    throw new RefgateError('PROTOCOL_ERROR', 'client', 'the request body is not valid gzip', { cause });
  } finally {
    body.destroy();
    gunzip.destroy();
  }
}

function tooLarge(bytes: number): RefgateError {
  return new RefgateError(
    'LIMIT_EXCEEDED',
    'client',
    `the request body exceeds ${bytes} bytes; push in smaller steps`,
  );
}
