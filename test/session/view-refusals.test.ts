import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { RefgateError } from '../../src/domain/error.ts';
import type { FetchSource } from '../../src/domain/ports.ts';
import { tempDir } from '../support/git.ts';
import { startViewServer, type ViewServer } from '../support/view-server.ts';

const words = 'it is being made, 40 % of 1,200 commits; try again in a minute';

async function openScene(t: TestContext, retryAfter?: number): Promise<ViewServer> {
  const notReady = (): never => {
    throw new RefgateError('VIEW_NOT_READY', 'operator', words, { retryAfter });
  };
  const source = (): FetchSource => ({
    capabilities: async () => notReady(),
    lsRefs: notReady,
    fetch: notReady,
    close: () => {},
  });
  return startViewServer(t, tempDir(t, 'busy'), { source });
}

for (const version of [0, 1, 2] as const) {
  for (const door of ['ssh', 'http'] as const) {
    test(`git shows how far a view is that is not ready, v${version} over ${door}`, async (t) => {
      const server = await openScene(t);
      const run = await server.run(['ls-remote', server.url(door)], { version });
      assert.equal(run.status, 128);
      assert.ok(run.stderr.includes(words), run.stderr);
    });
  }
}

test('over HTTP a view that is not ready is a 503 that says when to come again', async (t) => {
  for (const [retryAfter, header] of [
    [undefined, '10'],
    [2.2, '3'],
  ] as const) {
    const server = await openScene(t, retryAfter);
    const url = new URL(server.url('http'));
    const authorization = `Basic ${Buffer.from(`${url.username}:${url.password}`).toString('base64')}`;
    const address = `${url.origin}${url.pathname}/info/refs?service=git-upload-pack`;
    const response = await fetch(address, { headers: { authorization } });
    assert.equal(response.status, 503);
    assert.equal(response.headers.get('retry-after'), header);
    assert.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8');
    assert.ok((await response.text()).includes(words));
  }
});

test('a question of protocol v2 that comes before the view is ready is answered by git in words', async (t) => {
  const server = await openScene(t);
  const url = new URL(server.url('http'));
  const authorization = `Basic ${Buffer.from(`${url.username}:${url.password}`).toString('base64')}`;
  const response = await fetch(`${url.origin}${url.pathname}/git-upload-pack`, {
    method: 'POST',
    headers: {
      authorization,
      'content-type': 'application/x-git-upload-pack-request',
      'git-protocol': 'version=2',
    },
    body: '0014command=ls-refs\n00010000',
  });
  assert.equal(response.status, 200);
  const text = await response.text();
  assert.match(text, /^[0-9a-f]{4}ERR /);
  assert.ok(text.includes(words), text);
});
