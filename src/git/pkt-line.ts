/**
 * pkt-line framing, gitprotocol-common(5): four hex digits of length, which
 * count themselves, then the payload. Lengths 0, 1 and 2 are signals without
 * payload (gitprotocol-v2(5)); 3 is not assigned, and 4 is an empty line.
 */
import { isUtf8 } from 'node:buffer';
import type { Readable } from 'node:stream';
import { RefgateError } from '../domain/error.ts';
import { type Peer, protocolError, quoted } from './protocol-error.ts';

export type Pkt =
  | { readonly type: 'data'; readonly payload: Buffer }
  | { readonly type: 'flush' }
  | { readonly type: 'delim' }
  | { readonly type: 'response-end' };

/** The longest pkt-line, its four digits included. */
export const maxPktLength = 65520;

const signals: readonly Pkt[] = [{ type: 'flush' }, { type: 'delim' }, { type: 'response-end' }];
const nothing = Buffer.alloc(0);

export const flushPkt: Buffer = Buffer.from('0000');
export const delimPkt: Buffer = Buffer.from('0001');
export const responseEndPkt: Buffer = Buffer.from('0002');

/** One pkt-line. Text gets no LF of its own. Throws a RangeError above 65516 bytes of payload. */
export function encodePkt(payload: string | Buffer): Buffer {
  const size = 4 + Buffer.byteLength(payload);
  if (size > maxPktLength) throw new RangeError(`pkt-line of ${size} bytes`);
  const line = Buffer.allocUnsafe(size);
  line.write(size.toString(16).padStart(4, '0'), 'latin1');
  if (typeof payload === 'string') line.write(payload, 4, 'utf8');
  else payload.copy(line, 4);
  return line;
}

/** The payload as text, without one LF at its end. Throws PROTOCOL_ERROR or UPSTREAM_PROTOCOL when it is not UTF-8. */
export function pktText(payload: Buffer, peer: Peer): string {
  if (!isUtf8(payload)) throw protocolError(peer, `${quoted(payload)} is not UTF-8`);
  return chomp(payload).toString('utf8');
}

/** The payload without one LF at its end. */
export function chomp(payload: Buffer): Buffer {
  return payload[payload.length - 1] === 0x0a ? payload.subarray(0, -1) : payload;
}

/** The length that four bytes announce; PKT_LENGTH when they are not lower-case hex, are 3, or are above 65520. */
export function pktLength(bytes: Buffer, at: number, peer: Peer): number {
  let length = 0;
  for (let i = at; i < at + 4; i++) {
    const byte = bytes[i] ?? 0;
    if (byte >= 0x30 && byte <= 0x39) length = length * 16 + byte - 0x30;
    else if (byte >= 0x61 && byte <= 0x66) length = length * 16 + byte - 0x57;
    else length = Number.NaN;
  }
  if (length <= maxPktLength && length !== 3) return length;
  throw new RefgateError('PKT_LENGTH', peer, quoted(bytes.subarray(at, at + 4)));
}

/**
 * Takes bytes in pieces of any size and gives back whole pkt-lines. Does no
 * I/O, and keeps at most one unfinished line, so a peer cannot make it grow.
 * Payloads may share memory with the chunks that were pushed.
 */
export class PktDecoder {
  readonly #peer: Peer;
  readonly #header = Buffer.alloc(4);
  #headerFill = 0;
  #body: Buffer | undefined;
  #bodyFill = 0;

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  /** Whether no line is unfinished. */
  get idle(): boolean {
    return this.#headerFill === 0 && this.#body === undefined;
  }

  /** Every line that is whole now. Throws PKT_LENGTH. */
  push(chunk: Buffer): Pkt[] {
    const lines: Pkt[] = [];
    let at = 0;
    while (at < chunk.length) {
      const step = this.next(chunk, at);
      at = step.at;
      if (step.pkt !== undefined) lines.push(step.pkt);
    }
    return lines;
  }

  /** Takes bytes from `at` until one line is whole or the chunk is used up. Throws PKT_LENGTH. */
  next(chunk: Buffer, at: number): { pkt: Pkt | undefined; at: number } {
    if (this.#body !== undefined) return this.#fill(this.#body, chunk, at);
    let length: number;
    let from = at;
    if (this.#headerFill === 0 && chunk.length - at >= 4) {
      length = pktLength(chunk, at, this.#peer);
      from += 4;
    } else {
      const copied = chunk.copy(
        this.#header,
        this.#headerFill,
        at,
        Math.min(chunk.length, at + 4 - this.#headerFill),
      );
      this.#headerFill += copied;
      from += copied;
      if (this.#headerFill < 4) return { pkt: undefined, at: from };
      this.#headerFill = 0;
      length = pktLength(this.#header, 0, this.#peer);
    }
    if (length < 4) return { pkt: signals[length], at: from };
    const end = from + length - 4;
    if (end <= chunk.length) return { pkt: { type: 'data', payload: chunk.subarray(from, end) }, at: end };
    this.#body = Buffer.allocUnsafe(length - 4);
    this.#bodyFill = 0;
    return this.#fill(this.#body, chunk, from);
  }

  /** Throws PKT_TRUNCATED when a line is unfinished. */
  end(): void {
    if (!this.idle) throw new RefgateError('PKT_TRUNCATED', this.#peer);
  }

  #fill(body: Buffer, chunk: Buffer, at: number): { pkt: Pkt | undefined; at: number } {
    const copied = chunk.copy(body, this.#bodyFill, at);
    this.#bodyFill += copied;
    if (this.#bodyFill < body.length) return { pkt: undefined, at: at + copied };
    this.#body = undefined;
    return { pkt: { type: 'data', payload: body }, at: at + copied };
  }
}

/**
 * Reads pkt-lines from a stream, one at a time or in batches, and gives back
 * whatever follows them untouched. Calls are made one after another. A stream
 * is never destroyed by it, not even at its end. When the source itself fails,
 * the error is HUNG_UP for a client and UPSTREAM_LOST for an upstream, unless it
 * is a RefgateError already.
 */
export class PktReader {
  readonly peer: Peer;
  readonly #source: AsyncIterator<Buffer>;
  readonly #decoder: PktDecoder;
  #chunk: Buffer = nothing;
  #at = 0;
  #received = 0;
  #ended = false;
  #peeked: Pkt | undefined;

  constructor(source: AsyncIterable<Buffer> | Readable, peer: Peer) {
    this.peer = peer;
    this.#source =
      'iterator' in source && typeof source.iterator === 'function'
        ? (source as Readable).iterator({ destroyOnReturn: false })
        : source[Symbol.asyncIterator]();
    this.#decoder = new PktDecoder(peer);
  }

  /** Bytes taken so far by `read`, `batches`, `take` and `rest`. */
  get bytesRead(): number {
    return this.#received - (this.#chunk.length - this.#at);
  }

  /** The next pkt-line; null at the end of the stream. Throws PKT_LENGTH, PKT_TRUNCATED. */
  async read(): Promise<Pkt | null> {
    for (;;) {
      const pkt = this.#decode();
      if (pkt !== undefined) return pkt;
      if (!(await this.#more())) {
        this.#decoder.end();
        return null;
      }
    }
  }

  /** The pkt-line that `read` will give next. `take` and `rest` must not be called before it is read. */
  async peek(): Promise<Pkt | null> {
    const pkt = await this.read();
    this.#peeked = pkt ?? undefined;
    return pkt;
  }

  /**
   * The payloads of all data lines up to the next flush-pkt, which is taken,
   * in batches of at most `size`: one turn of the event loop each, not one a
   * line. Throws PKT_TRUNCATED without a flush-pkt, PROTOCOL_ERROR or UPSTREAM_PROTOCOL on any other signal.
   */
  async *batches(size = 1024): AsyncGenerator<readonly Buffer[]> {
    let batch: Buffer[] = [];
    for (;;) {
      const pkt = this.#decode();
      if (pkt === undefined) {
        if (batch.length > 0) yield batch;
        batch = [];
        if (!(await this.#more())) throw new RefgateError('PKT_TRUNCATED', this.peer, 'no flush-pkt');
        continue;
      }
      if (pkt.type === 'data') batch.push(pkt.payload);
      else if (pkt.type !== 'flush') throw protocolError(this.peer, `a ${pkt.type}-pkt inside a list`);
      if (batch.length > 0 && (batch.length >= size || pkt.type === 'flush')) {
        yield batch;
        batch = [];
      }
      if (pkt.type === 'flush') return;
    }
  }

  /** The next raw bytes, as many as are at hand; null at the end. Must not be called inside a line. */
  async take(): Promise<Buffer | null> {
    while (this.#at >= this.#chunk.length) if (!(await this.#more())) return null;
    const bytes = this.#chunk.subarray(this.#at);
    this.#at = this.#chunk.length;
    return bytes;
  }

  /** Puts back the tail of what `take` gave last. */
  unread(bytes: Buffer): void {
    this.#chunk = bytes;
    this.#at = 0;
  }

  /** Every byte after the lines that were read, such as a pack. */
  async *rest(): AsyncGenerator<Buffer> {
    for (;;) {
      const bytes = await this.take();
      if (bytes === null) return;
      yield bytes;
    }
  }

  #decode(): Pkt | undefined {
    if (this.#peeked !== undefined) {
      const pkt = this.#peeked;
      this.#peeked = undefined;
      return pkt;
    }
    while (this.#at < this.#chunk.length) {
      const step = this.#decoder.next(this.#chunk, this.#at);
      this.#at = step.at;
      if (step.pkt !== undefined) return step.pkt;
    }
    return undefined;
  }

  async #more(): Promise<boolean> {
    if (this.#ended) return false;
    try {
      const next = await this.#source.next();
      if (next.done === true) {
        this.#ended = true;
        return false;
      }
      this.#chunk = next.value;
      this.#at = 0;
      this.#received += next.value.length;
      return true;
    } catch (cause) {
      this.#ended = true;
      if (cause instanceof RefgateError) throw cause;
      throw new RefgateError(this.peer === 'client' ? 'HUNG_UP' : 'UPSTREAM_LOST', this.peer, undefined, {
        cause,
      });
    }
  }
}
