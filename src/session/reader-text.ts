import type { RefgateError } from '../domain/error.ts';
import type { MaskedViews, ViewKey } from '../domain/mask.ts';
import { oidWords, replaceOidWords } from '../git/oid-words.ts';

/** What stands where an oid is not told. */
const hidden = '[oid]';

/** A word of the reader's own on its way past the views; in no text that people write. */
const mark = (index: number): string => `\u{f0000}${index}\u{f0001}`;
const marks = /\u{f0000}(\d+)\u{f0001}/gu;

/**
 * What the client of one session may read of texts that others wrote. A client that reads a view must not learn the oid
 * of an original, and neither whether a word that it chose is one: its own words go by as they are.
 */
export class ReaderText {
  readonly #views: MaskedViews;
  readonly #view: ViewKey;
  /** Undefined until it is known what the client brought, and where that is too much: then no oid is told. */
  #words: Set<string> | undefined;
  #isBefore = true;

  constructor(views: MaskedViews, view: ViewKey) {
    this.#views = views;
    this.#view = view;
  }

  /** Told once what the client brought, or undefined where that is too much to be known. */
  brought(words: readonly string[] | undefined): void {
    this.#isBefore = false;
    this.#words = words && new Set(words);
  }

  /** Names that look like oids, of ours or of the client's. */
  keep(...texts: readonly string[]): void {
    for (const text of texts) for (const word of oidWords(text)) this.#words?.add(word);
  }

  /** @throws what `MaskedViews.textFor` throws */
  async of(text: string): Promise<string> {
    const words = this.#words;
    if (words === undefined)
      return this.#views.textFor(
        this.#view,
        replaceOidWords(text, () => hidden),
      );
    const own: string[] = [];
    const marked = replaceOidWords(text.replace(/[\u{f0000}\u{f0001}]/gu, '?'), (word, written) =>
      words.has(word) ? mark(own.push(written) - 1) : undefined,
    );
    const shown = await this.#views.textFor(this.#view, marked);
    return shown.replace(marks, (_, index: string) => own[Number(index)] ?? hidden);
  }

  /** Whether the error tells only what the client has brought itself. */
  isOwn({ code, blame }: RefgateError): boolean {
    if (code === 'VIEW_FOREIGN' || code === 'VIEW_NEW_SECRET' || code === 'VIEW_NOT_RESTORED') return true;
    return blame === 'client' && this.#isBefore;
  }
}
