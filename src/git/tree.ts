import { RefgateError } from '../domain/error.ts';
import { type DotFile, dotFileOf } from './dot-name.ts';

/**
 * Trees, checked as git-fsck(1) does when it is strict: entries sorted, no name
 * twice, no name that attacks a checkout. Modes: what git writes today, and any
 * permission bits on files, because old versions of git wrote those; a leading
 * zero is accepted for the same reason.
 */

const slash = 0x2f;

/** A tree that is more unlike the other than this is checked whole. */
const maxJoints = 256;

/** Called for entries whose blob git itself will read and obey: `.gitmodules` and `.gitattributes`. */
export type OnDotFile = (file: DotFile, oid: Uint8Array) => void;

/** One entry, as places within the tree. */
interface Row {
  nameFrom: number;
  nameTo: number;
  isTree: boolean;
}

/** Checks a tree. Throws OBJECT_MALFORMED and OBJECT_NAME_UNSAFE. @param width bytes of an oid. */
export function checkTree(content: Buffer, width: number, onDotFile: OnDotFile): void {
  const order = new EntryOrder(content);
  const row = newRow();
  for (let at = 0; at < content.length; ) {
    const type = readRow(content, at, width, row);
    order.next(row);
    checkRow(content, row, type, width, onDotFile);
    at = row.nameTo + 1 + width;
  }
}

/**
 * Where a tree is unlike another one that has been checked: the entries that
 * the other does not have, and those that have another one before them there.
 * What is not told stands in the other tree as it does here, behind the same entry.
 */
export class TreeJoints {
  count = 0;
  /** Where the entry begins, and the one before it, or -1. */
  readonly at = new Int32Array(maxJoints);
  readonly before = new Int32Array(maxJoints);
  /** 1 where the other tree does not have the entry. */
  readonly fresh = new Uint8Array(maxJoints);

  /** False when there is no room. */
  add(at: number, before: number, fresh: boolean): boolean {
    if (this.count === maxJoints) return false;
    this.at[this.count] = at;
    this.before[this.count] = before;
    this.fresh[this.count++] = fresh ? 1 : 0;
    return true;
  }
}

/**
 * Checks a tree by its joints alone, and throws what `checkTree` would. False when
 * that cannot tell: then only `checkTree` can. `onDotFile` is told of fresh entries.
 */
export function checkTreeJoints(
  content: Buffer,
  width: number,
  joints: TreeJoints,
  onDotFile: OnDotFile,
): boolean {
  const row = newRow();
  const last = newRow();
  for (let i = 0; i < joints.count; i++) {
    const type = readRow(content, joints.at[i] as number, width, row);
    const before = joints.before[i] as number;
    if (before >= 0) {
      readRow(content, before, width, last);
      if (compareRows(content, last, row) || mayFollowTwin(content, last, row)) return false;
    }
    if (joints.fresh[i] === 1) checkRow(content, row, type, width, onDotFile);
  }
  return true;
}

// A file of the name of this tree may stand before what stands before it, such as `name` before `name.c`.
function mayFollowTwin(content: Buffer, last: Row, row: Row): boolean {
  const length = row.nameTo - row.nameFrom;
  return (
    row.isTree &&
    last.nameTo - last.nameFrom > length &&
    content.compare(content, row.nameFrom, row.nameTo, last.nameFrom, last.nameFrom + length) === 0
  );
}

const newRow = (): Row => ({ nameFrom: 0, nameTo: 0, isTree: false });

type EntryType = 'file' | 'link' | 'tree' | 'commit';

function readRow(content: Buffer, from: number, width: number, row: Row): EntryType {
  let at = from;
  let mode = 0;
  for (; at < content.length && content[at] !== 0x20; at++) {
    const digit = (content[at] as number) - 0x30;
    if (digit < 0 || digit > 7 || at - from >= 7) throw malformed('a mode is not an octal number');
    mode = mode * 8 + digit;
  }
  const type = entryType(mode);
  if (at === from || type === undefined) throw malformed(`mode ${mode.toString(8)} is not one of git's`);
  at++;
  row.nameFrom = at;
  while (at < content.length && content[at] !== 0) at++;
  if (at + 1 + width > content.length) throw malformed('it ends inside an entry');
  row.nameTo = at;
  row.isTree = type === 'tree';
  return type;
}

function checkRow(content: Buffer, row: Row, type: EntryType, width: number, onDotFile: OnDotFile): void {
  const file = checkName(content, row.nameFrom, row.nameTo);
  const at = row.nameTo + 1;
  if (isNullOid(content, at, width)) throw malformed('an entry has the zero oid');
  if (file !== undefined) onEntry(file, type, content.subarray(at, at + width), onDotFile);
}

function entryType(mode: number): EntryType | undefined {
  if (mode === 0o40000) return 'tree';
  if ((mode & ~0o777) === 0o100000) return 'file';
  if (mode === 0o120000) return 'link';
  if (mode === 0o160000) return 'commit';
  return undefined;
}

function onEntry(file: DotFile, type: string, oid: Uint8Array, onDotFile: OnDotFile): void {
  if (type === 'file') onDotFile(file, oid);
  else if (file === 'gitmodules')
    throw unsafe(`.gitmodules is a ${type === 'link' ? 'symbolic link' : type}`);
}

function checkName(content: Buffer, from: number, to: number): DotFile | undefined {
  if (from === to) throw unsafe('an empty name');
  let backslash = false;
  for (let i = from; i < to; i++) {
    const byte = content[i];
    if (byte === slash) throw unsafe(quoted(content, from, to));
    if (byte === 0x5c) backslash = true;
  }
  const found = dotFileOf(content, from, to, backslash);
  if (found === 'unsafe') throw unsafe(quoted(content, from, to));
  return found;
}

function isNullOid(content: Buffer, at: number, width: number): boolean {
  for (let i = at; i < at + width; i++) if (content[i] !== 0) return false;
  return true;
}

/** Throws unless the row may follow the other. Gives whether the other is a file that a tree of its name may still follow. */
function compareRows(content: Buffer, last: Row, row: Row): boolean {
  let left = last.nameFrom;
  let right = row.nameFrom;
  while (left < last.nameTo && right < row.nameTo && content[left] === content[right]) {
    left++;
    right++;
  }
  if (left === last.nameTo && right === row.nameTo) throw malformed('a name stands there twice');
  const before = left < last.nameTo ? (content[left] as number) : last.isTree ? slash : 0;
  const after = right < row.nameTo ? (content[right] as number) : row.isTree ? slash : 0;
  if (before >= after) throw malformed('its entries are not sorted');
  return left === last.nameTo && !last.isTree && after < slash;
}

/** Names are in byte order, where a tree's name counts as ending in a slash; and a name stands there once. */
class EntryOrder {
  readonly #content: Buffer;
  readonly #last: Row = { nameFrom: 0, nameTo: 0, isTree: false };
  /**
   * Where the names of files begin and end that a tree of the same name may
   * still follow, because entries such as `name.c` come between `name` and `name/`.
   */
  readonly #open: number[] = [];
  #first = true;

  constructor(content: Buffer) {
    this.#content = content;
  }

  next(row: Row): void {
    const last = this.#last;
    if (!this.#first && compareRows(this.#content, last, row)) this.#open.push(last.nameFrom, last.nameTo);
    this.#first = false;
    if (row.isTree && this.#open.length > 0) this.#refuseTwin(row);
    this.#last.nameFrom = row.nameFrom;
    this.#last.nameTo = row.nameTo;
    this.#last.isTree = row.isTree;
  }

  #refuseTwin(row: Row): void {
    const open = this.#open;
    for (let top = open.length - 2; top >= 0; top -= 2) {
      const from = open[top] as number;
      const length = (open[top + 1] as number) - from;
      if (this.#beginsAs(row, from, length)) {
        if (row.nameTo - row.nameFrom === length) throw malformed('a name stands there twice');
        return;
      }
      open.length = top;
    }
  }

  #beginsAs(row: Row, from: number, length: number): boolean {
    if (row.nameTo - row.nameFrom < length) return false;
    for (let i = 0; i < length; i++) {
      if (this.#content[row.nameFrom + i] !== this.#content[from + i]) return false;
    }
    return true;
  }
}

function quoted(content: Buffer, from: number, to: number): string {
  return JSON.stringify(content.toString('utf8', from, Math.min(to, from + 200)));
}

const malformed = (detail: string) => new RefgateError('OBJECT_MALFORMED', 'client', `tree: ${detail}`);
const unsafe = (detail: string) => new RefgateError('OBJECT_NAME_UNSAFE', 'client', detail);
