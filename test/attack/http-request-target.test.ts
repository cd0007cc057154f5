/**
 * Paths and queries that two readers understand differently.
 *
 * 1. The attacker may read acme/web and nothing else.
 * 2. He writes the address so that one layer sees acme/web, and another, which
 *    decodes or normalises, sees another repository, service or file:
 *    `%2e%2e`, `%2f`, `%00`, `//`, `..`, `~user`, `service` twice or encoded.
 * 3. Or he asks for the files of the repository, as the dumb protocol does.
 * Nothing of this may reach the spine, and nothing is answered with a redirect.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { exchange, head } from '../transport/http/raw-http.ts';
import { openDoor, type TestDoor } from '../transport/http/served-git.ts';

const upload = 'service=git-upload-pack';

describe('request targets', () => {
  let at: TestDoor;
  before(async () => {
    at = await openDoor({ serve: async () => ({ exitStatus: 0 }) });
  });
  after(() => at.close());

  async function refused(target: string, status: number, text: RegExp, method = 'GET'): Promise<void> {
    const answer = await exchange(at, head(method, target));
    assert.equal(answer.status, status, target);
    assert.match(answer.body, text);
    assert.equal(answer.headers.get('location'), undefined);
    assert.equal(at.channels.length, 0);
  }

  for (const path of [
    '/acme/%2e%2e/web.git',
    '/acme%2fweb.git',
    '/acme/web%00.git',
    '/acme/we%62.git',
    '//acme/web.git',
    '/acme//web.git',
    '/acme/../acme/web.git',
    '/acme/./web.git',
    '/~root/web.git',
    '/acme/~web.git',
    '/acme/.git',
    '/acme/..git',
    '/-/acme/web.git/../..',
    '/acme/web.git/extra',
    '/web.git',
    '/acme\\web.git',
    '/acme/web;x.git',
    '/acme/web.git;',
    '/acme/--upload-pack=x.git',
    '',
    'x/acme/web.git',
    'http://127.0.0.1/acme/web.git',
  ]) {
    test(`the path ${JSON.stringify(path)} is refused, for all services`, async () => {
      await refused(`${path}/info/refs?${upload}`, 400, /^(?:.+\n)?$/);
      assert.equal(
        (await exchange(at, head('POST', `${path}/git-receive-pack`))).headers.get('location'),
        undefined,
      );
      assert.equal(at.channels.length, 0);
    });
  }

  for (const query of [
    `${upload}&${upload}`,
    `${upload}&service=git-receive-pack`,
    `service=git%2dupload%2dpack`,
    `%73ervice=git-upload-pack`,
    `service=git-upload-pack%00`,
    `service=git-upload-pack&`,
    `&${upload}`,
    `Service=git-upload-pack`,
    `service[]=git-upload-pack`,
    `${upload}?${upload}`,
    `service=upload-pack/../`,
    'service=',
    'x=y',
  ]) {
    test(`the query ${query} is refused`, () => refused(`/acme/web.git/info/refs?${query}`, 400, /once/));
  }

  test('a service that is not served is named as such', () =>
    refused('/acme/web.git/info/refs?service=git-upload-archive', 403, /not served here/));

  test('a query on a service address is refused', () =>
    refused('/acme/web.git/git-upload-pack?x=y', 400, /takes no query/, 'POST'));

  for (const path of [
    'info/refs',
    'HEAD',
    'objects/info/packs',
    'objects/12/3456',
    'objects/pack/pack-1.idx',
  ]) {
    test(`the dumb protocol's ${path} gets a clear error`, () =>
      refused(
        `/acme/web.git/${path}`,
        403,
        /^this server speaks only the smart HTTP protocol; use git 1\.6\.6/,
      ));
  }

  for (const target of ['/', '/acme', '/acme/web.git', '/acme/web', '/favicon.ico', '/acme/web.git/config']) {
    test(`${target} is not found`, () => refused(target, 404, /OWNER\/REPO/));
  }

  for (const [method, target, allow] of [
    ['POST', `/acme/web.git/info/refs?${upload}`, 'GET'],
    ['DELETE', `/acme/web.git/info/refs?${upload}`, 'GET'],
    ['GET', '/acme/web.git/git-upload-pack', 'POST'],
    ['PUT', '/acme/web.git/git-receive-pack', 'POST'],
  ] as const) {
    test(`${method} ${target} is answered with the method that is allowed`, async () => {
      const answer = await exchange(at, head(method, target));
      assert.equal(answer.status, 405);
      assert.equal(answer.headers.get('allow'), allow);
      assert.equal(at.channels.length, 0);
    });
  }

  test('LFS is told in its own format that it is not served', async () => {
    for (const repo of ['/acme/web.git', '/acme/web']) {
      const answer = await exchange(at, head('POST', `${repo}/info/lfs/objects/batch`));
      assert.equal(answer.status, 501);
      assert.equal(answer.headers.get('content-type'), 'application/vnd.git-lfs+json');
      assert.match((JSON.parse(answer.body) as { message: string }).message, /not served here yet/);
    }
    assert.equal(at.channels.length, 0);
  });
});
