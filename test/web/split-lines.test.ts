import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { DiffLine } from '../../src/domain/approval.ts';
import { splitLines } from '../../src/web/parts/split-lines.ts';
import { sampleDiff } from '../support/held-pushes.ts';

const linesOf = (texts: readonly string[]): readonly DiffLine[] => sampleDiff(texts).hunks[0]?.lines ?? [];

test('what was added stands beside what it replaces', () => {
  const rows = splitLines(linesOf([' a', '-b', '-c', '+B', ' d', '+e']));
  assert.deepEqual(
    rows.map((row) => [row.old?.tokens[0]?.text, row.new?.tokens[0]?.text]),
    [
      ['a', 'a'],
      ['b', 'B'],
      ['c', undefined],
      ['d', 'd'],
      [undefined, 'e'],
    ],
  );
});

test('both looks have the same lines in the same order, whatever the hunk', () => {
  const text = fc.array(fc.constantFrom(' x', '-x', '+x'), { maxLength: 40 });
  fc.assert(
    fc.property(text, (texts) => {
      const lines = linesOf(texts);
      const rows = splitLines(lines);
      const olds = rows.map((row) => row.old).filter((line) => line !== undefined);
      const news = rows.map((row) => row.new).filter((line) => line !== undefined);
      assert.deepEqual(
        olds,
        lines.filter(({ is }) => is !== 'added'),
      );
      assert.deepEqual(
        news,
        lines.filter(({ is }) => is !== 'removed'),
      );
    }),
  );
});

test('a line that stays stands on both sides of its row', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(' x', '-x', '+x'), { maxLength: 40 }), (texts) => {
      for (const row of splitLines(linesOf(texts)))
        if (row.old?.is === 'same' || row.new?.is === 'same') assert.equal(row.old, row.new);
    }),
  );
});
