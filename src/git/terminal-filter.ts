const questionMark = 0x3f;

/**
 * Neutralises, in place, what would act on a terminal: C0 controls other than
 * LF, CR and TAB, DEL, C1 controls in UTF-8, and bytes that are not UTF-8, each
 * byte becoming `?`. Remembers an unfinished character, so text may be cut anywhere.
 */
export class TerminalFilter {
  /** Continuation bytes still to come, and the least value of the next one. */
  #need = 0;
  #least = 0x80;
  #most = 0xbf;

  clean(bytes: Buffer, from: number, to: number): void {
    for (let i = from; i < to; i++) {
      const byte = bytes[i] ?? 0;
      if (this.#need > 0 && byte >= 0x80 && byte <= 0xbf) {
        if (byte < this.#least || byte > this.#most) this.#spoil(bytes, from, i);
        else this.#need -= 1;
        this.#least = 0x80;
        this.#most = 0xbf;
      } else if (byte < 0x80) {
        this.#need = 0;
        if ((byte < 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) || byte === 0x7f)
          bytes[i] = questionMark;
      } else if (!this.#lead(byte)) {
        this.#need = 0;
        bytes[i] = questionMark;
      }
    }
  }

  /** RFC 3629 with C2 80..9F (the C1 controls) left out. */
  #lead(byte: number): boolean {
    this.#least = 0x80;
    this.#most = 0xbf;
    if (byte >= 0xc2 && byte <= 0xdf) {
      this.#need = 1;
      if (byte === 0xc2) this.#least = 0xa0;
    } else if (byte >= 0xe0 && byte <= 0xef) {
      this.#need = 2;
      if (byte === 0xe0) this.#least = 0xa0;
      if (byte === 0xed) this.#most = 0x9f;
    } else if (byte >= 0xf0 && byte <= 0xf4) {
      this.#need = 3;
      if (byte === 0xf0) this.#least = 0x90;
      if (byte === 0xf4) this.#most = 0x8f;
    } else {
      return false;
    }
    return true;
  }

  #spoil(bytes: Buffer, from: number, at: number): void {
    if (at > from) bytes[at - 1] = questionMark;
    bytes[at] = questionMark;
    this.#need = 0;
  }
}
