import { RefgateError } from '../domain/error.ts';

/**
 * Deltas, gitformat-pack(5) "Deltified representation": the size of the base
 * and the size of the result as little-endian base-128 numbers, then
 * instructions: copy (offset, size) from the base, or insert up to 127 bytes.
 */

export interface DeltaHeader {
  readonly baseSize: number;
  readonly resultSize: number;
  /** Where the instructions begin. */
  readonly at: number;
}

/** The most bytes that the two sizes take: two numbers of eight bytes cover 2^53. */
export const deltaHeaderBytes = 16;

/** Reads both sizes from the start of a delta. Throws PACK_DELTA when they are cut off or exceed 2^53 - 1. */
export function readDeltaHeader(delta: Uint8Array): DeltaHeader {
  const base = readSize(delta, 0);
  const result = readSize(delta, base.at);
  return { baseSize: base.size, resultSize: result.size, at: result.at };
}

function readSize(delta: Uint8Array, from: number): { size: number; at: number } {
  let size = 0;
  let scale = 1;
  for (let at = from; at < delta.length; at++) {
    const byte = delta[at] as number;
    size += (byte & 0x7f) * scale;
    if (size > Number.MAX_SAFE_INTEGER || at - from >= 8) throw invalid('a size is over 2^53');
    if (byte < 0x80) return { size, at: at + 1 };
    scale *= 128;
  }
  throw invalid('it ends inside a size');
}

/** Where the pieces of a result go, in order. */
export interface DeltaSink {
  copy(offset: number, size: number): void;
  insert(delta: Buffer, from: number, size: number): void;
}

/**
 * Applies a delta that is given in pieces, and checks it: every copy lies in
 * the base, and the result has exactly the announced size. Keeps at most one
 * unfinished instruction. Throws PACK_DELTA.
 */
export class DeltaReader {
  readonly #baseSize: number;
  readonly #sink: DeltaSink;
  #left: number;
  #rest: Buffer = Buffer.alloc(0);

  /** The pieces that follow are the instructions alone, from `header.at` on. */
  constructor(header: DeltaHeader, sink: DeltaSink) {
    this.#baseSize = header.baseSize;
    this.#left = header.resultSize;
    this.#sink = sink;
  }

  write(piece: Buffer): void {
    const data = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    let at = 0;
    while (at < data.length) {
      const opcode = data[at] as number;
      const length = 1 + (opcode & 0x80 ? argumentBytes(opcode) : opcode);
      if (at + length > data.length) break;
      this.#run(data, at, opcode);
      at += length;
    }
    this.#rest = Buffer.from(data.subarray(at));
  }

  #run(data: Buffer, at: number, opcode: number): void {
    if (opcode === 0) throw invalid('it holds the reserved instruction');
    const copies = (opcode & 0x80) !== 0;
    const offset = copies ? copyOffset(data, at, opcode) : 0;
    const size = copies ? copySize(data, at, opcode) : opcode;
    if (copies && offset + size > this.#baseSize) throw invalid('it copies from beyond its base');
    this.#left -= size;
    if (this.#left < 0) throw invalid('its result is larger than announced');
    if (copies) this.#sink.copy(offset, size);
    else this.#sink.insert(data, at + 1, size);
  }

  /** To be called after the last piece. */
  end(): void {
    if (this.#rest.length > 0) throw invalid('it ends inside an instruction');
    if (this.#left !== 0) throw invalid('its result is smaller than announced');
  }
}

const bits = [0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4];

function argumentBytes(opcode: number): number {
  return (bits[opcode & 0x0f] as number) + (bits[(opcode >> 4) & 0x07] as number);
}

function copyOffset(data: Buffer, at: number, opcode: number): number {
  let next = at + 1;
  let offset = 0;
  if (opcode & 0x01) offset = data[next++] as number;
  if (opcode & 0x02) offset |= (data[next++] as number) << 8;
  if (opcode & 0x04) offset |= (data[next++] as number) << 16;
  if (opcode & 0x08) offset += (data[next++] as number) * 0x1000000;
  return offset;
}

function copySize(data: Buffer, at: number, opcode: number): number {
  let next = at + 1 + (bits[opcode & 0x0f] as number);
  let size = 0;
  if (opcode & 0x10) size = data[next++] as number;
  if (opcode & 0x20) size |= (data[next++] as number) << 8;
  if (opcode & 0x40) size |= (data[next++] as number) << 16;
  return size === 0 ? 0x10000 : size;
}

/**
 * Applies a whole delta to a whole base, into `out` from `outFrom` on, which
 * must have room for `header.resultSize` bytes. Throws PACK_DELTA for anything
 * that would read outside the base or miss the announced size.
 */
export function applyDelta(
  base: Uint8Array,
  delta: Uint8Array,
  header: DeltaHeader,
  out: Uint8Array,
  outFrom: number,
): void {
  const end = delta.length;
  const outEnd = outFrom + header.resultSize;
  const baseSize = header.baseSize;
  let at = header.at;
  let to = outFrom;
  while (at < end) {
    const opcode = delta[at++] as number;
    let source = delta;
    let offset = at;
    let size = opcode;
    if (opcode & 0x80) {
      offset = 0;
      size = 0;
      if (opcode & 0x01) offset = delta[at++] as number;
      if (opcode & 0x02) offset |= (delta[at++] as number) << 8;
      if (opcode & 0x04) offset |= (delta[at++] as number) << 16;
      if (opcode & 0x08) offset += (delta[at++] as number) * 0x1000000;
      if (opcode & 0x10) size = delta[at++] as number;
      if (opcode & 0x20) size |= (delta[at++] as number) << 8;
      if (opcode & 0x40) size |= (delta[at++] as number) << 16;
      if (size === 0) size = 0x10000;
      if (at > end) throw invalid('it ends inside an instruction');
      if (offset + size > baseSize) throw invalid('it copies from beyond its base');
      source = base;
    } else {
      if (opcode === 0) throw invalid('it holds the reserved instruction');
      at += size;
      if (at > end) throw invalid('it ends inside an instruction');
    }
    if (to + size > outEnd) throw invalid('its result is larger than announced');
    // Below this size the loop is quicker than making a view.
    if (size < 96) for (let i = 0; i < size; i++) out[to + i] = source[offset + i] as number;
    else out.set(source.subarray(offset, offset + size), to);
    to += size;
  }
  if (to !== outEnd) throw invalid('its result is smaller than announced');
}

function invalid(detail: string): RefgateError {
  return new RefgateError('PACK_DELTA', 'client', detail);
}
