import { diffArrays } from 'diff';
import type { Lines } from './file-text.ts';

/** A run of lines: so many are the same, or so many of the old side are removed, or of the new side added. */
export interface LineRun {
  readonly is: 'same' | 'added' | 'removed';
  readonly count: number;
}

export interface LineEdits {
  readonly runs: readonly LineRun[];
  readonly added: number;
  readonly removed: number;
  /** The least edit was not found in time: the lines between the first and the last difference are all replaced. */
  readonly isCoarse: boolean;
}

/** Time for finding the least edit, in ms. */
const timeout = 700;

/**
 * How the lines of the new side are made from those of the old one. A last line
 * without a line feed is unlike the same line with one.
 * @param maxChanged lines that may be added and removed before it becomes coarse.
 */
export function editLines(before: Lines, after: Lines, maxChanged: number): LineEdits {
  const numbers = new Map<string, number>();
  const [old, now] = [numbered(before, numbers), numbered(after, numbers)];
  const most = Math.min(old.length, now.length);
  let head = 0;
  while (head < most && old[head] === now[head]) head++;
  let tail = 0;
  while (tail < most - head && old[old.length - 1 - tail] === now[now.length - 1 - tail]) tail++;
  const [from, to] = [old.slice(head, old.length - tail), now.slice(head, now.length - tail)];
  const found = leastEdit(from, to, maxChanged);
  const middle = found ?? replaced(from, to);
  const count = (is: LineRun['is']) => middle.reduce((sum, run) => sum + (run.is === is ? run.count : 0), 0);
  const same = (lines: number): LineRun[] => (lines > 0 ? [{ is: 'same', count: lines }] : []);
  return {
    runs: [...same(head), ...middle, ...same(tail)],
    added: count('added'),
    removed: count('removed'),
    isCoarse: found === undefined,
  };
}

function leastEdit(
  from: readonly number[],
  to: readonly number[],
  maxEditLength: number,
): LineRun[] | undefined {
  if (from.length === 0 || to.length === 0) return replaced(from, to);
  const parts = diffArrays([...from], [...to], { maxEditLength, timeout });
  return parts?.map(({ added, removed, value }) => ({
    is: added ? 'added' : removed ? 'removed' : 'same',
    count: value.length,
  }));
}

function replaced(from: readonly number[], to: readonly number[]): LineRun[] {
  const runs: LineRun[] = [];
  if (from.length > 0) runs.push({ is: 'removed', count: from.length });
  if (to.length > 0) runs.push({ is: 'added', count: to.length });
  return runs;
}

/** The same line has the same number on both sides. */
function numbered({ lines, isEnded }: Lines, numbers: Map<string, number>): number[] {
  return lines.map((line, i) => {
    // No line holds a line feed, so this is a line of its own.
    const key = !isEnded && i === lines.length - 1 ? `${line}\n` : line;
    const known = numbers.get(key);
    if (known !== undefined) return known;
    numbers.set(key, numbers.size);
    return numbers.size - 1;
  });
}
