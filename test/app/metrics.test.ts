import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { Metrics } from '../../src/app/metrics.ts';
import type { GitChannel } from '../../src/domain/session.ts';

function channel(): GitChannel {
  return {
    transport: 'http',
    mode: 'rpc',
    service: 'receive-pack',
    version: 0,
    principal: { user: 'alice', kind: 'person', groups: [], credential: { type: 'token', id: 't' } },
    repo: 'acme/web',
    client: { address: '127.0.0.1' },
    input: new PassThrough(),
    output: new PassThrough(),
    signal: new AbortController().signal,
  };
}

test('a push that was refused in its report is not counted as ok', async () => {
  const metrics = new Metrics();
  await metrics.count(async () => ({ exitStatus: 0, outcome: 'refused' }))(channel());
  assert.match(metrics.text(), /\{transport="http",service="receive-pack",result="refused"\} 1\n/);
});

test('a session that threw is counted as an error, and is open no more', async () => {
  const metrics = new Metrics();
  const failing = metrics.count(async () => {
    throw new Error('broken');
  });
  await assert.rejects(failing(channel()));
  assert.match(metrics.text(), /result="error"\} 1\n/);
  assert.match(metrics.text(), /refgate_sessions_open 0\n/);
});
