/** Refs of the originals: gitrepository-layout(5). They name what is whole, and nothing else does. */
import { open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Oid } from '../../domain/git.ts';
import { refFormatProblem } from '../../git/ref-name.ts';
import type { Tips } from '../build/contract.ts';
import { runGit } from '../objects/git-child.ts';
import { readRefFiles, writeRefFiles } from './ref-files.ts';

/** The most refs that are written one by one. */
const maxLoose = 1_000;
const maxListBytes = 1024 * 1024 * 1024;

/** The branches and tags of a repository, with what they name. */
export async function readRefs(gitDir: string, signal: AbortSignal): Promise<ReadonlyMap<string, Oid>> {
  signal.throwIfAborted();
  return (await readRefFiles(gitDir)) ?? (await askRefs(gitDir, signal));
}

async function askRefs(gitDir: string, signal: AbortSignal): Promise<ReadonlyMap<string, Oid>> {
  const format = '--format=%(objectname) %(refname)';
  const args = ['for-each-ref', format, 'refs/heads', 'refs/tags'];
  const text = (await runGit(gitDir, args, { signal, maxBytes: maxListBytes })).toString();
  const refs = new Map<string, Oid>();
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ');
    if (space > 0) refs.set(line.slice(space + 1), line.slice(0, space));
  }
  return refs;
}

export interface RefChange {
  readonly tips: Tips;
  /** Also removes the refs that the tips do not name. */
  readonly prune?: boolean;
}

/**
 * Moves the refs to the tips, all or none. A ref that stands in the place of a new one (`a` and `a/b`) is removed before.
 */
export async function writeRefs(
  gitDir: string,
  before: ReadonlyMap<string, Oid>,
  { tips, prune = false }: RefChange,
): Promise<void> {
  const wanted = new Map(tips.refs.filter(({ ref }) => isTip(ref)).map(({ ref, oid }) => [ref, oid]));
  const changed = [...wanted].filter(([ref, oid]) => before.get(ref) !== oid);
  const inTheWay = obstructing(changed.map(([ref]) => ref));
  const gone = [...before.keys()].filter((ref) => !wanted.has(ref) && (prune || inTheWay(ref)));
  await transact(
    gitDir,
    gone.map((ref) => `delete ${ref}\0\0`),
  );
  if (before.size === 0 && changed.length > maxLoose) await writePackedRefs(gitDir, changed);
  else if (!(await writeRefFiles(gitDir, changed)))
    await transact(
      gitDir,
      changed.map(([ref, oid]) => `update ${ref}\0${oid}\0\0`),
    );
}

const isTip = (ref: string): boolean =>
  /^refs\/(?:heads|tags)\//.test(ref) && refFormatProblem(ref) === undefined;

/** Whether a ref is a folder of one of these, or one of these a folder of it. */
function obstructing(refs: readonly string[]): (ref: string) => boolean {
  const folders = new Set(refs.flatMap(foldersOf));
  const names = new Set(refs);
  return (ref) => folders.has(ref) || foldersOf(ref).some((folder) => names.has(folder));
}

function foldersOf(ref: string): string[] {
  const parts = ref.split('/');
  return parts.slice(3).map((_, index) => parts.slice(0, index + 3).join('/'));
}

/** Not ended by a signal, for locks would stay: it takes a moment. Locks of a git that was killed are removed, since nobody else writes. */
async function transact(gitDir: string, commands: readonly string[]): Promise<void> {
  if (commands.length === 0) return;
  const input = ['start\0', ...commands, 'prepare\0', 'commit\0'].join('');
  const args = ['-c', 'core.fsync=all', 'update-ref', '--stdin', '-z'];
  try {
    await runGit(gitDir, args, { input });
  } catch {
    await removeLocks(gitDir);
    await runGit(gitDir, args, { input });
  }
}

async function removeLocks(gitDir: string): Promise<void> {
  const names = await readdir(join(gitDir, 'refs'), { recursive: true });
  const locks = names.filter((name) => name.endsWith('.lock')).map((name) => join('refs', name));
  for (const lock of [...locks, 'packed-refs.lock', 'HEAD.lock'])
    await rm(join(gitDir, lock), { force: true });
}

/** For the first time, when there are many: one file instead of one for each. */
async function writePackedRefs(gitDir: string, refs: readonly (readonly [string, Oid])[]): Promise<void> {
  const lock = join(gitDir, 'packed-refs.lock');
  const file = await open(lock, 'w', 0o600);
  try {
    await file.writeFile(refs.map(([ref, oid]) => `${oid} ${ref}\n`).join(''));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(lock, join(gitDir, 'packed-refs'));
}
