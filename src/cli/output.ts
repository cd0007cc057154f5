import { cleanText } from '../app/offline.ts';

/** Where commands print; tests pass their own. */
export interface Output {
  out(text: string): void;
  err(text: string): void;
}

/** Columns as wide as their widest cell, two spaces between, no line for an empty table but `none`. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return 'none\n';
  const all = [header, ...rows].map((row) => row.map((cell) => cleanText(cell, 1_000)));
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd();
  return `${all.map(line).join('\n')}\n`;
}

/** Acts on a terminal, or hides or reorders what a person reads, although JSON leaves it as it is. */
const unseen = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** JSON in one line that is safe on a terminal, and means the same to machines. */
export function formatJson(value: unknown): string {
  return JSON.stringify(value).replace(unseen, (found) =>
    [...Array(found.length).keys()]
      .map((at) => `\\u${found.charCodeAt(at).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

/** Prints a value for machines with --json, else what `people` makes of it. */
export function print<T>(
  output: Output,
  json: boolean | undefined,
  value: T,
  people: (value: T) => string,
): void {
  output.out(json ? `${formatJson(value)}\n` : people(value));
}
