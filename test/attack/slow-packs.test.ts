/**
 * Attack: slow-loris within packs, by several users together.
 * 1. Each user may have only so many pushes at a time, and the server holds only so many packs at a time.
 * 2. Mallory has several accounts, or friends. Together they begin as many pushes as the server takes, and send
 *    a byte of each pack now and then, so that no clock of silence runs out.
 * 3. Everybody else's push waits for a place, for hours.
 * While somebody waits, a pack that comes too slowly loses its place; while nobody does, it may take its time.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RefgateError } from '../../src/domain/error.ts';
import { defaultPackLimits, Quarantine } from '../../src/inspect/quarantine.ts';
import { tempDir } from '../support/git.ts';
import { QuietLog } from '../support/quiet-log.ts';
import { emptyPack } from './siege.ts';

const leastPace = { bytes: 64 * 1024, ms: 200 };

/** The head of a pack, then another byte now and then, until it is stopped. */
async function* drip(stop: AbortSignal): AsyncGenerator<Buffer> {
  yield emptyPack.subarray(0, 12);
  for (let at = 12; !stop.aborted; at = Math.min(at + 1, emptyPack.length - 2)) {
    yield emptyPack.subarray(at, at + (at < emptyPack.length - 2 ? 1 : 0));
    await sleep(20);
  }
}

async function* whole(): AsyncGenerator<Buffer> {
  yield emptyPack;
}

test('slow packs lose their places to others that wait, and keep them when nobody does', async (t) => {
  const dir = tempDir(t, 'pace');
  const quarantine = new Quarantine({
    dir,
    limits: defaultPackLimits,
    log: new QuietLog(),
    maxHolds: 2,
    leastPace,
  });
  const stop = new AbortController();
  t.after(() => quarantine.close());
  t.after(() => stop.abort());
  const hold = (id: string, pack: AsyncIterable<Buffer>) =>
    quarantine.hold(pack, { id, objectFormat: 'sha1', borrow: async () => [] });
  const ended: string[] = [];
  const slow = ['a', 'b'].map((id) =>
    hold(id, drip(stop.signal)).catch((error: unknown) => {
      ended.push(error instanceof RefgateError ? `${error.code}/${error.blame}` : String(error));
    }),
  );
  await sleep(3 * leastPace.ms);
  assert.deepEqual(ended, [], 'nobody waits');
  const held = await hold('c', whole());
  assert.equal(held.counts.commit, 0);
  await held.release();
  assert.ok(ended.length >= 1);
  assert.deepEqual([...new Set(ended)], ['IDLE_TIMEOUT/client']);
  stop.abort();
  await Promise.all(slow);
});
