import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { suiteCleanup } from '../support/suite.ts';
import { startSite, type WebSite } from '../support/web-site.ts';

describe('what answers below /-/', () => {
  const t = suiteCleanup();
  let site: WebSite;
  before(async () => {
    site = await startSite(t);
  });

  test('somebody who signs in comes to where they wanted, and is told who they are', async () => {
    const browser = await site.browser();
    const asked = await browser.get('/-/account');
    assert.equal(asked.status, 303);
    assert.equal(asked.headers.get('location'), '/-/login?next=%2F-%2Faccount');
    const login = await browser.get(asked.headers.get('location') ?? '');
    assert.match(login.text, /autocomplete="current-password"/);
    const answer = await browser.post('/-/login', { token: site.tokens.auditor, next: '/-/account' });
    assert.deepEqual([answer.status, answer.headers.get('location')], [303, '/-/account']);
    assert.match((await browser.get('/-/account')).text, /auditor \(person\)/);
    assert.equal((await browser.get('/-/login?next=/-/account')).headers.get('location'), '/-/account');
  });

  test('a user name beside the token must be the right one', async () => {
    const browser = await site.browser();
    const wrong = await browser.post('/-/login', { user: 'admin', token: site.tokens.user });
    assert.equal(wrong.status, 401);
    const right = await browser.post('/-/login', { user: ' user ', token: `${site.tokens.user} ` });
    assert.equal(right.status, 303);
  });

  test('the start page leads to the pushes, and an unknown address says so in the frame', async () => {
    const browser = await site.browser('user');
    assert.equal((await browser.get('/-/')).headers.get('location'), '/-/pushes');
    const lost = await browser.get('/-/nothing/<b>');
    assert.equal(lost.status, 404);
    assert.match(lost.text, /<h1>Not found<\/h1>/);
    assert.match(lost.text, /Sign out/);
  });

  test('signing out ends the sign-in on the server too', async () => {
    const browser = await site.browser('user');
    const copy = browser.copy();
    const answer = await browser.post('/-/logout');
    assert.deepEqual([answer.status, answer.headers.get('location')], [303, '/-/login']);
    assert.equal(browser.cookie, '');
    assert.equal((await copy.get('/-/account')).status, 303);
  });

  test('one browser signs another one out', async () => {
    const [here, there] = [await site.browser('reviewer'), await site.browser('reviewer')];
    const account = await here.get('/-/account');
    const path = /action="(\/-\/account\/sign-ins\/web-[^"]+)"/.exec(account.text)?.[1] ?? '';
    assert.equal((await here.post(path)).status, 303);
    assert.match((await here.get('/-/account')).text, /That browser is signed out/);
    assert.equal((await there.get('/-/account')).status, 303);
    const others = [await site.browser('reviewer'), await site.browser('reviewer')];
    assert.equal((await here.post('/-/account/sign-ins/revoke-others')).status, 303);
    for (const other of others) assert.equal((await other.get('/-/account')).status, 303);
    assert.equal((await here.get('/-/account')).status, 200);
  });

  test('nobody signs out a browser of somebody else', async () => {
    const [admin, user] = [await site.browser('admin'), await site.browser('user')];
    const id = site.ports.signIns.list('user')[0]?.id;
    assert.equal((await admin.post(`/-/account/sign-ins/${id}/revoke`)).status, 404);
    assert.equal((await user.get('/-/account')).status, 200);
  });

  test('HEAD answers as GET does, without the page', async () => {
    const browser = await site.browser('user');
    for (const path of ['/-/account', '/-/login', '/-/assets/refgate.css', '/-/events']) {
      const answer = await browser.send('HEAD', path, {});
      assert.ok(answer.status === 200 || answer.status === 303, path);
      assert.equal(answer.text, '');
    }
  });

  for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND']) {
    test(`${method} is no method of a page`, async () => {
      const browser = await site.browser('user');
      const answer = await browser.send(method, '/-/account', {});
      assert.equal(answer.status, 405);
      assert.equal(answer.headers.get('allow'), 'GET, HEAD, POST');
    });
  }

  test('a form of more than 64 KiB is refused, and one of the policy may have a MiB', async () => {
    const browser = await site.browser('admin');
    const big = await browser.post('/-/account/sign-ins/revoke-others', { more: 'x'.repeat(70_000) });
    assert.equal(big.status, 413);
    assert.match(big.text, /<h1>Too large<\/h1>/);
    const draft = await browser.post('/-/policy/nothing', { text: 'x'.repeat(900_000) });
    assert.equal(draft.status, 404);
    const huge = await browser.post('/-/policy/nothing', { text: 'x'.repeat(1_100_000) });
    assert.equal(huge.status, 413);
  });

  test('a compressed form is refused', async () => {
    const browser = await site.browser('user');
    assert.equal((await browser.post('/-/logout', {}, { 'content-encoding': 'gzip' })).status, 415);
  });

  test('a parameter that is said twice is refused', async () => {
    const browser = await site.browser('user');
    assert.equal((await browser.get('/-/pushes?user=a&user=b')).status, 400);
  });

  test('an address that is not valid percent-encoding is an error of the client', async () => {
    const browser = await site.browser('user');
    assert.equal((await browser.get('/-/pushes/%ff')).status, 400);
  });

  test('what goes wrong inside shows a number and is in the log under it', async () => {
    const broken = await startSite(t);
    const browser = await broken.browser('user');
    broken.ports.held.counts = () => {
      throw new Error('a detail that only we know');
    };
    const answer = await browser.get('/-/account');
    assert.equal(answer.status, 500);
    assert.match(answer.text, /tell its operator: [0-9a-f]{12}/);
    assert.doesNotMatch(answer.text, /only we know/);
    assert.ok(broken.log.lines.includes('error page failed'));
  });

  test('who followed a link from elsewhere is led on by a page of ours, once', async () => {
    const browser = await site.browser();
    const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
    const answer = await browser.get('/-/pushes/p-abc1234?tab="><b>', link);
    assert.equal(answer.status, 200);
    assert.match(answer.text, /http-equiv="refresh" content="0; url=\/-\/pushes\/p-abc1234/);
    assert.doesNotMatch(answer.text, /"><b>/);
    const next = await browser.get('/-/pushes/p-abc1234', { ...link, 'sec-fetch-site': 'same-origin' });
    assert.equal(next.headers.get('location'), '/-/login?next=%2F-%2Fpushes%2Fp-abc1234');
  });

  test('assets are kept for long under the address that pages use, and under no other', async () => {
    const browser = await site.browser();
    const { text } = await browser.get('/-/login');
    const urls = [...text.matchAll(/(?:href|src)="(\/-\/assets\/[^"]+)"/g)].map(([, url]) => url ?? '');
    assert.equal(urls.length, 3);
    for (const url of urls) {
      assert.match((await browser.get(url)).headers.get('cache-control') ?? '', /immutable/, url);
      const other = await browser.get(url.replace(/v=.*/, 'v=0'));
      assert.equal(other.headers.get('cache-control'), 'no-store');
    }
    for (const path of ['/-/assets/', '/-/assets/../web-app.js', '/-/assets/%2e%2e%2fweb-app.js'])
      assert.notEqual((await browser.get(path)).status, 200, path);
  });

  test('the API answers JSON to who has no token, and does not look at cookies', async () => {
    const browser = await site.browser('admin');
    for (const path of ['/-/api/v1/users', '/-/api/other']) {
      const answer = await browser.get(path);
      assert.equal(answer.status, 401);
      assert.equal(JSON.parse(answer.text).code, 'AUTHENTICATION_FAILED');
    }
  });

  test('a bearer token opens no page', async () => {
    const browser = await site.browser();
    const answer = await browser.get('/-/account', { authorization: `Bearer ${site.tokens.admin}` });
    assert.equal(answer.status, 303);
  });
});
