import type { FileType } from '../domain/facts.ts';

/** More combinations of reasons than these are given as one that stands for all. */
const maxReasons = 255;

const manyReasons = ['not all of it could be searched, for one of many reasons in this push'];

const mostReach = 2 ** 32 - 1;

/** What a blob is. */
export interface BlobKind {
  readonly type: FileType;
  readonly lfs: boolean;
  /** Whether it is text that a delta can be judged by: without a NUL, and not in UTF-16. */
  readonly plain: boolean;
}

/** What is known of every scanned blob, in columns by row, 15 bytes each. */
export class ScanColumns {
  #sizes = new Float64Array(1024);
  /** Places in `names`, counted from 1; 0 where no blob was scanned. */
  #types = new Uint8Array(1024);
  /** Of BlobKind, `lfs` as 1 and `plain` as 2. */
  #flags = new Uint8Array(1024);
  #reasons = new Uint8Array(1024);
  #reaches = new Uint32Array(1024);
  readonly #names: FileType[] = [];

  set(row: number, size: number, { type, lfs, plain }: BlobKind): void {
    if (row >= this.#types.length) this.#grow(row + 1);
    this.#sizes[row] = size;
    this.#types[row] = this.#nameNumber(type);
    this.#flags[row] = (lfs ? 1 : 0) | (plain ? 2 : 0);
  }

  /** @param reason its number; 0 for none. */
  setReason(row: number, reason: number): void {
    if (row >= this.#types.length) this.#grow(row + 1);
    this.#reasons[row] = reason;
  }

  /** @param reach as scans give it, in bytes. The row must have been set. */
  setReach(row: number, reach: number): void {
    this.#reaches[row] = Math.min(reach, mostReach);
  }

  #nameNumber(name: FileType): number {
    const known = this.#names.indexOf(name);
    return known >= 0 ? known + 1 : this.#names.push(name);
  }

  #grow(wanted: number): void {
    const rows = Math.max(wanted, this.#types.length * 2);
    const larger = <T extends Uint8Array | Uint32Array | Float64Array>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    this.#sizes = larger(this.#sizes, new Float64Array(rows));
    this.#types = larger(this.#types, new Uint8Array(rows));
    this.#flags = larger(this.#flags, new Uint8Array(rows));
    this.#reasons = larger(this.#reasons, new Uint8Array(rows));
    this.#reaches = larger(this.#reaches, new Uint32Array(rows));
  }

  sizeOf(row: number): number {
    return this.#sizes[row] ?? 0;
  }

  /** Undefined where no blob was scanned. */
  typeOf(row: number): FileType | undefined {
    return this.#names[(this.#types[row] ?? 0) - 1];
  }

  isLfs(row: number): boolean {
    return ((this.#flags[row] ?? 0) & 1) !== 0;
  }

  isPlain(row: number): boolean {
    return ((this.#flags[row] ?? 0) & 2) !== 0;
  }

  reachOf(row: number): number {
    return this.#reaches[row] ?? 0;
  }

  reasonOf(row: number): number {
    return this.#reasons[row] ?? 0;
  }
}

/** Why things were not scanned, each combination once, so that a million blobs with reasons take no room. */
export class Reasons {
  readonly #lists: (readonly string[])[] = [[]];
  readonly #numbers = new Map<string, number>();

  /** A number from 1 to 255, the last for what is too many to tell apart. */
  number(reasons: readonly string[]): number {
    const key = reasons.join('\n');
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#lists.length;
    if (number >= maxReasons) return maxReasons;
    this.#lists.push([...reasons]);
    this.#numbers.set(key, number);
    return number;
  }

  list(number: number): readonly string[] {
    return number === maxReasons ? manyReasons : (this.#lists[number] ?? []);
  }
}
