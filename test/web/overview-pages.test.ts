import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SessionOutcome } from '../../src/domain/record.ts';
import { admin, auditor, hostile, isHarmless, startLookServer } from '../support/look-server.ts';
import { alice, bob } from '../support/push-server.ts';
import { decided, recordSession } from '../support/sample-events.ts';

const main = ['refs/heads/main'];

test('without pushes the overview says what to do next', async (t) => {
  const server = await startLookServer(t);
  const { status, text } = await server.page('/overview');
  assert.equal(status, 200);
  assert.match(text, /Nobody has pushed or fetched in the last 30 days/);
});

test('the plots and their tables have the numbers of each day, also of days without any', async (t) => {
  const server = await startLookServer(t);
  const outcomes: readonly SessionOutcome[] = ['ok', 'partial', 'held', 'refused', 'rejected', 'failed'];
  for (const [at, outcome] of outcomes.entries())
    await recordSession(server.ledger, { id: `s-${at}`, refs: main, outcome });
  const reasons = [{ rule: 'no-binaries', code: 'POLICY_DENIED' as const, text: 'no' }];
  const refs = [{ ref: 'refs/heads/main', effect: 'deny' as const, reasons }];
  await server.ledger.append('push.decided', { ...decided(main), refs }, { session: 's-3', actor: 'alice' });
  server.now += 2 * 24 * 3_600_000;
  const { text } = await server.page('/overview?days=7');
  assert.match(text, /<strong>6<\/strong> pushes/);
  assert.match(text, /<th scope="row">2026-01-31<\/th>(<td class="number">\d+<\/td>){8}/);
  const row = /<th scope="row">2026-01-31<\/th>((?:<td class="number">\d+<\/td>)+)/.exec(text)?.[1] ?? '';
  assert.deepEqual([...row.matchAll(/\d+/g)].map(Number), [2, 1, 1, 1, 1, 0, 0, 0]);
  assert.equal([...text.matchAll(/<th scope="row">2026-/g)].length, 7);
  assert.match(text, /<title>2026-01-31, let through: 2<\/title>/);
  assert.match(text, /<th scope="row">no-binaries<\/th><td class="number">1<\/td>/);
  assert.doesNotMatch((await server.page('/overview?days=7')).text, /style=/);
});

test('each plot has a title and a description of its own', async (t) => {
  const server = await startLookServer(t);
  await recordSession(server.ledger, { id: 's-1', refs: main, outcome: 'ok' });
  const { text } = await server.page('/overview');
  const named = [...text.matchAll(/aria-labelledby="([^"]+)" aria-describedby="([^"]+)"/g)];
  assert.ok(named.length > 0);
  for (const [, title, desc] of named) {
    assert.ok(text.includes(`<title id="${title}">`));
    assert.ok(text.includes(`<desc id="${desc}">`));
  }
});

test('the waiting time of decided pushes is shown as a mean of the day', async (t) => {
  const server = await startLookServer(t);
  const { relay, target, policyVersion } = decided(main);
  for (const push of ['p-1', 'p-2'])
    await server.ledger.append(
      'push.held',
      {
        ...{ push, binding: 'b', policyVersion, target, refs: [], relay, asks: [] },
        ...{ onApprove: 'relay', deadline: '' },
      },
      { session: 's-1', actor: 'alice' },
    );
  server.now += 10 * 60_000;
  await server.ledger.append('push.rejected', { push: 'p-1', by: ['carol'] }, { actor: 'carol' });
  server.now += 20 * 60_000;
  await server.ledger.append('push.rejected', { push: 'p-2', by: ['carol'] }, { actor: 'carol' });
  const { text } = await server.page('/overview');
  assert.match(text, /they waited 20 min on average/);
  assert.match(text, /<td class="number">20 min<\/td>/);
});

test('only the spans that there are can be asked for', async (t) => {
  const server = await startLookServer(t);
  for (const days of ['9999999', '-1', 'x', '30&days=90']) {
    const { status, text } = await server.page(`/overview?days=${days}`);
    assert.equal(status, 200);
    assert.match(text, /last 30 days/);
  }
});

test('who may not see everything does not see the overview, and notifiers are for administrators', async (t) => {
  const server = await startLookServer(t);
  const lastError = { time: '2026-01-31T11:00:00.000Z', text: 'refused' };
  server.notifiers = [
    { name: 'chat', kind: 'slack', where: 'hooks.example.com', waiting: 1, dead: 2, lastError },
    { name: 'fine', kind: 'email', where: 'mail.example.com', waiting: 0, dead: 0 },
  ];
  server.as(admin);
  const { text } = await server.page('/overview');
  assert.match(text, /Notices that did not arrive/);
  assert.match(text, /chat/);
  assert.doesNotMatch(text, /mail\.example\.com/);
  server.as(auditor);
  assert.doesNotMatch((await server.page('/overview')).text, /hooks\.example\.com/);
  for (const viewer of [alice, bob]) {
    server.as(viewer);
    assert.match((await server.page('/overview')).text, /ROLE_LACKING/);
  }
});

test('hostile names of rules and notifiers are shown and do nothing', async (t) => {
  const server = await startLookServer(t);
  const reasons = [{ rule: hostile, code: 'POLICY_DENIED' as const, text: 'no' }];
  const refs = [{ ref: 'refs/heads/main', effect: 'deny' as const, reasons }];
  await server.ledger.append('push.decided', { ...decided(main), refs }, { session: 's-3', actor: 'alice' });
  const lastError = { time: '2026-01-31T11:00:00.000Z', text: hostile };
  server.notifiers = [{ name: hostile, kind: 'slack', where: hostile, waiting: 1, dead: 2, lastError }];
  const page = await server.page('/overview');
  assert.ok(isHarmless(page));
  assert.ok(page.text.includes('&lt;img src=x'));
});
