import type { Oid } from '../../domain/git.ts';
import { ContentLru } from '../contents/content-lru.ts';

/** Gives those of the blobs that the upstream has. Throws what the upstream throws. */
export type BorrowBlobs = (oids: readonly Oid[]) => Promise<ReadonlyMap<Oid, Buffer>>;

/** Blobs that are asked for at once. */
const atOnce = 32;

/**
 * Old contents of files, as the upstream has them, by repository. Whoever reads
 * a review reads one file after another, so those that come next are asked for together
 * with the one that is wanted.
 */
export class OldContents {
  readonly #kept: ContentLru<string>;
  readonly #asking = new Map<string, Promise<unknown>>();

  constructor(maxBytes: number) {
    this.#kept = new ContentLru(maxBytes);
  }

  /** Undefined when the upstream does not have it. @param next blobs that are likely to be wanted after it. */
  async get(repo: string, oid: Oid, next: readonly Oid[], borrow: BorrowBlobs): Promise<Buffer | undefined> {
    const keyOf = (one: Oid) => `${repo}\0${one}`;
    const known = () => this.#kept.get(keyOf(oid));
    // Somebody else may be asking for it already.
    for (let asking = this.#asking.get(repo); !known() && asking; asking = this.#asking.get(repo))
      await asking;
    const found = known();
    if (found !== undefined) return found;
    const wanted = new Set([oid, ...next.filter((one) => this.#kept.get(keyOf(one)) === undefined)]);
    const asked = borrow([...wanted].slice(0, atOnce));
    const over = asked.then(
      () => this.#asking.delete(repo),
      () => this.#asking.delete(repo),
    );
    this.#asking.set(repo, over);
    const blobs = await asked;
    for (const [one, content] of blobs) this.#kept.set(keyOf(one), content);
    return blobs.get(oid);
  }
}
