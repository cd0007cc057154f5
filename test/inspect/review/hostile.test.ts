import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RefgateError } from '../../../src/domain/error.ts';
import { DiffThread } from '../../../src/inspect/review/diff-thread.ts';
import { secrets } from './scene.ts';

const whole = { whole: true, plain: false } as const;

/** Content on which highlighters are known to go slow, by file name. */
const bombs: readonly (readonly [string, string])[] = [
  ['a.md', '*'.repeat(60_000)],
  ['b.md', '['.repeat(60_000)],
  ['c.js', '/'.repeat(60_000)],
  ['d.js', `${'('.repeat(60_000)}=>`],
  ['e.html', '<a '.repeat(30_000)],
  ['f.php', '<?php "{$'.repeat(8_000)],
  ['g.ts', 'a<'.repeat(40_000)],
  ['h.yaml', `${' '.repeat(50_000)}:`],
  ['i.rb', '#{'.repeat(30_000)],
  ['j.css', 'a:not('.repeat(15_000)],
];

test('no content holds the thread longer than its budget, and the next file is read as ever', async (t) => {
  const thread = new DiffThread({ secrets, budget: 1_500 });
  t.after(() => thread.close());
  for (const [path, text] of bombs) {
    const diff = await thread.diff({ path, new: Buffer.from(text), ...whole });
    assert.ok(diff.is === 'text' || diff.is === 'large', path);
  }
  const diff = await thread.diff({
    path: 'x.ts',
    old: Buffer.from('a\n'),
    new: Buffer.from('b\n'),
    ...whole,
  });
  assert.deepEqual([diff.added, diff.removed], [1, 1]);
});

test('a file that takes longer than there is time is large, with a note', async (t) => {
  const thread = new DiffThread({ secrets, budget: 0 });
  t.after(() => thread.close());
  const text = Array.from({ length: 20_000 }, (_, n) => `const x${n} = ${n};\n`).join('');
  const diff = await thread.diff({ path: 'x.ts', new: Buffer.from(text), ...whole });
  assert.equal(diff.is, 'large');
  assert.match(diff.note ?? '', /takes too long/);
  assert.deepEqual(await thread.mask(['plain'.repeat(100_000)]), ['[not searched for secrets]']);
});

test('a thread without memory for a file ends, and another one takes its place', async (t) => {
  const thread = new DiffThread({ secrets, heapMiB: 24, budget: 20_000 });
  t.after(() => thread.close());
  const text = '{"a":[1,2]}\n'.repeat(80_000);
  const diff = await thread.diff({ path: 'x.json', new: Buffer.from(text), ...whole });
  assert.ok(['large', 'text'].includes(diff.is));
  assert.equal((await thread.diff({ path: 'x', new: Buffer.from('a\n'), ...whole })).added, 1);
});

test('with rules that cannot be compiled nothing is shown', async (t) => {
  const thread = new DiffThread({
    secrets: { ...secrets, ruleFiles: [{ path: 'bad.toml', text: '[[rules]\n' }] },
  });
  t.after(() => thread.close());
  for (let n = 0; n < 2; n++)
    await assert.rejects(
      thread.diff({ path: 'x', new: Buffer.from('a\n'), ...whole }),
      (error) => error instanceof RefgateError && error.code === 'SECRET_RULES_INVALID',
    );
});

test('what is asked while it closes, or afterwards, is refused', async () => {
  const thread = new DiffThread({ secrets });
  const isClosed = (error: unknown) => error instanceof RefgateError && error.code === 'SHUTTING_DOWN';
  const asked = [1, 2, 3].map(() =>
    assert.rejects(thread.diff({ path: 'x', new: Buffer.from('a\n'), ...whole }), isClosed),
  );
  await thread.close();
  await Promise.all(asked);
  await assert.rejects(thread.mask(['a']), isClosed);
});
