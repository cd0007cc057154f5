/**
 * An agent with a token, which reads a masked view, looks for an original oid:
 * one would let it try passwords, since it has everything else of the commit.
 *
 * 1. It pushes through its view, one push waits for people, another one is refused.
 *    The ledger and the held push have the original side.
 * 2. It asks every route of the API that everybody may call, every page, and
 *    the live events, about its own pushes and sessions; also with cursors,
 *    votes and cancellations that fail, and while views are not ready.
 * 3. It names its refs, wants and push options after oids that it guesses, and
 *    looks whether the right guess is shown in another way than a wrong one.
 *
 * Held when no byte of any answer holds an original oid, whole or by seven
 * digits, the digest of a pack or of a binding, or a secret, and when a right
 * guess looks like a wrong one.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import type { HeldPush } from '../../src/domain/approval.ts';
import type { PrincipalKind } from '../../src/domain/session.ts';
import { apiNeeds } from '../../src/web/api-needs.ts';
import { SampleReviews, sampleDiff, samplePush, sampleReview } from '../support/held-pushes.ts';
import { authenticated, closed, opened } from '../support/sample-events.ts';
import { WebClient } from '../support/web-client.ts';
import { startSite, type WebSite } from '../support/web-site.ts';

const oid = (text: string): string => createHash('sha1').update(text).digest('hex');

/** Each affected object on both sides. */
const objects = ['base', 'tip', 'parent', 'blob', 'old blob', 'tree', 'refused tip'].map((name) => ({
  name,
  view: oid(`view of ${name}`),
  original: oid(`original of ${name}`),
}));
const side = (which: 'view' | 'original', name: string): string =>
  objects.find((one) => one.name === name)?.[which] ?? '';
const original = (name: string): string => side('original', name);
const view = (name: string): string => side('view', name);

const digests = ['pack', 'binding', 'facts'].map((name) => createHash('sha256').update(name).digest('hex'));
const secret = ['hunter', 'two', 'is', 'secret'].join('-');
const [waits, refused] = ['s-0mfx1k2p9zzzz1234', 's-0mfx1k2p9zzzz5678'];
const ref = 'refs/heads/main';

interface Scene extends WebSite {
  readonly token: string;
  readonly reviews: SampleReviews;
}

async function startScene(t: TestContext, kind: PrincipalKind = 'service'): Promise<Scene> {
  const reviews = new SampleReviews();
  const site = await startSite(t, {
    reviews,
    readModeOf: (principal) => (principal.user === 'agent' ? 'masked' : 'clear'),
  });
  await site.directory.addUser({ name: 'agent', kind, groups: [], role: 'user' }, 'operator');
  const { token } = await site.directory.createToken('agent', 3_600_000, 'operator');
  for (const one of objects) if (one.name !== 'tip') site.views.oids.set(one.original, one.view);
  site.views.secrets.set(secret, 'REDACTED-password-0123456789abcdef');
  await recordPush(site, waits, 'tip', [ref], 'held');
  await recordPush(site, refused, 'refused tip', ['refs/heads/other'], 'refused');
  site.held.add(heldPush());
  reviews.reviewed = (push) => [
    sampleReview(push, {
      base: original('base'),
      commits: sampleReview(push).commits.map((commit) => ({
        ...commit,
        oid: original('tip'),
        parents: [original('parent')],
        message: `take ${original('parent').slice(0, 9)} back, v1.0-3-g${original('base').slice(0, 7)}\n\n${secret}`,
      })),
      files: sampleReview(push).files.map((file) => ({
        ...file,
        oid: original('blob'),
        oldOid: original('old blob'),
      })),
    }),
  ];
  reviews.diffed = () => sampleDiff([` see ${original('tree')}`, `-${secret}`, '+other']);
  return { ...site, token, reviews };
}

async function recordPush(
  { ledger }: WebSite,
  session: string,
  tip: string,
  refs: readonly string[],
  outcome: 'held' | 'refused',
  pushOptions: readonly string[] = [],
): Promise<void> {
  const context = { session, actor: 'agent' };
  const target = 'here:acme/web';
  const updates = (which: 'view' | 'original') =>
    refs.map((name) => ({ ref: name, oldOid: side(which, 'base'), newOid: side(which, tip) }));
  const decided = refs.map((name) => ({ ref: name, effect: 'deny' as const, reasons: [] }));
  await ledger.append('session.opened', opened('acme/web'), context);
  await ledger.append('session.authenticated', authenticated('agent'), context);
  await ledger.append(
    'push.requested',
    { target, updates: updates('view'), pushOptions: [...pushOptions], atomic: false, view: 'masked' },
    context,
  );
  const pairs = [tip, 'parent'].map((name) => ({ view: view(name), original: original(name) }));
  await ledger.append(
    'push.restored',
    { updates: updates('original'), pairs, pairCount: 2, placeholders: [] },
    context,
  );
  const hidden = { count: 1, examples: [{ oid: original('tree'), type: 'tree' as const }] };
  await ledger.append(
    'push.inspected',
    { refs: [], objects: 3, bytes: 12_345_678, sha256: digests[0] ?? '', hidden },
    context,
  );
  await ledger.append(
    'push.decided',
    { policyVersion: '3f2a9c81d0e7', refs: decided, relay: updates('original'), target },
    context,
  );
  const detail = `${original(tip)} is refused, as ${original('base').slice(0, 12)} was`;
  await ledger.append('session.closed', { ...closed(outcome), code: 'POLICY_DENIED', detail }, context);
}

function heldPush(): HeldPush {
  const push = samplePush({ session: waits, binding: digests[1] ?? '' });
  const update = { ref, oldOid: original('base'), newOid: original('tip') };
  return {
    ...push,
    principal: { ...push.principal, user: 'agent', kind: 'service' },
    refs: push.refs.map((one) => ({ ...one, ...update })),
    relay: [update],
    pack: { file: '/held/pack', bytes: 2_048, sha256: digests[0] ?? '' },
    steps: [...push.steps, { state: 'pending', time: push.openedAt, by: 'refgate', text: original('tip') }],
    reports: [{ ref, ok: false, reason: `${original('tip')} not taken` }],
  };
}

/** Everything that must reach nobody who reads a view, in the shortest form that says it. */
const forbidden = [...objects.map((one) => one.original.slice(0, 7)), ...digests, secret];

function assertClean(text: string, what: string): void {
  for (const bad of forbidden)
    assert.ok(!text.toLowerCase().includes(bad), `${what} holds ${bad}: ${text.slice(0, 2_000)}`);
}

const query = `ref=${encodeURIComponent(ref)}&path=src%2Fmain.ts`;
/** A request of each route that everybody may call. */
const own: Readonly<Record<string, readonly { readonly path: string; readonly body?: object }[]>> = {
  'GET /me': [{ path: '/me' }],
  'GET /sessions': [{ path: '/sessions' }, { path: `/sessions?before=${refused}` }],
  'GET /sessions/:id': [{ path: `/sessions/${waits}` }, { path: `/sessions/${refused}` }],
  'GET /pushes': [{ path: '/pushes?state=all' }],
  'GET /pushes/:id': [{ path: '/pushes/p-abc1234' }],
  'GET /pushes/:id/review': [{ path: '/pushes/p-abc1234/review' }],
  'GET /pushes/:id/diff': [{ path: `/pushes/p-abc1234/diff?${query}` }],
  'POST /pushes/:id/votes': [{ path: '/pushes/p-abc1234/votes', body: { kind: 'deny', reason: 'x' } }],
  'POST /pushes/:id/cancel': [{ path: '/pushes/p-abc1234/cancel', body: {} }],
  'GET /oid/:id': objects.flatMap((one) => [
    { path: `/oid/${one.view}` },
    { path: `/oid/${one.view}?repo=acme/web` },
  ]),
};
const pages = [
  '/-/pushes?tab=open',
  '/-/pushes?tab=yours',
  '/-/pushes/p-abc1234',
  '/-/pushes/p-abc1234?view=split',
  `/-/pushes/p-abc1234/file?${query}`,
  '/-/sessions',
  `/-/sessions/${waits}`,
  `/-/sessions/${refused}`,
  '/-/account',
  '/-/oid',
  `/-/oid?id=${view('tip')}`,
  '/-/masking',
];

test('no answer of the API and no page holds an original oid, a digest of originals, or a secret', async (t) => {
  const site = await startScene(t);
  site.mask.translations = objects.map(({ view, original }) => ({
    ...{ repo: 'acme/web', type: 'commit', asked: 'view' },
    ...{ view, original },
  }));
  const wanted = Object.keys(apiNeeds).filter((route) => apiNeeds[route] === 'own');
  assert.deepEqual(Object.keys(own).sort(), wanted.sort(), 'every route of `own` is asked');
  for (const failing of [undefined, new Error('not ready')]) {
    site.views.failing = failing;
    site.held.add(heldPush());
    for (const [route, requests] of Object.entries(own))
      for (const { path, body } of requests) {
        const [method = ''] = route.split(' ');
        const { status, text } = await ask(site, method, path, body);
        assert.ok(status < 500 || (failing !== undefined && status === 503), `${path}: ${status}`);
        assertClean(text, `${method} ${path}`);
      }
    site.held.add(heldPush());
    const browser = new WebClient(site.url);
    await browser.signIn(site.token);
    for (const path of pages) assertClean((await browser.get(path)).text, path);
    site.held.refuse = undefined;
    const vote = await browser.post('/-/pushes/p-abc1234/vote', { kind: 'deny', reason: original('tip') });
    assertClean(vote.text, 'a vote');
    await browser.post('/-/pushes/p-abc1234/cancel', { reason: '' });
    assertClean((await browser.get('/-/account')).text, 'the page after a cancellation');
  }
});

async function ask(site: Scene, method: string, path: string, body?: object) {
  const answer = await fetch(`${site.url}/-/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${site.token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, text: await answer.text() };
}

test('a person whose access says masked, and whose access is gone, sees as little', async (t) => {
  const site = await startScene(t, 'person');
  for (const path of ['/sessions', `/sessions/${waits}`, '/pushes?state=all', '/pushes/p-abc1234/review'])
    assertClean((await ask(site, 'GET', path)).text, path);
});

test('the agent still sees its own side, and who reads in clear sees the originals', async (t) => {
  const site = await startScene(t);
  const { text } = await ask(site, 'GET', `/sessions/${waits}`);
  assert.ok(text.includes(view('tip')));
  const events = JSON.parse(text) as { code: string; data: { bytes?: number } }[];
  assert.equal(events.find(({ code }) => code === 'push.inspected')?.data.bytes, 12_345_678);
  const clear = await fetch(`${site.url}/-/api/v1/sessions/${waits}`, {
    headers: { authorization: `Bearer ${site.tokens.auditor}` },
  });
  assert.ok((await clear.text()).includes(original('tip')));
  const page = await (await site.browser('auditor')).get('/-/pushes/p-abc1234');
  assert.ok(page.text.includes(original('tip').slice(0, 12)));
});

test('what was pushed in clear, and is in no view yet, is shown without oids', async (t) => {
  const site = await startScene(t);
  const session = 's-0mfx1k2p9zzzz9abc';
  const context = { session, actor: 'agent' };
  const updates = [{ ref, oldOid: original('base'), newOid: original('tip') }];
  await site.ledger.append('session.opened', opened('acme/web'), context);
  await site.ledger.append('session.authenticated', authenticated('agent'), context);
  const request = { target: 'here:acme/web', updates, pushOptions: [], atomic: false };
  await site.ledger.append('push.requested', request, context);
  site.held.add({ ...heldPush(), session });
  const browser = new WebClient(site.url);
  await browser.signIn(site.token);
  for (const path of [`/sessions/${session}`, '/pushes/p-abc1234', '/pushes/p-abc1234/review'])
    assertClean((await ask(site, 'GET', path)).text, path);
  for (const path of [`/-/sessions/${session}`, '/-/pushes/p-abc1234'])
    assertClean((await browser.get(path)).text, path);
});

test('live events tell ids and states, and nothing of what a push holds', async (t) => {
  const site = await startScene(t);
  const browser = new WebClient(site.url);
  await browser.signIn(site.token);
  const over = new AbortController();
  t.after(() => over.abort());
  const stream = await fetch(`${site.url}/-/events`, {
    headers: { cookie: browser.cookie },
    signal: over.signal,
  });
  await site.held.cancel('p-abc1234', original('tip'), 'operator');
  let text = '';
  const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
  while (!text.includes('canceled')) text += (await reader?.read())?.value ?? 'canceled';
  assert.match(text, /data: \{"id":"p-abc1234","state":"canceled"\}/);
  assertClean(text, 'the stream');
});

test('a ref, a want or a push option that is a right guess is shown as a wrong one is', async (t) => {
  const site = await startScene(t);
  const guesses = { right: original('parent'), wrong: oid('a wrong guess') };
  const shown: string[] = [];
  for (const [what, guess] of Object.entries(guesses)) {
    const session = `s-0mfx1k2p9${what.padEnd(8, 'z')}`;
    const refs = [`refs/heads/${guess}`, `refs/heads/x-${guess.slice(0, 7)}`];
    await recordPush(site, session, 'tip', refs, 'refused', [guess]);
    const wanted = { target: 'here:acme/web', wants: [guess], wantCount: 1, view: 'masked' as const };
    const fetching = `s-0mfx1k2p8${what.padEnd(8, 'z')}`;
    const context = { session: fetching, actor: 'agent' };
    await site.ledger.append('session.opened', opened('acme/web'), context);
    await site.ledger.append('session.authenticated', authenticated('agent'), context);
    await site.ledger.append('fetch.requested', wanted, context);
    const answers = [];
    for (const path of [`/sessions/${session}`, `/sessions/${fetching}`, '/sessions?limit=2'])
      answers.push((await ask(site, 'GET', path)).text);
    shown.push(
      answers
        .join('\n')
        .replaceAll(what.padEnd(8, 'z'), 'guess')
        .replace(/"(seq|mono|time|openedAt|closedAt)":("[^"]*"|[\d.]+)/g, '')
        .replaceAll(guess, 'guess')
        .replaceAll(guess.slice(0, 7), 'guess'),
    );
  }
  assert.equal(shown[0], shown[1]);
});
