/**
 * Taking over a sign-in by its cookie.
 *
 * 1. The attacker reads the cookie with a script, over plain HTTP, or with a
 *    form of another site.
 * 2. He plants a value of his own before the victim signs in (fixation).
 * 3. From a sibling host he plants a second cookie of the same name.
 * 4. He copies a cookie, and uses it beside the victim.
 * 5. He keeps a cookie from before the victim signed out.
 * 6. He sends values that are not of the form, very long ones, and other names.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { openSignIns } from '../../src/web/sign-ins.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { suiteCleanup } from '../support/suite.ts';
import { startSite, type WebSite } from '../support/web-site.ts';

describe('cookies', () => {
  const t = suiteCleanup();
  let site: WebSite;
  before(async () => {
    site = await startSite(t);
  });

  test('the cookie is for no script, no other site and no other path, and over TLS for this host alone', async () => {
    const plain = await (await site.browser()).post('/-/login', { token: site.tokens.user });
    assert.match(
      plain.headers.getSetCookie().join(),
      /^refgate-session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/,
    );
    const secured = await startSite(t, { secure: () => true });
    const tls = await (await secured.browser()).post('/-/login', { token: secured.tokens.user });
    assert.match(
      tls.headers.getSetCookie().join(),
      /^__Host-refgate=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Secure$/,
    );
  });

  test('over TLS the cookie of plain HTTP counts for nothing', async () => {
    const secured = await startSite(t, { secure: () => true });
    const browser = await secured.browser('user');
    browser.cookie = browser.cookie.replace('__Host-refgate', 'refgate-session');
    assert.equal((await browser.get('/-/account')).status, 303);
  });

  test('a value from before the sign-in is never taken over', async () => {
    const attacker = await site.browser('user');
    const victim = attacker.copy();
    await victim.signIn(site.tokens.admin);
    assert.notEqual(victim.cookie, attacker.cookie);
    assert.equal((await attacker.get('/-/account')).status, 303, 'the planted sign-in has ended');
    const made = await site.browser();
    made.cookie = `refgate-session=${'A'.repeat(43)}`;
    await made.signIn(site.tokens.user);
    assert.notEqual(made.cookie, `refgate-session=${'A'.repeat(43)}`);
  });

  test('two cookies of the name are none', async () => {
    const [victim, attacker] = [await site.browser('user'), await site.browser('admin')];
    for (const [first, second] of [
      [victim, attacker],
      [attacker, victim],
    ] as const) {
      const both = await site.browser();
      both.cookie = `${first.cookie}; ${second.cookie}`;
      assert.equal((await both.get('/-/account')).status, 303);
    }
  });

  test('a copied cookie that is used after its successor ends the sign-in for both', async () => {
    const time = { now: Date.now() };
    const scene = await startSite(t);
    const signIns = await openSignIns({
      store: new MemoryStore(),
      recorder: scene.ledger,
      directory: scene.directory,
      log: scene.log,
      clock: () => time.now,
    });
    t.after(() => signIns.close());
    const other = await startSite(t, { signIns, directory: scene.directory });
    const victim = await other.browser();
    await victim.signIn(scene.tokens.user);
    const attacker = victim.copy();
    time.now += 16 * 60_000;
    assert.equal((await victim.get('/-/account')).status, 200);
    assert.notEqual(victim.cookie, attacker.cookie);
    time.now += 60_000;
    assert.equal((await attacker.get('/-/account')).status, 303);
    assert.equal((await victim.get('/-/account')).status, 303);
  });

  test('what was signed out, revoked or disabled stays out', async () => {
    const scene = await startSite(t);
    const [first, second] = [await scene.browser('user'), await scene.browser('reviewer')];
    const kept = first.copy();
    await first.post('/-/logout');
    assert.equal((await kept.get('/-/account')).status, 303);
    await scene.directory.disableUser('reviewer', 'operator');
    assert.equal((await second.get('/-/account')).status, 303);
  });

  test('values that are not of the form, and other names, count for nothing', async () => {
    const browser = await site.browser('user');
    const value = browser.cookie.split('=')[1] ?? '';
    for (const cookie of [
      `refgate-session="${value}"`,
      `refgate-session=${value}=`,
      `REFGATE-SESSION=${value}`,
      `xrefgate-session=${value}`,
      `refgate-session=${'A'.repeat(8_000)}`,
      `refgate-session=%00${value}`,
      `refgate-session=; ${value}`,
      `__proto__=1; constructor=${value}`,
    ]) {
      const other = await site.browser();
      other.cookie = cookie;
      assert.equal((await other.get('/-/account')).status, 303, cookie);
    }
  });
});
