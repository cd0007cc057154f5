import assert from 'node:assert/strict';
import { test } from 'node:test';
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

test('a time that is past, or now, is over', () => {
  const now = Date.parse('2026-03-01T10:00:00.000Z');
  assert.equal(timeLeft('2026-03-01T10:00:00.000Z', now), 'over');
  assert.equal(timeLeft('2026-03-01T10:30:00.000Z', now), '30 min left');
});
