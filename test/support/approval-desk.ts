/** A desk of held pushes on a real ledger, with people, a clock and an outbox that a test looks into. */

import { bindingOf } from '../../src/approval/binding.ts';
import { HeldPushDesk, type HoldLimits, type NewHold } from '../../src/approval/desk.ts';
import type { Asked, HeldPush, Notice, Voter } from '../../src/domain/approval.ts';
import type { UserRecord } from '../../src/domain/identity.ts';
import type { EventCode } from '../../src/domain/record.ts';
import type { Store } from '../../src/domain/store.ts';
import { type Ledger, openLedger } from '../../src/record/ledger.ts';
import { MemoryStore } from './memory-store.ts';
import { QuietLog } from './quiet-log.ts';

const someOid = '1'.repeat(40);

export function user(name: string, change: Partial<UserRecord> = {}): UserRecord {
  return {
    name,
    kind: 'person',
    groups: ['reviewers'],
    role: 'reviewer',
    disabled: false,
    createdAt: '2026-01-01T00:00:00.000Z',
    ...change,
  };
}

/** Anna pushes; Bert, Carl and Dora review; Egon is an administrator who sits nowhere. */
const people = [
  user('anna', { role: 'user', groups: ['dev'] }),
  user('bert'),
  user('carl'),
  user('dora', { groups: ['reviewers', 'on-call'] }),
  user('egon', { role: 'admin', groups: [] }),
];

export function asked(change: Partial<Asked> = {}): Asked {
  return {
    rule: 'review',
    refs: ['refs/heads/main'],
    seats: [{ of: 'reviewers', groups: ['reviewers'], users: [] }],
    approvals: 1,
    denials: 1,
    shared: false,
    ...change,
  };
}

/** What a push of Anna's says; `ref` and `tip` tell pushes apart. */
export function newHold(change: Partial<NewHold> & { ref?: string; tip?: string } = {}): NewHold {
  const { ref = 'refs/heads/main', tip = '2', ...rest } = change;
  const update = { ref, oldOid: someOid, newOid: tip.repeat(40).slice(0, 40) };
  const principal = rest.principal ?? principalOf('anna');
  const target = { upstream: 'ghe', path: 'acme/web' };
  const repo = rest.repo ?? 'acme/web';
  return {
    session: 's1',
    binding: bindingOf({
      user: principal.user,
      repo,
      target,
      updates: [update],
      pushOptions: [],
      policyVersion: 'v1',
    }),
    principal,
    transport: 'ssh',
    address: '192.0.2.1',
    repo,
    target,
    atomic: false,
    objectFormat: 'sha1',
    refs: [{ ...update, kind: 'update', namespace: 'branch', fastForward: true }],
    verdicts: [{ ref, effect: 'ask', reasons: [] }],
    relay: [update],
    pushOptions: [],
    rawPushOptions: [],
    pack: { file: '/held/s1/pack', bytes: 1000, sha256: 'ab' },
    objects: 3,
    commits: 1,
    changes: 1,
    findings: 0,
    policyVersion: 'v1',
    asks: [asked()],
    onApprove: 'relay',
    within: 60_000,
    steps: [
      { state: 'received', time: '2026-01-01T00:00:00.000Z', by: 'anna' },
      { state: 'processing', time: '2026-01-01T00:00:00.000Z', by: 'refgate' },
    ],
    ...rest,
  };
}

export function principalOf(name: string): NewHold['principal'] {
  return { user: name, kind: 'person', groups: [], credential: { type: 'token', id: `tok-${name}` } };
}

export interface DeskTest {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly desk: HeldPushDesk;
  readonly users: Map<string, UserRecord>;
  readonly notices: Notice[];
  readonly log: QuietLog;
  /** Credentials that were ended. */
  readonly ended: Set<string>;
  time: number;
  as(name: string): Voter;
  approve(id: string, name: string, reason?: string): Promise<HeldPush>;
  deny(id: string, name: string, reason?: string): Promise<HeldPush>;
  /** Codes of the events so far that are about held pushes. */
  events(session?: string): Promise<EventCode[]>;
}

export async function openDesk(
  options: { store?: Store; limits?: HoldLimits; users?: Map<string, UserRecord>; time?: number } = {},
): Promise<DeskTest> {
  const store = options.store ?? new MemoryStore();
  const log = new QuietLog();
  const ledger = await openLedger({ store, log });
  const users = options.users ?? new Map(people.map((one) => [one.name, one]));
  const notices: Notice[] = [];
  const ended = new Set<string>();
  const clock = { time: options.time ?? Date.parse('2026-01-01T00:00:00Z') };
  const desk = await HeldPushDesk.open({
    store,
    recorder: ledger,
    users: { user: async (name) => users.get(name), users: async () => [...users.values()] },
    stillValid: async ({ credential }) => !ended.has(credential.id),
    outbox: {
      writes: (notice) => {
        notices.push(notice);
        return [{ type: 'put', key: `outbox!${notice.push.id}!${notice.type}`, value: new Uint8Array() }];
      },
      wake: () => {},
    },
    urlOf: (id) => `https://git.example.com/-/pushes/${id}`,
    limits: options.limits ?? { pushesPerUser: 1000, bytesPerUser: 1 << 30 },
    log,
    clock: () => clock.time,
  });
  const as = (name: string): Voter => ({
    principal: principalOf(name),
    role: users.get(name)?.role ?? 'user',
    via: 'page',
  });
  const vote = (kind: 'approve' | 'deny') => (id: string, name: string, reason?: string) =>
    desk.vote(id, { kind, ...(reason === undefined ? {} : { reason }) }, as(name));
  return {
    store,
    ledger,
    desk,
    users,
    notices,
    log,
    ended,
    get time() {
      return clock.time;
    },
    set time(time) {
      clock.time = time;
    },
    as,
    approve: vote('approve'),
    deny: vote('deny'),
    events: async (session = 's1') => (await ledger.sessionEvents(session)).map((event) => event.code),
  };
}
