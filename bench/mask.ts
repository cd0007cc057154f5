/**
 * What a masked view costs: its first build per 1,000 commits, what follows a push to the upstream, pushes of somebody
 * who reads it against somebody who reads in clear, clones of it against clones of the upstream itself, its disk and the
 * memory of the gateway with its threads, and of the gits that work for it. On a generated repository, or on any bare
 * repository given by path, which is copied. Where the machine is shared, CPU seconds and ratios say more than times.
 *
 *   npm run bench -- mask [--commits N] [--repo PATH] [--pairs N] [--json]
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import type { MaskPreview, MaskStatus } from '../src/domain/mask.ts';
import { makeClientKey } from '../test/support/client.ts';
import { git, gitEnv } from '../test/support/git.ts';
import { startHttpBackend } from '../test/support/http-backend.ts';
import { type Refgate, startRefgate } from '../test/support/refgate.ts';
import { startSshd } from '../test/support/sshd.ts';
import { compare, formatComparison, median, timed } from './compare.ts';
import { makeMaskHistory } from './mask-history.ts';
import { childrenBytes, cpuMs, endedChildrenCpuMs, greatestWhile, peakWhile } from './watch-process.ts';

const { values } = parseArgs({
  options: {
    commits: { type: 'string', default: '20000' },
    repo: { type: 'string' },
    pairs: { type: 'string', default: '7' },
    json: { type: 'boolean', default: false },
  },
});
const pairs = Number(values.pairs);
const repo = 'acme/web';
const results: Record<string, number | string> = {};

function tell(name: string, value: number, unit: string, aim?: number): void {
  results[name] = value;
  const verdict = aim === undefined ? '' : value <= aim ? `, aim ${aim}: met` : `, aim ${aim}: MISSED`;
  if (!values.json) process.stdout.write(`${name}: ${value.toFixed(2)} ${unit}${verdict}\n`);
}

const closers: (() => unknown)[] = [];
const dir = mkdtempSync(join(tmpdir(), 'refgate-mask-'));
closers.push(() => rmSync(dir, { recursive: true, force: true }));
const hook = { after: (closer: () => unknown) => void closers.push(closer) };

interface Person {
  readonly env: NodeJS.ProcessEnv;
  readonly ssh: string;
  readonly http: string;
}

async function register(refgate: Refgate, name: string, args: readonly string[]): Promise<Person> {
  const folder = join(dir, name);
  mkdirSync(folder);
  const key = await makeClientKey(folder);
  await refgate.ok(['user', 'add', name, ...args]);
  await refgate.ok(['key', 'add', name, '-'], `${key.publicLine}\n`);
  const made = await refgate.ok(['token', 'create', name, '--ttl', '8h', '--json']);
  const url = new URL(`${refgate.http}/${repo}.git`);
  url.username = name;
  url.password = (JSON.parse(made) as { token: string }).token;
  return { env: gitEnv(key.env), ssh: `ssh://git@${refgate.ssh}/${repo}.git`, http: url.href };
}

/** Commits on main of the upstream itself, as people make them past Refgate. */
async function commitUpstream(upstream: string, count: number, seed: number): Promise<void> {
  const tip = await git(['rev-parse', 'main'], { cwd: upstream });
  let stream = '';
  for (let n = 0; n < count; n++) {
    const text = `${seed} ${n}\n`;
    stream += `commit refs/heads/main\ncommitter Ann Author <ann@example.com> ${1_800_000_000 + seed * 1_000 + n} +0000\ndata 2\nx\n`;
    stream += `${n === 0 ? `from ${tip}\n` : ''}M 100644 inline src/area-1/new-${n % 7}.txt\ndata ${text.length}\n${text}\n`;
  }
  await git(['fast-import', '--quiet', '--date-format=raw'], { cwd: upstream, input: stream });
}

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** What the first look after `count` new commits takes longer than one when nothing is new, in ms. */
async function increment(upstream: string, reader: Person, count: number, rounds: number): Promise<number> {
  const look = () => timeOf(() => git(['ls-remote', reader.ssh, 'refs/heads/main'], { env: reader.env }));
  const extra: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await look();
    const still = await look();
    await commitUpstream(upstream, count, round + count);
    extra.push((await look()) - still);
  }
  return median(extra);
}

/** Clones once, and gives a run that makes `count` commits on a branch of its own and pushes them; only the push is timed. */
async function pusher(person: Person, url: string, name: string, count: number) {
  const work = join(dir, `push-${name}`);
  await git(['clone', '-q', '--single-branch', url, work], { env: person.env, timeout: 600_000 });
  const [file = ''] = (await git(['ls-files', 'src'], { cwd: work })).split('\n');
  let round = 0;
  return async () => {
    round++;
    for (let n = 0; n < count; n++) {
      writeFileSync(join(work, file), `round ${round} ${n} of ${name}\n`, { flag: 'a' });
      await git(['commit', '-q', '-a', '-m', `round ${round} ${n}`], { cwd: work });
    }
    const ref = `HEAD:refs/heads/${name}-${round}`;
    return timed('git', ['push', '-q', url, ref], { cwd: work, env: person.env });
  };
}

/** What the gateway and the gits that it waited for spent on `work`, in seconds of CPU. */
async function cpuOf<T>(pid: number, name: string, work: () => Promise<T>): Promise<T> {
  const before = { own: cpuMs(pid), gits: endedChildrenCpuMs(pid) };
  const result = await work();
  tell(`CPU of the gateway, ${name}`, (cpuMs(pid) - before.own) / 1_000, 's');
  tell(`CPU of its gits, ${name}`, (endedChildrenCpuMs(pid) - before.gits) / 1_000, 's');
  return result;
}

function folderMiB(path: string): number {
  return Number(execFileSync('du', ['-sk', path]).toString().split('\t')[0]) / 1024;
}

async function run(): Promise<void> {
  const root = join(dir, 'srv');
  const upstream = join(root, repo.replace('/', '-').concat('.git'));
  mkdirSync(root);
  if (values.repo === undefined) await makeMaskHistory(upstream, Number(values.commits));
  else cpSync(values.repo, upstream, { recursive: true });
  const home = join(dir, 'refgate');
  const keys = join(dir, 'deploy');
  for (const folder of [home, keys]) mkdirSync(folder);
  const deployKey = await makeClientKey(keys);
  const sshd = await startSshd(hook);
  sshd.authorize(deployKey.publicLine);
  const web = await startHttpBackend(hook, { root });
  const refgate = await startRefgate(hook, {
    dir: home,
    config: {
      upstreams: { host: { ssh: { url: `${sshd.url}${root}`, hostKeys: [sshd.hostKey] } } },
      repos: [{ path: repo, upstream: 'host', to: repo.replace('/', '-') }],
    },
    policy: {
      access: [
        { who: { group: 'dev' }, repo: '**', may: ['read', 'write'] },
        { who: { group: 'bots' }, repo: '**', may: ['read', 'write'], read: 'masked' },
      ],
    },
    env: { REFGATE_LOG: 'warn' },
  });
  await refgate.ok(['deploy-key', 'import', '--upstream', 'host', '--file', deployKey.file]);
  const ann = await register(refgate, 'ann', ['--group', 'dev']);
  const bot = await register(refgate, 'bot', ['--service', '--group', 'bots']);

  // A call of the command line alone: it is no part of the work.
  const call = () => timeOf(() => refgate.ok(['mask', 'allowed', '--json']));
  const callMs = median([await call(), await call(), await call()]);
  const step = async (name: string, args: readonly string[]) => {
    let said = '';
    const ms = await cpuOf(refgate.pid, name, () =>
      timeOf(async () => {
        said = await refgate.ok(['mask', ...args, '--json']);
      }),
    );
    return { said, ms: Math.max(ms - callMs, 0) };
  };
  const gits = await greatestWhile(
    () => childrenBytes(refgate.pid, 'git'),
    () =>
      peakWhile(refgate.pid, async () => {
        const scan = await step('first look', ['preview', repo]);
        return { scan, build: await step('first build', ['enable', repo, '--wait']) };
      }),
  );
  const { scan, build } = gits.result.result;
  const preview = JSON.parse(scan.said) as MaskPreview;
  const status = JSON.parse(build.said) as MaskStatus;
  if (status.state !== 'ready') throw new Error(`not ready: ${JSON.stringify(status)}`);
  const thousands = preview.commits / 1_000;
  tell('commits', preview.commits, 'in all');
  tell('changed commits', preview.changedCommits, 'in the view');
  tell('a call of the command line alone, left out below', callMs / 1_000, 's');
  tell('first look (fetch and scan)', scan.ms / 1_000, 's');
  tell('first build', build.ms / 1_000, 's');
  tell('first build per 1,000 commits', build.ms / 1_000 / thousands, 's', 1.5);
  tell('first look and build per 1,000 commits', (scan.ms + build.ms) / 1_000 / thousands, 's');
  tell('peak RSS of the gateway', gits.result.peak / 2 ** 20, 'MiB', (600 * 1e6) / 2 ** 20);
  tell('peak RSS of its gits, shared pages counted for each', gits.peak / 2 ** 20, 'MiB');

  const data = join(home, 'data', 'masking');
  const [folder = ''] = readdirSync(data);
  for (const part of readdirSync(join(data, folder)))
    tell(`disk ${part}`, folderMiB(join(data, folder, part)), 'MiB');
  tell('disk of the upstream', folderMiB(upstream), 'MiB');

  tell('increment of 1 commit', await increment(upstream, bot, 1, 5), 'ms', 300);
  tell('increment of 100 commits', await increment(upstream, bot, 100, 3), 'ms');

  const direct = {
    ssh: { url: `${sshd.url}${upstream}`, env: gitEnv(deployKey.env), kind: 'of the upstream over ssh' },
    http: {
      url: `${web.url}/${repo.replace('/', '-')}.git`,
      env: gitEnv(),
      kind: 'of the upstream over http (git http-backend)',
    },
  };
  for (const door of ['ssh', 'http'] as const) {
    for (const count of [1, 10]) {
      const clear = await pusher(ann, ann[door], `clear-${door}-${count}`, count);
      const masked = await pusher(bot, bot[door], `masked-${door}-${count}`, count);
      const result = await compare(`push of ${count} over ${door}, clear and masked`, pairs, clear, masked);
      if (!values.json) process.stdout.write(`${formatComparison(result)}\n`);
      tell(`ratio of ${result.name}`, result.wallRatio.median, 'times', count === 1 ? 1.5 : undefined);
    }
    const to = join(dir, 'clone.git');
    const clone = (url: string, env: NodeJS.ProcessEnv) => async () => {
      rmSync(to, { recursive: true, force: true });
      return timed('git', ['clone', '-q', '--bare', url, to], { env });
    };
    const { url, env, kind } = direct[door];
    const clones = await compare(
      `clone ${kind}, and of the view`,
      pairs,
      clone(url, env),
      clone(bot[door], bot.env),
    );
    if (!values.json) process.stdout.write(`${formatComparison(clones)}\n`);
    tell(`ratio of ${clones.name}`, clones.wallRatio.median, 'times', 1);
  }
  if (values.json) process.stdout.write(`${JSON.stringify(results)}\n`);
}

try {
  await run();
} finally {
  for (const closer of closers.reverse()) await closer();
}
