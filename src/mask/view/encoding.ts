/**
 * How the characters of a content lie in its bytes. `text`: one byte and more for each, of any character set that
 * holds ASCII. `binary`: what git takes for binary, a NUL in the first 8000 bytes, and is not UTF-16.
 */
export type ContentEncoding = 'text' | 'utf-16le' | 'utf-16be' | 'binary';

/** How far git looks for a NUL. */
const sniffedBytes = 8000;

/** By the byte order mark; without one, UTF-16 is what has nearly every NUL on one side of its units, in half of them and more. */
export function encodingOf(content: Buffer): ContentEncoding {
  if (content[0] === 0xff && content[1] === 0xfe) return 'utf-16le';
  if (content[0] === 0xfe && content[1] === 0xff) return 'utf-16be';
  const head = content.subarray(0, sniffedBytes);
  if (!head.includes(0)) return 'text';
  if (content.length % 2 === 1) return 'binary';
  const units = head.length >> 1;
  let first = 0;
  let second = 0;
  let both = 0;
  for (let at = 0; at + 1 < head.length; at += 2) {
    const high = head[at] === 0;
    const low = head[at + 1] === 0;
    if (high && low) both++;
    else if (high) first++;
    else if (low) second++;
  }
  if (both > 0) return 'binary';
  const many = units / 2;
  const few = units / 50;
  if (second >= many && first <= few) return 'utf-16le';
  return first >= many && second <= few ? 'utf-16be' : 'binary';
}
