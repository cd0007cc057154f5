import type { ObjectTable } from './object-table.ts';

/** All kept deltas together. */
const maxBytes = 48 * 1024 * 1024;

/** Larger deltas are few, and are read again. */
const maxDeltaBytes = 64 * 1024;

const lengthBytes = 4;

/**
 * The first deltas of a pack as the first pass inflated them, so that the second
 * need not do it again. Where a row's delta lies is kept in its `linkAt`, which
 * has no other use until the row is resolved.
 */
export class DeltaCache {
  readonly #table: ObjectTable;
  #bytes: Buffer = Buffer.alloc(0);
  // Place 0 stands for "not kept".
  #used = lengthBytes;

  constructor(table: ObjectTable) {
    this.#table = table;
  }

  /** Copies frame[from .. from+size), if there is room. */
  keep(row: number, frame: Buffer, from: number, size: number): void {
    const end = this.#used + lengthBytes + size;
    if (size > maxDeltaBytes || end > maxBytes) return;
    if (end > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(
        Math.min(maxBytes, Math.max(64 * 1024, end, this.#bytes.length * 2)),
      );
      this.#bytes.copy(larger, 0, 0, this.#used);
      this.#bytes = larger;
    }
    this.#bytes.writeUInt32LE(size, this.#used);
    frame.copy(this.#bytes, this.#used + lengthBytes, from, from + size);
    this.#table.linkAt[row] = this.#used;
    this.#used = end;
  }

  /** The delta of a row that is not resolved yet, or undefined. */
  get(row: number): Buffer | undefined {
    const at = this.#table.linkAt[row] as number;
    if (at === 0) return undefined;
    const from = at + lengthBytes;
    return this.#bytes.subarray(from, from + this.#bytes.readUInt32LE(at));
  }
}
