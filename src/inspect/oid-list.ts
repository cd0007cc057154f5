import { compareOids, sortOids } from '../git/pack-index.ts';

/** A growing list of binary oids, in one buffer. */
export class OidList {
  readonly width: number;
  bytes = new Uint8Array(0);
  count = 0;

  constructor(width: number) {
    this.width = width;
  }

  add(oid: Uint8Array): void {
    const at = this.count * this.width;
    if (at + this.width > this.bytes.length) {
      const larger = new Uint8Array(Math.max(1024 * this.width, this.bytes.length * 2));
      larger.set(this.bytes);
      this.bytes = larger;
    }
    this.bytes.set(oid, at);
    this.count++;
  }

  at(index: number): Uint8Array {
    return this.bytes.subarray(index * this.width, (index + 1) * this.width);
  }

  /** The places of the oids in their order. */
  order(): Uint32Array {
    return sortOids(
      this.bytes,
      this.width,
      Uint32Array.from({ length: this.count }, (_, i) => i),
    );
  }

  /** Each oid once, in order. */
  *distinct(): Generator<Uint8Array> {
    let last = -1;
    for (const place of this.order()) {
      if (last >= 0 && compareOids(this.bytes, last, place, this.width) === 0) continue;
      last = place;
      yield this.at(place);
    }
  }
}
