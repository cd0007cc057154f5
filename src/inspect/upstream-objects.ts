import type { ObjectFormat, Oid } from '../domain/git.ts';
import type { FetchSource } from '../domain/ports.ts';
import { hashBytes } from '../git/pack-stream.ts';
import { borrowPresent, fetchObjects, isAbsent, maxRequests } from './borrow.ts';
import { type BorrowLimits, defaultBorrowLimits } from './borrowed-pack.ts';
import type { Borrow } from './contents/walk-order.ts';
import type { BorrowedObject } from './thin-pack.ts';
import type { TreeCache } from './tree-cache.ts';

export interface UpstreamObjectsOptions {
  readonly cache: TreeCache;
  /** Names the repository in the cache. */
  readonly repoKey: string;
  readonly open: () => FetchSource;
  readonly objectFormat: ObjectFormat;
  readonly signal?: AbortSignal | undefined;
  readonly limits?: BorrowLimits;
}

/** Bytes of blobs that one push may have read from the upstream. */
const maxBlobBytes = 256 * 1024 * 1024;

/** Requests of one push that the upstream may refuse because something is absent: what is asked for later counts as absent. */
const maxRefused = 256;

/**
 * Objects of one upstream repository for the inspection of one push, one
 * question after another over one connection, from the cache where it has them.
 */
export class UpstreamObjects {
  readonly #options: UpstreamObjectsOptions;
  #source: FetchSource | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #blobBytes = 0;
  #refused = 0;

  constructor(options: UpstreamObjectsOptions) {
    this.#options = options;
  }

  /** As Borrow says. What is beyond what one push may cost is left out. Throws HUNG_UP, LIMIT_EXCEEDED (refgate), and what the source throws. */
  readonly borrow: Borrow = (oids, type) => {
    const answer = this.#queue.then(() => this.#borrow(oids, type));
    this.#queue = answer.catch(() => {});
    return answer;
  };

  async #borrow(oids: readonly Oid[], type: 'commit' | 'tree' | 'blob'): Promise<readonly BorrowedObject[]> {
    const found = new Map<Oid, BorrowedObject>();
    const missing = oids.filter((oid) => !this.#fromCache(oid, type, found));
    if (missing.length === 0) return [...found.values()];
    if (type === 'blob') return [...found.values(), ...(await this.#blobs(missing))];
    for (const object of await this.#ask(missing, type)) {
      this.#options.cache.set(this.#options.repoKey, object);
      found.set(object.oid, object);
    }
    return [...found.values()];
  }

  /** A commit counts as known only together with its root tree. */
  #fromCache(oid: Oid, type: string, found: Map<Oid, BorrowedObject>): boolean {
    const { cache, repoKey, objectFormat } = this.#options;
    const object = cache.get(repoKey, oid);
    if (object?.type !== type) return false;
    found.set(oid, object);
    if (type !== 'commit') return true;
    const tree = cache.get(repoKey, treeOf(object.content, objectFormat));
    if (tree !== undefined) found.set(tree.oid, tree);
    return tree !== undefined;
  }

  async #ask(oids: readonly Oid[], type: 'commit' | 'tree'): Promise<readonly BorrowedObject[]> {
    const { objectFormat, signal, limits = defaultBorrowLimits } = this.#options;
    const taken: BorrowedObject[] = [];
    const take = (object: BorrowedObject): boolean => taken.push(object) > 0;
    const reading = { format: objectFormat, limits, keep: 'trees', take } as const;
    const treeDepth = type === 'commit' ? 1 : 0;
    if (this.#refused >= maxRefused) return [];
    try {
      this.#source ??= this.#options.open();
      await fetchObjects(this.#source, { wants: oids, haves: [], deepen: 1, treeDepth }, signal, reading);
      return taken;
    } catch (error) {
      this.close();
      if (!isAbsent(error)) throw error;
      this.#refused++;
      if (oids.length === 1) return [];
    }
    const halves = [oids.slice(0, oids.length >> 1), oids.slice(oids.length >> 1)];
    const parts = [];
    for (const half of halves) parts.push(...(await this.#ask(half, type)));
    return parts;
  }

  async #blobs(oids: readonly Oid[]): Promise<readonly BorrowedObject[]> {
    const { open, objectFormat, signal } = this.#options;
    const room = maxBlobBytes - this.#blobBytes;
    if (room <= 0 || this.#refused >= maxRefused) return [];
    const objects = await borrowPresent(open, oids, { objectFormat, signal });
    if (objects.length < oids.length) this.#refused += maxRequests;
    for (const { content } of objects) this.#blobBytes += content.length;
    return objects;
  }

  close(): void {
    this.#source?.close();
    this.#source = undefined;
  }
}

/** A commit begins with `tree`, a space and the oid. */
function treeOf(commit: Buffer, format: ObjectFormat): Oid {
  const start = 'tree '.length;
  return commit.toString('latin1', start, start + 2 * hashBytes(format));
}
