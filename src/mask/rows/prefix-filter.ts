import type { Oid } from '../../domain/git.ts';

const digits = 6;
const slots = 16 ** digits;

/** Which first three bytes some oids begin with: a bit each, 2 MiB. Answers most look-ups of what is not there. */
export class PrefixFilter {
  readonly #bits = new Uint8Array(slots / 8);

  add(slot: number): void {
    const byte = slot >>> 3;
    this.#bits[byte] = (this.#bits[byte] as number) | (1 << (slot & 7));
  }

  has(slot: number): boolean {
    return ((this.#bits[slot >>> 3] as number) & (1 << (slot & 7))) !== 0;
  }

  /** The slots that are taken and whose digits begin with the prefix, in order. */
  *from(prefix: string): Generator<number> {
    const known = prefix.slice(0, digits);
    const width = 16 ** (digits - known.length);
    const first = known === '' ? 0 : Number.parseInt(known, 16) * width;
    for (let slot = first; slot < first + width; slot++) {
      if ((slot & 7) === 0 && this.#bits[slot >>> 3] === 0) slot += 7;
      else if (this.has(slot)) yield slot;
    }
  }
}

/** The first three bytes of the oid as a number. */
export function slotOf(oid: Oid): number {
  return Number.parseInt(oid.slice(0, digits), 16);
}
