import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { shownDigits } from '../../../src/mask/engine/shown-digits.ts';
import { RecentPairs, withoutOids, withoutRefs } from '../../../src/mask/engine/text-for.ts';

const digits = (length: number) =>
  fc.string({ unit: fc.constantFrom('0', '1', 'a', 'b'), minLength: length, maxLength: length });

/** Few digits, so that abbreviations of originals and views meet. */
const pairsOf = fc.uniqueArray(fc.tuple(digits(40), digits(40)), {
  selector: ([original]) => original,
  maxLength: 60,
});

const rowsOf = (pairs: readonly (readonly [string, string])[]) => {
  const views = new Map(pairs);
  return {
    viewOf: (oid: string) => {
      const view = views.get(oid);
      return view === undefined ? undefined : ({ type: 'commit', oid: view } as const);
    },
    originalsFrom: (prefix: string, _epoch: number, limit: number) =>
      [...views.keys()].filter((oid) => oid.startsWith(prefix)).slice(0, limit),
  };
};

test('no text that is shown holds an affected original or what begins one, and showing it again changes nothing', () => {
  fc.assert(
    fc.property(pairsOf, fc.integer({ min: 7, max: 40 }), fc.array(digits(40)), (pairs, length, others) => {
      const rows = rowsOf(pairs);
      for (const oid of [...pairs.flat(), ...others]) {
        const shown = shownDigits(rows, 1, oid.slice(0, length));
        assert.equal(shown.length, length);
        assert.equal(shownDigits(rows, 1, shown), shown);
        if (!/^0+$/.test(shown)) assert.deepEqual(rows.originalsFrom(shown, 1, 1), []);
      }
    }),
  );
});

test('no oid is left in a text that may show none', () => {
  const oid = 'abcdef0123'.repeat(4);
  assert.equal(withoutOids(`at ${oid}, gABCDEF0 and ${oid}${oid}`), 'at [oid], g[oid] and [oid]');
});

test('names of hidden refs are shown neither whole nor short', () => {
  const text = 'refs/heads/with-a-secret and origin/with-a-secret';
  assert.equal(withoutRefs(text, ['refs/heads/with-a-secret']), '[hidden ref] and origin/[hidden ref]');
});

test('the pairs of the last pushes are known by abbreviations, and those of long ago are forgotten', () => {
  const pairs = new RecentPairs();
  pairs.keep([{ original: 'a'.repeat(40), view: 'b'.repeat(40) }]);
  assert.equal(pairs.shown('aaaaaaa'), 'bbbbbbb');
  for (let push = 0; push < 16; push++) pairs.keep([{ original: '1'.repeat(40), view: '2'.repeat(40) }]);
  assert.equal(pairs.shown('aaaaaaa'), undefined);
});
