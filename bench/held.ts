/**
 * Many held pushes at once: real git clients over SSH and HTTP against a whole
 * server before a folder of repositories. Some wait in their command, the
 * others are let go at once; half are approved, a quarter is denied, and a
 * quarter lapses. Tells the memory of the gateway at each stage after a full
 * collection, the lag of its event loop, the time of the inbox, and the time
 * from a vote to the end of the client; fails where an outcome is not right.
 *
 *   node dist/bench/held.js [PUSHES] [WAITING] [ROUNDS]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { HeldPush, HeldState } from '../src/domain/approval.ts';
import { addReviewer, api, BackgroundGit, vote } from '../test/scenario/approving.ts';
import { makeClientKey } from '../test/support/client.ts';
import { git, gitEnv, initBare } from '../test/support/git.ts';
import { type Refgate, startRefgate } from '../test/support/refgate.ts';
import { WebClient } from '../test/support/web-client.ts';
import type { Told } from './watched-serve.ts';

const [pushes = 500, waiting = 200, rounds = 1] = process.argv.slice(2).map(Number);

/** Pushes that come in, and votes, at a time. */
const atOnce = 4;
const people = ['pat', 'pia', 'pim', 'pol'] as const;
type Door = 'ssh' | 'http';
type Fate = 'approve' | 'deny' | 'lapse';

const say = (line: string): boolean => process.stdout.write(`${line}\n`);

interface Plan {
  readonly at: number;
  readonly door: Door;
  readonly fate: Fate;
  readonly waits: boolean;
  readonly ref: string;
}

/** A push that is held; `run` is the git that waits, or has been let go. */
interface Held extends Plan {
  readonly id: string;
  readonly oid: string;
  readonly run: BackgroundGit;
}

function plan(round: number | 'first'): readonly Plan[] {
  return Array.from({ length: pushes }, (_, at): Plan => {
    const fate = (['approve', 'approve', 'deny', 'lapse'] as const)[at % 4] ?? 'deny';
    const door = (at >> 2) % 2 === 0 ? 'http' : 'ssh';
    const waits = at < waiting;
    const ref = `refs/heads/${waits ? 'waits' : 'leaves'}/${fate}/${round}-${at}`;
    return { at, door, fate, waits, ref };
  });
}

/** So long that all of them are there before the first is gone. */
const lapseSeconds = 30 + Math.ceil(pushes * 0.15);

const within = `${lapseSeconds}s`;
const reviewed = (name: string, ref: string, ask: object) => ({
  name,
  when: { ref: `refs/heads/${ref}/**` },
  then: { ask: { group: 'reviewers', ...ask } },
});
const policy = {
  access: [{ who: { group: 'dev' }, repo: 'acme/*', may: ['read', 'write'] }],
  rules: [
    ...['approve', 'deny'].flatMap((fate) => [
      reviewed(`waits-${fate}`, `waits/${fate}`, { within: '1h', wait: '30m', onApprove: 'retry' }),
      reviewed(`leaves-${fate}`, `leaves/${fate}`, { within: '1h', wait: '0s', onApprove: 'relay' }),
    ]),
    reviewed('waits-lapse', 'waits/lapse', { within, wait: within }),
    reviewed('leaves-lapse', 'leaves/lapse', { within, wait: '0s' }),
  ],
};

/** A repository of the client's with one commit for each push, on a common root that the upstream has. */
async function makeCommits(dir: string, upstream: string): Promise<readonly string[]> {
  const clone = join(dir, 'clone.git');
  await initBare(clone);
  const child = spawn('git', ['fast-import', '--quiet', '--done', '--date-format=raw'], {
    cwd: clone,
    env: gitEnv(),
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const exited = once(child, 'exit');
  const file = (path: string, text: string): string =>
    `M 100644 inline ${path}\ndata ${text.length}\n${text}\n`;
  const commit = (ref: string, n: number, files: string): string =>
    `commit ${ref}\nmark :${n}\ncommitter Ann Author <ann@example.com> ${1_600_000_000 + n} +0000\ndata 6\nchange\n${n > 1 ? 'from :1\n' : ''}${files}`;
  const text = (n: number): string => Array.from({ length: 80 }, (_, k) => `line ${k} of ${n}\n`).join('');
  const root = Array.from({ length: 60 }, (_, k) => file(`src/area-${k % 6}/file-${k}.ts`, text(k)));
  child.stdin.write(commit('refs/heads/main', 1, root.join('')));
  for (let n = 0; n < pushes * rounds; n++)
    child.stdin.write(
      commit(`refs/heads/c/${n}`, n + 2, file(`src/area-${n % 6}/file-${n % 60}.ts`, text(1_000 + n))),
    );
  child.stdin.end('done\n');
  await exited;
  await git(['push', '-q', upstream, 'main'], { cwd: clone });
  const names = Array.from({ length: pushes * rounds }, (_, n) => `refs/heads/c/${n}`);
  return (await git(['rev-parse', ...names], { cwd: clone })).split('\n');
}

class Bench {
  readonly dir: string;
  readonly upstream: string;
  readonly refgate: Refgate;
  readonly #told: string;
  readonly #logins: readonly { url(door: Door): string; env: Record<string, string> }[];
  readonly reviewer: string;

  private constructor(
    made: Pick<Bench, 'dir' | 'upstream' | 'refgate' | 'reviewer'> & {
      told: string;
      logins: readonly { url(door: Door): string; env: Record<string, string> }[];
    },
  ) {
    this.dir = made.dir;
    this.upstream = made.upstream;
    this.refgate = made.refgate;
    this.reviewer = made.reviewer;
    this.#told = made.told;
    this.#logins = made.logins;
  }

  static async open(dir: string, t: { after(close: () => unknown): void }): Promise<Bench> {
    const [root, told] = [join(dir, 'srv'), join(dir, 'told')];
    mkdirSync(root);
    const upstream = join(root, 'acme', 'web.git');
    await initBare(upstream);
    const many = 10_000;
    const limits = { heldPushesPerUser: many, sessionsPerUser: many, connectionsPerSource: many };
    const refgate = await startRefgate(t, {
      dir,
      config: {
        upstreams: { disk: { path: { root } } },
        repos: [{ path: 'acme/*', upstream: 'disk' }],
        limits,
      },
      policy,
      env: { REFGATE_LOG: 'warn', REFGATE_BENCH_FILE: told },
      program: fileURLToPath(new URL('watched-serve.js', import.meta.url)),
    });
    const logins = [];
    for (const name of people) {
      mkdirSync(join(dir, name));
      const key = await makeClientKey(join(dir, name));
      const token = await addReviewer(refgate, name, ['--group', 'dev']);
      await refgate.ok(['key', 'add', name, '-'], `${key.publicLine}\n`);
      const http = new URL(`${refgate.http}/acme/web.git`);
      [http.username, http.password] = [name, token];
      const url = (door: Door): string =>
        door === 'ssh' ? `ssh://git@127.0.0.1:${refgate.sshPort}/acme/web.git` : http.href;
      logins.push({ url, env: key.env });
    }
    const reviewer = await addReviewer(refgate, 'rita');
    return new Bench({ dir, upstream, refgate, told, logins, reviewer });
  }

  async push(one: Plan, oid: string): Promise<Held> {
    const login = this.#logins[one.at % this.#logins.length];
    if (login === undefined) throw new Error('nobody pushes');
    const args = ['push', login.url(one.door), `${oid}:${one.ref}`];
    const run = new BackgroundGit(args, join(this.dir, 'clone.git'), login.env);
    const id = await run.heldId();
    if (!one.waits) await run.done;
    return { ...one, id, oid, run };
  }

  /** Memory after a full collection, and the lag since it was asked last. */
  async told(): Promise<Told> {
    const lines = (): string[] =>
      existsSync(this.#told) ? readFileSync(this.#told, 'utf8').split('\n').slice(0, -1) : [];
    const before = lines().length;
    process.kill(this.refgate.pid, 'SIGUSR2');
    for (;;) {
      await sleep(20);
      const now = lines();
      if (now.length > before) return JSON.parse(now.at(-1) ?? '') as Told;
    }
  }

  /** Every push, as the reviewer sees it. */
  async states(): Promise<ReadonlyMap<string, HeldState>> {
    const states = new Map<string, HeldState>();
    for (let before = ''; ; ) {
      const { body } = await api<HeldPush[]>(
        this.refgate,
        this.reviewer,
        `/pushes?state=all&limit=500${before === '' ? '' : `&before=${before}`}`,
      );
      for (const { id, state } of body) states.set(id, state);
      const last = body.at(-1)?.id;
      if (last === undefined || body.length < 500) return states;
      before = last;
    }
  }

  async pending(): Promise<number> {
    const text = await (await fetch(`${this.refgate.ops}/metrics`)).text();
    return Number(/^refgate_held_pushes (\d+)$/m.exec(text)?.[1]);
  }
}

/** Work on each of them, `atOnce` at a time; in the order of the list. */
async function each<T, R>(list: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < list.length; at = next++) results[at] = await work(list[at] as T);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
}

/** In an order in which no kind of push comes before the others, and the same each time. */
function mixed(held: readonly Held[]): readonly Held[] {
  const place = ({ at }: Held): number => (at * 7_919) % 10_007;
  return held.toSorted((a, b) => place(a) - place(b));
}

const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1).padStart(8);

/** @param more pushes that came in since `before` */
function tell(what: string, now: Told, before?: Told, more = 0): void {
  const grown = (of: (told: Told) => number): string =>
    before === undefined || more === 0 ? '' : ((of(now) - of(before)) / 1024 / more).toFixed(1);
  const own = ({ heapUsed, external }: Told): number => heapUsed + external;
  say(
    `${what.padEnd(44)}${mib(now.rss)}${mib(own(now))}${grown(({ rss }) => rss).padStart(10)}${grown(own).padStart(10)}` +
      `${now.lagMedian.toFixed(1).padStart(8)}${now.lag99.toFixed(1).padStart(8)}${now.lagMax.toFixed(1).padStart(8)}`,
  );
}

function percentiles(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (part: number): string => (sorted[Math.ceil(sorted.length * part) - 1] ?? 0).toFixed(0);
  return `median ${at(0.5)} ms, p99 ${at(0.99)} ms, greatest ${at(1)} ms (${sorted.length})`;
}

function expect(isRight: boolean, what: string): void {
  if (isRight) return;
  process.exitCode = 1;
  say(`WRONG: ${what}`);
}

async function inbox(client: WebClient): Promise<string> {
  const times: number[] = [];
  for (let round = 0; round < 40; round++) {
    const start = performance.now();
    const { status } = await client.get('/-/pushes');
    if (status !== 200) throw new Error(`the inbox gave ${status}`);
    if (round >= 5) times.push(performance.now() - start);
  }
  return percentiles(times);
}

const finalOf = { approve: 'forwarded', deny: 'rejected', lapse: 'lapsed' } as const;

/** All of one round come in, are decided, and are found as they were decided. */
async function runRound(bench: Bench, round: number, oids: readonly string[], start: Told): Promise<Told> {
  const plans = plan(round);
  const stages: readonly (readonly [string, (one: Plan) => boolean])[] = [
    ['let go at once', ({ waits, fate }) => !waits && fate !== 'lapse'],
    ['clients wait over HTTP', ({ waits, fate, door }) => waits && fate !== 'lapse' && door === 'http'],
    ['clients wait over SSH', ({ waits, fate, door }) => waits && fate !== 'lapse' && door === 'ssh'],
    ['of both, soon to lapse', ({ fate }) => fate === 'lapse'],
  ];
  const held: Held[] = [];
  let before = start;
  const begun = performance.now();
  for (const [what, isOf] of stages) {
    const now = await each(plans.filter(isOf), (one) => bench.push(one, oids[one.at] ?? ''));
    held.push(...now);
    const told = await bench.told();
    tell(`${held.length} held: ${now.length} more, ${what}`, told, before, now.length);
    before = told;
  }
  const came = ((performance.now() - begun) / 1000).toFixed(1);
  const open = await bench.pending();
  tell(`all of them, against the start`, before, start, pushes);
  say(`${open} are open after ${came} s`);
  expect(open === pushes, `${open} pushes are open, not ${pushes}; the first lapsed too early`);
  const client = new WebClient(bench.refgate.http);
  await client.signIn(bench.reviewer);
  say(`inbox: ${await inbox(client)}`);
  await bench.told();
  const exits: Record<Door, number[]> = { http: [], ssh: [] };
  await each(mixed(held.filter(({ fate }) => fate !== 'lapse')), async ({ id, fate, waits, door, run }) => {
    const voted = performance.now();
    await vote(bench.refgate, bench.reviewer, id, fate === 'approve' ? 'approve' : 'deny');
    if (!waits) return;
    const { status } = await run.done;
    exits[door].push(performance.now() - voted);
    expect(status === (fate === 'approve' ? 0 : 1), `${id}, ${fate}, ended with ${status}: ${run.stderr}`);
  });
  for (const door of ['http', 'ssh'] as const)
    say(`from the vote to the end of the client, ${door}: ${percentiles(exits[door])}`);
  tell('while votes were cast', await bench.told());
  for (const { run, waits } of held) if (waits) await run.done;
  while ((await bench.pending()) > 0) await sleep(200);
  await sleep(1_500);
  await check(bench, held);
  const end = await bench.told();
  tell('all decided', end, start, pushes);
  return end;
}

async function check(bench: Bench, held: readonly Held[]): Promise<void> {
  const states = await bench.states();
  for (const { id, fate, run } of held) {
    expect(states.get(id) === finalOf[fate], `${id}, ${fate}, is ${states.get(id)}: ${run.stderr}`);
  }
  const list = await git(['for-each-ref', '--format=%(objectname) %(refname)'], { cwd: bench.upstream });
  const found = new Map(list.split('\n').map((line) => [line.slice(41), line.slice(0, 40)] as const));
  for (const { ref, fate, oid } of held) {
    const there = found.get(ref);
    expect(there === (fate === 'approve' ? oid : undefined), `${ref} is at ${there} upstream`);
  }
  const left = readdirSync(join(bench.dir, 'data', 'quarantine'));
  expect(left.length === 0, `${left.length} packs are left in quarantine`);
}

const dir = mkdtempSync(join(tmpdir(), 'refgate-held-'));
const closers: (() => unknown)[] = [() => rmSync(dir, { recursive: true, force: true })];
try {
  const bench = await Bench.open(dir, { after: (close) => closers.unshift(close) });
  const oids = await makeCommits(dir, bench.upstream);
  // What is made with the first pushes and stays is not of those that are counted.
  const first = plan('first').filter(({ waits, fate }) => !waits && fate !== 'lapse');
  await each(first.slice(0, 24), async (one) => {
    const { id, fate } = await bench.push(one, oids[one.at] ?? '');
    await vote(bench.refgate, bench.reviewer, id, fate === 'approve' ? 'approve' : 'deny');
  });
  while ((await bench.pending()) > 0) await sleep(100);
  const heads = ['RSS MiB', 'own MiB', 'RSS KiB', 'own KiB', 'lag med', 'lag p99', 'lag max'];
  say(`${''.padEnd(44)}${heads.map((head, at) => head.padStart(at === 2 || at === 3 ? 10 : 8)).join('')}`);
  let start = await bench.told();
  tell('before', start);
  for (let round = 0; round < rounds; round++) {
    if (rounds > 1) say(`round ${round + 1}`);
    start = await runRound(bench, round, oids.slice(round * pushes, (round + 1) * pushes), start);
  }
  await sleep(5_000);
  tell('five seconds later', await bench.told());
  say('MiB of the process and of the main thread (heap and buffers); KiB are the growth for each push');
} finally {
  for (const close of closers) await close();
}
