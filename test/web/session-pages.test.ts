import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventCode, EventPayloads } from '../../src/domain/record.ts';
import {
  admin,
  auditor,
  hostile,
  isHarmless,
  type LookServer,
  startLookServer,
} from '../support/look-server.ts';
import { alice, bob } from '../support/push-server.ts';
import { decided, opened, recordSession, requested } from '../support/sample-events.ts';

const main = ['refs/heads/main'];

function idsOn(text: string): string[] {
  return [...text.matchAll(/href="\/-\/sessions\/(s-[^"]+)"/g)].map(([, id = '']) => id);
}

async function fill(server: LookServer): Promise<void> {
  await recordSession(server.ledger, { id: 's-1', user: 'alice', refs: main, outcome: 'ok' });
  server.now += 60_000;
  await recordSession(server.ledger, {
    id: 's-2',
    user: 'bob',
    repo: 'acme/api',
    refs: main,
    outcome: 'held',
  });
  server.now += 60_000;
  await recordSession(server.ledger, { id: 's-3', user: 'alice', repo: 'acme/api', outcome: 'aborted' });
}

test('without sessions the page says what to do next', async (t) => {
  const server = await startLookServer(t);
  assert.match((await server.page('/sessions')).text, /Clone a repository through Refgate/);
});

test('sessions are found by user, repository, ref, outcome and time', async (t) => {
  const server = await startLookServer(t);
  await fill(server);
  const searches = {
    '': ['s-3', 's-2', 's-1'],
    'user=alice': ['s-3', 's-1'],
    'repo=acme/api.git': ['s-3', 's-2'],
    'ref=refs/heads/main&user=bob': ['s-2'],
    'outcome=held': ['s-2'],
    'since=2026-01-31 12:01': ['s-3', 's-2'],
    'until=2026-01-31T12:00:00Z': ['s-1'],
    'since=2026-01-31&until=2026-01-31': ['s-3', 's-2', 's-1'],
    'since=2026-02-01': [],
  };
  for (const [query, ids] of Object.entries(searches)) {
    const { status, text } = await server.page(`/sessions?${query}`);
    assert.equal(status, 200);
    assert.deepEqual(idsOn(text), ids, query);
  }
});

test('what is typed wrongly is told at its field, and everything typed is kept', async (t) => {
  const server = await startLookServer(t);
  await fill(server);
  const wrong = { ref: 'main', outcome: 'perhaps', since: 'yesterday', until: '2026-13-01' };
  const { status, text } = await server.page(`/sessions?${new URLSearchParams({ user: 'alice', ...wrong })}`);
  assert.equal(status, 400);
  assert.deepEqual(idsOn(text), []);
  assert.match(text, /value="alice"/);
  for (const [field, typed] of Object.entries(wrong)) {
    assert.match(text, new RegExp(`aria-describedby="search-${field}-problem"`), field);
    assert.match(text, new RegExp(`id="search-${field}-problem"`), field);
    if (field !== 'outcome') assert.ok(text.includes(`value="${typed}"`), field);
  }
  const turned = await server.page('/sessions?since=2026-02-01&until=2026-01-01');
  assert.match(turned.text, /id="search-until-problem"/);
});

test('a list of many sessions is cut into pages that keep the search, and each session is on one of them', async (t) => {
  const server = await startLookServer(t);
  for (let at = 100; at < 220; at++) {
    await recordSession(server.ledger, {
      id: `s-${at}`,
      user: at % 2 === 0 ? 'alice' : 'bob',
      outcome: 'ok',
    });
    server.now += 1_000;
  }
  const seen: string[] = [];
  let path: string | undefined = '/sessions?user=alice&outcome=ok';
  for (let pages = 0; path !== undefined; pages++) {
    const { text } = await server.page(path);
    const ids = idsOn(text);
    assert.equal(ids.length, pages === 0 ? 50 : 10);
    seen.push(...ids);
    path = /rel="next" href="\/-([^"]*)"/.exec(text)?.[1]?.replaceAll('&amp;', '&');
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 60 }, (_, at) => `s-${218 - 2 * at}`),
  );
});

test('who does not see everything sees own sessions only, whatever is asked for', async (t) => {
  const server = await startLookServer(t);
  await fill(server);
  for (const viewer of [alice, bob]) {
    server.as(viewer);
    const own = viewer === alice ? ['s-3', 's-1'] : ['s-2'];
    for (const query of ['', '?user=bob', '?user=alice', '?user='])
      assert.deepEqual(idsOn((await server.page(`/sessions${query}`)).text), own);
    for (const id of ['s-1', 's-2', 's-3', 's-none', '..', '%2e%2e%2fhead'])
      assert.equal((await server.page(`/sessions/${id}`)).status, own.includes(id) ? 200 : 404, id);
  }
  server.as(auditor);
  assert.equal((await server.page('/sessions/s-1')).status, 200);
});

test('a session of nobody that was proved is for those who see everything', async (t) => {
  const server = await startLookServer(t);
  await server.ledger.append('session.opened', opened('acme/web'), { session: 's-open', actor: 'alice' });
  assert.equal((await server.page('/sessions/s-open')).status, 200);
  server.as(alice);
  assert.equal((await server.page('/sessions/s-open')).status, 404);
});

test('a session is told event by event, with what was recorded after its end and a way to its held push', async (t) => {
  const server = await startLookServer(t);
  const context = { session: 's-1', actor: 'alice' };
  await recordSession(server.ledger, { id: 's-1', refs: main });
  const reasons = [{ rule: 'review', code: 'APPROVAL_REQUIRED' as const, text: 'asks people' }];
  const refs = [{ ref: 'refs/heads/main', effect: 'ask' as const, reasons }];
  const { relay, target, policyVersion } = decided(main);
  await server.ledger.append(
    'push.held',
    {
      ...{ push: 'p-abc1234', binding: 'b', policyVersion, target, refs, relay },
      asks: [],
      onApprove: 'relay',
      deadline: '2026-02-01T00:00:00.000Z',
    },
    context,
  );
  await server.ledger.append('session.closed', { outcome: 'held', bytesIn: 2048, bytesOut: 1 }, context);
  server.now += 3 * 3_600_000;
  await server.ledger.append(
    'push.forwarded',
    { push: 'p-abc1234', reports: [{ ref: 'refs/heads/main', ok: true }] },
    { session: 's-1', actor: 'refgate' },
  );
  const { text } = await server.page('/sessions/s-1');
  assert.match(text, /href="\/-\/pushes\/p-abc1234"/);
  const order = [
    'receive-pack of acme/web',
    'alice came in',
    'Push of 1 ref',
    'Held as p-abc1234',
    'Closed: held',
  ];
  const places = [...order, '+3 h', 'p-abc1234 forwarded'].map((words) => text.indexOf(words));
  assert.ok(places.every((place) => place > 0));
  assert.deepEqual(
    places,
    [...places].sort((a, b) => a - b),
  );
  assert.match(text, /title="1{40}"/);
  assert.match(text, /2\.0 KiB in/);
  assert.match(text, /<details><summary>Event 0, <code>session\.opened<\/code>/);
});

test('the policy is linked for those who may read it', async (t) => {
  const server = await startLookServer(t);
  await recordSession(server.ledger, { id: 's-1', refs: main });
  await server.ledger.append('push.decided', decided(main), { session: 's-1', actor: 'alice' });
  server.as(admin);
  assert.match((await server.page('/sessions/s-1')).text, /\/-\/policy\/versions\/p1/);
  server.as(alice);
  assert.doesNotMatch((await server.page('/sessions/s-1')).text, /\/-\/policy\/versions/);
});

/** One of every event that a session can have, with a hostile text wherever a peer, a user or an upstream writes. */
function hostileEvents(): readonly { [C in EventCode]?: EventPayloads[C] }[] {
  const oid = '1'.repeat(40);
  const update = { ref: hostile, oldOid: '0'.repeat(40), newOid: oid };
  const reason = { rule: hostile, code: 'POLICY_DENIED' as const, text: hostile };
  const refs = [{ ref: hostile, effect: 'deny' as const, reasons: [reason], warnings: [reason] }];
  const credential = { type: 'token' as const, id: hostile };
  const finding = {
    ...{
      rule: hostile,
      family: hostile,
      tier: 'A' as const,
      confidence: 'high' as const,
      place: 'file' as const,
    },
    ...{ path: hostile, sample: hostile, fingerprint: hostile, state: 'new' as const },
  };
  const unknown = { what: 'content' as const, text: hostile, path: hostile };
  const seat = { of: hostile, groups: [hostile], users: [hostile] };
  const asks = [{ rule: hostile, refs: [hostile], seats: [seat], approvals: 1, denials: 1, shared: false }];
  const push = hostile;
  const reports = [{ ref: hostile, ok: false, reason: hostile }];
  return [
    { 'session.opened': { ...opened(hostile), address: hostile } },
    { 'session.authenticated': { user: 'alice', kind: hostile, groups: [hostile], credential } },
    { 'fetch.requested': { target: hostile, refPrefixes: [hostile], filter: hostile } },
    { 'fetch.served': { bytes: 1, refs: 1, pack: true } },
    { 'push.requested': { ...requested(main), updates: [update], pushOptions: [hostile], agent: hostile } },
    {
      'push.inspected': {
        refs: [{ ...update, kind: 'update', namespace: 'branch', fastForward: false }],
        ...{
          objects: 1,
          bytes: 1,
          findings: [finding],
          unknowns: [unknown],
          hidden: { count: 1, examples: [] },
        },
      },
    },
    { 'push.decided': { ...decided(main), policyVersion: hostile, refs, held: hostile } },
    {
      'push.held': {
        ...{ push, binding: hostile, policyVersion: hostile, target: hostile, refs, relay: [update], asks },
        ...{ onApprove: 'retry', deadline: '2026-02-01T00:00:00.000Z' },
      },
    },
    { 'push.joined': { push } },
    { 'push.detached': { push } },
    { 'push.voted': { push, vote: 'deny', reason: hostile, groups: [hostile], via: 'page', credential } },
    { 'push.approved': { push, by: [hostile], forced: hostile, deadline: '2026-02-01T00:00:00.000Z' } },
    { 'push.rejected': { push, by: [hostile], reason: hostile } },
    { 'push.canceled': { push, reason: hostile } },
    { 'push.lapsed': { push, from: 'pending' } },
    { 'push.claimed': { push, session: hostile } },
    { 'push.forwarded': { push, reports } },
    { 'push.failed': { push, code: hostile, text: hostile } },
    { 'push.relayed': { updates: [update] } },
    { 'push.reported': { unpack: hostile, reports } },
    { 'push.settled': { refs: [{ ref: hostile, outcome: 'unknown' }] } },
    { 'session.closed': { outcome: 'refused', code: 'INTERNAL', detail: hostile, bytesIn: 1, bytesOut: 1 } },
  ];
}

test('hostile texts in every event and in the search are shown and do nothing', async (t) => {
  const server = await startLookServer(t);
  let count = 0;
  for (const one of hostileEvents())
    for (const [code, data] of Object.entries(one)) {
      count += 1;
      await server.ledger.append(code as EventCode, data, { session: 's-evil', actor: hostile });
    }
  const page = await server.page('/sessions/s-evil');
  assert.equal(page.status, 200);
  assert.equal([...page.text.matchAll(/<summary>Event /g)].length, count);
  assert.ok(isHarmless(page));
  assert.ok(page.text.includes('&lt;img src=x'));
  assert.ok(page.text.includes('&lt;U+202E>') || page.text.includes('&lt;U+202E&gt;'));
  const query = new URLSearchParams({
    user: hostile,
    repo: hostile,
    ref: hostile,
    outcome: hostile,
    since: hostile,
  });
  for (const path of ['/sessions', `/sessions?${query}`, `/sessions?repo=${encodeURIComponent(hostile)}`]) {
    const list = await server.page(path);
    assert.ok(!list.text.includes('<img'), path);
  }
  assert.ok(isHarmless(await server.page('/sessions')));
});

test('a session of very many events and refs is shown in part, and says so', async (t) => {
  const server = await startLookServer(t);
  const refs = Array.from({ length: 3_000 }, (_, at) => `refs/heads/b${at}`);
  await recordSession(server.ledger, { id: 's-1', refs });
  const context = { session: 's-1', actor: 'alice' };
  await Promise.all(
    Array.from({ length: 400 }, () =>
      server.ledger.append('fetch.served', { bytes: 1, refs: 1, pack: true }, context),
    ),
  );
  const { text } = await server.page('/sessions/s-1');
  assert.match(text, /and 2950 more/);
  assert.match(text, /The rest is left out here/);
  assert.match(text, /The first 300 of 403 events/);
  assert.ok(text.length < 1_000_000);
  assert.match((await server.page('/sessions')).text, /and 2997 more/);
});
