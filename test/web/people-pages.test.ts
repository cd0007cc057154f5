import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import express from 'express';
import type { AgentState } from '../../src/domain/admin.ts';
import type { Role } from '../../src/domain/identity.ts';
import { createWebApp } from '../../src/web/web-app.ts';
import type { WebPorts } from '../../src/web/web-ports.ts';
import { makeClientKey } from '../support/client.ts';
import { tempDir } from '../support/git.ts';
import { WebClient } from '../support/web-client.ts';
import { listenFor, type WebScene, webScene } from '../support/web-ports.ts';

interface Browsing extends WebScene {
  readonly browser: WebClient;
  readonly url: string;
}

async function browse(t: TestContext, role: Role, change: Partial<WebPorts> = {}): Promise<Browsing> {
  const scene = await webScene(change);
  t.after(() => scene.ports.signIns.close());
  const app = express();
  app.use('/-', createWebApp(scene.ports));
  const url = await listenFor(t, app);
  const browser = new WebClient(url);
  await browser.signIn(scene.tokens[role]);
  return { ...scene, browser, url };
}

/** Sends a form, and gives the page that it leads to. */
async function submit(browser: WebClient, path: string, form: Record<string, string>): Promise<string> {
  const answer = await browser.post(path, form);
  assert.equal(answer.status, 303, answer.text);
  return (await browser.get(answer.headers.get('location') ?? '')).text;
}

test('an administrator adds a person, gives a key and a token, and takes them back', async (t) => {
  const { browser, directory, ports } = await browse(t, 'admin');
  const key = await makeClientKey(tempDir(t), 'ed25519');
  const page = await submit(browser, '/-/people', {
    name: 'alice',
    kind: 'person',
    role: 'reviewer',
    groups: 'dev, Ops',
    owner: '',
    emails: 'alice@example.com',
  });
  assert.match(page, /<h1>alice<\/h1>/);
  assert.match(page, /alice is added/);
  assert.match(page, /dev, ops/);
  assert.match(await submit(browser, '/-/people/alice/keys', { line: key.publicLine }), /is added/);
  const [added] = await directory.keys('alice');
  assert.ok(added);
  const { fingerprint } = added;
  assert.ok((await browser.get('/-/people/alice')).text.includes(fingerprint));
  assert.match(await submit(browser, '/-/people/alice/keys/remove', { fingerprint }), /has ended/);
  assert.deepEqual(await directory.keys('alice'), []);

  const made = await browser.post('/-/people/alice/tokens', { ttl: '8h' });
  assert.equal(made.status, 200);
  assert.equal(made.headers.get('cache-control'), 'no-store');
  const token = /rgt_[A-Za-z0-9_-]{49}/.exec(made.text)?.[0] ?? '';
  const principal = await directory.byBearer(token);
  assert.equal(principal?.user, 'alice');
  assert.ok(!(await browser.get('/-/people/alice')).text.includes(token), 'the token is shown again');
  await ports.signIns.create(principal ?? assert.fail(), '192.0.2.1');
  assert.match(await submit(browser, '/-/people/alice/sign-ins/revoke', {}), /The sign-in has ended/);
  const [record] = await directory.tokens('alice');
  assert.match(await submit(browser, '/-/people/alice/tokens/revoke', { id: record?.id ?? '' }), /has ended/);
  assert.equal(await directory.byBearer(token), undefined);
  assert.match(await submit(browser, '/-/people/alice/disable', {}), /alice is disabled/);
  assert.equal((await directory.user('alice'))?.disabled, true);
});

test('role, groups, owner and addresses become what the form says, recorded as the administrator’s', async (t) => {
  const { browser, directory } = await browse(t, 'admin');
  await directory.changeUser('user', { addGroups: ['dev', 'old'] }, 'operator');
  const form = { role: 'reviewer', groups: 'dev new', owner: 'admin' };
  await submit(browser, '/-/people/user/change', form);
  await submit(browser, '/-/people/user/emails', { emails: 'User@example.com\nu@example.com' });
  const user = (await directory.user('user')) ?? assert.fail();
  assert.deepEqual(
    [user.role, user.groups, user.owner, user.emails],
    ['reviewer', ['dev', 'new'], 'admin', ['u@example.com', 'user@example.com']],
  );
  await submit(browser, '/-/people/user/change', { ...form, owner: '' });
  assert.equal((await directory.user('user'))?.owner, undefined);
});

test('what is refused is told on the page that the form came from', async (t) => {
  const { browser } = await browse(t, 'admin');
  const demoted = await submit(browser, '/-/people/admin/change', { role: 'user', groups: '', owner: '' });
  assert.match(demoted, /role="alert">admin is the last administrator/);
  assert.match(
    await submit(browser, '/-/people', { name: 'Bad Name', role: 'user' }),
    /cannot be a user name/,
  );
  assert.match(await submit(browser, '/-/people', { name: 'bob', role: 'king' }), /a role is one of/);
  assert.match(await submit(browser, '/-/people/user/keys', { line: 'none' }), /role="alert"/);
  const tokens = await browser.post('/-/people/user/tokens', { ttl: 'soon' });
  assert.deepEqual([tokens.status, /soon/.test(tokens.text)], [400, true]);
  assert.equal((await browser.get('/-/people/nobody')).status, 404);
  assert.match(
    await submit(browser, '/-/people/user/tokens/revoke', { id: 'tok-none' }),
    /user has no such token/,
  );
});

test('a token of somebody else cannot be revoked on the page of another user', async (t) => {
  const { browser, directory, tokens } = await browse(t, 'admin');
  const [other] = await directory.tokens('auditor');
  await submit(browser, '/-/people/user/tokens/revoke', { id: other?.id ?? '' });
  assert.equal((await directory.byBearer(tokens.auditor))?.user, 'auditor');
});

test('the list is searched, and goes on where a page ends', async (t) => {
  const { browser, directory } = await browse(t, 'auditor');
  for (let n = 0; n < 60; n += 1) {
    const name = `dev-${String(n).padStart(2, '0')}`;
    await directory.addUser({ name, kind: 'person', groups: ['dev'], role: 'user' }, 'operator');
  }
  const first = (await browser.get('/-/people?q=dev')).text;
  assert.match(first, /60 users/);
  assert.match(first, /dev-49/);
  assert.doesNotMatch(first, /dev-50/);
  assert.match((await browser.get('/-/people?q=dev&after=dev-49')).text, /dev-59/);
  assert.match((await browser.get('/-/people?q=nothing')).text, /Nobody is like that/);
});

test('an auditor reads every page, and none of them offers a form that changes something', async (t) => {
  const { browser } = await browse(t, 'auditor', {
    baselines: {
      list: () => [
        {
          fingerprint: 'f',
          rule: 'aws',
          sample: 'AKIA…',
          reason: 'rotated',
          time: '2026-01-01T00:00:00Z',
          actor: 'admin',
        },
      ],
      scan: async () => assert.fail(),
      accept: async () => 0,
      remove: async () => {},
    },
  });
  for (const path of ['/people', '/people/user', '/repos', '/repos/secrets?repo=acme/web', '/agents']) {
    const { status, text } = await browser.get(`/-${path}`);
    assert.equal(status, 200, path);
    const forms = [...text.matchAll(/<form[^>]*method="post"[^>]*action="([^"]*)"/g)].map(([, to]) => to);
    assert.deepEqual(forms, ['/-/logout'], path);
  }
});

test('the map of repositories is shown, and one is checked on demand', async (t) => {
  const { browser } = await browse(t, 'auditor');
  const map = (await browser.get('/-/repos')).text;
  assert.match(map, /acme\/\*/);
  assert.match(map, /\/srv\/git/);
  assert.match((await browser.get('/-/repos/check?repo=acme/web.git')).text, /It works[\s\S]*host key/);
  const none = await browser.get('/-/repos/check?repo=elsewhere/x');
  assert.deepEqual([none.status, /No line of/.test(none.text)], [404, true]);
  assert.equal((await browser.get('/-/repos/check?repo=')).status, 400);
});

test('accepted secrets are listed masked, and one is taken back by an administrator', async (t) => {
  const removed: string[] = [];
  const { browser } = await browse(t, 'admin', {
    baselines: {
      list: (repo) => [
        {
          fingerprint: 'abc',
          rule: 'aws',
          sample: 'AKIA…',
          reason: `for ${repo}`,
          time: '2026-01-01T00:00:00Z',
          actor: 'admin',
        },
      ],
      scan: async () => assert.fail(),
      accept: async () => 0,
      remove: async (...given) => void removed.push(...given),
    },
  });
  assert.match((await browser.get('/-/repos/secrets?repo=acme/web')).text, /for acme\/web/);
  const form = { repo: 'acme/web', fingerprint: 'abc' };
  assert.match(await submit(browser, '/-/repos/secrets/remove', form), /no longer accepted/);
  assert.deepEqual(removed, ['acme/web', 'abc', 'admin']);
});

test('an agent is shown with what it holds, and one that does not answer with why', async (t) => {
  const alive: AgentState = {
    name: 'local',
    embedded: true,
    alive: true,
    since: '2026-01-31T10:00:00.000Z',
    pid: 4711,
    socket: '/run/agent.sock',
    upstreams: ['here'],
    credentials: [
      {
        kind: 'deploy-key',
        upstream: 'here',
        pattern: 'acme/*',
        createdAt: '2026-01-31T10:00:00.000Z',
        publicKey: 'ssh-ed25519 AAAA',
        fingerprint: 'SHA256:x',
      },
      { kind: 'login', upstream: 'here', pattern: '**', createdAt: '2026-01-31T10:00:00.000Z', user: 'bot' },
    ],
  };
  let agents: readonly AgentState[] = [alive];
  const { browser } = await browse(t, 'auditor', { agents: { list: async () => agents } });
  const { text } = await browser.get('/-/agents');
  for (const said of [/alive/, /4711/, /SHA256:x/, /bot/, /refgate deploy-key create/])
    assert.match(text, said);
  agents = [{ ...alive, alive: false, problem: 'it is gone', credentials: [] }];
  assert.match((await browser.get('/-/agents')).text, /does not answer[\s\S]*it is gone/);
});

test('what a user typed is text on every page, and never markup', async (t) => {
  const { browser, directory } = await browse(t, 'admin');
  const key = await makeClientKey(tempDir(t), 'ed25519');
  const [type, blob] = key.publicLine.split(' ');
  await directory.addKey('user', `${type} ${blob} <script>alert(1)</script>`, 'operator');
  await directory.changeEmails('user', { add: ["'&;`@example.com"] }, 'operator');
  const pages = [
    await browser.get('/-/people/user'),
    await browser.get('/-/people?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E'),
    await browser.get('/-/repos/check?repo=%3Cscript%3Ealert(1)%3C/script%3E'),
    await browser.get('/-/repos/secrets?repo=%3Cscript%3Ealert(1)%3C/script%3E'),
    await browser.get('/-/people/%3Cscript%3Ealert(1)%3C%2Fscript%3E'),
  ];
  for (const { text } of pages) assert.doesNotMatch(text, /<script>alert/);
  const flash = await submit(browser, '/-/people', { name: '<script>alert(1)</script>', role: 'user' });
  assert.doesNotMatch(flash, /<script>alert/);
});
