/**
 * Repositories to measure on: the same bytes on every machine. `big` has more
 * than 100,000 objects in more than 200 MB of pack: 5,000 commits on a tree of
 * source-like files, and binaries that do not compress. `tiny` has 20 commits.
 * Both are packed with a bitmap, as a host keeps them.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { git, gitEnv, initBare } from '../test/support/git.ts';

export interface RepoShape {
  readonly commits: number;
  readonly filesPerCommit: number;
  readonly folders: number;
  readonly binaries: number;
  readonly binaryBytes: number;
}

export const shapes = {
  tiny: { commits: 20, filesPerCommit: 2, folders: 3, binaries: 1, binaryBytes: 10_000 },
  big: { commits: 5_000, filesPerCommit: 10, folders: 40, binaries: 300, binaryBytes: 600_000 },
} as const satisfies Record<string, RepoShape>;

/** Changes when the content would: the cache is kept by this name. */
const edition = 'refgate-bench-2';

/** The path of the bare repository of a shape, made once per machine. */
export async function benchRepo(name: keyof typeof shapes): Promise<string> {
  const folder = join(tmpdir(), edition);
  const gitDir = join(folder, `${name}.git`);
  if (existsSync(gitDir)) return gitDir;
  mkdirSync(folder, { recursive: true });
  const unfinished = `${gitDir}.${process.pid}`;
  await initBare(unfinished);
  await importShape(unfinished, shapes[name]);
  await git(['repack', '-a', '-d', '-b', '-q'], { cwd: unfinished, timeout: 600_000 });
  if (existsSync(gitDir)) rmSync(unfinished, { recursive: true });
  else renameSync(unfinished, gitDir);
  return gitDir;
}

/** Writes the history of a shape with git-fast-import(1); the branch is main. */
export async function importShape(gitDir: string, shape: RepoShape): Promise<void> {
  const child = spawn('git', ['fast-import', '--quiet', '--done', '--date-format=raw', '--depth=10'], {
    cwd: gitDir,
    env: gitEnv(),
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const exited = once(child, 'exit');
  for (const piece of history(shape)) {
    if (!child.stdin.write(piece)) await once(child.stdin, 'drain');
  }
  child.stdin.end('done\n');
  const [status] = await exited;
  if (status !== 0) throw new Error(`git fast-import gave ${status}`);
}

function* history(shape: RepoShape): Generator<string | Buffer> {
  const random = generator(20_231_114);
  const pool = linePool(random);
  const binaryEvery = Math.max(1, Math.floor(shape.commits / shape.binaries));
  for (let n = 1; n <= shape.commits; n++) {
    yield `commit refs/heads/main\nmark :${n}\ncommitter Ann Author <ann@example.com> ${1_600_000_000 + n * 600} +0000\n`;
    const message = `change ${n}\n`;
    yield `data ${message.length}\n${message}\n`;
    if (n > 1) yield `from :${n - 1}\n`;
    for (let f = 0; f < shape.filesPerCommit; f++) {
      // Most changes touch an existing file, as in life: names repeat.
      const path = `src/area-${random() % shape.folders}/part-${random() % 12}/file-${random() % 25}.ts`;
      yield inline(path, textFile(pool, random));
    }
    if (n % binaryEvery === 0 && n / binaryEvery <= shape.binaries) {
      yield inline(`assets/image-${n / binaryEvery}.bin`, noise(shape.binaryBytes, random));
    }
  }
}

function inline(path: string, content: Buffer): Buffer {
  const head = Buffer.from(`M 100644 inline ${path}\ndata ${content.length}\n`);
  return Buffer.concat([head, content, Buffer.from('\n')]);
}

const words =
  'const let return await function export import type interface readonly number string boolean stream session ' +
  'packet object commit tree blob reader writer buffer length offset index value result error limit policy';

function linePool(random: () => number): Buffer[] {
  const list = words.split(' ');
  return Array.from({ length: 20_000 }, () => {
    const picked = Array.from({ length: 3 + (random() % 7) }, () => list[random() % list.length]);
    return Buffer.from(`  ${picked.join(' ')} ${(random() % 1_000_000).toString(36)};\n`);
  });
}

function textFile(pool: readonly Buffer[], random: () => number): Buffer {
  const start = random() % pool.length;
  const lines = Array.from({ length: 40 + (random() % 120) }, (_, k) => pool[(start + k * 7) % pool.length]);
  return Buffer.concat([Buffer.from(`// ${random()}\n`), ...lines.filter((line) => line !== undefined)]);
}

/** Bytes that do not compress. */
export function noise(bytes: number, random: () => number): Buffer {
  const words32 = new Uint32Array(Math.ceil(bytes / 4));
  for (let i = 0; i < words32.length; i++) words32[i] = random();
  return Buffer.from(words32.buffer, 0, bytes);
}

/** xorshift32: the same numbers everywhere from the same seed. */
export function generator(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}
