import type { ObjectFormat, Oid } from '../../domain/git.ts';
import { hashBytes } from '../../git/pack-stream.ts';
import { type EntryKind, TreeCursor } from '../../inspect/contents/tree-cursor.ts';

/** One entry. Modes and names are latin1, so that every byte comes back. */
export interface TreeEntry {
  readonly mode: string;
  readonly kind: EntryKind;
  readonly name: string;
  readonly oid: Oid;
}

/** The entries of a tree in their order; undefined where it is not well-formed. */
export function parseTree(content: Buffer, format: ObjectFormat): readonly TreeEntry[] | undefined {
  const entries: TreeEntry[] = [];
  const cursor = new TreeCursor(content, hashBytes(format));
  for (; cursor.parse(); cursor.next()) {
    entries.push({
      mode: content.toString('latin1', cursor.at, cursor.nameFrom - 1),
      kind: cursor.kind,
      name: content.toString('latin1', cursor.nameFrom, cursor.nameTo),
      oid: cursor.oid,
    });
  }
  return cursor.broken ? undefined : entries;
}

/** @param sort where a name was changed; in git's order, in which a tree's name ends in a slash. */
export function formatTree(entries: readonly TreeEntry[], sort: boolean): Buffer {
  const sorted = sort ? [...entries].sort((a, b) => (sortName(a) < sortName(b) ? -1 : 1)) : entries;
  const pieces: Buffer[] = [];
  for (const { mode, name, oid } of sorted)
    pieces.push(Buffer.from(`${mode} ${name}\0`, 'latin1'), Buffer.from(oid, 'hex'));
  return Buffer.concat(pieces);
}

const sortName = ({ name, kind }: TreeEntry): string => (kind === 'tree' ? `${name}/` : name);

/** A name or a path for people. */
export const textOf = (latin1: string): string => Buffer.from(latin1, 'latin1').toString('utf8');

export const joinPath = (folder: string, name: string): string =>
  folder === '' ? name : `${folder}/${name}`;
