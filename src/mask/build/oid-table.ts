import type { ObjectFormat, Oid } from '../../domain/git.ts';

/** Gives each oid a number, from 0 on, in the order in which they came; about 30 bytes an oid. */
export class OidTable {
  readonly #width: number;
  #oids: Buffer;
  #slots = new Int32Array(1024).fill(-1);
  #size = 0;

  constructor(format: ObjectFormat) {
    this.#width = format === 'sha1' ? 20 : 32;
    this.#oids = Buffer.alloc(1024 * this.#width);
  }

  get size(): number {
    return this.#size;
  }

  /** The number of the oid, which is a new one where it was not there. */
  add(oid: Oid): number {
    if ((this.#size + 1) * 2 > this.#slots.length) this.#grow();
    const slot = this.#slotOf(oid);
    const known = this.#slots[slot] as number;
    if (known >= 0) return known;
    this.#slots[slot] = this.#size;
    return this.#size++;
  }

  /** -1 where it is not there. */
  find(oid: Oid): number {
    return this.#slots[this.#slotOf(oid)] as number;
  }

  has(oid: Oid): boolean {
    return this.find(oid) >= 0;
  }

  at(number: number): Oid {
    return this.#oids.toString('hex', number * this.#width, (number + 1) * this.#width);
  }

  // The oid is written behind the last one, where there is always room, and compared there.
  #slotOf(oid: Oid): number {
    const from = this.#size * this.#width;
    this.#oids.write(oid, from, 'hex');
    const mask = this.#slots.length - 1;
    for (let slot = this.#oids.readUInt32LE(from) & mask; ; slot = (slot + 1) & mask) {
      const number = this.#slots[slot] as number;
      if (number < 0) return slot;
      const at = number * this.#width;
      if (this.#oids.compare(this.#oids, at, at + this.#width, from, from + this.#width) === 0) return slot;
    }
  }

  #grow(): void {
    const slots = new Int32Array(this.#slots.length * 2).fill(-1);
    const mask = slots.length - 1;
    for (let number = 0; number < this.#size; number++) {
      let slot = this.#oids.readUInt32LE(number * this.#width) & mask;
      while ((slots[slot] as number) >= 0) slot = (slot + 1) & mask;
      slots[slot] = number;
    }
    this.#slots = slots;
    const oids = Buffer.alloc(slots.length * this.#width);
    this.#oids.copy(oids);
    this.#oids = oids;
  }
}
