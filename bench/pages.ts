/**
 * Median, 99th percentile and greatest time, in ms, of every page of a whole
 * server over a full data folder: 100,000 sessions, 10,000 decided and 500 open
 * held pushes, 2,000 users and 200 versions of the policy when not said
 * otherwise, and one push of 200 files with a real pack.
 *
 *   node dist/bench/pages.js [SESSIONS] [DECIDED] [OPEN] [REQUESTS]
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { git, initBare, runGit } from '../test/support/git.ts';
import { type Refgate, startRefgate } from '../test/support/refgate.ts';
import { WebClient } from '../test/support/web-client.ts';
import { type FilledData, fillData, unknownName, type ViewerName, viewers } from './full-data.ts';

const [sessions = 100_000, decided = 10_000, open = 500, requests = 50] = process.argv.slice(2).map(Number);

/** What every page but a trial of a policy is to keep below, in ms. */
const aimMs = 200;
const changedFiles = 200;
const dayMs = 24 * 3_600_000;

const say = (line: string): boolean => process.stdout.write(`${line}\n`);
const day = (back: number): string => new Date(Date.now() - back * dayMs).toISOString().slice(0, 10);

interface Row {
  readonly who: ViewerName;
  readonly path: string;
  readonly name: string;
  readonly call: () => Promise<{ readonly status: number; readonly text: string }>;
  readonly times: number[];
  readonly first: { ms: number; bytes: number };
}

/** A push of many files to a repository of which the upstream has the older half. Gives the id under which it waits. */
async function pushFiles(dir: string, root: string, refgate: Refgate, token: string): Promise<string> {
  const [bare, clone] = [join(root, 'acme', 'real.git'), join(dir, 'clone')];
  await initBare(bare);
  await git(['init', '-q', clone]);
  const write = async (edition: string): Promise<void> => {
    for (let at = 0; at < changedFiles; at++) {
      const lines = Array.from({ length: 60 }, (_, n) =>
        n % 20 === at % 20 ? `export const ${edition}${n} = ${at};` : `export const line${n} = ${n};`,
      );
      const folder = join(clone, 'src', `area-${at % 12}`);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, `file-${at}.ts`), `${lines.join('\n')}\n`);
    }
    await git(['add', '.'], { cwd: clone });
    await git(['commit', '-qm', `the ${edition} edition`], { cwd: clone });
  };
  await write('first');
  await git(['push', '-q', bare, 'HEAD:refs/heads/main'], { cwd: clone });
  await write('second');
  const url = new URL(`${refgate.http}/acme/real.git`);
  url.username = 'ursula';
  url.password = token;
  const run = await runGit(['push', url.href, 'HEAD:refs/heads/main'], { cwd: clone });
  const [, id] = /held as (p-[a-z0-9]{7})/.exec(run.stderr) ?? [];
  if (id === undefined) throw new Error(`the push was not held: ${run.stderr}`);
  return id;
}

type Pages = readonly (readonly [who: ViewerName, name: string, path: string])[];

function pagesOf(filled: FilledData, real: string): Pages {
  const file = `ref=refs/heads/main&path=${encodeURIComponent('src/area-0/file-0.ts')}`;
  const all: Pages = [
    ['root', 'sessions', '/sessions'],
    ['root', 'sessions, far back', `/sessions?before=${filled.session}`],
    ['root', 'sessions of a user', '/sessions?user=user-7'],
    ['root', 'sessions of a repository', '/sessions?repo=acme/repo-9'],
    ['root', 'sessions of a ref', '/sessions?ref=refs/heads/main'],
    ['root', 'sessions by outcome', '/sessions?outcome=refused'],
    ['root', 'sessions of a time', `/sessions?since=${day(60)}&until=${day(50)}`],
    [
      'root',
      'sessions by four filters',
      '/sessions?repo=acme/repo-9&ref=refs/heads/main&outcome=ok&since=2020-01-01',
    ],
    ['root', 'sessions, nothing found', `/sessions?user=${unknownName}&ref=refs/heads/none`],
    ['ursula', 'sessions, own', '/sessions'],
    ['root', 'one session', `/sessions/${filled.session}`],
    ['root', 'policy', '/policy'],
    ['root', 'policy history', '/policy/history'],
    ['root', 'policy version with its difference', `/policy/versions/${filled.olderVersion}`],
    ['root', 'policy, draft', '/policy/try'],
    ['root', 'overview, 7 days', '/overview?days=7'],
    ['root', 'overview, 30 days', '/overview'],
    ['root', 'overview, 90 days', '/overview?days=90'],
    ['root', 'people', '/people'],
    ['root', 'people, searched', '/people?q=team-7'],
    ['root', 'people, nobody found', `/people?q=${unknownName}`],
    ['root', 'one user', '/people/user-7'],
    ['root', 'repositories', '/repos'],
    ['root', 'repository, checked at the upstream', '/repos/check?repo=acme/real'],
    ['root', 'accepted secrets', '/repos/secrets?repo=acme/real'],
    ['root', 'agents', '/agents'],
    ['rita', 'account', '/account'],
    ['rita', 'one push, 200 files', `/pushes/${real}`],
    ['rita', 'one push, side by side', `/pushes/${real}?view=split`],
    ['rita', 'one file of it', `/pushes/${real}/file?${file}`],
    ['rita', 'one push, open, its pack gone', `/pushes/${filled.openPush}`],
    ['rita', 'one push, decided', `/pushes/${filled.decidedPush}`],
  ];
  const lists: Pages = viewers.flatMap((who) => [
    [who, 'pushes, first tab', '/pushes'] as const,
    [who, 'pushes, open', '/pushes?tab=open'] as const,
    [who, 'pushes, decided', '/pushes?tab=decided'] as const,
    [who, 'pushes, own', '/pushes?tab=yours'] as const,
    [who, 'pushes, decided, of a user', '/pushes?tab=decided&user=user-34'] as const,
    [who, 'pushes, decided, of a repository', '/pushes?tab=decided&repo=acme/repo-7'] as const,
    [who, 'pushes, decided, of a state', '/pushes?tab=decided&state=rejected'] as const,
    [who, 'pushes, decided, nothing found', `/pushes?tab=decided&ref=refs/heads/none`] as const,
    [who, 'pushes, decided, far back', `/pushes?tab=decided&before=${filled.decidedPush}`] as const,
  ]);
  return [...all, ...lists];
}

const apiPaths = [
  '/pushes?limit=50',
  '/pushes?state=all&limit=500',
  '/pushes?waitsFor=me&limit=500',
  '/sessions?limit=50',
] as const;

/** Once to see that it is there, then in turns, so that other load of the machine hits all alike. */
async function measure(rows: readonly Row[]): Promise<void> {
  for (let round = -2; round < requests; round++) {
    for (const { name, path, call, times, first } of rows) {
      const start = performance.now();
      const { status, text } = await call();
      const ms = performance.now() - start;
      if (status !== 200) throw new Error(`${name} at ${path} gave ${status}: ${text.slice(0, 2_000)}`);
      if (round === -2) first.ms = ms;
      if (round >= 0) times.push(ms);
      first.bytes = Buffer.byteLength(text);
    }
  }
}

function tell(row: Row): boolean {
  const times = row.times.toSorted((a, b) => a - b);
  const at = (part: number): number =>
    times[Math.min(times.length - 1, Math.ceil(times.length * part) - 1)] ?? 0;
  const texts = [at(0.5), at(0.99), at(1), row.first.ms].map((ms) => ms.toFixed(1).padStart(8));
  const isSlow = at(0.99) > aimMs;
  const size = `${Math.round(row.first.bytes / 1024)} KiB`.padStart(9);
  say(`${row.who.padEnd(7)} ${row.name.padEnd(42)}${texts.join('')}${size}${isSlow ? '  SLOW' : ''}`);
  return isSlow;
}

const dir = mkdtempSync(join(tmpdir(), 'refgate-pages-'));
const closers: (() => unknown)[] = [() => rmSync(dir, { recursive: true, force: true })];
try {
  const root = join(dir, 'srv');
  mkdirSync(root);
  const sizes = { sessions, decided, open, users: 2_000, policies: 200 };
  const filled = await fillData(join(dir, 'data'), sizes, say);
  const begun = performance.now();
  const refgate = await startRefgate(
    { after: (close) => closers.unshift(close) },
    {
      dir,
      config: { upstreams: { disk: { path: { root } } }, repos: [{ path: 'acme/*', upstream: 'disk' }] },
      policy: filled.policy,
      env: { REFGATE_LOG: 'warn' },
    },
  );
  say(`the server was ready after ${Math.round(performance.now() - begun)} ms`);
  const real = await pushFiles(dir, root, refgate, filled.tokens.ursula);
  const clients = new Map<ViewerName, WebClient>();
  for (const who of viewers) {
    const client = new WebClient(refgate.http);
    await client.signIn(filled.tokens[who]);
    clients.set(who, client);
  }
  const clientOf = (who: ViewerName): WebClient => clients.get(who) ?? new WebClient(refgate.http);
  const rowOf = (who: ViewerName, name: string, path: string, call: Row['call']): Row => {
    return { who, name, path, call, times: [], first: { ms: 0, bytes: 0 } };
  };
  const rows = pagesOf(filled, real).map(([who, name, path]) =>
    rowOf(who, name, path, () => clientOf(who).get(`/-${path}`)),
  );
  const api = (['root', 'rita', 'fred', 'nora'] as const).flatMap((who) =>
    apiPaths.map((path) => {
      const authorization = `Bearer ${filled.tokens[who]}`;
      const call = () => new WebClient(refgate.http).get(`/-/api/v1${path}`, { authorization });
      return rowOf(who, `API ${path}`, path, call);
    }),
  );
  const login = rowOf('root', 'login', '/login', () => new WebClient(refgate.http).get('/-/login'));
  const measured = [...rows, ...api, login];
  await measure(measured);
  const trial = rowOf('root', 'policy, a draft tried on 500 pushes', '/policy/try', () =>
    clientOf('root').post('/-/policy/try', { text: filled.policy, pushes: '500' }),
  );
  await clientOf('root').get('/-/policy/try');
  for (let round = 0; round < 5; round++) await measureOnce(trial);
  say(
    `${''.padEnd(50)}${['median', 'p99', 'max', 'first'].map((head) => head.padStart(8)).join('')}     bytes`,
  );
  const slow = measured.filter(tell).length;
  tell(trial);
  say(`${slow} of ${measured.length} take longer than ${aimMs} ms (p99 of ${requests} each)`);
  if (slow > 0) process.exitCode = 1;
} finally {
  for (const close of closers) await close();
}

async function measureOnce({ call, times, first }: Row): Promise<void> {
  const start = performance.now();
  const { status, text } = await call();
  if (status !== 200) throw new Error(`the trial gave ${status}: ${text.slice(0, 2_000)}`);
  times.push(performance.now() - start);
  first.ms ||= times[0] ?? 0;
  first.bytes = Buffer.byteLength(text);
}
