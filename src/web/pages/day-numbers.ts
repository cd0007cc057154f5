import type { DayCounts, SessionOutcome } from '../../domain/record.ts';

/** The verdicts as people are shown them, in the order in which they are stacked. */
export const verdicts = [
  { name: 'let through', look: 'good', of: ['ok', 'partial'] },
  { name: 'held', look: 'wait', of: ['held'] },
  { name: 'refused', look: 'bad', of: ['refused'] },
  { name: 'rejected upstream', look: 'accent', of: ['rejected'] },
  { name: 'failed or broken off', look: 'mild', of: ['failed', 'aborted', 'unknown'] },
] as const satisfies readonly {
  readonly name: string;
  readonly look: 'good' | 'wait' | 'bad' | 'accent' | 'mild';
  readonly of: readonly SessionOutcome[];
}[];

/** One day as the overview shows it; `pushes` in the order of `verdicts`. */
export interface DayNumbers {
  readonly day: string;
  readonly pushes: readonly number[];
  readonly fetches: number;
  readonly findings: number;
  readonly decided: number;
  /** Mean time that people took, in ms; undefined when they decided nothing. */
  readonly waited: number | undefined;
}

/** The last `count` days up to today (ms since 1970), as `2026-01-31`. */
export function lastDays(now: number, count: number): readonly string[] {
  const dayMs = 24 * 3_600_000;
  return Array.from({ length: count }, (_, at) =>
    new Date(now - (count - 1 - at) * dayMs).toISOString().slice(0, 10),
  );
}

/** Every one of the days, also those of which nothing is recorded. */
export function numbersOf(days: readonly string[], counts: readonly DayCounts[]): readonly DayNumbers[] {
  const byDay = new Map(counts.map((one) => [one.day, one]));
  return days.map((day) => {
    const one = byDay.get(day);
    const decided = one?.decided ?? { count: 0, waited: 0 };
    return {
      day,
      pushes: verdicts.map(({ of }) => of.reduce((sum, outcome) => sum + (one?.pushes[outcome] ?? 0), 0)),
      fetches: one?.fetches ?? 0,
      findings: Object.values(one?.findings ?? {}).reduce((sum, count) => sum + count, 0),
      decided: decided.count,
      waited: decided.count === 0 ? undefined : decided.waited / decided.count,
    };
  });
}

/** Names with their counts over all days, the most frequent first. */
export function topNames(
  counts: readonly DayCounts[],
  of: 'rules' | 'findings',
  most: number,
): readonly (readonly [name: string, count: number])[] {
  const sums = new Map<string, number>();
  for (const day of counts)
    for (const [name, count] of Object.entries(day[of])) sums.set(name, (sums.get(name) ?? 0) + count);
  return [...sums].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, most);
}
