import type { ObjectType, Oid } from '../domain/git.ts';
import type { BorrowedObject } from './thin-pack.ts';

/** What an entry costs beyond its content. */
const entryBytes = 256;

/** Larger trees are not worth the others that they would push out. */
const maxShare = 16;

/**
 * Trees and commits of the upstreams, by repository and oid: what an oid names
 * never changes. A repository sees only what was read from it or pushed to it.
 * Bounded in bytes; what was asked for longest ago goes first.
 */
export class TreeCache {
  readonly #objects = new Map<string, { readonly type: ObjectType; readonly content: Buffer }>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(repoKey: string, oid: Oid): BorrowedObject | undefined {
    const key = `${repoKey}\0${oid}`;
    const found = this.#objects.get(key);
    if (found === undefined) return undefined;
    this.#objects.delete(key);
    this.#objects.set(key, found);
    return { oid, ...found };
  }

  /** The content is copied: it may be a part of something much larger. */
  set(repoKey: string, { oid, type, content }: BorrowedObject): void {
    const key = `${repoKey}\0${oid}`;
    const cost = content.length + entryBytes;
    if (this.#objects.has(key) || cost > this.#maxBytes / maxShare) return;
    this.#objects.set(key, { type, content: Buffer.from(content) });
    this.#bytes += cost;
    for (const [oldest, kept] of this.#objects) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#objects.delete(oldest);
      this.#bytes -= kept.content.length + entryBytes;
    }
  }
}
