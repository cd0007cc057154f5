/**
 * Another site that makes a signed-in browser act.
 *
 * 1. The victim is signed in, and opens a page of the attacker.
 * 2. The page sends a form to Refgate: the browser says `cross-site`, or an
 *    Origin that is not ours, or (a sibling host) `same-site`.
 * 3. The attacker, who has a sign-in of his own, puts his own form token in.
 * 4. He sends the form as JSON, as text or by GET, to get round the check.
 * 5. He signs the victim in as himself, to see what the victim does there.
 * Nothing of it changes anything.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { suiteCleanup } from '../support/suite.ts';
import { startSite, type WebSite } from '../support/web-site.ts';

const others = '/-/account/sign-ins/revoke-others';

describe('forms of other sites', () => {
  const t = suiteCleanup();
  let site: WebSite;
  before(async () => {
    site = await startSite(t);
  });

  const sources: [string, Readonly<Record<string, string>>][] = [
    ['another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
    ['a sibling host', { 'sec-fetch-site': 'same-site', origin: 'https://blog.example.com' }],
    ['another site that hides its origin', { 'sec-fetch-site': 'cross-site', origin: 'null' }],
    [
      'an origin that contradicts itself',
      { 'sec-fetch-site': 'same-origin', origin: 'https://evil.example' },
    ],
    ['nowhere', { 'sec-fetch-site': 'none', origin: 'null' }],
  ];
  for (const [what, headers] of sources) {
    test(`a form with the right token from ${what} is refused`, async () => {
      const [victim, other] = [await site.browser('user'), await site.browser('user')];
      const answer = await victim.post(others, {}, headers);
      assert.equal(answer.status, 403);
      assert.match(answer.text, /did not come from a page of this sign-in/);
      assert.equal((await other.get('/-/account')).status, 200);
    });
  }

  const old: [string, Readonly<Record<string, string>>][] = [
    ['without an origin', {}],
    ['with the origin null', { origin: 'null' }],
    ['with the origin of somebody else', { origin: 'https://evil.example' }],
    ['with our host over another scheme', { origin: 'https://127.0.0.1' }],
  ];
  for (const [what, headers] of old) {
    test(`a browser without Fetch Metadata is refused ${what}`, async () => {
      const victim = await site.browser('user');
      const csrf = /name="csrf" value="([^"]+)"/.exec((await victim.get('/-/account')).text)?.[1] ?? '';
      const body = new URLSearchParams({ csrf });
      assert.equal((await victim.send('POST', others, headers, body)).status, 403);
      assert.equal((await victim.send('POST', others, { origin: site.url }, body)).status, 303);
    });
  }

  test('a form without a token, with a wrong one, and with that of another sign-in is refused', async () => {
    const [victim, attacker] = [await site.browser('user'), await site.browser('admin')];
    const foreign = /name="csrf" value="([^"]+)"/.exec((await attacker.get('/-/account')).text)?.[1] ?? '';
    assert.notEqual(foreign, '');
    for (const csrf of ['', 'x', foreign, `${foreign}\0`])
      assert.equal((await victim.post('/-/logout', { csrf })).status, 403, csrf);
    assert.equal((await victim.get('/-/account')).status, 200);
  });

  test('a token that comes twice, or as something else than a form, is none', async () => {
    const victim = await site.browser('user');
    const csrf = /name="csrf" value="([^"]+)"/.exec((await victim.get('/-/account')).text)?.[1] ?? '';
    const headers = { 'sec-fetch-site': 'same-origin' };
    const form = { ...headers, 'content-type': 'application/x-www-form-urlencoded' };
    for (const body of [`csrf=${csrf}&csrf=${csrf}`, `csrf[]=${csrf}`, `csrf[x]=${csrf}`])
      assert.equal((await victim.send('POST', '/-/logout', form, body)).status, 403, body);
    for (const type of ['application/json', 'text/plain', 'multipart/form-data; boundary=x']) {
      const body = type.includes('json') ? JSON.stringify({ csrf }) : `csrf=${csrf}`;
      const answer = await victim.send('POST', '/-/logout', { ...headers, 'content-type': type }, body);
      assert.equal(answer.status, 403, type);
    }
  });

  test('GET and a method in a parameter or header change nothing', async () => {
    const victim = await site.browser('user');
    const csrf = /name="csrf" value="([^"]+)"/.exec((await victim.get('/-/account')).text)?.[1] ?? '';
    assert.equal((await victim.get(`/-/logout?csrf=${csrf}`)).status, 404);
    assert.equal((await victim.get(`/-/logout?_method=POST&csrf=${csrf}`)).status, 404);
    await victim.get('/-/logout', { 'x-http-method-override': 'POST' });
    assert.equal((await victim.get('/-/account')).status, 200);
  });

  test('nobody is signed in by the form of another site', async () => {
    const victim = await site.browser();
    const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' };
    const answer = await victim.post('/-/login', { token: site.tokens.user }, headers);
    assert.equal(answer.status, 403);
    assert.deepEqual([answer.headers.getSetCookie(), victim.cookie], [[], '']);
  });
});
