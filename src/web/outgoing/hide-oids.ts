/** Oids that the reader has already, and words that are none although they look like one. */
export interface Known {
  readonly oids: ReadonlySet<string>;
  readonly words: ReadonlySet<string>;
}

export const nothingKnown: Known = { oids: new Set(), words: new Set() };

/** What stands where an oid was that is not the reader's to see. */
const hidden = '[not shown]';

/**
 * Ids of sessions and held pushes, which are kept, and else every run of hex digits that could be an oid or the
 * beginning of one, whatever stands beside it; but for a word such as `feedback`, which goes on with another letter.
 */
const oidLike = /\b(?:s-[0-9a-z]{17}|p-[0-9a-z]{7})(?![0-9a-z])|(?![a-f]+[g-z])[0-9a-f]{7,}/gi;

/** The text without any oid that is not known, whole or abbreviated to seven digits or more. */
export function hideOids(text: string, known: Known = nothingKnown): string {
  return text.replace(oidLike, (found) => {
    if (/^[sp]-/i.test(found)) return found;
    const digits = found.toLowerCase();
    return isZero(digits) || known.words.has(digits) || isKnown(digits, known) ? found : hidden;
  });
}

/** The oid of nothing, whole. */
function isZero(digits: string): boolean {
  return /^(?:0{40}|0{64})$/.test(digits);
}

function isKnown(digits: string, { oids }: Known): boolean {
  if (oids.has(digits)) return true;
  if (digits.length >= 40) return false;
  for (const oid of oids) if (oid.startsWith(digits)) return true;
  return false;
}
