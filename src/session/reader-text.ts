import type { RefgateError } from '../domain/error.ts';
import type { MaskedViews, ViewKey } from '../domain/mask.ts';
import { oidWords, replaceOidWords } from '../git/oid-words.ts';

/** What stands where an oid is not told. */
const hidden = '[oid]';

/**
 * Words of an upstream in which other words may be written: base64 and what looks like it, with its letters of both kinds and
 * digits. Sizes of packs tell what compression found alike in a secret and in what the client brought.
 */
const encoded = /[A-Za-z0-9+/]{16,}={0,2}/g;
const sizes = /\b\d+(?:\.\d+)? ?(?:bytes|[KMGT]iB)(?:\/s)?/g;

/** A word of the reader's own on its way past the views; in no text that people write. */
const mark = (index: number): string => `\u{f0000}${index}\u{f0001}`;
const marks = /\u{f0000}(\d+)\u{f0001}/gu;

/** A path has shorter names between its slashes, or none with all of these. */
const isEncoded = (word: string): boolean =>
  /[+=]/.test(word) ||
  word.split('/').some((one) => one.length >= 16 && /[a-z]/.test(one) && /[A-Z]/.test(one) && /\d/.test(one));

/**
 * What the client of one session may read of texts that others wrote. A client that reads a view must not learn the oid
 * of an original, and neither whether a word that it chose is one: its own words go by as they are, where
 * none of them can be a guess.
 */
export class ReaderText {
  readonly #views: MaskedViews;
  readonly #view: ViewKey;
  /** Undefined until it is known what the client brought, and where that is too much: then no oid is told. */
  #words: ReadonlySet<string> | undefined;
  readonly #kept = new Set<string>();
  #isBefore = true;
  #isClear = false;

  constructor(views: MaskedViews, view: ViewKey) {
    this.#views = views;
    this.#view = view;
  }

  /**
   * Told once what the client brought, where all of it is of its view; undefined where that is too much to be known, and where
   * some of it may be a guess; `clear` where nothing is masked. Were a right guess told in another way than a wrong one, it would be known for right.
   */
  brought(words: readonly string[] | 'clear' | undefined): void {
    this.#isBefore = false;
    this.#isClear = words === 'clear';
    this.#words = words === 'clear' || words === undefined ? undefined : new Set(words);
  }

  /** Names of ours that look like oids, and oids of the view. */
  keep(...texts: readonly string[]): void {
    for (const text of texts) for (const word of oidWords(text)) this.#kept.add(word);
  }

  /** Words of ours. @throws what `MaskedViews.textFor` throws */
  of(text: string): Promise<string> {
    return this.#told(text, () => undefined);
  }

  /** Words of an upstream, which may tell of anything: what is not known to be of the view is hidden. Throws as `of`. */
  async ofUpstream(text: string): Promise<string> {
    if (this.#isClear) return this.#mapped(text);
    const plain = text
      .replace(encoded, (word) => (isEncoded(word) ? '[not shown]' : word))
      .replace(sizes, '[size]');
    const asked = [...oidWords(plain)];
    // One by one on lines of their own: what comes back changed is the view's.
    const views = this.#words === undefined ? [] : (await this.#mapped(asked.join('\n'))).split('\n');
    const known = new Map(asked.map((word, at) => [word, views[at]]));
    return this.#told(plain, (word) => {
      const shown = views.length === asked.length ? known.get(word) : undefined;
      return shown === undefined || shown === word ? hidden : shown;
    });
  }

  /** @param by what stands for a word that is not the client's; undefined leaves it to the views. */
  async #told(text: string, by: (word: string) => string | undefined): Promise<string> {
    if (this.#isClear) return this.#mapped(text);
    const words = this.#words;
    const own: string[] = [];
    const keep = (written: string): string => mark(own.push(written) - 1);
    const marked = replaceOidWords(text.replace(/[\u{f0000}\u{f0001}]/gu, '?'), (word, written) => {
      if (this.#kept.has(word) || words?.has(word) === true) return keep(written);
      if (words === undefined) return hidden;
      const shown = by(word);
      return shown === undefined ? undefined : keep(shown);
    });
    const shown = await this.#mapped(marked);
    return shown.replace(marks, (_, index: string) => own[Number(index)] ?? hidden);
  }

  #mapped(text: string): Promise<string> {
    return this.#views.textFor(this.#view, text);
  }

  /** Whether the error tells only what the client has brought itself. */
  isOwn({ code, blame }: RefgateError): boolean {
    if (code === 'VIEW_FOREIGN' || code === 'VIEW_NEW_SECRET' || code === 'VIEW_NOT_RESTORED') return true;
    return blame === 'client' && this.#isBefore;
  }
}
