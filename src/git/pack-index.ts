import { createHash } from 'node:crypto';
import type { ObjectFormat } from '../domain/git.ts';
import { hashBytes } from './pack-stream.ts';

/**
 * Pack index version 2, gitformat-pack(5): magic and version, a fanout table
 * of 256 counts, then for all objects in the order of their oids the oids, the
 * CRC32 of the packed data, and the offsets; offsets from 2^31 on stand in a
 * table of 64-bit numbers. At the end the pack's hash and the index's own.
 */

/** The objects of a pack as columns; row i of each belongs to one object, in any order. */
export interface IndexColumns {
  readonly count: number;
  readonly oids: Uint8Array;
  readonly crcs: Uint32Array;
  readonly offsets: Float64Array;
}

const largeOffset = 2 ** 31;

/**
 * Gives the index in pieces of about 64 KiB.
 * @param order the rows in the order of their oids, as `sortOids` gives it.
 */
export function* formatPackIndex(
  columns: IndexColumns,
  order: Uint32Array,
  packHash: Buffer,
  format: ObjectFormat,
): Generator<Buffer> {
  const hash = createHash(format);
  for (const piece of formatBody(columns, order, hashBytes(format))) {
    hash.update(piece);
    yield piece;
  }
  hash.update(packHash);
  yield packHash;
  yield hash.digest();
}

function* formatBody(columns: IndexColumns, order: Uint32Array, width: number): Generator<Buffer> {
  yield Buffer.from([0xff, 0x74, 0x4f, 0x63, 0, 0, 0, 2]);
  yield formatFanout(columns, order, width);
  const { oids, crcs, offsets } = columns;
  yield* formatRows(order, width, (row, out, at) =>
    out.set(oids.subarray(row * width, (row + 1) * width), at),
  );
  yield* formatRows(order, 4, (row, out, at) => out.writeUInt32BE(crcs[row] as number, at));
  const large: number[] = [];
  yield* formatRows(order, 4, (row, out, at) => {
    const offset = offsets[row] as number;
    out.writeUInt32BE(offset < largeOffset ? offset : largeOffset + large.push(offset) - 1, at);
  });
  yield* formatRows(Uint32Array.from(large.keys()), 8, (row, out, at) => {
    out.writeBigUInt64BE(BigInt(large[row] as number), at);
  });
}

/** Byte by byte, which for so few is quicker than making a view. */
export function copyOid(oids: Uint8Array, row: number, out: Uint8Array, at: number, width: number): void {
  const from = row * width;
  for (let i = 0; i < width; i++) out[at + i] = oids[from + i] as number;
}

function formatFanout(columns: IndexColumns, order: Uint32Array, width: number): Buffer {
  const counts = new Uint32Array(256);
  for (const row of order) {
    const first = columns.oids[row * width] as number;
    counts[first] = (counts[first] as number) + 1;
  }
  const fanout = Buffer.alloc(1024);
  let sum = 0;
  counts.forEach((count, first) => {
    sum += count;
    fanout.writeUInt32BE(sum, first * 4);
  });
  return fanout;
}

function* formatRows(
  order: Uint32Array,
  width: number,
  write: (row: number, out: Buffer, at: number) => void,
): Generator<Buffer> {
  const rows = Math.floor(65536 / width);
  for (let from = 0; from < order.length; from += rows) {
    const to = Math.min(from + rows, order.length);
    const out = Buffer.allocUnsafe((to - from) * width);
    for (let i = from; i < to; i++) write(order[i] as number, out, (i - from) * width);
    yield out;
  }
}

/** The rows of `oids`, of which only those listed count, in the order of the oids. */
export function sortOids(oids: Uint8Array, width: number, rows: Uint32Array): Uint32Array {
  // A float holds 53 bits: leading bits of the oid above, the place in `rows` below. Sorting
  // numbers is ten times as fast as a comparator; only equal leading bits need a second look.
  const placeBits = Math.max(1, Math.ceil(Math.log2(rows.length + 1)));
  const scale = 2 ** placeBits;
  const lost = 2 ** Math.max(0, placeBits - 5);
  const keys = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const at = (rows[i] as number) * width;
    const high =
      (oids[at] as number) * 2 ** 40 +
      (oids[at + 1] as number) * 2 ** 32 +
      (oids[at + 2] as number) * 2 ** 24 +
      (oids[at + 3] as number) * 2 ** 16 +
      (oids[at + 4] as number) * 2 ** 8 +
      (oids[at + 5] as number);
    keys[i] = Math.floor(high / lost) * scale + i;
  }
  keys.sort();
  const order = new Uint32Array(rows.length);
  let from = 0;
  let leading = -1;
  for (let i = 0; i <= keys.length; i++) {
    const next = i < keys.length ? Math.floor((keys[i] as number) / scale) : Number.NaN;
    if (i < keys.length) order[i] = rows[(keys[i] as number) % scale] as number;
    if (next === leading) continue;
    if (i - from > 1) order.subarray(from, i).sort((a, b) => compareOids(oids, a, b, width));
    from = i;
    leading = next;
  }
  return order;
}

/** Negative, zero or positive, as the oid of row a sorts before, equal to or after that of row b. */
export function compareOids(oids: Uint8Array, a: number, b: number, width: number): number {
  const left = a * width;
  const right = b * width;
  for (let i = 0; i < width; i++) {
    const difference = (oids[left + i] as number) - (oids[right + i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The place in `order` of the first row whose oid is not before `oid`; order.length when there is none. */
export function findOid(oids: Uint8Array, width: number, order: Uint32Array, oid: Uint8Array): number {
  let low = 0;
  let high = order.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(oids, (order[middle] as number) * width, oid, width)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isBefore(oids: Uint8Array, at: number, oid: Uint8Array, width: number): boolean {
  for (let i = 0; i < width; i++) {
    const difference = (oids[at + i] as number) - (oid[i] as number);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** Whether row `row` holds `oid`. */
export function isOidAt(oids: Uint8Array, width: number, row: number, oid: Uint8Array): boolean {
  for (let i = 0; i < width; i++) if (oids[row * width + i] !== oid[i]) return false;
  return true;
}
