/**
 * Holding the whole server up with the draft of a policy.
 *
 * 1. The attacker has the role auditor: they change nothing, but may have a
 *    draft of the policy checked, tried on old pushes, and explained.
 * 2. Their drafts are small enough to be taken, and made so that YAML takes
 *    very long over them: wrong escapes without number, a hundred thousand
 *    keys, deep lists, tens of megabytes of problems.
 * 3. They send them by the page and by the API, many at once.
 * The drafts are read in a thread: pages, and with them git, are answered
 * before a hostile draft is; the draft is refused as not valid, in bounded time
 * and with a bounded text.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createPolicyTrials } from '../../src/session/backtest.ts';
import { openPolicyInForce } from '../../src/session/policy-in-force.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { webScene } from '../support/web-ports.ts';
import { startSite, type WebSite } from '../support/web-site.ts';

const wrongEscapes = `a: "${'\\x'.repeat(400_000)}`;
const manyKeys = Array.from({ length: 100_000 }, (_, i) => `a${i}: \n`).join('');
const manyProblems = `access: []\nrules:\n${'  - x: 1\n'.repeat(60_000)}`;

async function draftSite(t: TestContext): Promise<WebSite> {
  const { ledger, log } = await webScene();
  const store = new MemoryStore();
  const policy = await openPolicyInForce({ store, recorder: ledger, log });
  const trials = createPolicyTrials({ reader: ledger, store, load: (version) => policy.load(version) });
  return startSite(t, { policy, trials });
}

async function send(site: WebSite, path: string, body: object): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${site.url}/-/api/v1/policy/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${site.tokens.auditor}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: answer.status, text: await answer.text() };
}

const policy = (text: string): object => ({ text, file: 'draft' });

test('pages are answered while a hostile draft is read, and the draft is refused', async (t) => {
  const site = await draftSite(t);
  const other = await site.browser('user');
  const order: string[] = [];
  const asked = send(site, 'check', policy(wrongEscapes)).then((answer) => {
    order.push('draft');
    return answer;
  });
  // Long enough for the draft to be on its way.
  await sleep(300);
  for (const _ of [1, 2, 3]) {
    assert.equal((await other.get('/-/account')).status, 200);
    order.push('page');
  }
  const { status, text } = await asked;
  assert.deepEqual([status, order], [422, ['page', 'page', 'page', 'draft']]);
  assert.match(text, /takes too long|not YAML/);
});

test('no way to have a draft read brings it to the thread of the server first', async (t) => {
  const site = await draftSite(t);
  const since = '2026-01-01T00:00:00Z';
  const [explained, tried] = await Promise.all([
    send(site, 'explain', { session: 's-1', policy: policy(manyKeys) }),
    send(site, 'backtest', { ...policy(manyKeys), since }),
  ]);
  assert.deepEqual([explained.status, tried.status], [422, 422]);
  const browser = await site.browser('auditor');
  await browser.get('/-/policy/try');
  const page = await browser.post('/-/policy/try', { text: wrongEscapes.slice(0, 400_000) });
  assert.equal(page.status, 422);
  assert.match(page.text, /takes too long|not YAML/);
});

test('megabytes of problems are cut before they are told', async (t) => {
  const site = await draftSite(t);
  const { status, text } = await send(site, 'check', policy(manyProblems));
  assert.equal(status, 422);
  assert.ok(text.length < 500_000, String(text.length));
  assert.match(text, /takes too long|more problems; mend these first/);
});

test('of many drafts at once only few wait, and the others are refused at once', async (t) => {
  const site = await draftSite(t);
  const answers = await Promise.all(
    Array.from({ length: 12 }, () => send(site, 'check', policy('access: []\n'))),
  );
  const refused = answers.filter(({ status }) => status !== 200);
  assert.ok(refused.length > 0);
  for (const { text } of refused) assert.match(text, /LIMIT_EXCEEDED/);
});
