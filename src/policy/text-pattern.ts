import { RE2JS } from 're2js';

const maxPatternLength = 1000;

/** A pattern that cannot be compiled; `message` says what is wrong with it. */
export class TextPatternError extends Error {}

/**
 * A regular expression of RE2, found anywhere in a text. Matching takes time in
 * proportion to the text, whatever the pattern.
 */
export class TextPattern {
  readonly source: string;
  readonly #compiled: RE2JS;

  constructor(source: string) {
    this.source = source;
    if (source === '') throw new TextPatternError('is empty, and so is found in every text');
    if (source.length > maxPatternLength)
      throw new TextPatternError(`is longer than ${maxPatternLength} characters`);
    try {
      this.#compiled = RE2JS.compile(source);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : 'unknown cause';
      const missing = /\(\?<?[=!]/.test(source)
        ? 'look-ahead and look-behind are not in RE2; use a second rule, or message beside messageLacks'
        : why;
      throw new TextPatternError(`cannot be read as a regular expression of RE2: ${missing}`);
    }
  }

  found(text: string): boolean {
    return this.#compiled.matcher(text).find();
  }
}
