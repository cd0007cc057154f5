import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { HeldPush } from '../../src/domain/approval.ts';
import { openLevelStore } from '../../src/store/level.ts';
import { asked, type DeskTest, newHold, openDesk } from '../support/approval-desk.ts';
import { type Fault, FaultyStore } from '../support/faulty-store.ts';
import { MemoryStore } from '../support/memory-store.ts';

const reports = [{ ref: 'refs/heads/main', ok: true }];

/** A push from its beginning to its end; each step is one write, but that the second vote is two. */
async function story(at: DeskTest): Promise<void> {
  const { push } = await at.desk.enter(newHold({ asks: [asked({ approvals: 2 })], rawPushOptions: ['raw'] }));
  await at.approve(push.id, 'bert');
  await at.approve(push.id, 'carl');
  await at.desk.claim(push.id, 's2');
  await at.desk.forwarded(push.id, reports);
}

const tellPush = (push: HeldPush) =>
  `${push.state} ${push.votes.length}${push.relayedBy === undefined ? '' : ` ${push.relayedBy}`}`;

async function told(at: DeskTest): Promise<string> {
  const [push] = await at.desk.list({ state: 'all', limit: 9 });
  return push ? tellPush(push) : 'nothing';
}

/** What is on disk after so many of the writes; with enough votes the next start completes the decision. */
const onDisk = [
  'nothing',
  'pending 0',
  'pending 1',
  'pending 2',
  'approved 2',
  'approved 2 s2',
  'forwarded 2 s2',
];
const afterStart = onDisk.map((text) => (text === 'pending 2' ? 'approved 2' : text));

for (const fault of ['failed', 'failed but persisted'] satisfies Fault[]) {
  for (const [at, before] of onDisk.slice(0, -1).entries()) {
    test(`write ${at} ${fault}: nothing is seen of it, and the next start finds what is on disk`, async () => {
      const store = new MemoryStore();
      const first = await openDesk({ store: new FaultyStore(store, at, fault) });
      await assert.rejects(story(first), { code: 'LEDGER_UNAVAILABLE' });
      const [push] = first.desk.live();
      assert.equal(push ? tellPush(push) : 'nothing', before);
      await first.desk.close();
      const second = await openDesk({ store, time: first.time });
      assert.equal(await told(second), afterStart[fault === 'failed' ? at : at + 1]);
      const events = await second.events();
      if (events.includes('push.approved'))
        assert.ok(events.indexOf('push.approved') > events.lastIndexOf('push.voted'));
      await second.desk.close();
    });
  }
}

test('a restart on LevelDB loses nothing: votes, options, deadlines, what is claimed, and the finished ones', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'refgate-desk-'));
  try {
    let store = await openLevelStore(dir);
    const first = await openDesk({ store });
    const enter = async (ref: string) => {
      const hold = newHold({
        ref: `refs/heads/${ref}`,
        asks: [asked({ approvals: 2 })],
        rawPushOptions: [ref],
      });
      return (await first.desk.enter(hold)).push.id;
    };
    const ids = { pending: await enter('a'), claimed: await enter('b'), denied: await enter('c') };
    await first.approve(ids.pending, 'bert', 'one');
    await first.approve(ids.claimed, 'bert');
    await first.approve(ids.claimed, 'carl');
    await first.desk.claim(ids.claimed, 's9');
    await first.deny(ids.denied, 'bert');
    const all = await first.desk.list({ state: 'all', limit: 9 });
    await first.desk.close();
    await first.ledger.close();
    await store.close();
    store = await openLevelStore(dir);
    const second = await openDesk({ store, time: first.time });
    assert.deepEqual(await second.desk.list({ state: 'all', limit: 9 }), all);
    assert.deepEqual(second.desk.optionsOf(ids.pending), ['a']);
    assert.deepEqual(
      second.desk.unfinished().map(({ id }) => id),
      [ids.claimed],
    );
    assert.deepEqual(await second.desk.list({ state: 'rejected', limit: 9 }), [
      await second.desk.get(ids.denied),
    ]);
    assert.equal((await second.approve(ids.pending, 'carl')).state, 'approved');
    assert.equal(await second.desk.claim(ids.claimed, 's10'), undefined, 'the approval is used up');
    await second.desk.close();
    await second.ledger.close();
    await store.close();
  } finally {
    await rm(dir, { recursive: true });
  }
});

test('what ran out of time while the server was down lapses at its start', async () => {
  const first = await openDesk();
  const { push } = await first.desk.enter(newHold());
  await first.desk.close();
  const second = await openDesk({ store: first.store, time: first.time + 60_000 });
  assert.equal((await second.desk.get(push.id))?.state, 'lapsed');
  assert.deepEqual(second.desk.live(), []);
});
