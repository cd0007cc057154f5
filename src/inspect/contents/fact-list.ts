import type { ChangeKind, CommitFacts, FileMode, PathChange } from '../../domain/facts.ts';
import type { Oid } from '../../domain/git.ts';

/**
 * Long lists of facts as bytes, so that they can leave a thread by transfer and
 * lie in memory at a tenth of what objects take. Lines of UTF-8; those of commits
 * are JSON arrays, those of changes are fields between tabs. Commits
 * are walked from the newest, and read from the oldest: lists are written from
 * their end, and read backwards.
 */

/** Lines are gathered in blocks of so many bytes; a longer line has a block of its own. */
const blockBytes = 128 * 1024;

const lineEnd = 10;

/** Writes one list, in pieces that each have a buffer of their own. */
export class ListWriter {
  #block: Buffer = Buffer.allocUnsafeSlow(blockBytes);
  #filled = 0;
  #pieces: Uint8Array[] = [];
  /** Bytes written so far. */
  bytes = 0;

  /** @param line without a line end. */
  add(line: string): void {
    const size = Buffer.byteLength(line) + 1;
    if (this.#filled + size > this.#block.length) {
      this.#endPiece();
      if (size > this.#block.length) this.#block = Buffer.allocUnsafeSlow(size);
    }
    this.#block.write(line, this.#filled, 'utf8');
    this.#filled += size;
    this.#block[this.#filled - 1] = lineEnd;
    this.bytes += size;
  }

  #endPiece(): void {
    if (this.#filled > 0) this.#pieces.push(Uint8Array.prototype.slice.call(this.#block, 0, this.#filled));
    this.#filled = 0;
  }

  /** What was written since the last call. */
  take(): Uint8Array[] {
    this.#endPiece();
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }
}

/** Adds one commit. */
export function encodeCommit(writer: ListWriter, facts: CommitFacts): void {
  const { oid, parents, author, committer, message, messageCut, signature } = facts;
  const people = [author, committer].flatMap(({ name, email, time }) => [name, email, time]);
  writer.add(JSON.stringify([oid, parents, ...people, message, messageCut ? 1 : 0, signature]));
}

type CommitLine = [
  Oid,
  Oid[],
  string,
  string,
  number,
  string,
  string,
  number,
  string,
  number,
  CommitFacts['signature'],
];

function decodeCommit(line: string): CommitFacts {
  const [oid, parents, name, email, time, byName, byEmail, byTime, message, cut, signature] = JSON.parse(
    line,
  ) as CommitLine;
  return {
    oid,
    parents,
    author: { name, email, time },
    committer: { name: byName, email: byEmail, time: byTime },
    message,
    messageCut: cut === 1,
    signature,
  };
}

/** Adds the changes of one commit, or those of `existing` when there is none; given in the order of their paths. */
export function encodeChanges(
  writer: ListWriter,
  commit: Oid | undefined,
  changes: readonly Omit<PathChange, 'source' | 'commit'>[],
): void {
  for (let i = changes.length - 1; i >= 0; i--) writer.add(changeLine(changes[i] as PathChange));
  if (changes.length > 0) writer.add(commit === undefined ? existingMark : `=${commit}`);
}

const existingMark = '=';

const kinds: readonly ChangeKind[] = ['add', 'modify', 'delete', 'rename', 'mode'];
const modes: readonly FileMode[] = ['file', 'executable', 'symlink', 'submodule'];

function changeLine({ kind, mode, oldMode, oid, oldOid, size, type, lfs, path, from }: Change): string {
  const marks = `${kinds.indexOf(kind)}${modeMark(mode)}${modeMark(oldMode)}${lfs ? 'l' : '-'}`;
  const line = `${marks}\t${oid ?? ''}\t${oldOid ?? ''}\t${size ?? ''}\t${type ?? ''}\t${escaped(path)}`;
  return from === undefined ? line : `${line}\t${escaped(from)}`;
}

type Change = Omit<PathChange, 'source' | 'commit'>;

const modeMark = (mode: FileMode | undefined): string =>
  mode === undefined ? '-' : `${modes.indexOf(mode)}`;

/** A tab or line end would end the field; a quote begins the form in which they are written. */
const escaped = (path: string): string => (/^"|[\t\n\0]/.test(path) ? JSON.stringify(path) : path);

const unescaped = (field: string): string => (field.startsWith('"') ? (JSON.parse(field) as string) : field);

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

function decodeChange(line: string, commit: Oid | undefined): PathChange {
  const [marks = '', oid, oldOid, size, type, path = '', from] = line.split('\t');
  const change: Writable<PathChange> = {
    source: commit === undefined ? 'existing' : 'new',
    kind: kinds[Number(marks[0])] as ChangeKind,
    path: unescaped(path),
  };
  if (commit !== undefined) change.commit = commit;
  if (from !== undefined) change.from = unescaped(from);
  if (marks[1] !== '-') change.mode = modes[Number(marks[1])] as FileMode;
  if (marks[2] !== '-') change.oldMode = modes[Number(marks[2])] as FileMode;
  if (oid) change.oid = oid;
  if (oldOid) change.oldOid = oldOid;
  if (size) change.size = Number(size);
  if (type) change.type = type;
  if (marks[3] === 'l') change.lfs = true;
  return change;
}

/**
 * The list in its order: the oldest commit first, and the changes of one commit
 * by path. Can be walked again and again; nothing is decoded before it is asked for.
 * @param chunks as the walk gives them: the newest first.
 */
export function readList<T extends CommitFacts | PathChange>(chunks: readonly Uint8Array[]): Iterable<T> {
  return {
    *[Symbol.iterator]() {
      let commit: Oid | undefined;
      for (let i = chunks.length - 1; i >= 0; i--) {
        const chunk = chunks[i] as Uint8Array;
        const lines = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString().split('\n');
        // The last is what comes after the last line end.
        for (let at = lines.length - 2; at >= 0; at--) {
          const line = lines[at] as string;
          if (line.startsWith('=')) commit = line === existingMark ? undefined : line.slice(1);
          else yield (line.startsWith('[') ? decodeCommit(line) : decodeChange(line, commit)) as T;
        }
      }
    },
  };
}
