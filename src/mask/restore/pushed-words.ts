import { oidWords } from '../../git/oid-words.ts';

const maxWords = 50_000;
const maxBytes = 256 * 1024 * 1024;

/**
 * Words of what a push brought that may be oids: its client chose them, and must not learn from an answer that repeats
 * them whether one is the oid of an original.
 */
export class PushedWords {
  readonly #words = new Set<string>();
  #bytes = 0;
  #isCut = false;

  add(content: Buffer): void {
    this.#bytes += content.length;
    if (this.#isCut || this.#bytes > maxBytes) {
      this.#isCut = true;
      return;
    }
    for (const word of oidWords(content.toString('latin1'))) this.#words.add(word);
    if (this.#words.size > maxWords) this.#isCut = true;
  }

  /** Undefined where they are too many to be kept. */
  list(): readonly string[] | undefined {
    return this.#isCut ? undefined : [...this.#words];
  }
}
