/**
 * Sidebands, gitprotocol-pack(5) "Packfile Data": pkt-lines whose first byte is
 * the band: 1 is pack or report, 2 is progress for people, 3 is a fatal error.
 */
import { RefgateError } from '../domain/error.ts';
import { maxPktLength, type PktReader, pktLength } from './pkt-line.ts';
import { type Peer, protocolError } from './protocol-error.ts';
import { TerminalFilter } from './terminal-filter.ts';

export type Band = 1 | 2 | 3;

export interface BandData {
  readonly band: Band;
  readonly data: Buffer;
}

/** The longest pkt-line of `side-band-64k` and of `side-band`, in bytes. */
export const sidebandLimits = { 'side-band-64k': maxPktLength, 'side-band': 1000 } as const;

export type SidebandKind = keyof typeof sidebandLimits;

/** The pkt-lines that carry `data` on a band, in order, without copying the data. Nothing for no data. */
export function* encodeBand(
  band: Band,
  data: Buffer,
  kind: SidebandKind = 'side-band-64k',
): Generator<Buffer> {
  const room = sidebandLimits[kind] - 5;
  for (let at = 0; at < data.length; at += room) {
    const part = data.subarray(at, at + room);
    yield Buffer.from(
      `${(part.length + 5).toString(16).padStart(4, '0')}${String.fromCharCode(band)}`,
      'latin1',
    );
    yield part;
  }
}

/** One buffer with text for people on band 2 or 3; each line should end with LF. */
export function bandText(band: 2 | 3, text: string, kind: SidebandKind = 'side-band-64k'): Buffer {
  return Buffer.concat([...encodeBand(band, Buffer.from(text), kind)]);
}

/**
 * Takes sideband pkt-lines apart. `end` says what closes them: `flush` (taken; the end of the stream before it is
 * PKT_TRUNCATED) or `eof` (a flush-pkt is then an error). Throws PROTOCOL_ERROR or UPSTREAM_PROTOCOL.
 */
export async function* demux(reader: PktReader, end: 'flush' | 'eof' = 'flush'): AsyncGenerator<BandData> {
  for (;;) {
    const pkt = await reader.read();
    if (pkt === null && end === 'eof') return;
    if (pkt === null)
      throw new RefgateError('PKT_TRUNCATED', reader.peer, 'no flush-pkt after the sidebands');
    if (pkt.type === 'flush' && end === 'flush') return;
    if (pkt.type !== 'data') throw protocolError(reader.peer, `a ${pkt.type}-pkt inside the sidebands`);
    const band = pkt.payload[0];
    if (band !== 1 && band !== 2 && band !== 3)
      throw protocolError(reader.peer, `sideband ${band ?? 'missing'}`);
    yield { band, data: pkt.payload.subarray(1) };
  }
}

/** The data of band 1; bands 2 and 3 go to `onMessage`, which is awaited. */
export async function* bandOne(
  bands: AsyncIterable<BandData>,
  onMessage: (message: BandData) => void | Promise<void>,
): AsyncGenerator<Buffer> {
  for await (const piece of bands) {
    if (piece.band !== 1) await onMessage(piece);
    else if (piece.data.length > 0) yield piece.data;
  }
}

/**
 * Walks the framing of sideband pkt-lines as they pass, in chunks of any size.
 * Band 1 costs one step a pkt-line, not a byte, and is not copied; what would
 * act on a terminal is neutralised in place on bands 2 and 3. Changes the chunks it is given.
 */
export class SidebandScanner {
  readonly #peer: Peer;
  readonly #head = Buffer.alloc(5);
  readonly #filters = [new TerminalFilter(), new TerminalFilter()] as const;
  #headFill = 0;
  #left = 0;
  #band = 1;
  #done = false;

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  /** Whether the closing flush-pkt has passed. */
  get done(): boolean {
    return this.#done;
  }

  /**
   * Calls `emit` with what may go on, in order, and returns how many bytes of
   * the chunk belong to the sidebands, the closing flush-pkt (which is not emitted) included. A
   * header that is cut at the end of the chunk is kept back. Throws PKT_LENGTH, PROTOCOL_ERROR, UPSTREAM_PROTOCOL.
   */
  scan(chunk: Buffer, emit: (bytes: Buffer) => void): number {
    let at = 0;
    let from = 0;
    while (at < chunk.length && !this.#done) {
      if (this.#left > 0) {
        at = this.#body(chunk, at);
      } else if (this.#headFill === 0 && chunk.length - at >= 5) {
        if (this.#open(chunk, at)) at += 5;
        else {
          if (at > from) emit(chunk.subarray(from, at));
          from = at += 4;
        }
      } else {
        if (at > from) emit(chunk.subarray(from, at));
        from = at = this.#collect(chunk, at, emit);
      }
    }
    if (at > from) emit(chunk.subarray(from, at));
    return at;
  }

  /** Throws PKT_TRUNCATED when the stream ends before the flush-pkt. */
  end(): void {
    if (!this.#done) throw new RefgateError('PKT_TRUNCATED', this.#peer, 'no flush-pkt after the sidebands');
  }

  #body(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#left);
    if (this.#band !== 1) this.#filters[this.#band === 2 ? 0 : 1].clean(chunk, at, end);
    this.#left -= end - at;
    return end;
  }

  /** Takes a header of five bytes; false when it was the flush-pkt. */
  #open(bytes: Buffer, at: number): boolean {
    const length = pktLength(bytes, at, this.#peer);
    if (length === 0) {
      this.#done = true;
      return false;
    }
    const band = bytes[at + 4] ?? 0;
    if (length < 5) throw protocolError(this.#peer, `a pkt-line of length ${length} inside the sidebands`);
    if (band < 1 || band > 3) throw protocolError(this.#peer, `sideband ${band}`);
    this.#band = band;
    this.#left = length - 5;
    return true;
  }

  /** Gathers a header that is cut over chunks. */
  #collect(chunk: Buffer, at: number, emit: (bytes: Buffer) => void): number {
    let next = at;
    while (next < chunk.length && this.#headFill < 5) {
      this.#head[this.#headFill++] = chunk[next++] ?? 0;
      if (this.#headFill === 4 && pktLength(this.#head, 0, this.#peer) < 5) {
        this.#open(this.#head, 0);
        break;
      }
    }
    if (this.#headFill === 5 && this.#open(this.#head, 0)) {
      this.#headFill = 0;
      emit(Buffer.from(this.#head));
    }
    return next;
  }
}

/**
 * The sideband pkt-lines that follow on the reader, at full speed and as they
 * were framed, up to the closing flush-pkt, which is taken and not given. The reader
 * can go on after it. Throws as SidebandScanner does.
 */
export async function* passThrough(reader: PktReader): AsyncGenerator<Buffer> {
  const scanner = new SidebandScanner(reader.peer);
  while (!scanner.done) {
    const chunk = await reader.take();
    if (chunk === null) {
      scanner.end();
      return;
    }
    const pieces: Buffer[] = [];
    const used = scanner.scan(chunk, (bytes) => pieces.push(bytes));
    if (used < chunk.length) reader.unread(chunk.subarray(used));
    yield* pieces;
  }
}
