import { oidWords } from '../../git/oid-words.ts';
import { findPlaceholders } from '../view/placeholder.ts';

const maxWords = 5_000;
const maxBytes = 256 * 1024 * 1024;

/** When a commit or a tag was made; ten digits. */
const times = /^((?:author|committer|tagger) .*>) \d+(?= [+-]\d{4}$)/gm;

/**
 * Words of what a push brought that may be oids: its client chose them, and must not learn from an answer that repeats
 * them whether one is the oid of an original.
 */
export class PushedWords {
  readonly #words = new Set<string>();
  readonly #isKnown: (placeholder: string) => boolean;
  #bytes = 0;
  #isCut = false;

  /** @param isKnown whether a placeholder is one of the view: its digits are no guess. */
  constructor(isKnown: (placeholder: string) => boolean) {
    this.#isKnown = isKnown;
  }

  add(content: Buffer): void {
    this.#bytes += content.length;
    if (this.#isCut || this.#bytes > maxBytes) {
      this.#isCut = true;
      return;
    }
    for (const word of oidWords(this.#withoutKnown(content).replace(times, '$1'))) this.#words.add(word);
    if (this.#words.size > maxWords) this.#isCut = true;
  }

  #withoutKnown(content: Buffer): string {
    let text = '';
    let at = 0;
    for (const { start, end, placeholder } of findPlaceholders(content)) {
      if (start < at || !this.#isKnown(placeholder)) continue;
      text += `${content.toString('latin1', at, start)} `;
      at = end;
    }
    return text + content.toString('latin1', at);
  }

  /** Undefined where they are too many, or one of them is not shown to the client anyway: it may be a guess. */
  async list(isShown: (word: string) => Promise<boolean>): Promise<readonly string[] | undefined> {
    if (this.#isCut) return undefined;
    for (const word of this.#words) if (!(await isShown(word))) return undefined;
    return [...this.#words];
  }
}
