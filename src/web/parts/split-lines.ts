import type { DiffLine } from '../../domain/approval.ts';

/** One row of two columns; a side is absent where the other one has no counterpart. */
export interface SplitRow {
  readonly old?: DiffLine;
  readonly new?: DiffLine;
}

/** The lines of a hunk side by side: what was removed stands beside what was added in its place, line by line. */
export function splitLines(lines: readonly DiffLine[]): readonly SplitRow[] {
  const rows: SplitRow[] = [];
  let removed: DiffLine[] = [];
  let added: DiffLine[] = [];
  const flush = (): void => {
    for (let at = 0; at < Math.max(removed.length, added.length); at++) {
      const [was, is] = [removed[at], added[at]];
      rows.push({ ...(was === undefined ? {} : { old: was }), ...(is === undefined ? {} : { new: is }) });
    }
    removed = [];
    added = [];
  };
  for (const line of lines) {
    if (line.is === 'removed' && added.length > 0) flush();
    if (line.is === 'removed') removed.push(line);
    else if (line.is === 'added') added.push(line);
    else {
      flush();
      rows.push({ old: line, new: line });
    }
  }
  flush();
  return rows;
}
