/** Whole runs of hex digits; also after a `g`, as git-describe(1) writes abbreviations. */
const words = /[0-9a-f]{7,}/gi;

/** The words of a text that may be oids, whole, abbreviated to seven digits or more, or written together: distinct, in lower case. */
export function oidWords(text: string): ReadonlySet<string> {
  return new Set([...text.matchAll(words)].map(([word]) => word.toLowerCase()));
}

/** The text with something else in the place of each of these words, which are given in lower case and as they are written; undefined leaves one. */
export function replaceOidWords(
  text: string,
  by: (word: string, written: string) => string | undefined,
): string {
  return text.replace(words, (written) => by(written.toLowerCase(), written) ?? written);
}
