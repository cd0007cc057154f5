import { readModes } from './access.ts';
import type { PolicySource } from './problems.ts';

type Plain = Readonly<Record<string, unknown>>;

interface Line {
  readonly path: readonly (string | number)[];
  readonly map: Plain;
}

/** What says how a repository is read, on a line that lets nobody read it. */
export function lintRead(source: PolicySource, { path, map }: Line): void {
  if (map['read'] !== undefined && !valuesOf(map['may']).includes('read'))
    source.report(
      [...path, 'read'],
      '"read" has no effect without may: read; remove it, or write it on the line that grants reading',
    );
}

/** Lines whose `read` never counts, since another line matches all that they match and is stricter. */
export function reportOverruled(source: PolicySource, lines: readonly Line[]): void {
  for (const { path, map } of lines) {
    const rank = rankOf(map);
    const stricter = lines.findIndex(
      (other) => rank >= 0 && rankOf(other.map) >= 0 && rankOf(other.map) < rank && covers(other.map, map),
    );
    if (stricter >= 0)
      source.report(
        [...path, 'read'],
        `"read: ${String(map['read'])}" never counts: access line ${stricter + 1} matches all that this one does, and the strictest counts; remove it, or narrow that line`,
      );
  }
}

function rankOf(map: Plain): number {
  return readModes.indexOf(map['read'] as (typeof readModes)[number]);
}

/** Whether the line matches all that the other one does, as far as that is seen without trying names. */
function covers(line: Plain, other: Plain): boolean {
  const { who } = line;
  const others = other['who'];
  if (!isMap(who) || !isMap(others) || !holdsAll(line['repo'], other['repo'])) return false;
  return Object.keys(who).every(
    (key) =>
      (key !== 'group' && key !== 'kind' && valuesOf(who[key]).includes('**')) ||
      (others[key] !== undefined && holdsAll(who[key], others[key])),
  );
}

function holdsAll(values: unknown, others: unknown): boolean {
  const known = valuesOf(values);
  return known.includes('**') || valuesOf(others).every((one) => known.includes(one));
}

function valuesOf(value: unknown): readonly unknown[] {
  return value === undefined ? [] : [value].flat();
}

function isMap(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
