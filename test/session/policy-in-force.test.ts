import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { EventCode, EventPayloads, LedgerEvent, Recorder } from '../../src/domain/record.ts';
import type { Store } from '../../src/domain/store.ts';
import { openPolicyInForce } from '../../src/session/policy-in-force.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import { tempDir } from '../support/git.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { QuietLog } from '../support/quiet-log.ts';

const policyText = (repo: string) => `access: [{ who: { user: ada }, repo: "${repo}", may: read }]\n`;
const one = policyText('acme/one');
const two = policyText('acme/two');
const bad = 'access: 7\n';

/** Keeps events in memory; `refuse` makes the next ones fail as a full disk does. */
class MemoryRecorder implements Recorder {
  readonly events: LedgerEvent[] = [];
  refuse = false;
  onAppend: () => void = () => {};

  async append<C extends EventCode>(code: C, data: EventPayloads[C], context: { actor: string }) {
    if (this.refuse) throw new Error('disk full');
    this.onAppend();
    const seq = this.events.length;
    const event: LedgerEvent<C> = {
      v: 1,
      seq,
      time: '2026-01-01T00:00:00.000Z',
      mono: seq,
      code,
      data,
      ...context,
    };
    this.events.push(event);
    return event;
  }

  get codes(): string[] {
    return this.events.map((event) => event.code);
  }
}

async function setUp(store: Store = new MemoryStore()) {
  const recorder = new MemoryRecorder();
  const log = new QuietLog();
  const open = () => openPolicyInForce({ store, recorder, log });
  return { recorder, log, open, policy: await open() };
}

test('without any policy, asking for the current one is an error', async () => {
  const { policy } = await setUp();
  assert.throws(() => policy.current(), { code: 'POLICY_INVALID', blame: 'operator' });
});

test('a policy is in the ledger before it is in force, and names the one before it', async () => {
  const { policy, recorder } = await setUp();
  const first = await policy.apply(one, 'one.yaml', 'ada');
  recorder.onAppend = () => assert.equal(policy.current().version, first.version);
  const second = await policy.apply(two, 'two.yaml', 'bob');
  assert.equal(policy.current().version, second.version);
  assert.equal(second.previous, first.version);
  assert.deepEqual(
    recorder.events.map(({ code, actor, data }) => [code, actor, data]),
    [
      ['admin.policy-applied', 'ada', { version: first.version }],
      ['admin.policy-applied', 'bob', { version: second.version, previous: first.version }],
    ],
  );
});

test('a bad policy never replaces a good one, and the attempt is recorded', async () => {
  const { policy, recorder } = await setUp();
  const { version } = await policy.apply(one, 'one.yaml', 'ada');
  await assert.rejects(policy.apply(bad, 'bad.yaml', 'ada'), { code: 'POLICY_INVALID' });
  assert.equal(policy.current().version, version);
  assert.deepEqual(recorder.codes, ['admin.policy-applied', 'admin.policy-rejected']);
});

test('what cannot be recorded does not take effect', async () => {
  const { policy, recorder, open } = await setUp();
  const { version } = await policy.apply(one, 'one.yaml', 'ada');
  recorder.refuse = true;
  await assert.rejects(policy.apply(two, 'two.yaml', 'ada'), /disk full/);
  assert.equal(policy.current().version, version);
  assert.equal((await open()).current().version, version);
});

for (const fault of ['failed', 'failed but persisted'] as const)
  for (const at of [2, 3])
    test(`when write ${at} ${fault}, a version that the store can read is in force, now and after a start`, async () => {
      const rows = new MemoryStore();
      const { policy } = await setUp(new FaultyStore(rows, at, fault));
      const { version } = await policy.apply(one, 'one.yaml', 'ada');
      await assert.rejects(policy.apply(two, 'two.yaml', 'ada'));
      assert.equal(policy.current().version, version);
      const { policy: again } = await setUp(rows);
      assert.ok([one, two].includes(again.current().text));
      const { version: after } = await again.apply(two, 'two.yaml', 'ada');
      assert.equal(again.current().version, after);
    });

test('every version is kept, newest first, and survives a start', async () => {
  const { policy, open } = await setUp();
  const first = await policy.apply(one, 'one.yaml', 'ada');
  const second = await policy.apply(two, 'two.yaml', 'bob');
  await policy.apply(two, 'two.yaml', 'eve');
  const again = await open();
  assert.equal(again.current().version, second.version);
  assert.deepEqual(
    (await again.history()).map(({ version, actor }) => [version, actor]),
    [
      [second.version, 'bob'],
      [first.version, 'ada'],
    ],
  );
  assert.equal(await again.text(first.version), one);
  await assert.rejects(again.text('0'.repeat(12)), { code: 'NOT_FOUND' });
  await assert.rejects(again.text('../x'), { code: 'NOT_FOUND' });
});

test('changes at the same time are applied one after another', async () => {
  const { policy, recorder } = await setUp();
  const results = await Promise.allSettled(
    [one, bad, two].map((text, n) => policy.apply(text, `${n}.yaml`, 'ada')),
  );
  assert.deepEqual(
    results.map((result) => result.status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  assert.equal(policy.current().text, two);
  assert.deepEqual(recorder.codes, ['admin.policy-applied', 'admin.policy-rejected', 'admin.policy-applied']);
});

test('at start a changed file is applied, and an unchanged one does not take back what was applied later', async (t) => {
  const { policy, open } = await setUp();
  const file = join(tempDir(t, 'policy'), 'policy.yaml');
  writeFileSync(file, one);
  await policy.loadFile(file);
  assert.equal(policy.current().text, one);
  await policy.apply(two, 'elsewhere.yaml', 'ada');
  const again = await open();
  await again.loadFile(file);
  assert.equal(again.current().text, two);
  const three = policyText('acme/three');
  writeFileSync(file, three);
  await again.loadFile(file);
  assert.equal(again.current().text, three);
  writeFileSync(file, one);
  await again.loadFile(file);
  assert.equal(again.current().text, one);
});

test('at start a bad file leaves the last version in force, and without one the server does not start', async (t) => {
  const { policy, open, log, recorder } = await setUp();
  const file = join(tempDir(t, 'policy'), 'policy.yaml');
  writeFileSync(file, bad);
  await assert.rejects(policy.loadFile(file), { code: 'POLICY_INVALID' });
  await assert.rejects(policy.loadFile(`${file}.missing`), { code: 'POLICY_INVALID' });
  await policy.apply(one, 'one.yaml', 'ada');
  const again = await open();
  await again.loadFile(file);
  assert.equal(again.current().text, one);
  assert.ok(log.lines.includes('error policy file refused, last version stays'));
  assert.equal(recorder.codes.filter((code) => code === 'admin.policy-rejected').length, 3);
});
