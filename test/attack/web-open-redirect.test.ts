/**
 * A login page that leads away.
 *
 * 1. The attacker sends a link to our login page, with `next` set to a place
 *    of his own, in one of the many ways that browsers read.
 * 2. The victim signs in, trusts the page that follows, and types a token.
 * Wherever `next` points, the answer leads to a page of ours.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import fc from 'fast-check';
import { localPath } from '../../src/web/local-path.ts';
import { suiteCleanup } from '../support/suite.ts';
import { startSite, type WebSite } from '../support/web-site.ts';

const away = [
  'https://evil.example/',
  '//evil.example/-/pushes',
  '/\\evil.example',
  '/-/\\evil.example',
  '\\\\evil.example',
  '/-/../..//evil.example',
  '/-/..//evil.example',
  '/-/%2e%2e//evil.example',
  '/-/..%2f..%2f/evil.example',
  '/-/%5cevil.example',
  'javascript:alert(1)',
  'data:text/html,x',
  ' /-/pushes',
  '/-/pushes\r\nSet-Cookie: a=b',
  '/-/pushes\t//evil.example',
  '/-/\u2028evil',
  'pushes',
  '/acme/web.git',
  '/-/../acme/web.git',
  '/-',
  '/-/logout',
  '/-/login?next=/-/login',
  '/-/api/v1/users',
  `/-/${'x'.repeat(3_000)}`,
  '',
];

describe('where a sign-in leads', () => {
  const t = suiteCleanup();
  let site: WebSite;
  before(async () => {
    site = await startSite(t);
  });

  for (const next of away) {
    test(`${JSON.stringify(next.slice(0, 60))} is not followed`, async () => {
      const browser = await site.browser();
      const page = await browser.get(`/-/login?next=${encodeURIComponent(next)}`);
      assert.match(page.text, /name="next" value="\/-\/pushes"/);
      const answer = await browser.post('/-/login', { token: site.tokens.user, next });
      assert.deepEqual([answer.status, answer.headers.get('location')], [303, '/-/pushes']);
    });
  }

  for (const next of ['/-/pushes/p-abc1234', '/-/sessions?user=ada&since=2026-01-31', '/-/policy']) {
    test(`${next} is followed`, () => assert.equal(localPath(next), next));
  }

  test('whatever the text, the path stays on this host and below /-/', () => {
    const piece = fc.constantFrom(
      '/-/',
      '/',
      '//',
      '..',
      '\\',
      '%2e',
      '%5c',
      '@',
      ':',
      'evil.example',
      '?',
      '#',
      'x',
    );
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(piece).map((pieces) => `/-/${pieces.join('')}`),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const url = new URL(localPath(text), 'http://host.invalid');
        assert.equal(url.origin, 'http://host.invalid');
        assert.ok(url.pathname.startsWith('/-/') && !url.pathname.includes('//'), url.pathname);
      }),
    );
  });
});
