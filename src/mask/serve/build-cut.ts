import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RefgateError } from '../../domain/error.ts';
import type { Oid } from '../../domain/git.ts';
import type { BuildContext, Tips } from '../build/contract.ts';
import { makeRepository, setRefs, shownTips } from '../build/view-repository.ts';
import { openGitObjects } from '../objects/cat-file.ts';
import { runGit, streamGit } from '../objects/git-child.ts';
import { readBoundary, writeBoundary } from './boundary.ts';
import { type CleanHistory, CleanObjects, findCleanHistory } from './clean-history.ts';
import { isWhole } from './is-whole.ts';
import { moveIn } from './move-in.ts';
import { readRefs } from './originals-refs.ts';

export interface CutResult {
  /** The refs of the cut, with true oids. */
  readonly tips: Tips;
  /** Refs that are not in it: their tip, or their name, holds something that is masked. */
  readonly leftOut: number;
}

/**
 * Makes, or extends, the bare repository at `cutDir`: of each ref the newest commits in which nothing is masked, with
 * their true oids, down to the first whose parent is not so; its `shallow` file names those. The view of the epoch must be
 * up to date with the tips. What is new is looked at object by object before it becomes part of the cut.
 * Throws INTERNAL (refgate) when anything is in it that is not known to be clean, and the signal's reason.
 */
export async function buildCut(context: BuildContext, cutDir: string, tips: Tips): Promise<CutResult> {
  const { folder, epoch, format, signal } = context;
  await makeRepository(cutDir, format, signal);
  const options = { signal };
  const readers = {
    originals: openGitObjects(folder.originals, format, options),
    view: openGitObjects(folder.view(epoch), format, options),
    cut: openGitObjects(cutDir, format, options),
  };
  try {
    const { tips: named } = shownTips(context, tips);
    const clean = new CleanObjects(context, readers);
    const history = await findCleanHistory(clean, readers, named);
    if (history.roots.size > 0) await add(context, cutDir, clean, history);
    await setRefs(cutDir, history.tips, signal);
    return { tips: history.tips, leftOut: tips.refs.length - history.tips.refs.length };
  } finally {
    for (const reader of Object.values(readers)) reader.close();
  }
}

/** Where it ends first, then objects, then refs: a commit that is there has all that it needs, also after a crash. */
async function add(
  context: BuildContext,
  cutDir: string,
  clean: CleanObjects,
  history: CleanHistory,
): Promise<void> {
  const { folder, signal } = context;
  const aside = await mkdtemp(join(folder.temporary, 'cut-'));
  try {
    await mkdir(join(aside, 'pack'));
    const boundary = new Set([...(await readBoundary(cutDir)), ...history.boundary]);
    const before = new Set((await readRefs(cutDir, signal)).values());
    await pack(context, aside, [
      ...[...boundary].map((oid) => `--shallow ${oid}`),
      ...history.roots,
      ...[...before].map((oid) => `^${oid}`),
    ]);
    await checkPack(context, aside, clean, history);
    await writeBoundary(cutDir, boundary);
    if (!(await isWhole(cutDir, [...history.roots], signal, aside)))
      throw new RefgateError('INTERNAL', 'refgate', 'a cut lacks objects that it needs');
    await moveIn(join(aside, 'pack'), join(cutDir, 'objects', 'pack'));
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

/** git-pack-objects(1) reads the lines as `upload-pack` writes them to it for a shallow client. */
async function pack(
  { folder, signal }: BuildContext,
  aside: string,
  lines: readonly string[],
): Promise<void> {
  const args = ['pack-objects', '--revs', '--window=0', '--delta-base-offset', '--threads=1', '--quiet'];
  await runGit(folder.originals, ['-c', 'core.fsync=all', ...args, join(aside, 'pack', 'pack')], {
    input: `${lines.join('\n')}\n`,
    signal,
  });
}

const atOnce = 1_000;

/** Reads back every oid that the pack holds. */
async function checkPack(
  context: BuildContext,
  aside: string,
  clean: CleanObjects,
  { commits, tags }: CleanHistory,
): Promise<void> {
  const known = (oid: Oid): boolean => commits.has(oid) || tags.has(oid);
  let batch: Oid[] = [];
  const check = async (): Promise<void> => {
    const answers = await Promise.all(batch.map((oid) => known(oid) || clean.isSame(oid)));
    const at = answers.indexOf(false);
    if (at >= 0)
      throw new RefgateError('INTERNAL', 'refgate', `${batch[at] ?? ''} is not clean, and would be in a cut`);
    batch = [];
  };
  for await (const oid of packedOids(context, aside)) {
    batch.push(oid);
    if (batch.length >= atOnce) await check();
  }
  await check();
}

async function* packedOids({ folder, format, signal }: BuildContext, aside: string): AsyncGenerator<Oid> {
  const dir = join(aside, 'pack');
  for (const name of (await readdir(dir)).filter((one) => one.endsWith('.idx'))) {
    const input = createReadStream(join(dir, name)) as AsyncIterable<Buffer>;
    let rest = '';
    const args = ['show-index', `--object-format=${format}`];
    for await (const piece of streamGit(folder.originals, args, { input, signal })) {
      const lines = (rest + piece.toString('latin1')).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield line.split(' ')[1] ?? '';
    }
  }
}
