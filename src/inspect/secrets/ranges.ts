import type { Span } from './rule.ts';

/** How much further a range grows to the ends of its lines. */
const mostOfLine = 4 * 1024;
const newline = 10;

/**
 * The ranges with what is around them, up to the ends of lines but no further
 * than some KiB, in order, and merged where they touch.
 * @param context bytes before and after each, beyond which no secret depends on it.
 */
export function widen(data: Buffer, ranges: readonly Span[], context: number): Span[] {
  const merged: { start: number; end: number }[] = [];
  for (const range of [...ranges].sort((a, b) => a.start - b.start)) {
    const start = lineStart(data, Math.max(0, range.start - context));
    const end = lineEnd(data, Math.min(data.length, range.end + context));
    const last = merged.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else merged.push({ start, end });
  }
  return merged;
}

function lineStart(data: Buffer, offset: number): number {
  const least = Math.max(0, offset - mostOfLine);
  let start = offset;
  while (start > least && data[start - 1] !== newline) start--;
  return start;
}

function lineEnd(data: Buffer, offset: number): number {
  const most = Math.min(data.length, offset + mostOfLine);
  let end = offset;
  while (end < most && data[end] !== newline) end++;
  return end;
}
