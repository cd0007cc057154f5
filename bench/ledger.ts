/**
 * Appends per second of the ledger on LevelDB, synced, with 1 and 256 writers;
 * then the time of one page of `sessions` for each combination of filters.
 *
 *   node dist/bench/ledger.js [SESSIONS]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Log } from '../src/domain/log.ts';
import type { Recorder } from '../src/domain/record.ts';
import { type Ledger, openLedger } from '../src/record/ledger.ts';
import { openLevelStore } from '../src/store/level.ts';

const nothing = (): void => {};
const silent: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };

const users = ['alice', 'bob', 'carol', 'dave'];
const repos = ['acme/web', 'acme/api', 'acme/infra'];
const refs = ['refs/heads/main', 'refs/heads/dev', 'refs/tags/v1'];

const say = (line: string): boolean => process.stdout.write(`${line}\n`);

async function measureAppends(ledger: Ledger, writers: number, events: number): Promise<void> {
  let left = events;
  const write = async (): Promise<void> => {
    while (left-- > 0) await ledger.append('admin.user-disabled', { user: 'alice' }, { actor: 'operator' });
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: writers }, write));
  const rate = events / ((performance.now() - start) / 1000);
  say(`${writers} writers: ${Math.round(rate)} appends/s`);
}

async function recordPush(recorder: Recorder, n: number): Promise<void> {
  const session = `s-${n}`;
  const user = users[n % users.length] ?? '';
  const context = { session, actor: user };
  const ref = refs[n % refs.length] ?? '';
  await recorder.append(
    'session.opened',
    {
      transport: 'ssh',
      mode: 'stateful',
      service: 'receive-pack',
      version: 0,
      repo: repos[(n >> 2) % repos.length] ?? '',
      address: '192.0.2.1',
    },
    context,
  );
  const credential = { type: 'token', id: 'tok-1' } as const;
  await recorder.append('session.authenticated', { user, kind: 'person', groups: [], credential }, context);
  const updates = [{ ref, oldOid: '0'.repeat(40), newOid: '1'.repeat(40) }];
  const request = { target: 'ghe:acme/web', updates, pushOptions: [], atomic: false };
  await recorder.append('push.requested', request, context);
  const outcome = n % 1000 === 0 ? 'failed' : 'ok';
  await recorder.append('session.closed', { outcome, bytesIn: 1, bytesOut: 1 }, context);
}

async function fill(ledger: Ledger, sessions: number): Promise<void> {
  let next = 0;
  const write = async (): Promise<void> => {
    while (next < sessions) await recordPush(ledger, next++);
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: 256 }, write));
  say(
    `${sessions} pushes of 4 events: ${Math.round(((performance.now() - start) / sessions) * 1000)} us each`,
  );
}

async function measureQueries(ledger: Ledger): Promise<void> {
  for (let mask = 0; mask < 16; mask++) {
    const query = {
      ...(mask & 1 && { user: 'bob' }),
      ...(mask & 2 && { repo: 'acme/api' }),
      ...(mask & 4 && { ref: 'refs/heads/dev' }),
      ...(mask & 8 && { outcome: 'failed' as const }),
    };
    const start = performance.now();
    const rows = await ledger.sessions({ ...query, limit: 50 });
    const ms = (performance.now() - start).toFixed(1);
    say(`sessions ${JSON.stringify(query)}: ${rows.length} rows in ${ms} ms`);
  }
}

const dir = await mkdtemp(join(tmpdir(), 'refgate-bench-'));
const store = await openLevelStore(dir);
try {
  const ledger = await openLedger({ store, log: silent });
  await measureAppends(ledger, 1, 2000);
  await measureAppends(ledger, 256, 50_000);
  await fill(ledger, Number(process.argv[2] ?? 20_000));
  await measureQueries(ledger);
  const start = performance.now();
  const { size } = await ledger.verify();
  say(`verify: ${Math.round(size / ((performance.now() - start) / 1000))} events/s`);
  await ledger.close();
} finally {
  await store.close();
  await rm(dir, { recursive: true });
}
