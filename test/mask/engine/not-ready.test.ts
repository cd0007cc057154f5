import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MaskProgress } from '../../../src/domain/mask.ts';
import { notReady } from '../../../src/mask/engine/not-ready.ts';
import type { TargetRow } from '../../../src/mask/engine/target-row.ts';

const target = { upstream: 'here', path: 'acme/web' };

function told(state: TargetRow['state'] | undefined, progress?: MaskProgress, disabled = false): string {
  const row: TargetRow | undefined = state && {
    v: 1,
    repo: 'acme/web',
    format: 'sha1',
    target,
    state,
    enabled: false,
    lastEpoch: 0,
    ...(disabled ? { disabled } : {}),
  };
  return notReady('acme/web', row, progress).detail ?? '';
}

test('how far it is holds no row of digits that could be taken for an oid', () => {
  const fetch: MaskProgress = { step: 'fetch', done: 62_914_560, unit: 'bytes' };
  assert.equal(
    told('scanning', fetch),
    'acme/web is being searched for secrets (fetch: 60.0 MiB); try again in 10 seconds',
  );
  const scan: MaskProgress = { step: 'scan', done: 1_234_567, total: 7_654_321, unit: 'objects' };
  assert.match(told('building', scan), /\(scan: 1,234,567 of 7,654,321 objects\); try again in \d+ seconds$/);
  for (const progress of [fetch, scan]) assert.doesNotMatch(told(undefined, progress), /[0-9a-f]{7}/);
});

test('where waiting does not help, it says whom to ask for which command', () => {
  assert.match(told('review'), /until one runs `refgate mask preview acme\/web` and `refgate mask enable/);
  assert.match(told('review', undefined, true), /disabled it; .* until one runs `refgate mask enable/);
  assert.match(told('stopped'), /until one runs `refgate mask resume acme\/web`: ask for that$/);
  assert.match(told('failed'), /tell an administrator/);
  for (const state of ['review', 'stopped'] as const) assert.doesNotMatch(told(state), /try again in/);
});
