/**
 * Doing with a low role what belongs to a higher one.
 *
 * 1. The attacker has an account of their own: a user, a reviewer or an
 *    auditor, with a token that is good, and a browser that is signed in.
 * 2. They type the addresses of pages that their menu does not show, and send
 *    the forms of these pages with the form token of their own sign-in.
 * 3. They do the same with the API: reads of others' sessions, changes of
 *    users, tokens for administrators, the policy; they write the method and
 *    the path in other ways.
 * 4. They ask an administrator's token for a ticket to the agent's vault,
 *    which would give away the socket beside the server.
 * 5. They look at the sessions of others, by id, by a filter, and by taking
 *    somebody else's session as the end of a page.
 * Nothing is changed or told: 403 for what the role lacks, 404 for what they
 * may not see; and the ledger is as long as it was.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import express from 'express';
import type { Role } from '../../src/domain/identity.ts';
import { createWebApp } from '../../src/web/web-app.ts';
import { WebClient } from '../support/web-client.ts';
import { listenFor, type WebScene, webScene } from '../support/web-ports.ts';

const low: readonly Role[] = ['user', 'reviewer', 'auditor'];

/** Read by administrators and auditors. */
const pages = [
  '/people',
  '/people/admin',
  '/repos',
  '/repos/check?repo=acme/web',
  '/repos/secrets?repo=acme/web',
  '/agents',
  '/policy',
  '/policy/history',
  '/policy/try',
  '/overview',
];

/** Sent by administrators only. */
const forms: readonly (readonly [path: string, form: Readonly<Record<string, string>>])[] = [
  ['/people', { name: 'eve', kind: 'person', role: 'admin' }],
  ['/people/user/change', { role: 'admin', groups: '', owner: '' }],
  ['/people/user/emails', { emails: 'eve@example.com' }],
  ['/people/admin/disable', {}],
  ['/people/user/keys', { line: 'ssh-ed25519 AAAA eve' }],
  ['/people/user/keys/remove', { fingerprint: 'SHA256:x' }],
  ['/people/admin/tokens', { ttl: '8h' }],
  ['/people/admin/tokens/revoke', { id: 'tok-x' }],
  ['/people/admin/sign-ins/revoke', {}],
  ['/repos/secrets/remove', { repo: 'acme/web', fingerprint: 'x' }],
  ['/policy/apply', { text: 'access: []', confirm: 'yes' }],
  ['/policy/rollback', { version: '0123456789ab', confirm: 'yes' }],
];

describe('roles', () => {
  const closes: (() => unknown)[] = [];
  const suite = { after: (close: () => unknown) => void closes.push(close) };
  let scene: WebScene;
  let url = '';
  before(async () => {
    scene = await webScene();
    suite.after(() => scene.ports.signIns.close());
    const app = express();
    app.use('/-', createWebApp(scene.ports));
    url = await listenFor(suite, app);
  });
  after(() => {
    for (const close of closes.reverse()) close();
  });

  const length = async (): Promise<number> => (await scene.ledger.head()).size;

  async function browserOf(role: Role): Promise<WebClient> {
    const browser = new WebClient(url);
    await browser.signIn(scene.tokens[role]);
    return browser;
  }

  function call(role: Role, method: string, path: string, body?: unknown): Promise<Response> {
    return fetch(`${url}/-/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${scene.tokens[role]}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  test('pages for administrators and auditors are closed to reviewers and users', async () => {
    for (const role of low) {
      const browser = await browserOf(role);
      for (const path of pages) {
        const { status, text } = await browser.get(`/-${path}`);
        assert.equal(status, role === 'auditor' ? 200 : 403, `${path} as ${role}`);
        if (status === 403) assert.doesNotMatch(text, /tok-|srv|agent\.sock/);
      }
    }
  });

  test('forms of administrators are refused from everybody else, and nothing is written', async () => {
    for (const role of low) {
      const browser = await browserOf(role);
      const before = await length();
      const users = await scene.directory.users();
      for (const [path, form] of forms) {
        const { status, text } = await browser.post(`/-${path}`, form);
        assert.equal(status, 403, `${path} as ${role}: ${text}`);
        assert.doesNotMatch(text, /rgt_/);
      }
      assert.equal(await length(), before, role);
      assert.deepEqual(await scene.directory.users(), users);
    }
  });

  test('changes by the API are refused from everybody else, however the path is written', async () => {
    const changes: readonly (readonly [string, string, unknown])[] = [
      ['POST', '/users', { name: 'eve', kind: 'person', groups: [], role: 'admin' }],
      ['POST', '/USERS', { name: 'eve', kind: 'person', groups: [], role: 'admin' }],
      ['POST', '/users/', { name: 'eve', kind: 'person', groups: [], role: 'admin' }],
      ['POST', '/users/%75ser', { role: 'admin' }],
      ['POST', '/users/user/disable', undefined],
      ['POST', '/tokens', { user: 'admin', ttl: 3_600_000 }],
      ['POST', '/keys', { user: 'admin', line: 'ssh-ed25519 AAAA' }],
      ['POST', '/policy/apply', { text: 'access: []', file: 'f' }],
      ['DELETE', '/baseline', { repo: 'acme/web', fingerprint: 'f' }],
    ];
    for (const role of low) {
      const before = await length();
      for (const [method, path, body] of changes) {
        const answer = await call(role, method, path, body);
        assert.equal(answer.status, 403, `${method} ${path} as ${role}`);
        assert.equal(((await answer.json()) as { code: string }).code, 'ROLE_LACKING');
      }
      for (const method of ['PUT', 'PATCH', 'OPTIONS'])
        assert.ok([200, 404].includes((await call(role, method, '/users', { role: 'admin' })).status));
      const overridden = await fetch(`${url}/-/api/v1/users?_method=POST`, {
        headers: { authorization: `Bearer ${scene.tokens[role]}`, 'x-http-method-override': 'POST' },
      });
      assert.equal(overridden.status, role === 'auditor' ? 200 : 403);
      assert.equal(await length(), before);
    }
  });

  test('a ticket for the vault is given to nobody over HTTP, and the answer says where to ask', async () => {
    for (const role of ['admin', ...low] as const) {
      for (const path of ['/vault/tickets', '/vault/changes']) {
        const answer = await call(role, 'POST', path, { do: 'list' });
        const { message } = (await answer.json()) as { message: string };
        assert.equal(answer.status, 403);
        assert.match(message, /beside the server/);
        assert.doesNotMatch(message, /agent\.sock/);
      }
    }
  });

  test('a cookie of a page opens no API, and a bearer token no page', async () => {
    const browser = await browserOf('admin');
    const { status } = await browser.get('/-/api/v1/users');
    assert.equal(status, 401);
    const page = await fetch(`${url}/-/people`, {
      redirect: 'manual',
      headers: { authorization: `Bearer ${scene.tokens.admin}` },
    });
    assert.equal(page.status, 303);
    assert.match(page.headers.get('location') ?? '', /^\/-\/login/);
  });

  test('a user and a reviewer see their own sessions, and of others not even that they are', async () => {
    for (const user of ['user', 'reviewer', 'admin']) {
      const session = `s-of-${user}`;
      const context = { session, actor: user };
      await scene.ledger.append(
        'session.opened',
        {
          transport: 'ssh',
          mode: 'stateful',
          service: 'upload-pack',
          version: 2,
          repo: 'acme/web',
          address: '192.0.2.1',
        },
        context,
      );
      const credential = { type: 'token', id: 'tok-x' } as const;
      await scene.ledger.append(
        'session.authenticated',
        { user, kind: 'person', groups: [], credential },
        context,
      );
    }
    for (const role of ['user', 'reviewer'] as const) {
      const browser = await browserOf(role);
      const other = role === 'user' ? 'reviewer' : 'user';
      const list = async (query: string): Promise<unknown> =>
        ((await (await call(role, 'GET', `/sessions${query}`)).json()) as { id: string }[]).map(
          ({ id }) => id,
        );
      for (const query of ['', `?user=${role}`, '?repo=acme/web', '?limit=1000'])
        assert.deepEqual(await list(query), [`s-of-${role}`], query);
      assert.deepEqual(await list(`?user=${other}`), []);
      assert.equal((await call(role, 'GET', `/sessions/s-of-${role}`)).status, 200);
      const hidden = await call(role, 'GET', `/sessions/s-of-${other}`);
      const missing = await call(role, 'GET', '/sessions/s-of-nobody');
      assert.deepEqual([hidden.status, missing.status], [404, 404]);
      const text = await hidden.text();
      assert.equal(text.replaceAll(`s-of-${other}`, 's-of-nobody'), await missing.text());
      assert.equal((await call(role, 'GET', '/sessions?before=s-of-admin')).status, 404);
      assert.equal((await browser.get(`/-/sessions/s-of-${other}`)).status, 404);
      assert.doesNotMatch((await browser.get(`/-/sessions?user=${other}`)).text, new RegExp(`s-of-${other}`));
    }
  });
});
