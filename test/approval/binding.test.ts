import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Bound, bindingOf } from '../../src/approval/binding.ts';

const text = fc.string({ unit: 'binary', maxLength: 6 });
const update = fc.record({ ref: text, oldOid: text, newOid: text });
const bound: fc.Arbitrary<Bound> = fc.record({
  user: text,
  repo: text,
  target: fc.record({ upstream: text, path: text }),
  updates: fc.uniqueArray(update, { maxLength: 3, selector: ({ ref }) => ref }),
  pushOptions: fc.array(text, { maxLength: 3 }),
  policyVersion: text,
});

const byRef = (one: Bound) => ({
  ...one,
  updates: [...one.updates].sort((a, b) => (a.ref < b.ref ? -1 : 1)),
});

test('two pushes have one binding exactly when nothing but the order of their refs differs', () => {
  fc.assert(
    fc.property(bound, bound, (a, b) => {
      const isSame = JSON.stringify(byRef(a)) === JSON.stringify(byRef(b));
      assert.equal(bindingOf(a) === bindingOf(b), isSame);
      assert.equal(bindingOf({ ...a, updates: a.updates.toReversed() }), bindingOf(a));
    }),
  );
});

test('a change of any single part changes the binding', () => {
  const base: Bound = {
    user: 'anna',
    repo: 'acme/web',
    target: { upstream: 'ghe', path: 'acme/web' },
    updates: [
      { ref: 'refs/heads/a', oldOid: '1', newOid: '2' },
      { ref: 'refs/heads/b', oldOid: '3', newOid: '4' },
    ],
    pushOptions: ['one', 'two'],
    policyVersion: 'v1',
  };
  const [first = { ref: '', oldOid: '', newOid: '' }, second = first] = base.updates;
  const changed: Bound[] = [
    { ...base, user: 'bert' },
    { ...base, repo: 'acme/app' },
    { ...base, target: { upstream: 'other', path: 'acme/web' } },
    { ...base, target: { upstream: 'ghe', path: 'acme/app' } },
    { ...base, target: { upstream: 'gheacme', path: '/web' } },
    { ...base, updates: [first] },
    { ...base, updates: [{ ...first, ref: 'refs/heads/c' }, second] },
    { ...base, updates: [{ ...first, oldOid: '9' }, second] },
    { ...base, updates: [{ ...first, newOid: '9' }, second] },
    { ...base, updates: [{ ...first, oldOid: '2', newOid: '1' }, second] },
    { ...base, pushOptions: ['two', 'one'] },
    { ...base, pushOptions: ['one,two'] },
    { ...base, pushOptions: ['one', 'two', ''] },
    { ...base, policyVersion: 'v2' },
  ];
  const bindings = [base, ...changed].map(bindingOf);
  assert.equal(new Set(bindings).size, bindings.length);
  for (const binding of bindings) assert.match(binding, /^[0-9a-f]{64}$/);
});
