import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import express from 'express';
import type { NotifyAdmin } from '../../src/domain/approval.ts';
import { RefgateError } from '../../src/domain/error.ts';
import { answerError } from '../../src/web/answer-error.ts';
import { notifyRoutes } from '../../src/web/notify-routes.ts';
import { QuietLog } from '../support/quiet-log.ts';

async function serve(
  t: TestContext,
  notify: NotifyAdmin,
): Promise<(method: string, path: string, body?: object) => Promise<{ status: number; json: unknown }>> {
  const app = express();
  app.use(express.json());
  const router = express.Router();
  notifyRoutes(router, notify, () => 'carol');
  app.use(router);
  app.use(answerError(new QuietLog()));
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return async (method, path, body) => {
    const init = body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method, ...init });
    return { status: answer.status, json: await answer.json() };
  };
}

test('the API lists notifiers and the dead, retries in the name of who asks, and tells why a sample failed', async (t) => {
  const calls: unknown[] = [];
  const status = { name: 'chat', kind: 'slack', where: 'https://x', waiting: 0, dead: 1 } as const;
  const call = await serve(t, {
    status: async () => [status],
    dead: async () => [],
    retry: async (...args) => {
      calls.push(args);
      return 3;
    },
    test: async (name) => {
      if (name !== 'chat') throw new RefgateError('NOTIFY_FAILED', 'operator', 'mail: it answered 403');
    },
  });
  assert.deepEqual(await call('GET', '/notify'), { status: 200, json: [status] });
  assert.deepEqual(await call('GET', '/notify/dead'), { status: 200, json: [] });
  assert.deepEqual(await call('POST', '/notify/dead/retry'), { status: 200, json: { retried: 3 } });
  await call('POST', '/notify/dead/retry', { id: 'n-1' });
  assert.deepEqual(calls, [
    [undefined, 'carol'],
    ['n-1', 'carol'],
  ]);
  assert.deepEqual(await call('POST', '/notify/test', { name: 'chat' }), {
    status: 200,
    json: { name: 'chat', sent: true },
  });
  assert.deepEqual(await call('POST', '/notify/test', { name: 'mail' }), {
    status: 400,
    json: { code: 'NOTIFY_FAILED', message: 'a notice could not be delivered: mail: it answered 403' },
  });
  assert.equal((await call('POST', '/notify/test', {})).status, 400);
});
