import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RefgateError } from '../../src/domain/error.ts';
import type { EventCode, SessionOutcome, SessionQuery } from '../../src/domain/record.ts';
import { openLedger } from '../../src/record/ledger.ts';
import { type Fault, FaultyStore } from '../support/faulty-store.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { QuietLog } from '../support/quiet-log.ts';
import { closed, recordSession } from '../support/sample-events.ts';

const isCoded = (code: string) => (error: unknown) => error instanceof RefgateError && error.code === code;

const users = ['alice', 'bob', undefined] as const;
const repos = ['acme/web', 'acme/api', undefined] as const;
const refs = ['refs/heads/main', 'refs/heads/dev', undefined] as const;
const outcomes = ['ok', 'refused', undefined] as const;

const fullPush = Array.from({ length: 300 }, (_, n) => `refs/heads/b${n}`);

interface Sample {
  readonly id: string;
  readonly user: string;
  readonly repo: string;
  readonly refs: readonly string[];
  readonly outcome?: SessionOutcome;
}

/** 120 sessions, one a minute from 2026-01-01T00:00Z, of every kind. */
const samples: readonly Sample[] = Array.from({ length: 120 }, (_, n) => {
  const some = [
    [],
    ['refs/heads/main'],
    ['refs/heads/main', 'refs/heads/dev'],
    [...fullPush, 'refs/heads/dev'],
  ];
  return {
    id: `s-${n}`,
    user: users[n % 2] ?? 'bob',
    repo: repos[(n >> 1) % 2] ?? 'acme/api',
    refs: some[(n >> 2) % 4] ?? [],
    ...(n % 5 !== 0 && { outcome: outcomes[(n >> 4) % 2] ?? 'refused' }),
  };
});

async function openSample() {
  let now = Date.UTC(2026, 0, 1);
  const ledger = await openLedger({ store: new MemoryStore(), clock: () => now, log: new QuietLog() });
  for (const sample of samples) {
    await recordSession(ledger, sample);
    now += 60_000;
  }
  return ledger;
}

const ledger = await openSample();

function expected(query: Omit<SessionQuery, 'limit'>): string[] {
  return samples
    .filter((sample, minute) => {
      const time = new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();
      return (
        (query.user === undefined || sample.user === query.user) &&
        (query.repo === undefined || sample.repo === query.repo) &&
        (query.ref === undefined || sample.refs.includes(query.ref)) &&
        (query.outcome === undefined || sample.outcome === query.outcome) &&
        (query.since === undefined || time >= query.since) &&
        (query.until === undefined || time <= query.until)
      );
    })
    .map((sample) => sample.id)
    .reverse();
}

/** All pages of a query, a page at a time. */
async function pages(query: Omit<SessionQuery, 'limit' | 'before'>, limit: number): Promise<string[]> {
  const ids: string[] = [];
  for (;;) {
    const before = ids.at(-1);
    const rows = await ledger.sessions({ ...query, limit, ...(before !== undefined && { before }) });
    ids.push(...rows.map((row) => row.id));
    if (rows.length < limit) return ids;
  }
}

test('every combination of filters finds exactly the sessions that pass it, newest first, in pages', async () => {
  const spans = [
    {},
    { since: '2026-01-01T00:20:00.000Z' },
    { until: '2026-01-01T01:40:00.000Z' },
    { since: '2026-01-01T00:20:00.000Z', until: '2026-01-01T01:40:00.000Z' },
  ];
  for (const user of users)
    for (const repo of repos)
      for (const ref of refs)
        for (const outcome of outcomes)
          for (const span of spans) {
            const query = {
              ...(user && { user }),
              ...(repo && { repo }),
              ...(ref && { ref }),
              ...(outcome && { outcome }),
              ...span,
            };
            assert.deepEqual(await pages(query, 7), expected(query), JSON.stringify(query));
          }
});

test('a row tells what the events told', async () => {
  const own = await openLedger({ store: new MemoryStore(), clock: () => 0, log: new QuietLog() });
  await recordSession(own, { id: 's-1', user: 'bob', refs: ['refs/heads/main'], outcome: 'ok' });
  await recordSession(own, { id: 's-2', user: 'bob' });
  const row = {
    id: 's-1',
    openedAt: '1970-01-01T00:00:00.000Z',
    closedAt: '1970-01-01T00:00:00.000Z',
    user: 'bob',
    repo: 'acme/web',
    transport: 'ssh',
    service: 'receive-pack',
    mode: 'stateful',
    address: '192.0.2.1',
    refs: ['refs/heads/main'],
    outcome: 'ok',
    bytesIn: 10,
    bytesOut: 20,
  };
  const { closedAt, outcome, bytesIn, bytesOut, ...start } = row;
  assert.deepEqual(await own.sessions({ limit: 9 }), [{ ...start, id: 's-2', refs: [] }, row]);
});

test('a push of very many refs is found by any of them, and its row says how many there are', async () => {
  const rows = await ledger.sessions({ limit: 100, ref: 'refs/heads/b299' });
  assert.deepEqual(
    rows.map((row) => row.id),
    expected({ ref: 'refs/heads/b299' }),
  );
  assert.equal(rows[0]?.refs.length, 256);
  assert.equal(rows[0]?.refCount, 301);
});

test('a session that ends twice is found under the last outcome only', async () => {
  const own = await openLedger({ store: new MemoryStore(), log: new QuietLog() });
  await recordSession(own, { id: 's-1', outcome: 'unknown' });
  await Promise.all(
    (['failed', 'ok'] as const).map((outcome) =>
      own.append('session.closed', closed(outcome), { session: 's-1', actor: 'refgate' }),
    ),
  );
  for (const outcome of ['unknown', 'failed'] as const) {
    assert.deepEqual(await own.sessions({ limit: 1, outcome }), []);
  }
  assert.equal((await own.sessions({ limit: 1, outcome: 'ok' })).length, 1);
});

test('a query that cannot be answered says why', async () => {
  await assert.rejects(ledger.sessions({ limit: 0 }), isCoded('USAGE'));
  await assert.rejects(ledger.sessions({ limit: 1001 }), isCoded('USAGE'));
  await assert.rejects(ledger.sessions({ limit: 1, since: 'yesterday' }), isCoded('USAGE'));
  await assert.rejects(ledger.sessions({ limit: 1, before: 's-unknown' }), isCoded('NOT_FOUND'));
});

for (const fault of ['failed', 'failed but persisted'] satisfies Fault[]) {
  for (const at of [0, 1, 2, 3]) {
    test(`when write ${at} of a session has ${fault}, its row and its events still agree`, async () => {
      const disk = new MemoryStore();
      const broken = await openLedger({ store: new FaultyStore(disk, at, fault), log: new QuietLog() });
      const sample = { id: 's-1', refs: ['refs/heads/main'], outcome: 'ok' } as const;
      await assert.rejects(recordSession(broken, sample), isCoded('LEDGER_UNAVAILABLE'));
      const again = await openLedger({ store: disk, log: new QuietLog() });
      const codes = (await again.sessionEvents('s-1')).map((event) => event.code);
      assert.equal(codes.length, fault === 'failed' ? at : at + 1);
      const has = (code: EventCode) => codes.includes(code);
      assert.equal((await again.sessions({ limit: 1 })).length, has('session.opened') ? 1 : 0);
      assert.equal(
        (await again.sessions({ limit: 1, user: 'alice' })).length,
        has('session.authenticated') ? 1 : 0,
      );
      const byRef = await again.sessions({ limit: 1, ref: 'refs/heads/main' });
      assert.equal(byRef.length, has('push.requested') ? 1 : 0);
      assert.equal((await again.sessions({ limit: 1, outcome: 'ok' })).length, has('session.closed') ? 1 : 0);
      const unclosed = has('session.opened') && !has('session.closed');
      assert.deepEqual(await again.unclosed(), unclosed ? ['s-1'] : []);
    });
  }
}
