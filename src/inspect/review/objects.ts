import type { ObjectFormat, ObjectType, Oid } from '../../domain/git.ts';
import type { FetchSource } from '../../domain/ports.ts';
import { checkCommit, checkTag } from '../../git/object.ts';
import { borrowPresent } from '../borrow.ts';
import { BorrowedObjects } from '../contents/borrowed-objects.ts';
import type { UpstreamObjects } from '../upstream-objects.ts';
import type { OldContents } from './old-contents.ts';
import type { HeldPackReader, ReadObject } from './pack-reader.ts';

export interface ReviewObjectsParts {
  readonly packs: readonly HeldPackReader[];
  readonly upstream: UpstreamObjects;
  readonly oldContents: OldContents;
  /** Names the repository among the old contents. */
  readonly repoKey: string;
  /** Gives a new source of the upstream; it is closed here. */
  readonly open: () => FetchSource;
  readonly objectFormat: ObjectFormat;
  readonly signal: AbortSignal;
}

/** Commits and tags are read up to this size, in bytes. */
const maxHeadBytes = 1024 * 1024;

/** Trees are read up to this size, in bytes: some 200,000 entries. */
const maxTreeBytes = 8 * 1024 * 1024;

/** Tags that name tags are followed so far. */
const maxTags = 64;

/** What a ref points to in the end. */
export type Peeled =
  | { readonly type: 'commit'; readonly oid: Oid; readonly tree: Oid; readonly parents: readonly Oid[] }
  | { readonly type: 'tree' | 'blob' | 'large' | 'absent'; readonly oid: Oid };

/** Objects of one held push: from its pack, and what the pack lacks from the upstream. */
export class ReviewObjects {
  readonly #parts: ReviewObjectsParts;
  readonly #borrowed: BorrowedObjects;

  constructor(parts: ReviewObjectsParts) {
    this.#parts = parts;
    this.#borrowed = new BorrowedObjects(parts.upstream.borrow);
  }

  get objectFormat(): ObjectFormat {
    return this.#parts.objectFormat;
  }

  /** Undefined when the pack does not hold it. Throws INTERNAL when the pack is damaged. */
  async held(oid: Oid, maxBytes: number): Promise<ReadObject | undefined> {
    for (const pack of this.#parts.packs) {
      const object = await pack.read(oid, maxBytes);
      if (object !== undefined) return object;
    }
    return undefined;
  }

  /**
   * A blob; undefined when nobody has it, and without content when it is larger
   * than `maxBytes`. Throws INTERNAL, and what the upstream throws.
   * @param next further blobs of the upstream that are likely to be wanted soon.
   */
  async blob(oid: Oid, maxBytes: number, next: readonly Oid[] = []): Promise<ReadObject | undefined> {
    const held = await this.held(oid, maxBytes);
    if (held !== undefined) return held.type === 'blob' ? held : undefined;
    const { oldContents, repoKey } = this.#parts;
    const content = await oldContents.get(repoKey, oid, next, (oids) => this.#borrowAll(oids, 'blob'));
    if (content === undefined) return undefined;
    const { length: size } = content;
    return size > maxBytes ? { oid, type: 'blob', size } : { oid, type: 'blob', size, content };
  }

  /** Trees by their oids, the upstream's in few requests; `absent` where nobody has them, or they are over 8 MiB. Throws INTERNAL, and what the upstream throws. */
  async trees(oids: Iterable<Oid>, take: (oid: Oid, tree: Buffer | 'absent') => void): Promise<number> {
    const missing: Oid[] = [];
    for (const oid of oids) {
      const held = await this.held(oid, maxTreeBytes);
      if (held === undefined) missing.push(oid);
      else take(oid, (held.type === 'tree' ? held.content : undefined) ?? 'absent');
    }
    const left = new Set(missing);
    await this.#borrowed.fetch(missing, 'tree', (found) => {
      for (const [oid, tree] of found) if (left.delete(oid)) take(oid, tree);
    });
    for (const oid of left) take(oid, 'absent');
    return missing.length;
  }

  /** Follows tags to what they stand for. Throws INTERNAL, and what the upstream throws. */
  async peel(tip: Oid): Promise<Peeled> {
    let oid = tip;
    for (let tags = 0; tags < maxTags; tags++) {
      const object = await this.#any(oid);
      if (object === undefined) return { type: 'absent', oid };
      if (object.type === 'tree' || object.type === 'blob') return { type: object.type, oid };
      if (object.content === undefined) return { type: 'large', oid };
      if (object.type === 'commit')
        return { type: 'commit', oid, ...checkCommit(object.content, this.objectFormat) };
      oid = checkTag(object.content, this.objectFormat).oid;
    }
    return { type: 'large', oid };
  }

  /** The parents of a commit of the pack; undefined when the pack does not hold it. Throws INTERNAL. */
  async heldParents(oid: Oid): Promise<readonly Oid[] | undefined> {
    const held = await this.held(oid, maxHeadBytes);
    if (held?.type !== 'commit' || held.content === undefined) return undefined;
    return checkCommit(held.content, this.objectFormat).parents;
  }

  async #any(oid: Oid): Promise<Omit<ReadObject, 'size'> | undefined> {
    const held = await this.held(oid, maxHeadBytes);
    if (held !== undefined) return held;
    const commit = await this.#borrow(oid, 'commit');
    if (commit !== undefined) return { oid, type: 'commit', content: commit };
    const { open, objectFormat, signal } = this.#parts;
    const [other] = await borrowPresent(open, [oid], { objectFormat, signal });
    return other;
  }

  async #borrow(oid: Oid, type: Exclude<ObjectType, 'tag'>): Promise<Buffer | undefined> {
    return (await this.#borrowAll([oid], type)).get(oid);
  }

  async #borrowAll(
    oids: readonly Oid[],
    type: Exclude<ObjectType, 'tag'>,
  ): Promise<ReadonlyMap<Oid, Buffer>> {
    let contents: ReadonlyMap<Oid, Buffer> = new Map();
    await this.#borrowed.fetch(oids, type, (found) => {
      contents = found;
    });
    return contents;
  }

  async close(): Promise<void> {
    this.#parts.upstream.close();
    for (const pack of this.#parts.packs) await pack.close();
  }
}
