/** The data types of RFC 4251, section 5, as far as keys and signatures need them. */

/** Reads one value after the other; every reader gives undefined once the bytes have run out. */
export class WireReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** A `string`, as a view of the same memory. */
  string(): Buffer | undefined {
    if (this.#bytes.length - this.#at < 4) return undefined;
    const length = this.#bytes.readUInt32BE(this.#at);
    return this.#take(4, length);
  }

  /** Exactly `length` bytes. */
  fixed(length: number): Buffer | undefined {
    return this.#take(0, length);
  }

  /** Whether everything was read, and nothing more. */
  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  #take(prefix: number, length: number): Buffer | undefined {
    const start = this.#at + prefix;
    if (this.#bytes.length - start < length) return undefined;
    this.#at = start + length;
    return this.#bytes.subarray(start, this.#at);
  }
}

/** An `mpint` as an unsigned number of exactly `size` bytes; undefined when it is negative or larger. */
export function unsignedOf(mpint: Buffer, size: number): Buffer | undefined {
  if (mpint.length > 0 && (mpint[0] as number) >= 0x80) return undefined;
  const digits = mpint.length > 0 && mpint[0] === 0 ? mpint.subarray(1) : mpint;
  if (digits.length > size) return undefined;
  return Buffer.concat([Buffer.alloc(size - digits.length), digits]);
}
