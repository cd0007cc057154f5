import type { FileMode } from '../../domain/facts.ts';

const slash = 0x2f;

/** What git's own tree decoding makes of a mode; `tree` is no file. Undefined when it is none of git's. */
export type EntryKind = FileMode | 'tree';

function kindOf(mode: number): EntryKind | undefined {
  switch (mode & 0o170000) {
    case 0o100000:
      return mode & 0o100 ? 'executable' : 'file';
    case 0o040000:
      return 'tree';
    case 0o120000:
      return 'symlink';
    case 0o160000:
      return 'submodule';
    default:
      return undefined;
  }
}

/** Goes over the entries of one tree, gitformat-tree: `mode SP name NUL oid`. Reads nothing outside the tree, whatever it holds. */
export class TreeCursor {
  readonly content: Buffer;
  readonly #width: number;
  at = 0;
  nameFrom = 0;
  nameTo = 0;
  end = 0;
  kind: EntryKind = 'file';
  /** The tree is not well-formed; what comes before that place was. */
  broken = false;
  #parsed = -1;

  /** @param width bytes of an oid. */
  constructor(content: Buffer, width: number) {
    this.content = content;
    this.#width = width;
  }

  /** Whether an entry is here; its places are set then. */
  parse(): boolean {
    if (this.#parsed === this.at) return true;
    const { content } = this;
    if (this.at >= content.length || this.broken) return false;
    let at = this.at;
    let mode = 0;
    for (let digit = (content[at] as number) - 0x30; digit >= 0 && digit <= 7; ) {
      mode = mode * 8 + digit;
      digit = (content[++at] ?? 0) - 0x30;
    }
    const kind = content[at] === 0x20 && mode < 0o200000 ? kindOf(mode) : undefined;
    this.nameFrom = ++at;
    while (at < content.length && content[at] !== 0) at++;
    this.nameTo = at;
    this.end = at + 1 + this.#width;
    if (kind === undefined || this.end > content.length || this.nameTo === this.nameFrom) {
      this.broken = true;
      return false;
    }
    this.kind = kind;
    this.#parsed = this.at;
    return true;
  }

  next(): void {
    this.at = this.end;
  }

  /** Passes the same entry as that cursor's, if it is here. Does not need to be parsed. */
  matches(other: TreeCursor): boolean {
    const length = other.end - other.at;
    const { content, at } = this;
    if (at + length > content.length) return false;
    // Where entries differ, it is nearly always in the oid.
    for (let i = length - 1; i >= 0; i--) if (content[at + i] !== other.content[other.at + i]) return false;
    return true;
  }

  skip(bytes: number): void {
    this.at += bytes;
  }

  /** In the order of trees: a tree's name counts as ending in a slash, so that a file and a folder of one name are two. */
  compare(other: TreeCursor): number {
    let left = this.nameFrom;
    let right = other.nameFrom;
    for (;;) {
      const a = this.#byteAt(left++);
      const b = other.#byteAt(right++);
      if (a !== b) return a - b;
      if (a < 0) return 0;
    }
  }

  #byteAt(at: number): number {
    if (at < this.nameTo) return this.content[at] as number;
    return at === this.nameTo && this.kind === 'tree' ? slash : -1;
  }

  get name(): string {
    return this.content.toString('utf8', this.nameFrom, this.nameTo);
  }

  get oid(): string {
    return this.content.toString('hex', this.nameTo + 1, this.end);
  }

  hasSame(other: TreeCursor): boolean {
    if (this.kind !== other.kind) return false;
    for (let i = 1; i <= this.#width; i++)
      if (this.content[this.nameTo + i] !== other.content[other.nameTo + i]) return false;
    return true;
  }
}
