/**
 * A data folder as a server of some years has it: sessions of 90 days in a real
 * ledger on LevelDB, a policy with a history, many users, and held pushes that
 * wait and that were decided, made by the real desk.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { bindingOf } from '../src/approval/binding.ts';
import { HeldPushDesk, type NewHold } from '../src/approval/desk.ts';
import type { UserRecord } from '../src/domain/identity.ts';
import type { EventCode, EventPayloads, Recorder } from '../src/domain/record.ts';
import { openDirectory } from '../src/identity/directory.ts';
import { openLedger } from '../src/record/ledger.ts';
import { openPolicyInForce } from '../src/session/policy-in-force.ts';
import { openLevelStore } from '../src/store/level.ts';
import { newHold, principalOf } from '../test/support/approval-desk.ts';
import { QuietLog } from '../test/support/quiet-log.ts';
import { closed, opened, requested } from '../test/support/sample-events.ts';

export interface FillSizes {
  readonly sessions: number;
  readonly open: number;
  readonly decided: number;
  readonly users: number;
  readonly policies: number;
}

/** Who signs in. `root` sees all, `rita` may vote on all, `fred` on one in fifty, `nora` on none, and `ursula` only pushes. */
export const viewers = ['root', 'rita', 'fred', 'nora', 'ursula'] as const;
export type ViewerName = (typeof viewers)[number];

export interface FilledData {
  readonly tokens: Readonly<Record<ViewerName, string>>;
  /** The policy in force, which asks for a vote on main of acme/real. */
  readonly policy: string;
  /** The version before it. */
  readonly olderVersion: string;
  /** A session in the middle of the time, with a push in it. */
  readonly session: string;
  readonly openPush: string;
  readonly decidedPush: string;
}

const dayMs = 24 * 3_600_000;
const teams = Array.from({ length: 50 }, (_, at) => `team-${at}`);
const repos = Array.from({ length: 40 }, (_, at) => `acme/repo-${at}`);
const refs = ['refs/heads/main', 'refs/heads/dev', 'refs/heads/topic', 'refs/tags/v1'];
const outcomes = ['ok', 'ok', 'ok', 'refused', 'partial', 'ok', 'held', 'aborted'] as const;
const rules = ['no-force-push', 'no-binaries', 'secrets', 'conventional-names'];

function pick<T>(list: readonly T[], at: number): T {
  const one = list[at % list.length];
  if (one === undefined) throw new Error('an empty list');
  return one;
}

const userName = (at: number): string => `user-${at}`;
const sessionName = (at: number): string => `s-${String(at).padStart(9, '0')}`;

/** Work of `count` numbers, 256 of them at a time. */
async function many(count: number, work: (at: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: 256 }, worker));
}

/** Fills the folder, which must be new. `say` hears what took how long. */
export async function fillData(
  data: string,
  sizes: FillSizes,
  say: (line: string) => void,
): Promise<FilledData> {
  mkdirSync(data, { mode: 0o700 });
  const store = await openLevelStore(join(data, 'store'));
  const log = new QuietLog();
  const end = Date.now();
  let now = end - 90 * dayMs;
  const clock = (): number => now;
  const ledger = await openLedger({ store, log, clock });
  const timed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    const result = await work();
    say(`${what} in ${((performance.now() - start) / 1000).toFixed(1)} s`);
    return result;
  };
  try {
    await timed(`${sizes.sessions} sessions`, () =>
      many(sizes.sessions, (at) => {
        now = end - 90 * dayMs + Math.floor((at / sizes.sessions) * 89.5 * dayMs);
        return recordSession(ledger, at, sizes.users);
      }),
    );
    now = end - dayMs / 4;
    const directory = await openDirectory({ store, recorder: ledger });
    const tokens = await timed(`${sizes.users} users`, async () => {
      await many(sizes.users, (at) => directory.addUser(userOf(at), 'operator'));
      const made: Partial<Record<ViewerName, string>> = {};
      for (const name of viewers) {
        await directory.addUser(viewerOf(name), 'operator');
        made[name] = (await directory.createToken(name, dayMs, 'operator')).token;
      }
      return made as Record<ViewerName, string>;
    });
    const policy = await openPolicyInForce({ store, recorder: ledger, log });
    let olderVersion = '';
    await timed(`${sizes.policies} policies`, async () => {
      for (let at = 0; at < sizes.policies; at++)
        olderVersion = (await policy.apply(policyOf(at), 'policy.yaml', 'operator')).previous ?? olderVersion;
    });
    const desk = await HeldPushDesk.open({
      ...{ store, recorder: ledger, users: directory, log, clock },
      stillValid: async () => true,
      outbox: { writes: () => [], wake: () => {} },
      urlOf: (id) => `https://git.example.com/-/pushes/${id}`,
      limits: { pushesPerUser: Number.MAX_SAFE_INTEGER, bytesPerUser: Number.MAX_SAFE_INTEGER },
    });
    const { version } = policy.current();
    let [decidedPush, openPush] = ['', ''];
    await timed(`${sizes.decided} pushes decided, ${sizes.open} open`, async () => {
      await many(sizes.decided, async (at) => {
        decidedPush = await decideOne(desk, holdOf(at, 'done', version, sizes.users), at);
      });
      await many(sizes.open, async (at) => {
        openPush = (await desk.enter(holdOf(at, 'open', version, sizes.users))).push.id;
      });
    });
    await desk.close();
    await ledger.close();
    const session = sessionName(Math.floor(sizes.sessions / 10) * 5);
    return { tokens, policy: policyOf(sizes.policies - 1), olderVersion, session, openPush, decidedPush };
  } finally {
    await store.close();
  }
}

type NewUser = Pick<UserRecord, 'name' | 'kind' | 'groups' | 'role'>;

function userOf(at: number): NewUser {
  return { name: userName(at), kind: 'person', groups: ['dev', pick(teams, at)], role: 'user' };
}

function viewerOf(name: ViewerName): NewUser {
  const kind = 'person';
  switch (name) {
    case 'root':
      return { name, kind, groups: [], role: 'admin' };
    case 'rita':
      return { name, kind, groups: teams, role: 'reviewer' };
    case 'fred':
      return { name, kind, groups: ['team-7'], role: 'reviewer' };
    case 'nora':
      return { name, kind, groups: ['bystanders'], role: 'reviewer' };
    default:
      return { name, kind, groups: ['dev'], role: 'user' };
  }
}

async function recordSession(recorder: Recorder, at: number, users: number): Promise<void> {
  const context = { session: sessionName(at), actor: userName((at * 31) % users) };
  const append = <C extends EventCode>(code: C, data: EventPayloads[C]) =>
    recorder.append(code, data, context);
  const isPush = at % 5 < 3;
  const service = isPush ? 'receive-pack' : 'upload-pack';
  const credential = { type: 'token', id: 'tok-1' } as const;
  const begin = [
    append('session.opened', { ...opened(pick(repos, at * 7)), service }),
    append('session.authenticated', { user: context.actor, kind: 'person', groups: ['dev'], credential }),
  ];
  if (!isPush) {
    const rest = [
      append('fetch.served', { bytes: 10_000, refs: 4, pack: true }),
      append('session.closed', closed('ok')),
    ];
    return void (await Promise.all([...begin, ...rest]));
  }
  const outcome = pick(outcomes, at * 3);
  const push = requested([pick(refs, at)]);
  const isDenied = outcome === 'refused';
  const reasons = [{ rule: pick(rules, at), code: 'POLICY_DENIED' as const, text: 'no\nask somebody' }];
  const judged = push.updates.map(({ ref }) => ({
    ref,
    effect: isDenied ? ('deny' as const) : ('allow' as const),
    reasons: isDenied ? reasons : [],
  }));
  const relay = isDenied ? [] : push.updates;
  const reports = push.updates.map(({ ref }) =>
    isDenied ? { ref, ok: false as const, reason: 'no' } : { ref, ok: true as const },
  );
  await Promise.all([
    ...begin,
    append('push.requested', push),
    append('push.decided', {
      policyVersion: '0123456789ab',
      refs: judged,
      relay,
      target: push.target,
    }),
    append('push.reported', { unpack: 'ok', reports }),
    append('session.closed', closed(outcome)),
  ]);
}

function holdOf(at: number, what: 'open' | 'done', policyVersion: string, users: number): NewHold {
  const ref = `refs/heads/${what}-${at}`;
  const user = at % 25 === 0 ? 'ursula' : userName((at * 17) % users);
  const repo = pick(repos, at);
  const team = pick(teams, at);
  const hold = newHold({
    ref,
    repo,
    principal: principalOf(user),
    session: `s-${what}-${at}`,
    policyVersion,
  });
  const { target, relay, pushOptions } = hold;
  const seats = [{ of: team, groups: [team], users: [] }];
  const asks = [{ rule: 'review', refs: [ref], seats, approvals: 1, denials: 1, shared: false }];
  const binding = bindingOf({ user, repo, target, updates: relay, pushOptions, policyVersion });
  return { ...hold, asks, binding, within: 14 * dayMs };
}

/** One in two is refused, and the others go on to the upstream. */
async function decideOne(desk: HeldPushDesk, hold: NewHold, at: number): Promise<string> {
  const { push } = await desk.enter(hold);
  const voter = { principal: principalOf('rita'), role: 'reviewer', via: 'page' } as const;
  await desk.vote(push.id, { kind: at % 2 === 0 ? 'deny' : 'approve' }, voter);
  if (at % 2 === 0) return push.id;
  await desk.claim(push.id, hold.session);
  const reports = hold.relay.map(({ ref }) => ({ ref, ok: true as const }));
  await desk.forwarded(push.id, reports);
  return push.id;
}

/** Some 130 lines, of which one is another in each version. */
function policyOf(at: number): string {
  const lines = Array.from(
    { length: 120 },
    (_, rule) =>
      `  - { name: rule-${rule}, when: { path: "dir-${rule}/**" }, then: deny, say: "version ${rule === at % 120 ? at : 0}" }`,
  );
  return [
    'access:',
    '  - { who: { group: dev }, repo: "acme/*", may: [read, write] }',
    'rules:',
    '  - name: review',
    '    when: { ref: refs/heads/main }',
    '    then: { ask: { group: team-1, within: 14d, wait: 0s } }',
    ...lines,
    '',
  ].join('\n');
}

/** A word that no name has. */
export const unknownName = `nobody-${randomBytes(4).toString('hex')}`;
