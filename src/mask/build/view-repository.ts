import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { ObjectFormat, Oid } from '../../domain/git.ts';
import { runGit, streamGit } from '../objects/git-child.ts';
import { readRefs, writeRefs } from '../serve/originals-refs.ts';
import type { BuildContext, Tips } from './contract.ts';
import { removeLeftovers } from './remove-leftovers.ts';

/** A fetch may be writing into the originals meanwhile. */
const leftoverMs = 24 * 3_600_000;

/** Makes an empty bare repository in the folder where there is none; one that was begun is finished. */
export async function makeRepository(
  gitDir: string,
  format: ObjectFormat,
  signal: AbortSignal,
): Promise<void> {
  if (existsSync(join(gitDir, 'HEAD')) && existsSync(join(gitDir, 'refs'))) return;
  await mkdir(gitDir, { recursive: true, mode: 0o700 });
  await runGit(gitDir, ['init', '--quiet', '--bare', '--template=', `--object-format=${format}`], { signal });
  await pointHead(gitDir, undefined);
}

/** A name with a secret is not shown; what branches name is a commit. */
export function shownTips(
  context: Pick<BuildContext, 'view'>,
  tips: Tips,
): { tips: Tips; hiddenRefs: number } {
  const refs = tips.refs.filter(({ ref }) => context.view.name(Buffer.from(ref)) === undefined);
  const head = refs.some(({ ref }) => ref === tips.head) || isUnborn(context, tips) ? tips.head : undefined;
  const shown: Tips = { refs, ...(head === undefined ? {} : { head }) };
  return { tips: shown, hiddenRefs: tips.refs.length - refs.length };
}

function isUnborn(context: Pick<BuildContext, 'view'>, { refs, head }: Tips): boolean {
  if (head === undefined || refs.some(({ ref }) => ref === head)) return false;
  return context.view.name(Buffer.from(head)) === undefined;
}

/** Moves the refs of a view, all or none, and HEAD; refs that are not among them are removed. */
export async function setRefs(gitDir: string, tips: Tips, signal: AbortSignal): Promise<void> {
  await writeRefs(gitDir, await readRefs(gitDir, signal), { tips, prune: true });
  await pointHead(gitDir, tips.head);
}

/** Where the upstream has no branch there, as a new repository has it. */
async function pointHead(gitDir: string, head: string | undefined): Promise<void> {
  const text = `ref: ${head ?? 'refs/heads/main'}\n`;
  const file = join(gitDir, 'HEAD');
  if ((await readFile(file, 'latin1').catch(() => '')) === text) return;
  const handle = await open(`${file}.new`, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${file}.new`, file);
}

/**
 * Copies objects of the originals as they are into the view, as one pack that is on disk when this returns; git reuses what is packed.
 * @param oids none of them may be affected.
 */
export async function copyClean(context: BuildContext, oids: Iterable<Oid>): Promise<void> {
  const { folder, epoch, signal } = context;
  const input = (async function* () {
    let lines = '';
    for (const oid of oids) {
      lines += `${oid}\n`;
      if (lines.length < 65_536) continue;
      yield lines;
      lines = '';
    }
    yield lines;
  })();
  await removeLeftovers(folder.originals, leftoverMs);
  const base = join(folder.view(epoch), 'objects', 'pack', 'pack');
  const args = ['pack-objects', '--window=0', '--delta-base-offset', '--threads=1', '--quiet', base];
  for await (const _ of streamGit(folder.originals, ['-c', 'core.fsync=all', ...args], { input, signal }));
}

/** Whether everything is there that these oids of the view reach, and those with a `^` before them do not. */
export async function isConnected(
  gitDir: string,
  oids: readonly string[],
  signal: AbortSignal,
): Promise<boolean> {
  if (oids.length === 0) return true;
  const input = oids.map((oid) => `${oid}\n`).join('');
  const args = ['rev-list', '--objects', '--quiet', '--stdin'];
  return runGit(gitDir, args, { input, signal }).then(
    () => true,
    (error: unknown) => {
      signal.throwIfAborted();
      if (error instanceof Error) return false;
      throw error;
    },
  );
}
