import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BacktestRow } from '../../src/domain/admin.ts';
import type { RefUpdate } from '../../src/domain/git.ts';
import type { RefVerdict } from '../../src/domain/policy.ts';
import type { EventPayloads } from '../../src/domain/record.ts';
import type { PushFacts, RefFacts } from '../../src/domain/session.ts';
import type { StoreWrite } from '../../src/domain/store.ts';
import { loadPolicy } from '../../src/policy/load.ts';
import { openLedger } from '../../src/record/ledger.ts';
import { backtest, createPolicyTrials } from '../../src/session/backtest.ts';
import { inspectedEvent } from '../../src/session/inspected-event.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { QuietLog } from '../support/quiet-log.ts';

const access = 'access: [{ who: { group: dev }, repo: "acme/*", may: [read, write] }]\n';
const open = loadPolicy(access, 'open.yaml');
const strictText = `${access}rules: [{ name: no-deletes, when: { change: delete }, then: deny, say: "keep it" }]\n`;
const strict = loadPolicy(strictText, 'strict.yaml');

const zero = '0'.repeat(40);
const some = '1'.repeat(40);

interface Sample {
  readonly ref?: string;
  readonly deletes?: boolean;
  readonly effect?: 'allow' | 'deny';
  readonly reasons?: RefVerdict['reasons'];
  readonly atomic?: boolean;
  /** Ends there. */
  readonly until?: 'requested' | 'inspected';
  readonly kept?: 'all' | 'cut' | 'none' | 'lost';
  readonly others?: readonly RefUpdate[];
}

async function setUp() {
  const store = new MemoryStore();
  const ledger = await openLedger({ store, log: new QuietLog() });
  let number = 0;
  const push = async (sample: Sample = {}): Promise<string> => {
    const session = `s-${String(number++).padStart(4, '0')}`;
    const context = { session, actor: 'ann' };
    const update: RefUpdate = {
      ref: sample.ref ?? 'refs/heads/topic',
      oldOid: sample.deletes ? some : zero,
      newOid: sample.deletes ? zero : some,
    };
    const updates = [update, ...(sample.others ?? [])];
    await ledger.append('session.opened', opened, context);
    await ledger.append(
      'session.authenticated',
      { user: 'ann', kind: 'person', groups: ['dev'], credential: { type: 'token', id: 'tok-1' } },
      context,
    );
    await ledger.append(
      'push.requested',
      { target: 'here:acme/web', updates, pushOptions: [], atomic: sample.atomic ?? false },
      context,
    );
    if (sample.until === 'requested') return session;
    const { data, writes } = await inspectedEvent(session, factsOf(updates), undefined, (text) => text);
    const { kept, ...without } = data;
    const cut = kept && { ...data, kept: { ...kept, complete: false } };
    const said = { all: data, lost: data, none: without, cut: cut ?? data }[sample.kept ?? 'all'];
    const writing: readonly StoreWrite[] = sample.kept === 'lost' ? [] : writes;
    await ledger.append('push.inspected', said, { ...context, writes: writing });
    if (sample.until === 'inspected') return session;
    const { effect = 'allow', reasons = [] } = sample;
    const refs = updates.map(({ ref }): RefVerdict => ({ ref, effect, reasons }));
    const relay = effect === 'allow' ? updates : [];
    const decided: EventPayloads['push.decided'] = {
      policyVersion: open.version,
      refs,
      relay,
      target: 'here:acme/web',
    };
    await ledger.append('push.decided', decided, context);
    await ledger.append('session.closed', { outcome: 'ok', bytesIn: 1, bytesOut: 1 }, context);
    return session;
  };
  const run = async (policy = strict, since = '2020-01-01T00:00:00.000Z'): Promise<BacktestRow[]> => {
    const rows: BacktestRow[] = [];
    for await (const row of backtest({ reader: ledger, store }, policy, since)) rows.push(row);
    return rows;
  };
  return { store, ledger, push, run };
}

const opened: EventPayloads['session.opened'] = {
  transport: 'ssh',
  mode: 'stateful',
  service: 'receive-pack',
  version: 0,
  repo: 'acme/web',
  address: '192.0.2.1',
};

function factsOf(updates: readonly RefUpdate[]): PushFacts {
  const nothing = {
    commits: [],
    changes: [],
    findings: [],
    unknowns: [],
    counts: { commits: 0, changes: 0 },
  };
  const refs = updates.map((update): RefFacts => {
    const kind = update.newOid === zero ? 'delete' : 'create';
    return { ...update, kind, namespace: 'branch' };
  });
  return { refs, pushOptions: [], objects: 0, bytes: 0, contents: refs.map(() => nothing) };
}

test('a stricter policy shows what it would have refused, and by which rule', async () => {
  const { push, run } = await setUp();
  await push();
  const session = await push({ deletes: true });
  const rows = await run();
  assert.equal(rows.length, 2);
  const [row] = rows;
  assert.ok(row && 'was' in row);
  const { time: _, ...rest } = row;
  assert.deepEqual(rest, {
    session,
    user: 'ann',
    repo: 'acme/web',
    ref: 'refs/heads/topic',
    was: { effect: 'allow', rules: [] },
    would: { effect: 'deny', rules: ['no-deletes'] },
  });
  assert.deepEqual(
    (await run(open)).map((one) => 'would' in one && one.would.effect),
    ['allow', 'allow'],
  );
});

test('a refusal of the policy of then goes away with its rule; one of the check of names stays', async () => {
  const { push, run } = await setUp();
  const byRule = { rule: 'old-rule', code: 'POLICY_DENIED', text: 'old-rule: no' } as const;
  const byName = { rule: 'ref-name', code: 'REF_NAME_INVALID', text: 'would be taken for main' } as const;
  await push({ effect: 'deny', reasons: [byRule] });
  await push({ effect: 'deny', reasons: [byRule, byName] });
  const rows = await run(open);
  assert.deepEqual(
    rows.map((row) => 'would' in row && [row.was.rules, row.would]),
    [
      [['old-rule', 'ref-name'], { effect: 'deny', rules: ['ref-name'] }],
      [['old-rule'], { effect: 'allow', rules: [] }],
    ],
  );
});

test('of an atomic push all is refused when one ref is', async () => {
  const { push, run } = await setUp();
  const others = [{ ref: 'refs/heads/other', oldOid: zero, newOid: some }];
  await push({ deletes: true, atomic: true, others });
  assert.deepEqual(
    (await run()).map((row) => 'would' in row && row.would),
    [
      { effect: 'deny', rules: ['no-deletes'] },
      { effect: 'deny', rules: ['atomic'] },
    ],
  );
});

test('a push whose facts are missing, cut or never were is not judged by guess', async () => {
  const { push, run } = await setUp();
  await push({ kept: 'none' });
  await push({ kept: 'cut' });
  await push({ kept: 'lost' });
  await push({ until: 'requested' });
  await push({ until: 'inspected' });
  assert.deepEqual(
    (await run()).map((row) => 'notJudged' in row && row.notJudged),
    [
      'it ended before it was judged',
      'it ended before it was judged',
      'its kept facts are gone',
      'its facts were too many to keep them all',
      'its facts were not kept',
    ],
  );
});

test('facts that were changed afterwards end the backtest with an error', async () => {
  const { push, run, store } = await setUp();
  const session = await push();
  const key = `facts!${session}!0000`;
  const kept = store.rows.get(key);
  assert.ok(kept);
  await store.write([{ type: 'put', key, value: kept.map((byte, at) => (at === 20 ? byte ^ 1 : byte)) }]);
  await assert.rejects(run(), { code: 'LEDGER_CORRUPT' });
});

test('more pushes than a page are judged, each once, and none before the given time', async () => {
  const { push, run } = await setUp();
  for (let n = 0; n < 420; n++) await push({ ref: `refs/heads/b${n}` });
  const rows = await run();
  assert.equal(new Set(rows.map((row) => row.session)).size, 420);
  assert.equal(rows.length, 420);
  assert.deepEqual(await run(strict, new Date(Date.now() + 60_000).toISOString()), []);
});

test('a recorded push is explained by the policy that judged it, or by another one', async () => {
  const { push, ledger, store } = await setUp();
  const session = await push({ deletes: true });
  const loaded: string[] = [];
  const trials = createPolicyTrials({
    reader: ledger,
    store,
    load: async (version) => {
      loaded.push(version);
      return open;
    },
  });
  const effects = (explanation: unknown): unknown =>
    (explanation as { refs: { verdict: RefVerdict }[] }).refs.map((one) => one.verdict.effect);
  const then = await trials.explain(session);
  assert.deepEqual(loaded, [open.version]);
  assert.deepEqual(effects(then.explanation), ['allow']);
  assert.equal(then.version, then.judgedBy);
  const now = await trials.explain(session, { text: strictText, file: 'strict.yaml' });
  assert.deepEqual(effects(now.explanation), ['deny']);
  assert.equal(now.version, strict.version);
  await assert.rejects(trials.explain('s-none'), { code: 'NOT_FOUND' });
  await assert.rejects(
    trials.explain(await push({ kept: 'none' })),
    /cannot be explained: its facts were not kept/,
  );
});

test('a backtest that nobody waits for any more ends before the next push', async () => {
  const { store, ledger, push } = await setUp();
  for (let count = 0; count < 5; count++) await push();
  const over = new AbortController();
  const rows: BacktestRow[] = [];
  const stopAfterTwo = (done: number): void => {
    if (done === 2) over.abort();
  };
  const since = '2020-01-01T00:00:00.000Z';
  for await (const row of backtest({ reader: ledger, store }, strict, since, stopAfterTwo, over.signal))
    rows.push(row);
  assert.equal(rows.length, 2);
});
