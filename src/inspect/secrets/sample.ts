const maxSample = 60;
const mostHead = 8;
const mostTail = 2;
/** A value so short is not shown at all. */
const shortest = 8;

/**
 * A secret made recognisable, and no more: its first characters, at most eight,
 * and its last two, together never more than a quarter of it; what could
 * trouble a terminal is escaped. At most 60 characters.
 */
export function maskedSample(value: string): string {
  if (value.length < shortest) return '***';
  const shown = Math.floor(value.length / 4);
  const tail = shown >= mostHead ? Math.min(mostTail, shown - mostHead) : 0;
  const head = Math.min(mostHead, shown - tail);
  const text = `${printable(value.slice(0, head))}***${tail === 0 ? '' : printable(value.slice(-tail))}`;
  return text.length <= maxSample ? text : '***';
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]|\\/g, (c) =>
    c === '\\' ? '\\\\' : `\\x${c.charCodeAt(0).toString(16).padStart(2, '0').slice(-2)}`,
  );
}
