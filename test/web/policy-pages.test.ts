import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { BacktestRow, PolicyTrials } from '../../src/domain/admin.ts';
import { inspectedEvent } from '../../src/session/inspected-event.ts';
import { tryPolicy } from '../../src/web/pages/try-policy.ts';
import { hunksBetween } from '../../src/web/parts/policy-text.tsx';
import { auditor, hostile, isHarmless, type LookServer, startLookServer } from '../support/look-server.ts';
import { alice, bob } from '../support/push-server.ts';
import { authenticated, closed, decided, opened, requested } from '../support/sample-events.ts';

const access = 'access:\n  - { who: { group: dev }, repo: "acme/*", may: [read, write] }\n';
const strict = `${access}rules:\n  - { name: no-topics, when: { change: create }, then: deny, say: "keep it" }\n`;

/** A server whose policy is `access`, and was `strict` before. */
async function withHistory(t: TestContext) {
  const server = await startLookServer(t);
  const { version: old } = await server.policy.apply(strict, 'policy.yaml', 'operator');
  server.now += 60_000;
  const { version: now } = await server.policy.apply(access, 'policy.yaml', 'carol');
  return { server, old, now };
}

async function recordPush(server: LookServer, id: string): Promise<void> {
  const context = { session: id, actor: 'alice' };
  const push = requested(['refs/heads/topic']);
  const facts = {
    refs: push.updates.map((update) => ({
      ...update,
      kind: 'create' as const,
      namespace: 'branch' as const,
    })),
    ...{ pushOptions: [], objects: 0, bytes: 0 },
    contents: [{ commits: [], changes: [], findings: [], unknowns: [], counts: { commits: 0, changes: 0 } }],
  };
  await server.ledger.append('session.opened', opened('acme/web'), context);
  await server.ledger.append('session.authenticated', authenticated('alice'), context);
  await server.ledger.append('push.requested', push, context);
  const { data, writes } = await inspectedEvent(id, facts, undefined, (text) => text);
  await server.ledger.append('push.inspected', data, { ...context, writes });
  await server.ledger.append('push.decided', decided(['refs/heads/topic']), context);
  await server.ledger.append('session.closed', closed('ok'), context);
}

test('the policy in force is shown with the numbers of its lines, who applied it, and when', async (t) => {
  const { server, now } = await withHistory(t);
  const { text } = await server.page('/policy');
  assert.ok(text.includes(now));
  assert.match(text, /by carol/);
  assert.match(text, /datetime="2026-01-31T12:01:00\.000Z"/);
  assert.match(text, /<pre class="numbers" aria-hidden="true">1\n2<\/pre>/);
  assert.match(text, /repo: &quot;acme\/\*&quot;|repo: "acme\/\*"/);
});

test('without a policy the pages say what to do, and a draft can be tried', async (t) => {
  const server = await startLookServer(t);
  for (const path of ['/policy', '/policy/history'])
    assert.match((await server.page(path)).text, /refgate policy apply FILE/);
  assert.equal((await server.page('/policy/try')).status, 200);
  assert.match((await server.post('/policy/try', { text: access })).text, /Nobody has pushed yet/);
});

test('the history names every version, and each is compared with the one before', async (t) => {
  const { server, old, now } = await withHistory(t);
  const { text } = await server.page('/policy/history');
  assert.ok(text.includes(`href="/-/policy/versions/${now}?against=${old}"`));
  assert.ok(text.includes(`href="/-/policy/versions/${old}"`));
  const version = await server.page(`/policy/versions/${now}`);
  assert.match(version.text, /class="removed"/);
  assert.match(version.text, /no-topics/);
  assert.match((await server.page(`/policy/versions/${old}`)).text, /It is the first version/);
  assert.equal((await server.page('/policy/versions/ffffffffffff')).status, 404);
  assert.equal((await server.page(`/policy/versions/${now}?against=..`)).status, 404);
});

test('a long history is cut into pages', async (t) => {
  const server = await startLookServer(t);
  for (let at = 0; at < 60; at++) await server.policy.apply(`# ${at}\n${access}`, 'policy.yaml', 'carol');
  const rows = async (path: string) => [...(await server.page(path)).text.matchAll(/<td>carol/g)].length;
  assert.equal(await rows('/policy/history'), 50);
  assert.equal(await rows('/policy/history?page=2'), 10);
  for (const page of ['3', '0', '-1', 'x', '1e99'])
    assert.equal((await server.page(`/policy/history?page=${page}`)).status, 200);
});

test('a draft that is not valid is answered with line and column beside its line, and is kept as typed', async (t) => {
  const { server } = await withHistory(t);
  const draft = `${access}rulez: []\n`;
  const { status, text } = await server.post('/policy/try', { text: draft });
  assert.equal(status, 422);
  assert.match(text, /Line 3, column 1/);
  assert.match(text, /rulez/);
  assert.match(text, /<textarea[^>]*>\naccess:/);
  assert.equal(server.policy.current().text, access);
});

test('a valid draft tells what it would have made of the last pushes, and changes nothing', async (t) => {
  const { server } = await withHistory(t);
  for (let at = 0; at < 25; at++) await recordPush(server, `s-${at}`);
  const events = (await server.ledger.head()).size;
  server.as(auditor);
  const few = await server.post('/policy/try', { text: strict.replaceAll('\n', '\r\n'), pushes: '20' });
  assert.match(few.text, /20 of 20 refs would be judged otherwise/);
  assert.match(few.text, /allow → deny: 20/);
  assert.match(few.text, /no-topics/);
  assert.doesNotMatch(few.text, /There are no more of them/);
  const all = await server.post('/policy/try', { text: strict, pushes: '100' });
  assert.match(all.text, /25 of 25 refs/);
  assert.match(all.text, /There are no more of them/);
  assert.match(
    (await server.post('/policy/try', { text: access })).text,
    /Nothing would be judged otherwise/,
  );
  assert.equal((await server.ledger.head()).size, events);
  assert.equal(server.policy.current().text, access);
});

/** Pushes without end, each after a moment. */
function endless(): PolicyTrials & { judged: number } {
  const judge = { effect: 'allow', rules: [] } as const;
  const trials = {
    judged: 0,
    async *backtest(
      _policy: unknown,
      _since: string,
      _onPush?: unknown,
      signal?: AbortSignal,
    ): AsyncGenerator<BacktestRow> {
      while (!signal?.aborted) {
        await new Promise((resolve) => setImmediate(resolve));
        const session = `s-${trials.judged++}`;
        yield { session, time: '', user: '', repo: '', ref: '', was: judge, would: judge };
      }
    },
    explain: () => Promise.reject(new Error('not asked')),
  };
  return trials;
}

test('a trial ends after so many pushes as were asked for, when its time is up, and when its reader goes', async (t) => {
  const { server } = await withHistory(t);
  const trials = endless();
  const ports = { policy: server.policy, trials };
  const whole = await tryPolicy(ports, access, 20, new AbortController().signal);
  assert.deepEqual([whole.pushes, whole.ended], [20, undefined]);
  assert.equal(trials.judged, 21);
  const late = await tryPolicy(ports, access, 1_000_000, new AbortController().signal, 20);
  assert.equal(late.ended, 'time');
  assert.ok(late.pushes < 1_000_000);
  assert.equal((await tryPolicy(ports, access, 20, AbortSignal.abort())).pushes, 0);
});

const confirmed = /name="confirmed" value="([^"]*)"/;

test('an administrator applies a draft after its difference was shown, and only then', async (t) => {
  const { server, now } = await withHistory(t);
  const asked = await server.post('/policy/apply', { text: strict });
  assert.equal(asked.status, 200);
  assert.match(asked.text, /class="added"/);
  assert.equal(confirmed.exec(asked.text)?.[1], now);
  assert.match(asked.text, /name="csrf" value="form-mark"/);
  assert.equal(server.policy.current().text, access);
  const done = await server.post('/policy/apply', { text: strict, confirmed: now });
  assert.deepEqual([done.status, done.location], [303, '/-/policy']);
  assert.equal(server.policy.current().text, strict);
  assert.equal((await server.policy.history())[0]?.actor, 'root');
  assert.match((await server.page('/policy')).text, /is in force\./);
});

test('what was confirmed against another policy is not applied, and asked again', async (t) => {
  const { server, old, now } = await withHistory(t);
  const other = `# other\n${access}`;
  await server.policy.apply(other, 'policy.yaml', 'dave');
  for (const form of [
    { path: '/policy/apply', fields: { text: strict } },
    { path: '/policy/rollback', fields: { version: old } },
  ]) {
    const { status, text } = await server.post(form.path, { ...form.fields, confirmed: now });
    assert.equal(status, 409);
    assert.match(text, /Somebody else changed the policy/);
  }
  assert.equal(server.policy.current().text, other);
});

test('an administrator puts an old version in force again, after a confirmation', async (t) => {
  const { server, old, now } = await withHistory(t);
  assert.match((await server.page(`/policy/versions/${old}`)).text, /action="\/-\/policy\/rollback"/);
  assert.doesNotMatch((await server.page(`/policy/versions/${now}`)).text, /rollback/);
  assert.equal((await server.post('/policy/rollback', { version: old })).status, 200);
  assert.equal(server.policy.current().version, now);
  assert.equal((await server.post('/policy/rollback', { version: old, confirmed: now })).status, 303);
  assert.equal(server.policy.current().version, old);
  assert.equal((await server.post('/policy/rollback', { version: old })).location, '/-/policy');
});

test('an invalid draft cannot be applied, also with a confirmation', async (t) => {
  const { server, now } = await withHistory(t);
  const { status } = await server.post('/policy/apply', { text: 'rulez: []\n', confirmed: now });
  assert.equal(status, 422);
  assert.equal(server.policy.current().version, now);
});

test('auditors read and try, and change nothing; others do not read', async (t) => {
  const { server, old, now } = await withHistory(t);
  server.as(auditor);
  for (const path of ['/policy', '/policy/history', '/policy/try', `/policy/versions/${old}`]) {
    const { status, text } = await server.page(path);
    assert.equal(status, 200, path);
    assert.doesNotMatch(text, /policy\/apply"|policy\/rollback"/, path);
  }
  for (const viewer of [auditor, alice, bob]) {
    server.as(viewer);
    for (const [path, form] of [
      ['/policy/apply', { text: strict, confirmed: now }],
      ['/policy/rollback', { version: old, confirmed: now }],
    ] as const) {
      const { status, text } = await server.post(path, form);
      assert.ok(status >= 400 && text.includes('ROLE_LACKING'), path);
    }
  }
  for (const path of ['/policy', '/policy/history', '/policy/try', `/policy/versions/${old}`])
    assert.match((await server.page(path)).text, /ROLE_LACKING/, path);
  assert.match((await server.post('/policy/try', { text: access })).text, /ROLE_LACKING/);
  assert.equal(server.policy.current().version, now);
});

test('hostile texts in policies and in the names of who applied them are shown and do nothing', async (t) => {
  const server = await startLookServer(t);
  const { version: first } = await server.policy.apply(access, 'policy.yaml', hostile);
  const shown = '<img src=x onerror=alert(1)></textarea><img>\u202e';
  const { version } = await server.policy.apply(`# ${shown}\n${access}`, 'policy.yaml', hostile);
  for (const path of [
    '/policy',
    '/policy/history',
    `/policy/versions/${version}`,
    `/policy/versions/${first}`,
  ]) {
    const page = await server.page(path);
    assert.equal(page.status, 200);
    assert.ok(isHarmless(page), path);
  }
  for (const path of ['/policy/try', '/policy/apply'])
    for (const text of [`# ${shown}\n# two\n${access}`, `${shown}: 1\n`])
      assert.ok(!(await server.post(path, { text })).text.includes('<img'), path);
  assert.ok(!(await server.page('/policy/try')).text.includes('<img'));
});

test('two texts that have nothing in common are given up on in time', () => {
  const texts = ['a', 'b'].map((letter) =>
    Array.from({ length: 30_000 }, (_, at) => `${letter}${at}`).join('\n'),
  );
  assert.equal(hunksBetween(texts[0] ?? '', texts[1] ?? ''), undefined);
  assert.deepEqual(hunksBetween('a\n', 'b\n')?.[0]?.lines, [
    { is: 'removed', old: 1, tokens: [{ text: 'a' }] },
    { is: 'added', new: 1, tokens: [{ text: 'b' }] },
  ]);
});
