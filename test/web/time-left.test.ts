import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { durationText, timeLeft } from '../../src/web/parts/time-left.ts';

test('a duration is told in the units that matter', () => {
  const told: readonly (readonly [number, string])[] = [
    [0, '0 s'],
    [59_999, '59 s'],
    [90_000, '1 min'],
    [3_600_000, '1 h'],
    [4_800_000, '1 h 20 min'],
    [90_000_000, '1 d 1 h'],
  ];
  for (const [ms, text] of told) assert.equal(durationText(ms), text);
});

test('a duration is told in at most two units, and never as a longer one', () => {
  fc.assert(
    fc.property(fc.nat(90 * 24 * 3_600_000), (ms) => {
      const units = { d: 86_400, h: 3_600, min: 60, s: 1 } as const;
      const told = [...durationText(ms).matchAll(/(\d+) (d|h|min|s)/g)];
      assert.ok(told.length === 1 || told.length === 2);
      const seconds = told.reduce(
        (sum, [, n, unit]) => sum + Number(n) * units[unit as keyof typeof units],
        0,
      );
      const smallest = units[(told.at(-1)?.[2] ?? 's') as keyof typeof units];
      assert.ok(Math.abs(seconds - ms / 1000) <= smallest);
    }),
  );
});

test('a time that is past, or now, is over', () => {
  const now = Date.parse('2026-03-01T10:00:00.000Z');
  assert.equal(timeLeft('2026-03-01T10:00:00.000Z', now), 'over');
  assert.equal(timeLeft('2026-03-01T10:30:00.000Z', now), '30 min left');
});
