import type { FileDiff, ReviewFile } from '../../domain/approval.ts';
import { RefgateError } from '../../domain/error.ts';
import type { FileMode } from '../../domain/facts.ts';
import type { Oid } from '../../domain/git.ts';
import { isLimit } from '../contents/limit.ts';
import { maxShownBytes, unshown } from './file-diff.ts';
import type { ReviewObjects } from './objects.ts';
import type { ReadObject } from './pack-reader.ts';
import { openObjects, type ReviewContext, removedText } from './review-refs.ts';

/** Larger files are not read ahead, in bytes. */
const maxAheadBytes = 256 * 1024;

const modes: Readonly<Record<FileMode, string>> = {
  file: '100644',
  executable: '100755',
  symlink: '120000',
  submodule: '160000',
};

/** The difference of one file of a review, secrets masked. Throws NOT_FOUND, INTERNAL, and what the upstream throws. @param files the one, and those that follow it. */
export async function readFileDiff(
  context: ReviewContext,
  [file, ...following]: readonly ReviewFile[],
  whole: boolean,
): Promise<FileDiff> {
  if (file === undefined) throw new RefgateError('NOT_FOUND', 'client', 'there is no such file');
  if (isSubmodule(file)) return unshown('submodule', submoduleNote(file));
  const moved = movedNotes(file);
  if (file.oid !== undefined && file.oid === file.oldOid && !changesType(file))
    return unshown(file.kind === 'mode' ? 'mode' : 'text', moved.join('; '));
  const objects = await openObjects(context);
  if (objects === undefined) return unshown('gone', removedText);
  try {
    const diff = await compare(context, objects, file, { whole, next: oldTexts(following) });
    const notes = [...moved, ...(diff.note === undefined ? [] : [diff.note])];
    return notes.length === 0 ? diff : { ...diff, note: notes.join('; ') };
  } finally {
    await objects.close();
  }
}

async function compare(
  { thread }: ReviewContext,
  objects: ReviewObjects,
  file: ReviewFile,
  { whole, next }: { readonly whole: boolean; readonly next: readonly Oid[] },
): Promise<FileDiff> {
  const sides: Uint8Array[] = [];
  for (const [side, oid] of [
    ['old', file.oldOid],
    ['new', file.oid],
  ] as const) {
    const blob = oid === undefined ? undefined : await readBlob(objects, oid, side === 'old' ? next : []);
    if (oid !== undefined && blob === undefined)
      return unshown('gone', `${oid}, its ${side} content, is neither in the push nor on the upstream`);
    if (blob === 'large') return unshown('large', `its ${side} content is too large to be shown`);
    if (blob !== undefined && blob.content === undefined)
      return unshown('large', `its ${side} content has ${blob.size} bytes`);
    sides.push(blob?.content ?? nothing);
  }
  const [before = nothing, after = nothing] = sides;
  return thread.diff({
    path: file.path,
    ...(file.oldOid === undefined ? {} : { old: before }),
    ...(file.oid === undefined ? {} : { new: after }),
    whole,
    plain: false,
  });
}

const nothing = new Uint8Array(0);

/** What is read ahead is small, and text, by what is known of the new side. */
function oldTexts(files: readonly ReviewFile[]): readonly Oid[] {
  return files.flatMap(({ kind, oldOid, oldMode, size, type }) => {
    const isText = type === 'text' || type === 'script';
    const isSmall = size !== undefined && size <= maxAheadBytes;
    return kind === 'modify' && oldOid && oldMode !== 'submodule' && isText && isSmall ? [oldOid] : [];
  });
}

async function readBlob(
  objects: ReviewObjects,
  oid: Oid,
  next: readonly Oid[],
): Promise<ReadObject | 'large' | undefined> {
  try {
    return await objects.blob(oid, maxShownBytes, next);
  } catch (error) {
    if (isLimit(error)) return 'large';
    throw error;
  }
}

const isSubmodule = ({ mode, oldMode }: ReviewFile): boolean =>
  mode === 'submodule' || oldMode === 'submodule';

/** A file that becomes a symlink of the same bytes, or the other way round. */
const changesType = ({ mode, oldMode }: ReviewFile): boolean =>
  mode !== oldMode && (mode === 'symlink' || oldMode === 'symlink');

function submoduleNote({ mode, oldMode, oid, oldOid }: ReviewFile): string {
  const side = (m: FileMode | undefined, id: string | undefined) =>
    m === undefined ? 'nothing' : m === 'submodule' ? `commit ${id}` : `a ${m}`;
  return `submodule: ${side(oldMode, oldOid)} before, ${side(mode, oid)} after`;
}

function movedNotes({ kind, from, mode, oldMode }: ReviewFile): string[] {
  const notes: string[] = [];
  if (kind === 'rename' && from !== undefined) notes.push(`moved from ${from}, its content is unchanged`);
  if (mode !== undefined && oldMode !== undefined && mode !== oldMode)
    notes.push(`mode ${modes[oldMode]} becomes ${modes[mode]}`);
  return notes;
}
