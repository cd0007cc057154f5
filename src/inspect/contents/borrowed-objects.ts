import { RefgateError } from '../../domain/error.ts';
import type { Oid } from '../../domain/git.ts';
import { ContentLru } from './content-lru.ts';
import type { Borrow } from './walk-order.ts';

/** Trees of the upstream that are kept, in bytes. */
const keptBytes = 32 * 1024 * 1024;

/** Asked for at once. */
const batch = { commit: 1000, tree: 1000, blob: 100 } as const;

/** One push may cost the upstream so many objects. */
const maxAsked = 200_000;

/** What the walk has asked of the upstream. What an ask gave stays at least until the next one. */
export class BorrowedObjects {
  readonly #borrow: Borrow;
  readonly #kept = new ContentLru<Oid>(keptBytes);
  readonly #absent = new Set<Oid>();
  #last = new Map<Oid, Buffer>();
  #asked = 0;

  constructor(borrow: Borrow) {
    this.#borrow = borrow;
  }

  /** Undefined: was not asked for, or is forgotten. */
  get(oid: Oid): Buffer | 'absent' | undefined {
    return this.#last.get(oid) ?? this.#kept.get(oid) ?? (this.#absent.has(oid) ? 'absent' : undefined);
  }

  /**
   * Asks for objects, some hundred at a time; calls `taken` with each batch, as
   * long as its objects are sure to be there. What is of another type
   * than asked for is absent. Throws what the upstream throws, and LIMIT_EXCEEDED (client).
   */
  async fetch(
    oids: Iterable<Oid>,
    type: 'commit' | 'tree' | 'blob',
    taken: (objects: ReadonlyMap<Oid, Buffer>) => void = ignore,
  ): Promise<void> {
    const wanted = [...oids];
    this.#asked += wanted.length;
    if (this.#asked > maxAsked)
      throw new RefgateError(
        'LIMIT_EXCEEDED',
        'client',
        `over ${maxAsked} objects of the upstream are needed`,
      );
    for (let from = 0; from < wanted.length; from += batch[type]) {
      this.#last = new Map();
      await this.#ask(wanted.slice(from, from + batch[type]), type);
      taken(this.#last);
    }
  }

  async #ask(oids: readonly Oid[], type: 'commit' | 'tree' | 'blob'): Promise<void> {
    const middle = oids.length >> 1;
    try {
      for (const object of await this.#borrow(oids, type)) {
        // A commit brings its tree along.
        const { oid, content } = object;
        if (object.type !== type && (type !== 'commit' || object.type !== 'tree')) continue;
        this.#last.set(oid, content);
        if (object.type === 'tree') this.#kept.set(oid, content);
      }
      for (const oid of oids) if (!this.#last.has(oid)) this.#absent.add(oid);
    } catch (error) {
      // Together they were too much.
      if (!(error instanceof RefgateError) || error.code !== 'LIMIT_EXCEEDED') throw error;
      if (middle === 0) for (const oid of oids) this.#absent.add(oid);
      else {
        await this.#ask(oids.slice(0, middle), type);
        await this.#ask(oids.slice(middle), type);
      }
    }
  }
}

const ignore = () => {};
