import type { DiffHunk, DiffLine, DiffToken } from '../../domain/approval.ts';
import type { LineRun } from './line-edits.ts';

/** Lines around a change that are shown. */
const context = 3;

/** The tokens of each line of a text. */
export type TokenLines = readonly (readonly DiffToken[])[];

/** Unified hunks with three lines of context, numbered as git does: a side without lines says after which line it is. */
export function makeHunks(runs: readonly LineRun[], before: TokenLines, after: TokenLines): DiffHunk[] {
  const hunks: DiffHunk[] = [];
  let hunk = new OpenHunk(0, 0);
  let [old, now] = [0, 0];
  for (const [i, { is, count }] of runs.entries()) {
    if (is !== 'same') {
      for (let n = 0; n < count; n++) {
        if (is === 'removed') hunk.add({ is, old: old + 1, tokens: before[old++] ?? [] });
        else hunk.add({ is, new: now + 1, tokens: after[now++] ?? [] });
      }
      continue;
    }
    const [isFirst, isLast] = [i === 0, i === runs.length - 1];
    const goesOn = !isFirst && !isLast && count <= 2 * context;
    const tail = isFirst ? 0 : goesOn ? count : Math.min(context, count);
    const same = (n: number): DiffLine => ({
      is,
      old: old + n + 1,
      new: now + n + 1,
      tokens: after[now + n] ?? [],
    });
    for (let n = 0; n < tail; n++) hunk.add(same(n));
    if (!goesOn) {
      hunk.end(hunks);
      const lead = isLast ? 0 : Math.min(context, count);
      hunk = new OpenHunk(old + count - lead, now + count - lead);
      for (let n = count - lead; n < count; n++) hunk.add(same(n));
    }
    old += count;
    now += count;
  }
  hunk.end(hunks);
  return hunks;
}

class OpenHunk {
  readonly #old: number;
  readonly #now: number;
  readonly #lines: DiffLine[] = [];

  /** @param old lines of the old side before it. */
  constructor(old: number, now: number) {
    this.#old = old;
    this.#now = now;
  }

  add(line: DiffLine): void {
    this.#lines.push(line);
  }

  end(hunks: DiffHunk[]): void {
    if (this.#lines.every(({ is }) => is === 'same')) return;
    const count = (not: DiffLine['is']) => this.#lines.filter(({ is }) => is !== not).length;
    const [oldLines, newLines] = [count('added'), count('removed')];
    hunks.push({
      oldStart: this.#old + (oldLines > 0 ? 1 : 0),
      oldLines,
      newStart: this.#now + (newLines > 0 ? 1 : 0),
      newLines,
      lines: this.#lines,
    });
  }
}
