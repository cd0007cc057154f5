import type { FileDiff, ReviewFile } from '../../domain/approval.ts';
import type { FileMode } from '../../domain/facts.ts';
import { isLimit } from '../contents/limit.ts';
import { maxShownBytes, unshown } from './file-diff.ts';
import type { ReviewObjects } from './objects.ts';
import type { ReadObject } from './pack-reader.ts';
import { openObjects, type ReviewContext, removedText } from './review-refs.ts';

const modes: Readonly<Record<FileMode, string>> = {
  file: '100644',
  executable: '100755',
  symlink: '120000',
  submodule: '160000',
};

/** The difference of one file of a review, secrets masked. Throws INTERNAL, and what the upstream throws. */
export async function readFileDiff(
  context: ReviewContext,
  file: ReviewFile,
  whole: boolean,
): Promise<FileDiff> {
  if (isSubmodule(file)) return unshown('submodule', submoduleNote(file));
  const moved = movedNotes(file);
  if (file.oid !== undefined && file.oid === file.oldOid && !changesType(file))
    return unshown(file.kind === 'mode' ? 'mode' : 'text', moved.join('; '));
  const objects = await openObjects(context);
  if (objects === undefined) return unshown('gone', removedText);
  try {
    const diff = await compare(context, objects, file, whole);
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
  whole: boolean,
): Promise<FileDiff> {
  const sides: Uint8Array[] = [];
  for (const [side, oid] of [
    ['old', file.oldOid],
    ['new', file.oid],
  ] as const) {
    const blob = oid === undefined ? undefined : await readBlob(objects, oid);
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

async function readBlob(objects: ReviewObjects, oid: string): Promise<ReadObject | 'large' | undefined> {
  try {
    return await objects.blob(oid, maxShownBytes);
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
