/**
 * Trying tokens at the login page.
 *
 * 1. The attacker sends unknown, ended and revoked tokens, the token of a
 *    disabled user, a right token under another name, and things that are no
 *    tokens, and compares the answers.
 * 2. He sends very many of them.
 * Each answer is the same; the eleventh within a minute says to wait. Who
 * has a right token, behind the same address, is let in all the while.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { makeToken } from '../../src/identity/token.ts';
import type { Answer } from '../support/web-client.ts';
import { startSite } from '../support/web-site.ts';

/** All that a client sees, but for the clock. */
function seen({ status, headers, text }: Answer): object {
  return { status, text, headers: [...headers].filter(([name]) => name !== 'date') };
}

describe('guessing at the login page', () => {
  test('whatever is wrong, the answer is the same', async (t) => {
    const site = await startSite(t);
    const { token: revoked, record } = await site.directory.createToken('user', 3_600_000, 'operator');
    await site.directory.revokeToken(record.id, 'operator');
    await site.directory.disableUser('auditor', 'operator');
    const forms: Readonly<Record<string, string>>[] = [
      { token: makeToken() },
      { token: revoked },
      { token: site.tokens.auditor },
      { token: site.tokens.user, user: 'admin' },
      { token: site.tokens.user, user: 'nobody' },
      { token: site.tokens.user.slice(0, -1) },
      { token: '' },
      {},
      { token: 'x'.repeat(10_000) },
    ];
    const answers: object[] = [];
    for (const form of forms) answers.push(seen(await (await site.browser()).post('/-/login', form)));
    for (const answer of answers) assert.deepEqual(answer, answers[0]);
    assert.equal((answers[0] as Answer).status, 401);
  });

  test('the eleventh failure of a minute says to wait, and a right token is let in', async (t) => {
    const site = await startSite(t);
    const guess = async () => (await site.browser()).post('/-/login', { token: makeToken() });
    for (let turn = 0; turn < 10; turn++) assert.equal((await guess()).status, 401);
    const answer = await guess();
    assert.equal(answer.status, 429);
    assert.match(answer.headers.get('retry-after') ?? '', /^[1-9][0-9]?$/);
    assert.match(answer.text, /Too many attempts/);
    assert.equal((await (await site.browser('user')).get('/-/account')).status, 200);
  });

  test('nothing that was typed comes back in the page or goes to the log', async (t) => {
    const site = await startSite(t);
    const typed = makeToken();
    const { text } = await (await site.browser()).post('/-/login', { token: typed, user: '"><b>ada' });
    assert.ok(!text.includes(typed) && !text.includes('<b>ada'));
    assert.ok(!site.log.lines.join().includes(typed));
  });
});
