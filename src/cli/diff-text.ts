import type { DiffLine, FileDiff, ReviewFile } from '../domain/approval.ts';
import type { Paint } from './paint.ts';
import { visibleText } from './visible-text.ts';

/** The difference of one file as `git diff` would print it, for a terminal. */
export function formatDiff(
  file: Pick<ReviewFile, 'kind' | 'path' | 'from'>,
  diff: FileDiff,
  paint: Paint,
): string {
  const from = file.from === undefined ? '' : ` (from ${visibleText(file.from)})`;
  const counts = `${paint.good(`+${diff.added}`)} ${paint.bad(`-${diff.removed}`)}`;
  const lines = [`${paint.bold(`${file.kind} ${visibleText(file.path)}${from}`)}  ${counts}`];
  if (diff.note !== undefined) lines.push(paint.dim(`  ${visibleText(diff.note)}`));
  else if (diff.hunks.length === 0) lines.push(paint.dim(`  ${diff.is}: there are no lines to show`));
  for (const { oldStart, oldLines, newStart, newLines, lines: changed } of diff.hunks) {
    lines.push(paint.dim(`@@ -${oldStart},${oldLines} +${newStart},${newLines} @@`));
    for (const line of changed) lines.push(formatLine(line, paint));
  }
  return lines.map((line) => `${line}\n`).join('');
}

function formatLine({ is, tokens }: DiffLine, paint: Paint): string {
  const text = visibleText(tokens.map((token) => token.text).join(''));
  if (is === 'added') return paint.good(`+${text}`);
  return is === 'removed' ? paint.bad(`-${text}`) : ` ${text}`;
}
