/**
 * Attack: somebody who may write to the database changes what the ledger says.
 *
 * 1. A push is refused, and the ledger says so.
 * 2. While the gateway is stopped, the attacker opens the database and turns
 *    the outcome into another, in the leaf alone or in the leaf and its hash;
 *    or removes the session's events; or cuts off the last event.
 * 3. The gateway is started again, and an auditor runs `refgate audit verify`.
 *
 * Who owns the host and computes the whole tree again is not found by the
 * ledger alone; a head that was kept elsewhere finds it.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { RefgateError } from '../../src/domain/error.ts';
import type { Store } from '../../src/domain/store.ts';
import { leafKey } from '../../src/record/keys.ts';
import { openLedger } from '../../src/record/ledger.ts';
import { leafHash } from '../../src/record/merkle-tree.ts';
import { openLevelStore } from '../../src/store/level.ts';
import { QuietLog } from '../support/quiet-log.ts';
import { recordSession } from '../support/sample-events.ts';

const sessions = 200;
const eventsOfEach = 4;
const victim = 100 * eventsOfEach + 3;

async function withDatabase(run: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'refgate-edited-'));
  try {
    await withStore(dir, async (store) => {
      const ledger = await openLedger({ store, log: new QuietLog() });
      const samples = Array.from({ length: sessions }, (_, n) => ({
        id: `s-${n}`,
        refs: ['refs/heads/main'],
        outcome: 'refused' as const,
      }));
      for (const sample of samples) await recordSession(ledger, sample);
      await ledger.close();
    });
    await run(dir);
  } finally {
    await rm(dir, { recursive: true });
  }
}

async function withStore(dir: string, run: (store: Store) => Promise<void>): Promise<void> {
  const store = await openLevelStore(dir);
  try {
    await run(store);
  } finally {
    await store.close();
  }
}

/** What an auditor is told after a restart: the message of LEDGER_CORRUPT. */
async function audit(dir: string): Promise<string> {
  let message = '';
  await withStore(dir, async (store) => {
    const verify = openLedger({ store, log: new QuietLog() }).then((ledger) => ledger.verify());
    const error: unknown = await verify.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof RefgateError && error.code === 'LEDGER_CORRUPT', 'the ledger was believed');
    message = error.message;
  });
  return message;
}

async function readLeaf(store: Store): Promise<Buffer> {
  return Buffer.from((await store.get(leafKey(victim))) ?? []).subarray(32);
}

/** The leaf of the session's end with another outcome of the same length. */
async function changedLeaf(store: Store): Promise<Buffer> {
  const text = (await readLeaf(store)).toString();
  assert.match(text, /"outcome":"refused"/);
  return Buffer.from(text.replace('refused', 'aborted'));
}

test('an outcome that was changed in the leaf is found, and the event is named', () =>
  withDatabase(async (dir) => {
    await withStore(dir, async (store) => {
      const row = Buffer.from((await store.get(leafKey(victim))) ?? []);
      const value = Buffer.concat([row.subarray(0, 32), await changedLeaf(store)]);
      await store.write([{ type: 'put', key: leafKey(victim), value }]);
    });
    assert.match(await audit(dir), new RegExp(`event ${victim} was changed`));
  }));

test('an outcome that was changed with its hash is found by the tree', () =>
  withDatabase(async (dir) => {
    await withStore(dir, async (store) => {
      const leaf = await changedLeaf(store);
      const value = Buffer.concat([leafHash(leaf), leaf]);
      await store.write([{ type: 'put', key: leafKey(victim), value }]);
    });
    assert.match(await audit(dir), /the tree disagrees/);
  }));

test('events that were removed are found, and the first is named', () =>
  withDatabase(async (dir) => {
    await withStore(dir, async (store) => {
      const keys = [0, 1, 2, 3].map((back) => leafKey(victim - back));
      await store.write(keys.map((key) => ({ type: 'del', key })));
    });
    assert.match(await audit(dir), new RegExp(`event ${victim - 3} is missing`));
  }));

test('a tail that was cut off is found at start', () =>
  withDatabase(async (dir) => {
    await withStore(dir, async (store) => {
      const last = sessions * eventsOfEach - 1;
      await store.write([{ type: 'del', key: leafKey(last) }]);
    });
    await withStore(dir, async (store) => {
      await assert.rejects(openLedger({ store, log: new QuietLog() }), /event 799 is missing/);
    });
  }));
