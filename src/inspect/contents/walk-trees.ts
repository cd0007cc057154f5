import { RefgateError } from '../../domain/error.ts';
import type { Oid } from '../../domain/git.ts';
import type { BorrowedObjects } from './borrowed-objects.ts';
import type { TreeDiff, TreeReader } from './tree-diff.ts';
import type { PackObjects } from './walk-order.ts';

/** What the walk of one push spends on trees, in bytes and in what each tree costs beyond them: a minute at most. */
const maxTreeBytes = 64 * 1024 ** 3;

/** Trees on the way to what the tips changed are kept up to so many bytes. */
const maxKeptBytes = 1024 * 1024;

/** Gives diffs their trees: from the pack, or borrowed for many diffs at once. Marks what it gives as reached. */
export class TreeWalk {
  readonly #pack: PackObjects;
  readonly #borrowed: BorrowedObjects;
  readonly #plain: TreeReader;
  readonly #keeping: TreeReader;
  /** Trees of the tips, by oid. */
  readonly kept = new Map<Oid, Buffer>();
  #keptBytes = 0;
  #left = maxTreeBytes;

  constructor(pack: PackObjects, borrowed: BorrowedObjects) {
    this.#pack = pack;
    this.#borrowed = borrowed;
    const read = (oid: Oid) => this.#read(oid);
    const spend = (bytes: number) => this.#spend(bytes);
    const mark = (oid: Oid) => void pack.markReached(oid);
    const unshared = (tree: Oid, olds: readonly Oid[]) => pack.unshared?.(tree, olds);
    this.#plain = { read, spend, onTree: mark, unshared };
    this.#keeping = {
      read,
      spend,
      onTree: (oid, content) => {
        mark(oid);
        this.#keep(oid, content);
      },
    };
  }

  /** Goes on with a diff as far as trees are there. @param keep whether its trees are worth keeping. */
  advance(diff: TreeDiff, keep: boolean): void {
    diff.advance(keep ? this.#keeping : this.#plain);
  }

  /** Borrows what the diffs wait for, until none of them does. Throws what the upstream throws, and LIMIT_EXCEEDED. */
  async settle(waiting: readonly { readonly diff: TreeDiff; readonly keep: boolean }[]): Promise<void> {
    let open = waiting.filter(({ diff }) => !diff.done);
    while (open.length > 0) {
      const missing = new Set<Oid>();
      for (const { diff } of open) for (const oid of diff.missing) missing.add(oid);
      await this.#borrowed.fetch(missing, 'tree', () => {
        for (const { diff, keep } of open) if (!diff.done) this.advance(diff, keep);
      });
      open = open.filter(({ diff }) => !diff.done);
    }
  }

  #read(oid: Oid): Buffer | 'absent' | undefined {
    const type = this.#pack.typeOf(oid);
    if (type === undefined) return this.#borrowed.get(oid);
    return type === 'tree' ? this.#pack.read(oid) : 'absent';
  }

  #spend(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0)
      throw new RefgateError('LIMIT_EXCEEDED', 'client', 'its trees cost too much to compare');
  }

  #keep(oid: Oid, content: Buffer): void {
    if (this.#keptBytes + content.length > maxKeptBytes || this.kept.has(oid)) return;
    this.#keptBytes += content.length;
    this.kept.set(oid, Buffer.from(content));
  }
}
