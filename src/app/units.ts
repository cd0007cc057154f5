/** Sizes and durations as people write them in the configuration. */

const sizeUnits: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

const durationUnits: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

function parse(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d{1,9})(?: ?([A-Za-z]{1,3}))$/.exec(text);
  const unit = units[match?.[2] ?? ''];
  return match?.[1] === undefined || unit === undefined ? undefined : Number(match[1]) * unit;
}

/** Bytes of a text such as `2GiB` or `512KiB`; undefined when it is not one. */
export const parseSize = (text: string): number | undefined => parse(text, sizeUnits);

/** Milliseconds of a text such as `30s` or `5m`; undefined when it is not one. */
export const parseDuration = (text: string): number | undefined => parse(text, durationUnits);
