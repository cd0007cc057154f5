/**
 * What Refgate costs: git through it and git to the same upstream without it.
 * docs/performance.md tells the method. `--only TEXT`, `--pairs N`, `--json`.
 */
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { git, initBare } from '../test/support/git.ts';
import { type Comparison, compare, formatComparison, type Measured, timed } from './compare.ts';
import { benchRepo, generator, noise } from './make-repo.ts';
import { openStage, type Route, type Stage } from './stage.ts';
import { childrenOf, cpuMs, peakWhile } from './watch-process.ts';

type Door = 'ssh' | 'http';

interface Case {
  readonly name: string;
  /** Greatest ratio that is wanted; not every case has one. */
  readonly aim?: number | undefined;
  readonly pairs: number;
  readonly warm?: boolean;
  /** Made once; gives the timed run for a route. */
  readonly prepare: (stage: Stage) => Promise<(route: Route, side: string) => Promise<Measured>>;
}

interface CaseResult extends Comparison {
  readonly aim?: number | undefined;
  /** Bytes. */
  readonly gatewayPeak: number;
  /** Of gateway and agent, in ms, for one run. */
  readonly refgateCpuMs: number;
}

function casesOf(door: Door): Case[] {
  const [lsRemoteAim, cloneAim] = door === 'ssh' ? [1, 1.15] : [undefined, 1.05];
  return [
    { name: `ls-remote of tiny over ${door}`, aim: lsRemoteAim, pairs: 20, prepare: lsRemote },
    { name: `push of 1 commit to tiny over ${door}`, aim: 1.3, pairs: 10, prepare: pushOneCommit },
    { name: `push of 100 MB over ${door}`, aim: 1.5, pairs: 4, prepare: pushHundredMegabytes },
    { name: `push of 20,000 objects in 100 MB over ${door}`, aim: 1.5, pairs: 4, prepare: pushManyObjects },
    { name: `push of big over ${door}`, pairs: 2, prepare: pushEverything },
    { name: `clone of tiny over ${door}`, pairs: 10, prepare: (stage) => clone(stage, 'tiny') },
    { name: `clone of big over ${door}`, aim: cloneAim, pairs: 4, prepare: (stage) => clone(stage, 'big') },
    { name: `16 clones of big at once over ${door}`, aim: 1.2, pairs: 1, warm: false, prepare: manyClones },
  ];
}

async function lsRemote(): Promise<(route: Route) => Promise<Measured>> {
  return ({ url, env }) => timed('git', ['ls-remote', url('tiny')], { env });
}

async function clone(stage: Stage, repo: string): Promise<(route: Route) => Promise<Measured>> {
  const to = join(stage.dir, 'clone.git');
  return async ({ url, env }) => {
    rmSync(to, { recursive: true, force: true });
    return timed('git', ['clone', '--quiet', '--bare', url(repo), to], { env });
  };
}

async function manyClones(stage: Stage): Promise<(route: Route) => Promise<Measured>> {
  const to = join(stage.dir, 'clones');
  const script =
    'pids=; for n in $(seq 16); do git clone --quiet --bare "$1" "$2/$n" & pids="$pids $!"; done; ' +
    'for pid in $pids; do wait "$pid" || exit 1; done';
  return async ({ url, env }) => {
    rmSync(to, { recursive: true, force: true });
    mkdirSync(to);
    return timed('sh', ['-c', script, 'clones', url('big'), to], { env });
  };
}

const pushOneCommit = (stage: Stage): ReturnType<Case['prepare']> =>
  pushOf(stage, 'one', (work) => writeFileSync(join(work, 'new.txt'), 'a new file\n'));

const pushHundredMegabytes = (stage: Stage): ReturnType<Case['prepare']> =>
  pushOf(stage, 'hundred', (work) => {
    const random = generator(100);
    for (let n = 0; n < 100; n++) writeFileSync(join(work, `noise-${n}.bin`), noise(1_000_000, random));
  });

/** 19,700 files of text and noise in 200 folders: content that has to be searched, and not only hashed. */
const pushManyObjects = (stage: Stage): ReturnType<Case['prepare']> =>
  pushOf(stage, 'many', (work) => {
    const random = generator(200);
    for (let folder = 0; folder < 200; folder++) {
      mkdirSync(join(work, `many-${folder}`));
      for (let n = 0; n < 98; n++) {
        const bytes = noise(4_500, random);
        const text = Array.from(
          { length: 30 },
          () => `  const value${random() % 1000} = compute(input, ${random() % 100});\n`,
        );
        writeFileSync(
          join(work, `many-${folder}`, `file-${n}.txt`),
          Buffer.concat([Buffer.from(text.join('')), bytes]),
        );
      }
    }
  });

/** A commit on tiny's main. Before each run the upstream is put back, so that every run sends the same. */
async function pushOf(
  stage: Stage,
  name: string,
  change: (work: string) => void,
): Promise<(route: Route, side: string) => Promise<Measured>> {
  const original = await benchRepo('tiny');
  const work = join(stage.dir, `work-${name}`);
  rmSync(work, { recursive: true, force: true });
  await git(['clone', '--quiet', original, work]);
  change(work);
  await git(['add', '.'], { cwd: work });
  await git(['commit', '--quiet', '-m', 'measured'], { cwd: work });
  // Packed beforehand: what is measured is the way of the pack, not the client's search for deltas.
  await git(['-c', 'pack.window=0', 'repack', '-a', '-d', '-q'], { cwd: work });
  return async ({ url, env }, side) => {
    const repo = `${name}-${side}`;
    const gitDir = stage.upstreamDir(repo);
    rmSync(gitDir, { recursive: true, force: true });
    cpSync(original, gitDir, { recursive: true });
    return timed('git', ['push', '--quiet', url(repo), 'HEAD:refs/heads/main'], { cwd: work, env });
  };
}

/** The whole of big, 160,000 objects, into an empty repository. */
async function pushEverything(stage: Stage): Promise<(route: Route, side: string) => Promise<Measured>> {
  const cwd = await benchRepo('big');
  return async ({ url, env }, side) => {
    const repo = `everything-${side}`;
    rmSync(stage.upstreamDir(repo), { recursive: true, force: true });
    await initBare(stage.upstreamDir(repo));
    return timed('git', ['push', '--quiet', url(repo), 'main'], { cwd, env });
  };
}

async function runCase(stage: Stage, door: Door, one: Case, pairs: number): Promise<CaseResult> {
  const run = await one.prepare(stage);
  const pids = [stage.gatewayPid, ...childrenOf(stage.gatewayPid)];
  const cpu = (): number => pids.reduce((sum, pid) => sum + cpuMs(pid), 0);
  let gatewayPeak = 0;
  let refgateCpu = 0;
  let runs = 0;
  const through = async (): Promise<Measured> => {
    const before = cpu();
    const { result, peak } = await peakWhile(stage.gatewayPid, () => run(stage.through[door], 'through'));
    gatewayPeak = Math.max(gatewayPeak, peak);
    refgateCpu += cpu() - before;
    runs++;
    return result;
  };
  const direct = (): Promise<Measured> => run(stage.direct[door], 'direct');
  const options = one.warm === undefined ? {} : { warm: one.warm };
  const comparison = await compare(one.name, pairs, direct, through, options);
  return { ...comparison, aim: one.aim, gatewayPeak, refgateCpuMs: refgateCpu / runs };
}

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    pairs: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const stage = await openStage();
try {
  for (const door of ['ssh', 'http'] as const) {
    for (const one of casesOf(door).filter(({ name }) => name.includes(values.only))) {
      const result = await runCase(stage, door, one, Number(values.pairs ?? one.pairs));
      process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : `${formatResult(result)}\n`);
    }
  }
} finally {
  await stage.close();
}

function formatResult(result: CaseResult): string {
  const kept = result.wallRatio.median <= (result.aim ?? Number.POSITIVE_INFINITY) ? 'kept' : 'MISSED';
  const aim = result.aim === undefined ? 'no aim' : `aim ${result.aim} ${kept}`;
  const memory = `gateway at most ${Math.round(result.gatewayPeak / 2 ** 20)} MiB`;
  const cpu = `gateway and agent ${(result.refgateCpuMs / 1000).toFixed(2)} s CPU`;
  return `${formatComparison(result)}; ${aim}; ${memory}, ${cpu}`;
}
