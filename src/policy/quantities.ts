/** Sizes, numbers, durations, times of day and dates as people write them in a policy. */

const sizeUnits: Readonly<Record<string, number>> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

const durationUnits: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

function parse(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d{1,9}) ?([A-Za-z]{1,3})$/.exec(text);
  const unit = Object.hasOwn(units, match?.[2] ?? '') ? units[match?.[2] ?? ''] : undefined;
  return match?.[1] === undefined || unit === undefined ? undefined : Number(match[1]) * unit;
}

/** Bytes of `10MiB` or `512 B`; undefined when it is not a size. */
export const parseSize = (text: string): number | undefined => parse(text, sizeUnits);

/** Milliseconds of `30s`, `5m`, `8h` or `2d`; undefined when it is not a duration. */
export const parseDuration = (text: string): number | undefined => parse(text, durationUnits);

/** A number of `10` or `10000`; undefined when it is not one. */
export function parseCount(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Minutes since midnight of `08:30`, and of `24:00`; undefined when it is not a time of day. */
export function parseTimeOfDay(text: string): number | undefined {
  if (text === '24:00') return 1440;
  const match = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(text);
  return match ? Number(match[1]) * 60 + Number(match[2]) : undefined;
}

/** Whether it is a day of the calendar, such as `2027-01-31`. */
export function isDate(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return false;
  const time = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(time.getTime()) && time.toISOString().startsWith(text);
}

/** `> 10MiB` and the like, ready to be asked. */
export interface Comparison {
  readonly source: string;
  holds(value: number): boolean;
}

const operators: Readonly<Record<string, (value: number, limit: number) => boolean>> = {
  '>': (value, limit) => value > limit,
  '>=': (value, limit) => value >= limit,
  '<': (value, limit) => value < limit,
  '<=': (value, limit) => value <= limit,
  '=': (value, limit) => value === limit,
};

/** An operator and a quantity; undefined when the text is not that. */
export function parseComparison(
  text: string,
  quantity: (text: string) => number | undefined,
): Comparison | undefined {
  const match = /^\s*(>=|<=|>|<|=)\s*(\S.*?)\s*$/.exec(text);
  const limit = match?.[2] === undefined ? undefined : quantity(match[2]);
  const compare = operators[match?.[1] ?? ''];
  if (limit === undefined || !compare) return undefined;
  return { source: `${match?.[1]} ${match?.[2]}`, holds: (value) => compare(value, limit) };
}

/** Bytes as people read them: `640 B`, `12.5 MiB`. */
export function tellSize(bytes: number): string {
  for (const [unit, factor] of Object.entries(sizeUnits).reverse())
    if (bytes >= factor && factor > 1) return `${Math.round((bytes / factor) * 10) / 10} ${unit}`;
  return `${bytes} B`;
}

/** A duration in the largest unit that divides it: `30 minutes`, `1 day`. */
export function tellDuration(ms: number): string {
  const names: readonly (readonly [string, number])[] = [
    ['day', 86_400_000],
    ['hour', 3_600_000],
    ['minute', 60_000],
  ];
  const [name, factor] = names.find(([, size]) => ms >= size && ms % size === 0) ?? ['second', 1000];
  const count = ms / factor;
  return `${count} ${name}${count === 1 ? '' : 's'}`;
}
