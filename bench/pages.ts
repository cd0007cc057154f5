/**
 * Median and 99th percentile, in ms, of each page of a whole web application
 * over a full store on LevelDB: sessions of 90 days, held pushes that wait and
 * that were decided, and a policy with a history.
 *
 *   node dist/bench/pages.js [SESSIONS] [DECIDED] [OPEN] [REQUESTS]
 */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { bindingOf } from '../src/approval/binding.ts';
import { HeldPushDesk } from '../src/approval/desk.ts';
import type { Role } from '../src/domain/identity.ts';
import type { EventCode, EventPayloads, Recorder } from '../src/domain/record.ts';
import { openDirectory } from '../src/identity/directory.ts';
import { openLedger } from '../src/record/ledger.ts';
import { createPolicyTrials } from '../src/session/backtest.ts';
import { openPolicyInForce } from '../src/session/policy-in-force.ts';
import { openLevelStore } from '../src/store/level.ts';
import { openSignIns } from '../src/web/sign-ins.ts';
import { createWebApp } from '../src/web/web-app.ts';
import { newHold, principalOf } from '../test/support/approval-desk.ts';
import { QuietLog } from '../test/support/quiet-log.ts';
import { closed, opened, requested } from '../test/support/sample-events.ts';
import { WebClient } from '../test/support/web-client.ts';
import { webScene } from '../test/support/web-ports.ts';

const [sessions = 100_000, decidedPushes = 10_000, openPushes = 500, requests = 200] = process.argv
  .slice(2)
  .map(Number);

const dayMs = 24 * 3_600_000;
const users = Array.from({ length: 50 }, (_, at) => `user-${at}`);
const repos = Array.from({ length: 40 }, (_, at) => `acme/repo-${at}`);
const refs = ['refs/heads/main', 'refs/heads/dev', 'refs/heads/topic', 'refs/tags/v1'];
const outcomes = ['ok', 'ok', 'ok', 'refused', 'partial', 'ok', 'held', 'aborted'] as const;
const rules = ['no-force-push', 'no-binaries', 'secrets', 'conventional-names'];

const say = (line: string): boolean => process.stdout.write(`${line}\n`);

function pick<T>(list: readonly T[], at: number): T {
  const one = list[at % list.length];
  if (one === undefined) throw new Error('an empty list');
  return one;
}

/** Work of `count` numbers, 256 of them at a time. */
async function many(count: number, work: (at: number) => Promise<unknown>): Promise<number> {
  const start = performance.now();
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: 256 }, worker));
  return Math.round(performance.now() - start);
}

async function recordOne(recorder: Recorder, at: number): Promise<void> {
  const context = { session: `s-${String(at).padStart(9, '0')}`, actor: pick(users, at) };
  const append = <C extends EventCode>(code: C, data: EventPayloads[C]) =>
    recorder.append(code, data, context);
  const isPush = at % 5 < 3;
  const service = isPush ? 'receive-pack' : 'upload-pack';
  const credential = { type: 'token', id: 'tok-1' } as const;
  await Promise.all([
    append('session.opened', { ...opened(pick(repos, at * 7)), service }),
    append('session.authenticated', { user: context.actor, kind: 'person', groups: ['dev'], credential }),
  ]);
  if (!isPush) {
    await append('fetch.served', { bytes: 10_000, refs: 4, pack: true });
    await append('session.closed', closed('ok'));
    return;
  }
  const outcome = pick(outcomes, at * 3);
  const push = requested([pick(refs, at)]);
  const reasons = [{ rule: pick(rules, at), code: 'POLICY_DENIED' as const, text: 'no\nask somebody' }];
  const effect = outcome === 'refused' ? ('deny' as const) : ('allow' as const);
  await append('push.requested', push);
  await append('push.decided', {
    policyVersion: '0123456789ab',
    refs: push.updates.map(({ ref }) => ({ ref, effect, reasons: effect === 'deny' ? reasons : [] })),
    relay: effect === 'deny' ? [] : push.updates,
    target: push.target,
  });
  await append('session.closed', closed(outcome));
}

function holdOf(at: number, isOpen: boolean): Parameters<HeldPushDesk['enter']>[0] {
  const ref = `refs/heads/${isOpen ? 'open' : 'done'}-${at}`;
  const user = pick(users, at);
  const repo = pick(repos, at);
  const hold = newHold({ ref, repo, principal: principalOf(user), session: `s-held-${isOpen}-${at}` });
  const { target, relay, pushOptions, policyVersion } = hold;
  const binding = bindingOf({ user, repo, target, updates: relay, pushOptions, policyVersion });
  return { ...hold, binding, within: 100 * dayMs };
}

function policyOf(at: number): string {
  const lines = Array.from(
    { length: 120 },
    (_, rule) =>
      `  - { name: rule-${rule}, when: { path: "dir-${rule}/**" }, then: deny, say: "version ${rule === at % 120 ? at : 0}" }`,
  );
  return `access:\n  - { who: { group: dev }, repo: "acme/*", may: [read, write] }\nrules:\n${lines.join('\n')}\n`;
}

async function measure(client: WebClient, name: string, path: string): Promise<void> {
  const times: number[] = [];
  let bytes = 0;
  for (let at = 0; at < requests + 5; at++) {
    const start = performance.now();
    const { status, text } = await client.get(`/-${path}`);
    if (at >= 5) times.push(performance.now() - start);
    if (status !== 200) throw new Error(`${path} gave ${status}`);
    bytes = Buffer.byteLength(text);
  }
  times.sort((a, b) => a - b);
  const of = (part: number): string =>
    (times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0).toFixed(1);
  say(
    `${name.padEnd(34)} median ${of(0.5).padStart(6)} ms, p99 ${of(0.99).padStart(6)} ms, ${Math.round(bytes / 1024)} KiB`,
  );
}

const dir = await mkdtemp(join(tmpdir(), 'refgate-bench-'));
const store = await openLevelStore(dir);
const log = new QuietLog();
const end = Date.now();
let now = end - 90 * dayMs;
const clock = (): number => now;
const ledger = await openLedger({ store, log, clock });
try {
  const filled = await many(sessions, async (at) => {
    now = end - 90 * dayMs + Math.floor((at / sessions) * 90 * dayMs);
    await recordOne(ledger, at);
  });
  say(`${sessions} sessions in ${(filled / 1000).toFixed(1)} s`);
  now = end;

  const directory = await openDirectory({ store, recorder: ledger });
  for (const name of users)
    await directory.addUser({ name, kind: 'person', groups: ['dev'], role: 'user' }, 'operator');
  const tokens = new Map<Role, string>();
  for (const role of ['admin', 'reviewer', 'user'] as const) {
    await directory.addUser({ name: role, kind: 'person', groups: ['reviewers'], role }, 'operator');
    tokens.set(role, (await directory.createToken(role, 3_600_000, 'operator')).token);
  }
  const policy = await openPolicyInForce({ store, recorder: ledger, log });
  for (let at = 0; at < 200; at++) await policy.apply(policyOf(at), 'policy.yaml', 'operator');
  const desk = await HeldPushDesk.open({
    ...{ store, recorder: ledger, users: directory, log, clock },
    stillValid: async () => true,
    outbox: { writes: () => [], wake: () => {} },
    urlOf: (id) => `https://git.example.com/-/pushes/${id}`,
    limits: { pushesPerUser: 100_000, bytesPerUser: Number.MAX_SAFE_INTEGER },
  });
  const voter = { principal: principalOf('reviewer'), role: 'reviewer', via: 'page' } as const;
  const decidedIn = await many(decidedPushes, async (at) => {
    const { push } = await desk.enter(holdOf(at, false));
    await desk.vote(push.id, { kind: 'deny' }, voter);
  });
  let oneHeld = '';
  const openedIn = await many(openPushes, async (at) => {
    oneHeld = (await desk.enter(holdOf(at, true))).push.id;
  });
  say(
    `${decidedPushes} decided in ${(decidedIn / 1000).toFixed(1)} s, ${openPushes} open in ${(openedIn / 1000).toFixed(1)} s`,
  );

  const trials = createPolicyTrials({ reader: ledger, store, load: (version) => policy.load(version) });
  const signIns = await openSignIns({ store, recorder: ledger, directory, log });
  const scene = await webScene({ directory, ledger, held: desk, policy, trials, signIns, log });
  const app = express();
  app.set('query parser', false);
  app.use('/-', createWebApp(scene.ports));
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const signedIn = async (role: Role): Promise<WebClient> => {
    const client = new WebClient(url);
    await client.signIn(tokens.get(role) ?? '');
    return client;
  };
  const [admin, reviewer] = [await signedIn('admin'), await signedIn('reviewer')];
  const middle = `s-${String(Math.floor(sessions / 2)).padStart(9, '0')}`;
  await measure(admin, 'sessions', '/sessions');
  await measure(admin, 'sessions, far back', `/sessions?before=${middle}`);
  await measure(admin, 'sessions of a user', '/sessions?user=user-7');
  await measure(
    admin,
    'sessions by four filters',
    '/sessions?user=user-7&repo=acme/repo-9&ref=refs/heads/main&outcome=ok',
  );
  await measure(admin, 'sessions of a time', '/sessions?outcome=refused&since=2020-01-01');
  await measure(admin, 'sessions, nothing found', '/sessions?user=nobody&ref=refs/heads/none');
  await measure(reviewer, 'sessions of a reviewer', '/sessions');
  await measure(admin, 'one session', `/sessions/${middle}`);
  await measure(admin, 'overview, 30 days', '/overview');
  await measure(admin, 'overview, 90 days', '/overview?days=90');
  await measure(admin, 'policy', '/policy');
  await measure(admin, 'policy history', '/policy/history');
  await measure(admin, 'policy version', `/policy/versions/${policy.current().version}`);
  await measure(reviewer, 'inbox', '/pushes');
  await measure(admin, 'pushes, open', '/pushes?tab=open');
  await measure(admin, 'pushes, decided', '/pushes?tab=decided');
  await measure(reviewer, 'pushes, decided, of a reviewer', '/pushes?tab=decided');
  await measure(admin, 'one held push', `/pushes/${oneHeld}`);
  await measure(admin, 'people', '/people');
  server.closeAllConnections();
  server.close();
  signIns.close();
  await ledger.close();
} finally {
  await store.close();
  await rm(dir, { recursive: true });
}
