/**
 * What holding a pack costs, with and without searching it for secrets: `node dist/bench/quarantine.js [GIGABYTES] [COMMITS]`.
 * Makes packs below the temporary folder, one of incompressible blobs of mixed
 * sizes, some of 200 MiB, and two rich in deltas. Each is held by a process of
 * its own, and indexed by `git index-pack --threads=1`, in turn. CPU seconds are
 * the best of the rounds and include the start of the process; memory is the worst.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createDeflate } from 'node:zlib';
import { defaultPackLimits, Quarantine } from '../src/inspect/quarantine.ts';
import { formatEntryHead } from '../src/inspect/thin-pack.ts';

const mib = 1024 * 1024;
const rounds = 3;

/** Pseudo-random bytes that are made as they are read. */
async function* noise(bytes: number): AsyncGenerator<Buffer> {
  const cipher = createCipheriv('aes-128-ctr', randomBytes(16), randomBytes(16));
  const zeros = Buffer.alloc(64 * 1024);
  for (let left = bytes; left > 0; left -= zeros.length)
    yield cipher.update(zeros.subarray(0, Math.min(left, zeros.length)));
}

function blobSizes(total: number): number[] {
  const pattern = [
    200 * mib,
    ...Array(10).fill(7 * mib),
    ...Array(10).fill(25 * mib),
    ...Array(400).fill(200_000),
    ...Array(4000).fill(9_000),
  ];
  const sizes: number[] = [];
  for (let sum = 0; sum < total; ) {
    const size = pattern[sizes.length % pattern.length] as number;
    sizes.push(size);
    sum += size;
  }
  return sizes;
}

async function writeNoisePack(file: string, total: number): Promise<void> {
  const sizes = blobSizes(total);
  const digest = createHash('sha1');
  const out = createWriteStream(file);
  const body = async function* () {
    const header = Buffer.from('PACK\0\0\0\x02\0\0\0\0', 'latin1');
    header.writeUInt32BE(sizes.length, 8);
    yield header;
    for (const size of sizes) {
      yield formatEntryHead(3, size);
      // Level 1, and not 0: what is measured includes real inflating of what does not shrink.
      yield* Readable.from(noise(size)).pipe(createDeflate({ level: 1 }));
    }
  };
  const hashed = async function* () {
    for await (const piece of body()) {
      digest.update(piece);
      yield piece;
    }
    yield digest.digest();
  };
  await pipeline(hashed, out);
}

/** What a made-up history is like: how many lines its files may have, and whether a commit changes lines here and there or side by side. */
interface HistoryShape {
  readonly name: string;
  readonly lines: number;
  readonly scattered: boolean;
}

/** The first is the harder one to search: almost all of a file lies near some change. */
const histories: readonly HistoryShape[] = [
  { name: 'deltas-small-files-scattered', lines: 280, scattered: true },
  { name: 'deltas-large-files', lines: 1200, scattered: false },
];

/** A history of many commits that change a few lines of a few files in nested folders. */
function* history(commits: number, { lines: most, scattered }: HistoryShape): Generator<string> {
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 48271) % 0x7fffffff;
    return seed % below;
  };
  const line = () => Array.from({ length: 8 }, () => random(1e6).toString(36)).join(' ');
  const files = Array.from({ length: 600 }, () => Array.from({ length: 20 + random(most) }, line));
  for (let n = 1; n <= commits; n++) {
    const message = `commit ${n}\n`;
    yield `commit refs/heads/main\nmark :${n}\ncommitter A <a@example.com> ${1_700_000_000 + n} +0000\ndata ${message.length}\n${message}`;
    if (n > 1) yield `from :${n - 1}\n`;
    const changed = n === 1 ? files.map((_, i) => i) : [random(600), random(600), random(600)];
    for (const i of new Set(changed)) {
      const lines = files[i] as string[];
      const place = random(lines.length);
      if (n > 1)
        for (let k = 0; k < 3; k++)
          lines[scattered ? random(lines.length) : Math.min(place + k, lines.length - 1)] = line();
      const text = `${lines.join('\n')}\n`;
      yield `M 100644 inline d${i % 8}/e${i % 40}/f${i}.txt\ndata ${text.length}\n${text}\n`;
    }
  }
  yield 'done\n';
}

async function writeDeltaPack(folder: string, commits: number, shape: HistoryShape): Promise<string> {
  const gitDir = join(folder, `${shape.name}.git`);
  run('git', ['init', '-q', '--bare', gitDir]);
  const child = spawn('git', ['fast-import', '--quiet', '--done'], {
    cwd: gitDir,
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  const ended = new Promise((resolve) => child.on('close', resolve));
  await pipeline(Readable.from(history(commits, shape)), child.stdin);
  await ended;
  run('git', ['-C', gitDir, 'repack', '-adfq', '--depth=50', '--window=10']);
  const packs = join(gitDir, 'objects', 'pack');
  return join(packs, readdirSync(packs).find((name) => name.endsWith('.pack')) as string);
}

interface Cost {
  /** Seconds, of user and system together. */
  readonly cpu: number;
  readonly wall: number;
}

function run(command: string, args: readonly string[]): string {
  const { status, stdout } = spawnSync(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  if (status !== 0) throw new Error(`${command} ended with ${status}`);
  return stdout.toString();
}

/** `times` of the shell gives what its children cost, on its second line: `0m1.230s 0m0.040s`. */
function costOfGit(args: readonly string[]): Cost {
  const started = Date.now();
  const said = run('sh', ['-c', '"$@" >/dev/null && times', 'sh', 'git', ...args]);
  const parts = (said.trim().split('\n')[1] ?? '').matchAll(/(\d+)m([\d.]+)s/g);
  const cpu = Array.from(parts, ([, minutes, seconds]) => Number(minutes) * 60 + Number(seconds));
  return { cpu: cpu.reduce((sum, one) => sum + one, 0), wall: (Date.now() - started) / 1000 };
}

function costOfHolding(pack: string, dir: string, scan: 'scan' | 'no-scan'): Cost & { readonly rss: number } {
  return JSON.parse(run(process.execPath, [fileURLToPath(import.meta.url), '--hold', pack, dir, scan]));
}

/** Holds one pack, and prints what this process cost from its start; memory in MiB at its highest. */
async function holdOne(pack: string, dir: string, defaults: boolean): Promise<void> {
  const quiet = { debug() {}, info() {}, warn() {}, error() {} };
  const secrets = { ruleFiles: [], defaults, fingerprintKey: randomBytes(32) };
  const quarantine = new Quarantine({ dir, limits: defaultPackLimits, log: quiet, secrets });
  const started = Date.now();
  const options = { id: 'bench', objectFormat: 'sha1', borrow: async () => [] } as const;
  const held = await quarantine.hold(createReadStream(pack), options);
  const wall = (Date.now() - started) / 1000;
  await held.release();
  await quarantine.close();
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  process.stdout.write(
    JSON.stringify({ cpu: (userCPUTime + systemCPUTime) / 1e6, wall, rss: maxRSS / 1024 }),
  );
}

function compare(name: string, pack: string, folder: string): void {
  const bytes = statSync(pack).size;
  const us: ReturnType<typeof costOfHolding>[] = [];
  const unscanned: ReturnType<typeof costOfHolding>[] = [];
  const git: Cost[] = [];
  for (let round = 0; round < rounds; round++) {
    us.push(costOfHolding(pack, join(folder, 'quarantine'), 'scan'));
    unscanned.push(costOfHolding(pack, join(folder, 'quarantine'), 'no-scan'));
    git.push(costOfGit(['index-pack', '--threads=1', '-o', join(folder, `${round}.idx`), pack]));
  }
  const best = (costs: readonly Cost[], key: keyof Cost) => Math.min(...costs.map((cost) => cost[key]));
  const line = {
    pack: name,
    megabytes: Math.round(bytes / 1e6),
    megabytesPerSecond: Math.round(bytes / 1e6 / best(us, 'wall')),
    rssPeakMiB: Math.round(Math.max(...us.map((cost) => cost.rss))),
    cpuSeconds: Number(best(us, 'cpu').toFixed(2)),
    cpuSecondsWithoutScan: Number(best(unscanned, 'cpu').toFixed(2)),
    gitCpuSeconds: Number(best(git, 'cpu').toFixed(2)),
    cpuRatio: Number((best(us, 'cpu') / best(git, 'cpu')).toFixed(2)),
    cpuRatioWithoutScan: Number((best(unscanned, 'cpu') / best(git, 'cpu')).toFixed(2)),
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function main(): Promise<void> {
  const [gigabytes = '2', commits = '20000'] = process.argv.slice(2);
  const folder = mkdtempSync(join(tmpdir(), 'refgate-bench-quarantine-'));
  try {
    const noisePack = join(folder, 'noise.pack');
    await writeNoisePack(noisePack, Number(gigabytes) * 1e9);
    compare('blobs', noisePack, folder);
    for (const shape of histories)
      compare(shape.name, await writeDeltaPack(folder, Number(commits), shape), folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[2] === '--hold')
  await holdOne(process.argv[3] as string, process.argv[4] as string, process.argv[5] === 'scan');
else await main();
