import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeServer, listenTcp } from '../../src/app/listen.ts';
import { Metrics } from '../../src/app/metrics.ts';
import { createOpsServer } from '../../src/app/ops.ts';

test('livez says that the process lives, readyz whether it can serve and why not, metrics what was served', async (t) => {
  let reason: string | undefined;
  const metrics = new Metrics();
  const server = createOpsServer({ notReady: () => reason, metrics: () => metrics.text() });
  const port = await listenTcp(server, { host: '127.0.0.1', port: 0 });
  t.after(() => closeServer(server));
  const get = async (path: string, method = 'GET'): Promise<[number, string]> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method });
    return [answer.status, await answer.text()];
  };
  assert.deepEqual(await get('/livez'), [200, 'ok\n']);
  assert.deepEqual(await get('/readyz'), [200, 'ok\n']);
  reason = 'the ledger cannot be written';
  assert.deepEqual(await get('/readyz'), [503, 'the ledger cannot be written\n']);
  assert.deepEqual(await get('/livez'), [200, 'ok\n']);
  assert.match((await get('/metrics'))[1], /^refgate_sessions_open 0$/m);
  assert.equal((await get('/'))[0], 404);
  assert.equal((await get('/livez', 'POST'))[0], 405);
});
