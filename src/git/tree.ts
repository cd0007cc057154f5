import { RefgateError } from '../domain/error.ts';
import { type DotFile, dotFileOf } from './dot-name.ts';

/**
 * Trees, checked as git-fsck(1) does when it is strict: entries sorted, no name
 * twice, no name that attacks a checkout. Modes: what git writes today, and any
 * permission bits on files, because old versions of git wrote those; a leading
 * zero is accepted for the same reason.
 */

const slash = 0x2f;

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
  const row: Row = { nameFrom: 0, nameTo: 0, isTree: false };
  let at = 0;
  while (at < content.length) {
    let mode = 0;
    const modeFrom = at;
    for (; at < content.length && content[at] !== 0x20; at++) {
      const digit = (content[at] as number) - 0x30;
      if (digit < 0 || digit > 7 || at - modeFrom >= 7) throw malformed('a mode is not an octal number');
      mode = mode * 8 + digit;
    }
    const type = entryType(mode);
    if (at === modeFrom || type === undefined)
      throw malformed(`mode ${mode.toString(8)} is not one of git's`);
    at++;
    const nameFrom = at;
    while (at < content.length && content[at] !== 0) at++;
    if (at + 1 + width > content.length) throw malformed('it ends inside an entry');
    row.nameFrom = nameFrom;
    row.nameTo = at;
    row.isTree = type === 'tree';
    order.next(row);
    const file = checkName(content, nameFrom, at);
    at++;
    if (isNullOid(content, at, width)) throw malformed('an entry has the zero oid');
    if (file !== undefined) onEntry(file, type, content.subarray(at, at + width), onDotFile);
    at += width;
  }
}

function entryType(mode: number): 'file' | 'link' | 'tree' | 'commit' | undefined {
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
    if (!this.#first) this.#compareLast(row);
    this.#first = false;
    if (row.isTree && this.#open.length > 0) this.#refuseTwin(row);
    this.#last.nameFrom = row.nameFrom;
    this.#last.nameTo = row.nameTo;
    this.#last.isTree = row.isTree;
  }

  #compareLast(row: Row): void {
    const content = this.#content;
    const last = this.#last;
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
    if (left === last.nameTo && !last.isTree && after < slash) this.#open.push(last.nameFrom, last.nameTo);
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
