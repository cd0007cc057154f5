/**
 * What a browser is allowed to do with our answers.
 *
 * 1. The attacker frames a page, and has the victim click through it.
 * 2. He loads a page as a script, an image or a style from his own.
 * 3. He finds a text that comes back in a page, and puts a script into it.
 * 4. He looks into a cache of somebody who was signed in.
 * Every answer below /-/ says no: pages, errors, redirects, assets, the API.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { suiteCleanup } from '../support/suite.ts';
import type { Answer } from '../support/web-client.ts';
import { startSite, type WebSite } from '../support/web-site.ts';

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

function check({ headers }: Answer, what: string): void {
  assert.equal(headers.get('content-security-policy'), policy, what);
  assert.equal(headers.get('x-content-type-options'), 'nosniff', what);
  assert.equal(headers.get('x-frame-options'), 'DENY', what);
  assert.equal(headers.get('referrer-policy'), 'no-referrer', what);
  assert.equal(headers.get('cross-origin-opener-policy'), 'same-origin', what);
  assert.equal(headers.get('cross-origin-resource-policy'), 'same-origin', what);
  assert.match(headers.get('permissions-policy') ?? '', /camera=\(\)/, what);
  assert.equal(headers.get('cache-control'), 'no-store', what);
  assert.equal(headers.get('x-powered-by'), null, what);
  assert.equal(headers.get('access-control-allow-origin'), null, what);
}

describe('headers of every answer', () => {
  const t = suiteCleanup();
  let site: WebSite;
  before(async () => {
    site = await startSite(t);
  });

  test('whoever asks, and whatever becomes of it', async () => {
    const [stranger, user] = [await site.browser(), await site.browser('user')];
    const paths = ['/-/', '/-/login', '/-/account', '/-/pushes', '/-/nothing', '/-/assets/refgate.css'];
    for (const path of [
      ...paths,
      '/-/api/v1/users',
      '/-/api/x',
      '/-/%ff',
      '/-/pushes?a=1&a=2',
      '/-/overview',
    ])
      for (const browser of [stranger, user]) check(await browser.get(path), path);
    check(await user.post('/-/logout', { csrf: 'x' }), 'a refused form');
    check(await stranger.post('/-/login', { token: 'x' }), 'a failed sign-in');
    check(await stranger.post('/-/account'), 'a form of a stranger');
    check(await user.send('DELETE', '/-/account', {}), 'another method');
    check(await user.get('/-/api/v1/users', { authorization: `Bearer ${site.tokens.admin}` }), 'the API');
  });

  test('no page has a script, a style or a handler inside, or loads from elsewhere', async () => {
    const admin = await site.browser('admin');
    for (const path of [
      '/-/login',
      '/-/account',
      '/-/pushes',
      '/-/sessions',
      '/-/policy',
      '/-/overview',
      '/-/no',
    ]) {
      const { text } = await admin.get(path);
      assert.doesNotMatch(text, /<script(?![^>]*\ssrc="\/-\/assets\/)/, path);
      assert.doesNotMatch(text, /<style|\sstyle=|\son[a-z]+=|(?:src|href|action)="(?:https?:)?\/\//, path);
      assert.doesNotMatch(text, /javascript:/i, path);
    }
  });
});
