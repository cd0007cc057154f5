import type { Oid } from '../../domain/git.ts';

/** Finds rows by oid: a fanout of 65,536 by the first two bytes, then the few that are left. */
export class OidLookup {
  readonly #oids: Uint8Array;
  readonly #width: number;
  readonly #order: Uint32Array;
  readonly #fanout = new Uint32Array(65_537);
  readonly #key: Buffer;
  /** The last answer: one object is often asked about twice in a row. */
  #lastOid: Oid = '';
  #lastRow = -1;

  /** @param order rows by oid. */
  constructor(oids: Uint8Array, width: number, order: Uint32Array) {
    this.#oids = oids;
    this.#width = width;
    this.#order = order;
    this.#key = Buffer.alloc(width);
    for (const row of order) {
      const next = ((oids[row * width] as number) << 8) + (oids[row * width + 1] as number) + 1;
      this.#fanout[next] = (this.#fanout[next] as number) + 1;
    }
    for (let i = 1; i < this.#fanout.length; i++)
      this.#fanout[i] = (this.#fanout[i] as number) + (this.#fanout[i - 1] as number);
  }

  /** The row of an oid in hex, or -1. */
  rowOf(oid: Oid): number {
    if (oid !== this.#lastOid) {
      this.#lastRow = this.#search(oid);
      this.#lastOid = oid;
    }
    return this.#lastRow;
  }

  #search(oid: Oid): number {
    const key = this.#key;
    if (oid.length !== this.#width * 2 || key.write(oid, 'hex') !== this.#width) return -1;
    const bucket = ((key[0] as number) << 8) + (key[1] as number);
    let low = this.#fanout[bucket] as number;
    let high = (this.#fanout[bucket + 1] as number) - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const row = this.#order[middle] as number;
      const difference = this.#compare(row);
      if (difference === 0) return row;
      if (difference < 0) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  #compare(row: number): number {
    const from = row * this.#width;
    for (let i = 2; i < this.#width; i++) {
      const difference = (this.#oids[from + i] as number) - (this.#key[i] as number);
      if (difference !== 0) return difference;
    }
    return 0;
  }
}
