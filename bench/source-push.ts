/**
 * What a push of a whole history costs, stage by stage: `node dist/bench/source-push.js [COMMITS] [FILES] [ROUNDS]`.
 * The history is made once, below the temporary folder, and takes minutes. Its pack
 * is held and walked by a process of its own, with Refgate's rules and
 * without any, and indexed by `git index-pack --threads=1`, in turn. CPU seconds are the best
 * of the rounds and include the start of the process; memory is the worst.
 */
import { spawnSync } from 'node:child_process';
import { createReadStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defaultPackLimits, Quarantine } from '../src/inspect/quarantine.ts';
import { packOf, sourceHistory } from './source-history.ts';

interface Cost {
  /** CPU seconds up to the held pack, and up to the walked one. */
  readonly held: number;
  readonly walked: number;
  /** MiB at its highest. */
  readonly rss: number;
  readonly objects: number;
  readonly findings: number;
}

function run(command: string, args: readonly string[]): string {
  const { status, stdout } = spawnSync(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  if (status !== 0) throw new Error(`${command} ended with ${status}`);
  return stdout.toString();
}

/** User and system time together, as `times` of the shell tells it of its children. */
function costOfGit(args: readonly string[]): number {
  const said = run('sh', ['-c', '"$@" >/dev/null && times', 'sh', 'git', ...args]);
  const parts = (said.trim().split('\n')[1] ?? '').matchAll(/(\d+)m([\d.]+)s/g);
  return Array.from(parts, ([, m, s]) => Number(m) * 60 + Number(s)).reduce((sum, one) => sum + one, 0);
}

/** Holds and walks the pack, and prints what this process cost from its start. */
async function pushOne(pack: string, dir: string, tip: string, defaults: boolean): Promise<void> {
  const quiet = { debug() {}, info() {}, warn() {}, error() {} };
  const secrets = { ruleFiles: [], defaults, fingerprintKey: Buffer.alloc(32, 1) };
  const quarantine = new Quarantine({ dir, limits: defaultPackLimits, log: quiet, secrets });
  const borrow = async () => [];
  const cpu = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  };
  const held = await quarantine.hold(createReadStream(pack), { id: 'bench', objectFormat: 'sha1', borrow });
  const afterHold = cpu();
  const update = { ref: 'refs/heads/main', newOid: tip, difference: false, content: false };
  const order = { updates: [update], pushOptions: [], unreached: [], known: [], baseline: [] };
  const { updates } = await held.walk(order, borrow);
  const cost: Cost = {
    held: afterHold,
    walked: cpu(),
    rss: process.resourceUsage().maxRSS / 1024,
    objects: Object.values(held.counts).reduce((sum, one) => sum + one, 0),
    findings: updates[0]?.findings.length ?? 0,
  };
  await held.release();
  await quarantine.close();
  process.stdout.write(JSON.stringify(cost));
}

async function main(): Promise<void> {
  const [commits = '46000', files = '3500', rounds = '3'] = process.argv.slice(2);
  const gitDir = await sourceHistory({ commits: Number(commits), files: Number(files) });
  const pack = packOf(gitDir);
  const tip = run('git', ['-C', gitDir, 'rev-parse', 'main']).trim();
  const folder = mkdtempSync(join(tmpdir(), 'refgate-bench-push-'));
  try {
    const push = (scan: 'scan' | 'no-scan'): Cost =>
      JSON.parse(
        run(process.execPath, [fileURLToPath(import.meta.url), '--push', pack, join(folder, 'q'), tip, scan]),
      );
    const scanned: Cost[] = [];
    const unscanned: Cost[] = [];
    const git: number[] = [];
    for (let round = 0; round < Number(rounds); round++) {
      scanned.push(push('scan'));
      git.push(costOfGit(['index-pack', '--threads=1', '-o', join(folder, `${round}.idx`), pack]));
      unscanned.push(push('no-scan'));
    }
    const least = (costs: readonly Cost[], of: (cost: Cost) => number) => Math.min(...costs.map(of));
    const [total, index] = [least(scanned, (cost) => cost.walked), least(unscanned, (cost) => cost.held)];
    const seconds = (value: number) => Number(value.toFixed(2));
    const line = {
      pack: `source history of ${commits} commits`,
      megabytes: Math.round(statSync(pack).size / 1e6),
      objects: scanned[0]?.objects,
      findings: scanned[0]?.findings,
      gitCpuSeconds: seconds(Math.min(...git)),
      cpuSeconds: seconds(total),
      index: seconds(index),
      scan: seconds(least(scanned, (cost) => cost.held) - index),
      walk: seconds(least(scanned, (cost) => cost.walked - cost.held)),
      cpuRatio: seconds(total / Math.min(...git)),
      rssPeakMiB: Math.round(Math.max(...scanned.map((cost) => cost.rss))),
    };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const [mode, pack = '', dir = '', tip = '', scan] = process.argv.slice(2);
if (mode === '--push') await pushOne(pack, dir, tip, scan === 'scan');
else await main();
