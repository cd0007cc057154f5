import { setTimeout as sleep } from 'node:timers/promises';
import type { RefUpdate } from '../domain/git.ts';
import type { Target, Upstreams } from '../domain/ports.ts';
import type { EventPayloads } from '../domain/record.ts';
import { isZeroOid } from '../git/oid.ts';

export type Outcomes = EventPayloads['push.settled']['refs'];

/** Between two looks at the upstream's refs, in ms: the first pause, and the longest. */
const firstPause = 100;
const longestPause = 5_000;

/**
 * The refs of an upstream, watched after a relay whose end nobody heard. An
 * upstream that has all of a push may still be at work on it, so a ref that is
 * where it was says nothing yet; one that was seen where the update puts it
 * counts as updated, wherever it goes afterwards.
 */
export class TipWatch {
  readonly #upstreams: Upstreams;
  readonly #target: Target;
  readonly #waiting: Map<string, RefUpdate>;
  readonly #updates: readonly RefUpdate[];
  readonly #applied = new Set<string>();
  #wasSeen = false;

  constructor(upstreams: Upstreams, target: Target, updates: readonly RefUpdate[]) {
    this.#upstreams = upstreams;
    this.#target = target;
    this.#updates = updates;
    this.#waiting = new Map(updates.map((update) => [update.ref, update]));
  }

  /** Whether no ref is left that is where it was. */
  get isOver(): boolean {
    return this.#waiting.size === 0;
  }

  /** Looks until the watch is over, or for so many ms; at least once. Throws the signal's reason. */
  async watch(ms: number, signal: AbortSignal): Promise<void> {
    const end = performance.now() + ms;
    for (let pause = firstPause; ; pause = Math.min(2 * pause, longestPause)) {
      await this.#look();
      const left = end - performance.now();
      if (this.isOver || left <= 0) return;
      await sleep(Math.min(pause, left), undefined, { signal });
    }
  }

  /** What is known; `stillThere` for refs that are where they were, `unknown` when the upstream could not be asked at all. */
  outcomes(stillThere: 'not-applied' | 'unknown'): Outcomes {
    return this.#updates.map(({ ref }) => {
      if (this.#applied.has(ref)) return { ref, outcome: 'applied' };
      return { ref, outcome: this.#wasSeen && this.#waiting.has(ref) ? stillThere : 'unknown' };
    });
  }

  async #look(): Promise<void> {
    const tips = await this.#tips();
    if (tips === undefined) return;
    this.#wasSeen = true;
    for (const { ref, oldOid, newOid } of [...this.#waiting.values()]) {
      const isAt = (oid: string): boolean => (isZeroOid(oid) ? !tips.has(ref) : tips.get(ref) === oid);
      if (isAt(newOid)) this.#applied.add(ref);
      if (isAt(newOid) || !isAt(oldOid)) this.#waiting.delete(ref);
    }
  }

  /** Undefined when the upstream cannot be asked now. */
  async #tips(): Promise<ReadonlyMap<string, string> | undefined> {
    const tips = new Map<string, string>();
    const source = this.#upstreams.fetchSource(this.#target);
    try {
      const prefixes = [...this.#waiting.keys()];
      for await (const batch of source.lsRefs({ prefixes, symrefs: false, peel: false, unborn: false })) {
        for (const { ref, oid } of batch) if (oid !== null && this.#waiting.has(ref)) tips.set(ref, oid);
      }
      return tips;
    } catch {
      return undefined;
    } finally {
      source.close();
    }
  }
}
