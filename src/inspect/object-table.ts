import { RefgateError } from '../domain/error.ts';
import type { ObjectFormat, ObjectType, Oid } from '../domain/git.ts';
import { copyOid } from '../git/pack-index.ts';
import { hashBytes, objectTypeNames, packType } from '../git/pack-stream.ts';

/**
 * Parents that the commits of one pack may name beyond two for each of its
 * objects. A few kilobytes of a pack can hold a commit of 65,535 parents.
 */
const maxSpareLinks = 1_000_000;

/**
 * The objects of a pack in columns of typed arrays, about 40 bytes each, so
 * that five million of them stay in a few hundred megabytes. Rows are in the
 * order of the pack. Grown by doubling: a header that lies costs nothing.
 */
export class ObjectTable {
  readonly width: number;
  readonly #limit: number;
  #linked = 0;
  count = 0;
  oids: Uint8Array;
  offsets: Float64Array;
  crcs: Uint32Array;
  /** 1 to 4 as packs number the types; 0 while a delta is not resolved. */
  types: Uint8Array;
  /** The row of a delta's base, or -1. */
  bases: Int32Array;
  /** Where in `links` the row's record begins; commits and tags only. */
  linkAt: Uint32Array;
  readonly links: Links;

  constructor(format: ObjectFormat, limit: number) {
    this.width = hashBytes(format);
    this.#limit = limit;
    const rows = Math.min(1024, limit);
    this.oids = new Uint8Array(rows * this.width);
    this.offsets = new Float64Array(rows);
    this.crcs = new Uint32Array(rows);
    this.types = new Uint8Array(rows);
    this.bases = new Int32Array(rows);
    this.linkAt = new Uint32Array(rows);
    this.links = new Links(this.width);
  }

  /** Gives the number of a new row. */
  add(offset: number): number {
    if (this.count === this.types.length) this.#grow();
    const row = this.count++;
    this.offsets[row] = offset;
    this.bases[row] = -1;
    return row;
  }

  #grow(): void {
    const old = this.types.length;
    const rows = old < this.#limit ? Math.min(old * 2, this.#limit) : old + Math.max(64, old >> 4);
    const larger = <T extends Uint8Array | Uint32Array | Int32Array | Float64Array>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    this.oids = larger(this.oids, new Uint8Array(rows * this.width));
    this.offsets = larger(this.offsets, new Float64Array(rows));
    this.crcs = larger(this.crcs, new Uint32Array(rows));
    this.types = larger(this.types, new Uint8Array(rows));
    this.bases = larger(this.bases, new Int32Array(rows));
    this.linkAt = larger(this.linkAt, new Uint32Array(rows));
  }

  /** Notes what a commit or tag points to. Throws LIMIT_EXCEEDED (client) when that is far more than the pack has objects. */
  link(row: number, head: number, oids: readonly Oid[]): void {
    this.#linked += oids.length;
    if (this.#linked > maxSpareLinks + 2 * this.count) {
      throw new RefgateError('LIMIT_EXCEEDED', 'client', `commits that name over ${maxSpareLinks} parents`);
    }
    this.linkAt[row] = this.links.add(head, oids);
  }

  /** The row whose entry begins at `offset`, or -1. */
  rowAt(offset: number): number {
    let low = 0;
    let high = this.count - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const found = this.offsets[middle] as number;
      if (found === offset) return middle;
      if (found < offset) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  oidOf(row: number): Uint8Array {
    return this.oids.subarray(row * this.width, (row + 1) * this.width);
  }
}

/** What commits and tags point to: a count or a type in two bytes, then oids. */
export class Links {
  readonly #width: number;
  #bytes = Buffer.alloc(4096);
  #length = 0;

  constructor(width: number) {
    this.#width = width;
  }

  /** Gives the place of the new record. */
  add(head: number, oids: readonly Oid[]): number {
    const size = 2 + oids.length * this.#width;
    if (this.#length + size > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(this.#bytes.length * 2, this.#length + size));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    const at = this.#length;
    this.#bytes.writeUInt16LE(head, at);
    oids.forEach((oid, i) => {
      this.#bytes.write(oid, at + 2 + i * this.#width, 'hex');
    });
    this.#length += size;
    return at;
  }

  /** The count or type of the record at this place. */
  headAt(at: number): number {
    return this.#bytes.readUInt16LE(at);
  }

  /** An oid of the record at this place. */
  oidAt(at: number, index: number): Oid {
    const from = at + 2 + index * this.#width;
    return this.#bytes.toString('hex', from, from + this.#width);
  }

  /** The records alone, in a buffer of their own. */
  toBytes(): Uint8Array {
    return Uint8Array.from(this.#bytes.subarray(0, this.#length));
  }
}

/** The columns that answer questions about a held pack, sorted by oid; they travel from the worker by transfer. */
export interface HeldObjects {
  readonly oids: Uint8Array;
  readonly types: Uint8Array;
  readonly linkAt: Uint32Array;
  readonly links: Uint8Array;
}

/** @param order the rows of the pack's own objects, by oid. */
export function sortedObjects(table: ObjectTable, order: Uint32Array): HeldObjects {
  const { width } = table;
  const oids = new Uint8Array(order.length * width);
  const types = new Uint8Array(order.length);
  const linkAt = new Uint32Array(order.length);
  order.forEach((row, i) => {
    copyOid(table.oids, row, oids, i * width, width);
    types[i] = table.types[row] as number;
    linkAt[i] = table.linkAt[row] as number;
  });
  return { oids, types, linkAt, links: table.links.toBytes() };
}

/** Answers what HeldPack promises, from sorted columns by binary search. */
export class HeldObjectLookup {
  readonly #objects: HeldObjects;
  readonly #width: number;

  constructor(objects: HeldObjects, format: ObjectFormat) {
    this.#objects = objects;
    this.#width = hashBytes(format);
  }

  counts(): Record<ObjectType, number> {
    const counts = { commit: 0, tree: 0, blob: 0, tag: 0 };
    for (const type of this.#objects.types) counts[objectTypeNames[type] as ObjectType]++;
    return counts;
  }

  typeOf(oid: Oid): ObjectType | undefined {
    const row = this.#find(oid);
    return row < 0 ? undefined : objectTypeNames[this.#objects.types[row] as number];
  }

  parentsOf(oid: Oid): readonly Oid[] | undefined {
    const row = this.#find(oid);
    if (row < 0 || this.#objects.types[row] !== packType.commit) return undefined;
    const at = this.#objects.linkAt[row] as number;
    return Array.from({ length: this.#head(at) }, (_, i) => this.#linkedOid(at, i));
  }

  tagTarget(oid: Oid): { oid: Oid; type: ObjectType } | undefined {
    const row = this.#find(oid);
    if (row < 0 || this.#objects.types[row] !== packType.tag) return undefined;
    const at = this.#objects.linkAt[row] as number;
    return { oid: this.#linkedOid(at, 0), type: objectTypeNames[this.#head(at)] as ObjectType };
  }

  #head(at: number): number {
    return (this.#objects.links[at] as number) | ((this.#objects.links[at + 1] as number) << 8);
  }

  #linkedOid(at: number, index: number): Oid {
    const from = at + 2 + index * this.#width;
    return Buffer.from(this.#objects.links.subarray(from, from + this.#width)).toString('hex');
  }

  #find(oid: Oid): number {
    const key = Buffer.from(oid, 'hex');
    if (key.length !== this.#width) return -1;
    const { oids } = this.#objects;
    let low = 0;
    let high = this.#objects.types.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const order = key.compare(oids, middle * this.#width, (middle + 1) * this.#width);
      if (order === 0) return middle;
      if (order > 0) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }
}
