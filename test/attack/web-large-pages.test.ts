/**
 * Holding the server up with pages that take long to make.
 *
 * 1. The attacker may review a push, and has pushed it themselves with another
 *    account: a file of very many lines, whose page is a megabyte and more.
 * 2. The comparison is made once, in a thread, and kept. But the page is made
 *    of it anew for each who asks, in the thread that serves git.
 * 3. They ask for the page a hundred times at once; all of them become ready
 *    in the same moment, and are made one after another without a pause.
 * One page is made at a time, with a rest as long after it, so that the others
 * are answered between; and who has eight of them waiting gets no more.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DiffLine, FileDiff } from '../../src/domain/approval.ts';
import { samplePush } from '../support/held-pushes.ts';
import { startSite } from '../support/web-site.ts';

const count = 6_000;

function largeDiff(): FileDiff {
  const lines = Array.from(
    { length: count },
    (_, i): DiffLine => ({ is: 'added', new: i + 1, tokens: [{ text: `const value${i} = ${i};` }] }),
  );
  const hunk = { oldStart: 0, oldLines: 0, newStart: 1, newLines: count, lines };
  return { is: 'text', added: count, removed: 0, hunks: [hunk] };
}

/** A difference that, but for the first `free` who ask, is given to nobody before `count` have asked: so that they all become ready at once. */
function togetherWhen(count: number, free = 0): () => Promise<FileDiff> {
  const diff = largeDiff();
  let asked = 0;
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  return async () => {
    asked += 1;
    if (asked === count) open();
    if (asked > free) await gate;
    return diff;
  };
}

test('while somebody asks for large pages without end, the others are answered between', async (t) => {
  const site = await startSite(t, { reviews: { review: async () => [], diff: togetherWhen(101, 1) } });
  site.held.add(samplePush({ id: 'p-large01' }));
  const [attacker, other] = [await site.browser('admin'), await site.browser('user')];
  const path = '/-/pushes/p-large01/file?ref=refs/heads/main&path=a.ts';
  const one = await attacker.get(path);
  assert.ok(one.status === 200 && one.text.length > 500_000, one.text.slice(0, 500));
  let made = 0;
  const asked = Array.from({ length: 100 }, async () => {
    const { status, headers } = await attacker.copy().get(path);
    if (status === 200) made += 1;
    return { status, wait: headers.get('retry-after') };
  });
  for (let i = 0; i < 3; i++) assert.equal((await other.get('/-/account')).status, 200);
  const madeBefore = made;
  const answers = await Promise.all(asked);
  assert.ok(madeBefore < made, `${made} large pages were made before another one`);
  const refused = answers.filter(({ status }) => status === 429);
  assert.ok(refused.length > 0 && refused.length <= 92, `${refused.length} were refused`);
  for (const { wait } of refused) assert.equal(wait, '5');
  assert.equal(refused.length + made, 100);
  assert.equal((await attacker.get(path)).status, 200);
});

test('the same holds for large answers of the API', async (t) => {
  const site = await startSite(t, { reviews: { review: async () => [], diff: togetherWhen(100) } });
  site.held.add(samplePush({ id: 'p-large01' }));
  const ask = async (): Promise<{ status: number; text: string }> => {
    const answer = await fetch(`${site.url}/-/api/v1/pushes/p-large01/diff?ref=refs/heads/main&path=a.ts`, {
      headers: { authorization: `Bearer ${site.tokens.admin}` },
    });
    return { status: answer.status, text: await answer.text() };
  };
  const answers = await Promise.all(Array.from({ length: 100 }, ask));
  const refused = answers.filter(({ status }) => status === 429);
  assert.ok(refused.length > 0 && refused.length <= 92, `${refused.length} were refused`);
  for (const { text } of refused) assert.match(text, /LIMIT_EXCEEDED.*wait some seconds/);
  const made = answers.filter(({ status }) => status === 200);
  assert.equal(made.length + refused.length, 100);
  for (const { text } of made) assert.deepEqual(JSON.parse(text), largeDiff());
});
