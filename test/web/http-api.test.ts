import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import express from 'express';
import type { Role } from '../../src/domain/identity.ts';
import { createAdminApi } from '../../src/web/admin-api.ts';
import { apiNeeds, guardedRouter, type Need } from '../../src/web/api-needs.ts';
import { apiRoutes } from '../../src/web/api-routes.ts';
import { createHttpApi } from '../../src/web/http-api.ts';
import { samplePush } from '../support/held-pushes.ts';
import { listenFor, roles, type WebScene, webScene } from '../support/web-ports.ts';

interface Api extends WebScene {
  call(
    method: string,
    path: string,
    token?: string,
    body?: unknown,
  ): Promise<{ status: number; body: unknown; headers: Headers }>;
}

async function serve(t: TestContext): Promise<Api> {
  const scene = await webScene();
  const app = express();
  app.use('/-/api/v1', createHttpApi(scene.ports));
  const url = await listenFor(t, app);
  return {
    ...scene,
    async call(method, path, token, body) {
      const answer = await fetch(`${url}/-/api/v1${path}`, {
        method,
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      const isJson = answer.headers.get('content-type')?.startsWith('application/json') ?? false;
      return { status: answer.status, body: isJson ? JSON.parse(text) : text, headers: answer.headers };
    },
  };
}

/** What each role may, written down a second time: a change of the table must be meant. */
const may: Readonly<Record<Need, readonly Role[]>> = {
  own: ['admin', 'auditor', 'reviewer', 'user'],
  look: ['admin', 'auditor'],
  change: ['admin'],
  socket: [],
};

/** A request that is right, for every route. */
const samples: Readonly<Record<string, { readonly path?: string; readonly body?: unknown }>> = {
  'GET /me': {},
  'GET /users': {},
  'POST /users': { body: { name: 'new', kind: 'person', groups: [], role: 'user' } },
  'POST /users/:name': { path: '/users/user', body: { addGroups: ['dev'] } },
  'POST /users/:name/emails': { path: '/users/user/emails', body: { add: ['user@example.com'] } },
  'POST /users/:name/disable': { path: '/users/nobody/disable' },
  'GET /keys': {},
  'POST /keys': { body: { user: 'user', line: 'none' } },
  'DELETE /keys': { body: { user: 'user', fingerprint: 'SHA256:none' } },
  'GET /tokens': {},
  'POST /tokens': { body: { user: 'user', ttl: 3_600_000 } },
  'DELETE /tokens/:id': { path: '/tokens/tok-none' },
  'GET /policy': {},
  'GET /policy/history': {},
  'GET /policy/versions/:version': { path: '/policy/versions/0123456789ab' },
  'POST /policy/check': { body: { text: '', file: 'f' } },
  'POST /policy/explain': { body: { session: 's-1' } },
  'POST /policy/backtest': { body: { text: '', file: 'f', since: '2026-01-01T00:00:00Z' } },
  'POST /policy/apply': { body: { text: '', file: 'f' } },
  'POST /policy/rollback': { body: { version: '0123456789ab' } },
  'GET /baseline': { path: '/baseline?repo=acme/web' },
  'DELETE /baseline': { body: { repo: 'acme/web', fingerprint: 'f' } },
  'POST /baseline/scan': { body: { repo: 'acme/web' } },
  'GET /sessions': {},
  'GET /sessions/:id': { path: '/sessions/s-none' },
  'GET /audit/head': {},
  'POST /audit/verify': {},
  'GET /pushes': {},
  'GET /pushes/:id': { path: '/pushes/p-none000' },
  'GET /pushes/:id/review': { path: '/pushes/p-none000/review' },
  'GET /pushes/:id/diff': { path: '/pushes/p-none000/diff?ref=refs/heads/main&path=a' },
  'POST /pushes/:id/votes': { path: '/pushes/p-none000/votes', body: { kind: 'approve' } },
  'POST /pushes/:id/cancel': { path: '/pushes/p-none000/cancel', body: {} },
  'GET /notify': {},
  'GET /notify/dead': {},
  'POST /notify/dead/retry': { body: {} },
  'POST /notify/test': { body: { name: 'chat' } },
  'GET /upstreams': {},
  'POST /upstreams/check': { body: { repo: 'acme/web' } },
  'GET /repos': {},
  'GET /agents': {},
  'GET /mask': {},
  'GET /mask/status': { path: '/mask/status?repo=acme/web' },
  'GET /mask/preview': { path: '/mask/preview?repo=acme/web' },
  'POST /mask/preview': { body: { repo: 'acme/web' } },
  'GET /mask/allowed': {},
  'POST /mask/allowed': { body: { fingerprint: 'f', reason: 'an example' } },
  'DELETE /mask/allowed': { body: { fingerprint: 'f' } },
  'POST /mask/enable': { body: { repo: 'acme/web' } },
  'POST /mask/disable': { body: { repo: 'acme/web' } },
  'POST /mask/rebuild': { body: { repo: 'acme/web' } },
  'POST /mask/stop': { body: { repo: 'acme/web' } },
  'POST /mask/resume': { body: { repo: 'acme/web' } },
  'GET /oid/:id': { path: '/oid/0123456789ab' },
  'POST /vault/tickets': { body: { do: 'list' } },
  'POST /vault/changes': { body: { do: 'list' } },
};

test('every route that is served has a line in the table and a sample here, and every line a route', async () => {
  const { ports } = await webScene();
  const served = apiRoutes(ports, () => 'operator').stack.flatMap(({ route }) =>
    route === undefined
      ? ['something that is not a route']
      : route.stack.map(({ method }) => `${method?.toUpperCase()} ${route.path}`),
  );
  const lines = Object.keys(apiNeeds).sort();
  assert.deepEqual([...new Set(served)].sort(), lines);
  assert.deepEqual(Object.keys(samples).sort(), lines);
});

test('a route that has no line in the table cannot be made', () => {
  const router = guardedRouter(() => 'operator');
  assert.throws(() => router.get('/secrets', () => {}), /GET \/secrets has no line/);
});

test('each route lets through the roles of its line, and nobody else', async (t) => {
  const api = await serve(t);
  for (const [route, need] of Object.entries(apiNeeds)) {
    const [method = '', pattern = ''] = route.split(' ');
    const { path = pattern, body } = samples[route] ?? {};
    for (const role of roles) {
      const { status, body: answer } = await api.call(method, path, api.tokens[role], body);
      const isRefused = !may[need].includes(role);
      assert.equal(status === 403, isRefused, `${route} as ${role}: ${status} ${JSON.stringify(answer)}`);
      assert.notEqual(status, 401, route);
      assert.ok(status < 500, `${route} as ${role}: ${status}`);
      if (isRefused) assert.equal((answer as { code: string }).code, 'ROLE_LACKING');
    }
    const { status } = await api.call(method, path, undefined, body);
    assert.ok(status === 401 || status === 429, `${route} as nobody: ${status}`);
  }
});

test('a role that is taken away is gone with the next request, and a disabled user with it', async (t) => {
  const { call, directory, tokens } = await serve(t);
  assert.equal((await call('GET', '/users', tokens.auditor)).status, 200);
  await directory.changeUser('auditor', { role: 'user' }, 'operator');
  assert.equal((await call('GET', '/users', tokens.auditor)).status, 403);
  await directory.disableUser('auditor', 'operator');
  assert.equal((await call('GET', '/me', tokens.auditor)).status, 401);
});

test('what an administrator does is recorded with the name of the administrator', async (t) => {
  const { call, ledger, tokens, log } = await serve(t);
  const before = (await ledger.head()).size;
  const body = { name: 'bob', kind: 'person', groups: ['dev'], role: 'user', owner: 'user' };
  const added = await call('POST', '/users', tokens.admin, body);
  assert.equal(added.status, 200);
  assert.equal((added.body as { owner: string }).owner, 'user');
  const made = await call('POST', '/tokens', tokens.admin, { user: 'bob', ttl: 3_600_000 });
  assert.equal(made.headers.get('cache-control'), 'no-store');
  assert.equal((await ledger.head()).size, before + 2);
  assert.deepEqual(log.lines, []);
});

test('who is not signed in gets JSON that says how, and a browser is not asked for a password', async (t) => {
  const { call, tokens } = await serve(t);
  for (const token of [undefined, '', 'rgt_wrong', `${tokens.admin}x`, `${tokens.admin} x`]) {
    const { status, headers, body } = await call('GET', '/users', token);
    assert.equal(status, 401);
    assert.match(headers.get('www-authenticate') ?? '', /^Bearer /);
    assert.deepEqual(Object.keys(body as object), ['code', 'message']);
    assert.equal((body as { code: string }).code, 'AUTHENTICATION_FAILED');
  }
});

test('a cookie, and a password of the same user, are nothing to the API', async (t) => {
  const { ports, tokens } = await webScene();
  const app = express();
  app.use('/-/api/v1', createHttpApi(ports));
  const url = await listenFor(t, app);
  const basic = Buffer.from(`admin:${tokens.admin}`).toString('base64');
  for (const headers of [
    { cookie: `refgate=${tokens.admin}` },
    { authorization: `Basic ${basic}` },
    { authorization: tokens.admin },
  ]) {
    const answer = await fetch(`${url}/-/api/v1/users?access_token=${tokens.admin}`, { headers });
    assert.equal(answer.status, 401);
  }
});

test('wrong tries in great number are told to wait, and a right token still passes', async (t) => {
  const { call, tokens } = await serve(t);
  const statuses = [];
  for (let n = 0; n < 25; n += 1) statuses.push((await call('GET', '/me', 'rgt_wrong')).status);
  assert.deepEqual(statuses, [...Array(20).fill(401), ...Array(5).fill(429)]);
  assert.ok(Number((await call('GET', '/me')).headers.get('retry-after')) > 0);
  assert.equal((await call('GET', '/me', tokens.user)).status, 200);
});

test('a path that is none, and a body that is none, are told in JSON', async (t) => {
  const { call, tokens } = await serve(t);
  const none = await call('GET', '/nothing', tokens.admin);
  assert.deepEqual([none.status, (none.body as { code: string }).code], [404, 'NOT_FOUND']);
  const bad = await call('POST', '/users', tokens.admin);
  assert.deepEqual([bad.status, (bad.body as { code: string }).code], [400, 'USAGE']);
});

test('the operator at the admin socket may everything, and is told as operator', async (t) => {
  const { ports, held } = await webScene();
  held.add(samplePush());
  const url = await listenFor(t, createAdminApi(ports));
  for (const [route, need] of Object.entries(apiNeeds)) {
    const [method = '', pattern = ''] = route.split(' ');
    const { path = pattern, body } = samples[route] ?? {};
    const answer = await fetch(`${url}/-/api/v1${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    await answer.text();
    assert.ok(answer.status !== 401 && answer.status !== 403 && answer.status < 500, `${route} (${need})`);
  }
  const me = await fetch(`${url}/-/api/v1/me`);
  assert.deepEqual(await me.json(), { operator: true });
});
