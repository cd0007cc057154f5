import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RefgateError } from '../../src/domain/error.ts';
import type { Finding } from '../../src/domain/facts.ts';
import type { RefVerdict } from '../../src/domain/policy.ts';
import type { DayCounts, EventPayloads, Recorder } from '../../src/domain/record.ts';
import { otherNames } from '../../src/record/day-counts.ts';
import { type Ledger, openLedger } from '../../src/record/ledger.ts';
import { type Fault, FaultyStore } from '../support/faulty-store.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { QuietLog } from '../support/quiet-log.ts';
import { closed, decided, opened, recordSession, requested } from '../support/sample-events.ts';

const isCoded = (code: string) => (error: unknown) => error instanceof RefgateError && error.code === code;

const main = ['refs/heads/main'];
const start = Date.UTC(2026, 0, 31, 12);
const today = '2026-01-31';

class Clock {
  now = start;
  read = (): number => this.now;
}

function open(store: MemoryStore | FaultyStore, clock = new Clock()): Promise<Ledger> {
  return openLedger({ store, clock: clock.read, log: new QuietLog() });
}

async function only(ledger: Ledger): Promise<DayCounts | undefined> {
  const days = await ledger.days('2026-01-01', '2026-12-31');
  assert.ok(days.length <= 1);
  return days[0];
}

function verdict(effect: RefVerdict['effect'], ...rules: string[]): RefVerdict {
  const reasons = rules.map((rule) => ({ rule, code: 'POLICY_DENIED' as const, text: 'no' }));
  return { ref: 'refs/heads/main', effect, reasons };
}

function held(push: string, ...refs: RefVerdict[]): EventPayloads['push.held'] {
  const { policyVersion, relay, target } = decided(main);
  const deadline = '2026-02-01T00:00:00.000Z';
  return { push, binding: 'b', policyVersion, target, refs, relay, asks: [], onApprove: 'relay', deadline };
}

function finding(rule: string, state: Finding['state']): Finding {
  const confidence = 'high' as const;
  return { rule, family: 'f', tier: 'A', confidence, place: 'file', sample: '***', fingerprint: 'f', state };
}

const person = { actor: 'carol' };
const inSession = { session: 's-held', actor: 'alice' };

test('a push counts once, on the day on which its session was closed, by its outcome', async () => {
  const clock = new Clock();
  const ledger = await open(new MemoryStore(), clock);
  await recordSession(ledger, { id: 's-1', refs: main, outcome: 'ok' });
  await recordSession(ledger, { id: 's-2', refs: main, outcome: 'held' });
  await recordSession(ledger, { id: 's-3', refs: main });
  clock.now = Date.UTC(2026, 1, 1);
  await ledger.append('session.closed', closed('ok'), { session: 's-3', actor: 'refgate' });
  await ledger.append('session.closed', closed('failed'), { session: 's-3', actor: 'refgate' });
  const days = await ledger.days(today, '2026-02-01');
  assert.deepEqual(
    days.map(({ day, pushes }) => ({ day, pushes })),
    [
      { day: today, pushes: { ok: 1, held: 1 } },
      { day: '2026-02-01', pushes: { ok: 1 } },
    ],
  );
  assert.deepEqual(await ledger.days('2026-02-02', '2026-03-01'), []);
  assert.equal((await ledger.days(today, today)).length, 1);
});

test('an advertisement, a fetch, and a session without a request are not pushes', async () => {
  const ledger = await open(new MemoryStore());
  await recordSession(ledger, { id: 's-1', outcome: 'aborted' });
  const others = [{ mode: 'advertise' }, { service: 'upload-pack' }] as const;
  for (const [at, other] of others.entries()) {
    const context = { session: `s-other-${at}`, actor: 'alice' };
    await ledger.append('session.opened', { ...opened('acme/web'), ...other }, context);
    await ledger.append('session.closed', closed('ok'), context);
  }
  assert.equal(await only(ledger), undefined);
});

test('a fetch is an answer with a pack', async () => {
  const ledger = await open(new MemoryStore());
  for (const pack of [true, false, true])
    await ledger.append('fetch.served', { bytes: 1, refs: 1, pack }, inSession);
  assert.equal((await only(ledger))?.fetches, 2);
});

test('rules count once for each ref that they denied or asked about, and what people said is not counted again', async () => {
  const ledger = await open(new MemoryStore());
  const refs = [verdict('deny', 'no-binaries', 'no-binaries', 'tags'), verdict('allow', 'silent')];
  await ledger.append('push.decided', { ...decided(main), refs }, inSession);
  await ledger.append('push.held', held('p-1', verdict('ask', 'review'), verdict('allow')), inSession);
  const answered = verdict('deny', 'review');
  const reasons = answered.reasons.map((reason) => ({ ...reason, code: 'APPROVAL_DENIED' as const }));
  const byPeople = {
    ...decided(main),
    held: 'p-1',
    refs: [{ ...answered, reasons }, verdict('deny', 'tags')],
  };
  await ledger.append('push.decided', byPeople, inSession);
  assert.deepEqual((await only(ledger))?.rules, { 'no-binaries': 1, tags: 2, review: 1 });
});

test('new secrets count by rule, accepted ones do not', async () => {
  const ledger = await open(new MemoryStore());
  const findings = [finding('key', 'new'), finding('key', 'new'), finding('old', 'baseline')];
  await ledger.append('push.inspected', { refs: [], objects: 0, bytes: 0, findings }, inSession);
  assert.deepEqual((await only(ledger))?.findings, { key: 2 });
});

test('names beyond 200 a day count as others, and a name that is special to objects is a name', async () => {
  const store = new MemoryStore();
  const names = ['__proto__', 'constructor', ...Array.from({ length: 250 }, (_, n) => `rule-${n}`)];
  for (const half of [names.slice(0, 150), names.slice(150)]) {
    const ledger = await open(store);
    await ledger.append('push.decided', { ...decided(main), refs: [verdict('deny', ...half)] }, inSession);
  }
  const rules = Object.entries((await only(await open(store)))?.rules ?? {});
  assert.deepEqual(rules.slice(0, 3), [
    ['__proto__', 1],
    ['constructor', 1],
    ['rule-0', 1],
  ]);
  assert.equal(rules.length, 201);
  assert.deepEqual(rules.at(-1), [otherNames, 52]);
});

test('a decision counts how long the push waited, whether it is of the same batch, a later one, or a later start', async () => {
  const clock = new Clock();
  const store = new MemoryStore();
  const ledger = await open(store, clock);
  const holding = Promise.all([
    ledger.append('push.held', held('p-1'), inSession),
    ledger.append('push.approved', { push: 'p-1', by: [], deadline: '' }, person),
    ledger.append('push.held', held('p-2'), inSession),
    ledger.append('push.held', held('p-3'), inSession),
    ledger.append('push.held', held('p-4'), inSession),
  ]);
  await holding;
  clock.now += 60_000;
  await ledger.append('push.rejected', { push: 'p-2', by: ['carol'] }, person);
  await ledger.append('push.canceled', { push: 'p-3', reason: 'no' }, person);
  const again = await open(store, clock);
  clock.now += 60_000;
  await again.append('push.lapsed', { push: 'p-4', from: 'pending' }, { actor: 'refgate' });
  // Decided before, or not waiting any more: neither is counted.
  await again.append('push.lapsed', { push: 'p-1', from: 'approved' }, { actor: 'refgate' });
  await again.append('push.rejected', { push: 'p-3', by: [] }, person);
  assert.deepEqual((await only(again))?.decided, { count: 3, waited: 180_000 });
  assert.deepEqual(
    [...store.rows.keys()].filter((key) => key.startsWith('ledger/held-since/')),
    [],
  );
});

test('a clock that is set back counts nothing twice and no negative waiting', async () => {
  const clock = new Clock();
  const ledger = await open(new MemoryStore(), clock);
  await ledger.append('push.held', held('p-1'), inSession);
  clock.now -= 24 * 3_600_000;
  await ledger.append('push.approved', { push: 'p-1', by: [], deadline: '' }, person);
  const days = await ledger.days('2026-01-01', today);
  assert.deepEqual(
    days.map(({ day, decided: one }) => ({ day, one })),
    [{ day: '2026-01-30', one: { count: 1, waited: 0 } }],
  );
});

test('a restart in the middle of a day goes on counting, also over midnight in one batch', async () => {
  const store = new MemoryStore();
  const clock = new Clock();
  for (let run = 0; run < 3; run++) {
    const ledger = await open(store, clock);
    await recordSession(ledger, { id: `s-${run}`, refs: main, outcome: 'ok' });
    await ledger.close();
  }
  const ledger = await open(store, clock);
  await recordSession(ledger, { id: 's-late', refs: main });
  await recordSession(ledger, { id: 's-early', refs: main });
  const late = ledger.append('session.closed', closed('ok'), { session: 's-late', actor: 'refgate' });
  clock.now = Date.UTC(2026, 1, 1);
  const early = ledger.append('session.closed', closed('ok'), { session: 's-early', actor: 'refgate' });
  await Promise.all([late, early]);
  assert.deepEqual(
    (await ledger.days(today, '2026-02-01')).map(({ pushes }) => pushes),
    [{ ok: 4 }, { ok: 1 }],
  );
});

test('what is not a day is said to be none', async () => {
  const ledger = await open(new MemoryStore());
  await assert.rejects(ledger.days('yesterday', today), isCoded('USAGE'));
  await assert.rejects(ledger.days(today, '2026-1-1'), isCoded('USAGE'));
});

/** One push and its refusal in one batch of its own. */
async function record(recorder: Recorder, id: string): Promise<void> {
  const context = { session: id, actor: 'alice' };
  await Promise.all([
    recorder.append('session.opened', opened('acme/web'), context),
    recorder.append('push.requested', requested(main), context),
    recorder.append('push.decided', { ...decided(main), refs: [verdict('deny', 'tags')] }, context),
    recorder.append('session.closed', closed('refused'), context),
  ]);
}

for (const fault of ['failed', 'failed but persisted'] satisfies Fault[]) {
  test(`when a batch has ${fault}, the counts agree with the events that are there`, async () => {
    const disk = new MemoryStore();
    const broken = await open(new FaultyStore(disk, 1, fault));
    await record(broken, 's-1');
    await assert.rejects(record(broken, 's-2'), isCoded('LEDGER_UNAVAILABLE'));
    const again = await open(disk);
    const count = fault === 'failed' ? 1 : 2;
    assert.equal((await again.sessions({ limit: 9, outcome: 'refused' })).length, count);
    const day = await only(again);
    assert.deepEqual([day?.pushes, day?.rules], [{ refused: count }, { tags: count }]);
    await record(again, 's-3');
    assert.deepEqual((await only(again))?.pushes, { refused: count + 1 });
  });
}
