import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import test from 'node:test';
import type { ReceivePack } from '../../src/agent/dial/dial.ts';
import { OpenedAhead } from '../../src/agent/opened-ahead.ts';
import type { RelayOperation } from '../../src/upstream/link-job.ts';

const prepared = { op: 'prepare', upstream: 'host', path: 'acme/web', session: 's-1' } as const;

const operation: RelayOperation = {
  ...{ op: 'relay', upstream: 'host', path: 'acme/web', session: 's-1', updates: [], pushOptions: [] },
  ...{ atomic: false, quiet: false, objectFormat: 'sha1' },
};

/** A receive-pack that tells whether it was left. */
function receivePack(): ReceivePack & { readonly left: () => number } {
  let left = 0;
  return {
    advertisement: Readable.from([]),
    push: () => Promise.reject(new Error('nothing is pushed here')),
    leave: () => {
      left += 1;
    },
    abort: () => {},
    left: () => left,
  };
}

test('what was opened ahead is given to its push, once', async () => {
  const opened = receivePack();
  const waiting = new Set<OpenedAhead>();
  const ahead = new OpenedAhead(prepared, waiting, () => Promise.resolve(opened));
  assert.equal(waiting.size, 1);
  assert.equal(await ahead.take(operation), opened);
  assert.equal(ahead.take(operation), undefined);
  ahead.leave();
  assert.equal(opened.left(), 0);
  assert.equal(waiting.size, 0);
});

test('what was opened ahead for another push is not given', async () => {
  const opened = receivePack();
  const ahead = new OpenedAhead(prepared, new Set(), () => Promise.resolve(opened));
  for (const other of [{ session: 's-2' }, { upstream: 'other' }, { path: 'acme/own' }]) {
    assert.equal(ahead.take({ ...operation, ...other }), undefined);
  }
  ahead.leave();
  await new Promise(setImmediate);
  assert.equal(opened.left(), 1);
});

test('what was opened ahead and is not used is left after two seconds', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const opened = receivePack();
  const waiting = new Set<OpenedAhead>();
  const ahead = new OpenedAhead(prepared, waiting, () => Promise.resolve(opened));
  await Promise.resolve();
  t.mock.timers.tick(1_999);
  assert.equal(waiting.size, 1);
  t.mock.timers.tick(1);
  await Promise.resolve();
  assert.equal(waiting.size, 0);
  assert.equal(opened.left(), 1);
  assert.equal(ahead.take(operation), undefined);
});

test('why opening failed is told to the push, and to nobody when there is none', async () => {
  const fails = (): Promise<ReceivePack> => Promise.reject(new Error('it is not there'));
  await assert.rejects(
    new OpenedAhead(prepared, new Set(), fails).take(operation) ?? Promise.resolve(),
    /not there/,
  );
  const unused = new OpenedAhead(prepared, new Set(), fails);
  await new Promise(setImmediate);
  unused.leave();
  await new Promise(setImmediate);
});

test('only so many upstreams are opened ahead at a time', () => {
  const waiting = new Set<OpenedAhead>();
  let opened = 0;
  const all = Array.from(
    { length: 100 },
    () =>
      new OpenedAhead(prepared, waiting, () => {
        opened += 1;
        return Promise.resolve(receivePack());
      }),
  );
  assert.equal(opened, 64);
  assert.equal(all.at(-1)?.take(operation), undefined);
  for (const one of all) one.leave();
  assert.equal(waiting.size, 0);
});
