import type { IndexColumns } from '../../git/pack-index.ts';

/** The objects of a pack that is being written, as columns that grow, and a table that finds them by oid: some 50 bytes each. */
export class PackRows {
  readonly #width: number;
  #count = 0;
  #oids: Uint8Array;
  #offsets = new Float64Array(64);
  #crcs = new Uint32Array(64);
  /** Type in the high half, depth of the delta in the low. */
  #kinds = new Uint16Array(64);
  /** Row plus one under the oid's first bytes, or the next free place. */
  #slots = new Int32Array(256);

  /** @param width bytes of an oid. */
  constructor(width: number) {
    this.#width = width;
    this.#oids = new Uint8Array(64 * width);
  }

  get count(): number {
    return this.#count;
  }

  get columns(): IndexColumns {
    return { count: this.#count, oids: this.#oids, crcs: this.#crcs, offsets: this.#offsets };
  }

  offsetOf(row: number): number {
    return this.#offsets[row] as number;
  }

  typeOf(row: number): number {
    return (this.#kinds[row] as number) >>> 8;
  }

  depthOf(row: number): number {
    return (this.#kinds[row] as number) & 0xff;
  }

  /** The row of the oid, or -1. */
  find(oid: Buffer): number {
    return (this.#slots[this.#place(oid)] as number) - 1;
  }

  /** The oid must not be there yet. */
  add(oid: Buffer, offset: number, crc: number, type: number, depth: number): void {
    if (this.#count === this.#offsets.length) this.#grow();
    const row = this.#count++;
    this.#oids.set(oid, row * this.#width);
    this.#offsets[row] = offset;
    this.#crcs[row] = crc;
    this.#kinds[row] = (type << 8) | depth;
    this.#slots[this.#place(oid)] = row + 1;
  }

  /** Where the oid is in the table, or would be. */
  #place(oid: Buffer): number {
    const mask = this.#slots.length - 1;
    let place = oid.readUInt32BE(0) & mask;
    for (;;) {
      const row = (this.#slots[place] as number) - 1;
      if (row < 0 || oid.equals(this.#oidAt(row))) return place;
      place = (place + 1) & mask;
    }
  }

  #oidAt(row: number): Uint8Array {
    return this.#oids.subarray(row * this.#width, (row + 1) * this.#width);
  }

  /** The table has at least four places a row. */
  #grow(): void {
    const size = this.#count * 2;
    this.#oids = grown(this.#oids, new Uint8Array(size * this.#width));
    this.#offsets = grown(this.#offsets, new Float64Array(size));
    this.#crcs = grown(this.#crcs, new Uint32Array(size));
    this.#kinds = grown(this.#kinds, new Uint16Array(size));
    this.#slots = new Int32Array(this.#slots.length * 2);
    for (let row = 0; row < this.#count; row++)
      this.#slots[this.#place(Buffer.from(this.#oidAt(row)))] = row + 1;
  }
}

function grown<Column extends Uint8Array | Float64Array | Uint32Array | Uint16Array>(
  old: Column,
  larger: Column,
): Column {
  larger.set(old);
  return larger;
}
