/**
 * Learning from refusals who and what exists.
 *
 * 1. The attacker has no token, or one of his own.
 * 2. He tries user names, tokens and repositories, and compares the answers:
 *    status, headers, text.
 * 3. He uses his own token under the name of somebody else.
 * 4. He sends the probe or a body without credentials, to be heard earlier
 *    than he is judged.
 * Every refused credential gives the same bytes; so do an unknown repository
 * and one that he may not see; and nothing of it reaches the spine.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { RefgateError } from '../../src/domain/error.ts';
import { exchange, head, type RawAnswer } from '../transport/http/raw-http.ts';
import { authenticator, basic, openDoor, type TestDoor, token, user } from '../transport/http/served-git.ts';

const as = (name: string, secret: string) => `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}`;
const refs = head('GET', '/acme/web.git/info/refs?service=git-receive-pack');
const probe = `${head('POST', '/acme/web.git/git-receive-pack', [
  'Content-Type: application/x-git-receive-pack-request',
  'Content-Length: 4',
])}0000`;

/** All that a client sees, but for the clock. */
function seen(answer: RawAnswer): object {
  return { ...answer, headers: [...answer.headers].filter(([name]) => name !== 'date') };
}

describe('credentials', () => {
  let at: TestDoor;
  const asked: string[] = [];
  before(async () => {
    at = await openDoor({
      authenticator: {
        ...authenticator,
        byToken: async (name, given) => {
          asked.push(name);
          // A faulty store: knows the token, and does not compare its owner.
          return given === token ? authenticator.byToken(user, given) : undefined;
        },
      },
      serve: async (channel) => {
        throw new RefgateError('REPO_NOT_FOUND', 'client', `a detail that only we know: ${channel.repo}`);
      },
    });
  });
  after(() => at.close());

  const wrong: [string, string][] = [
    ['no credentials', ''],
    ['an unknown user', as('mallory', 'x')],
    ['a wrong token', as(user, 'x')],
    ['an empty token', as(user, '')],
    ['no user name', as('', token)],
    ['the token of another user', as('bob', token)],
    ['another case of the name', as('Alice', token)],
    ['a NUL after the name', as('alice\0', token)],
    ['Bearer', `Bearer ${token}`],
    ['no base64', `Basic ${user}:${token}`],
    ['bytes that are no UTF-8', `Basic ${Buffer.from([0xff, 0x3a, 0x61]).toString('base64')}`],
    ['Digest', 'Digest username="alice"'],
  ];
  for (const [what, value] of wrong) {
    test(`${what}: the same 401 as any, after one question to the authenticator`, async () => {
      const expected = seen(await exchange(at, refs.replace(basic, as('nobody', 'nothing'))));
      asked.length = 0;
      for (const request of [refs, refs.replace('web.git', 'hidden.git')]) {
        const bytes =
          value === '' ? request.replace(/Authorization: .*\r\n/, '') : request.replace(basic, value);
        const answer = await exchange(at, bytes);
        assert.equal(answer.status, 401);
        assert.equal(answer.headers.get('www-authenticate'), 'Basic realm="Refgate", charset="UTF-8"');
        assert.deepEqual(seen(answer), expected);
      }
      assert.equal(asked.length, 2);
      assert.equal(at.channels.length, 0);
    });
  }

  test('the log of a refused credential holds neither the name nor the token', () => {
    const text = JSON.stringify(at.logged);
    for (const word of [token, 'mallory', basic]) assert.ok(!text.includes(word));
    assert.ok(at.logged.some((line) => line.phrase === 'http credentials refused'));
  });

  test('the probe is judged like any request, and answered without the spine', async () => {
    assert.equal((await exchange(at, probe.replace(basic, as(user, 'x')))).status, 401);
    const answer = await exchange(at, probe);
    assert.equal(answer.status, 200);
    assert.equal(answer.body, '');
    assert.equal(answer.headers.get('content-type'), 'application/x-git-receive-pack-result');
    assert.equal((await exchange(at, probe.replace(/0000$/, '0001'))).status, 400);
    assert.equal(at.channels.length, 0);
  });

  test('an unknown repository and a hidden one read the same', async () => {
    const unknown = await exchange(at, refs);
    const hidden = await exchange(at, refs.replace('web.git', 'hidden.git'));
    assert.equal(unknown.status, 404);
    assert.deepEqual(seen(hidden), seen(unknown));
    assert.ok(!hidden.body.includes('detail'));
  });

  test('an authenticator that throws lets nobody in and tells nothing', async () => {
    const broken = await openDoor({
      authenticator: {
        ...authenticator,
        byToken: async () => {
          throw new Error('disk /data/tokens gone');
        },
      },
    });
    const answer = await exchange(broken, refs);
    assert.equal(answer.status, 500);
    assert.match(
      answer.body,
      /^something went wrong inside Refgate; tell your administrator [0-9a-f-]{36}\n$/,
    );
    assert.equal(broken.channels.length, 0);
    await broken.close();
  });
});
