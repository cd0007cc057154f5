import { performance } from 'node:perf_hooks';
import type { AdvertisedRef } from '../domain/git.ts';
import type { Target } from '../domain/ports.ts';

/** How long the names of an advertisement stand for the names that there are, in ms. */
const namesFor = 2_000;

/** How long a ref that was no symbolic ref is taken not to have become one, in ms: only the host's own administrators make them. */
const plainFor = 60_000;

/** Larger repositories are asked each time. */
const maxNames = 10_000;

const maxRepos = 64;
const maxPlain = 10_000;

/** Names that an upstream has shown a moment ago, so that a push need not ask for them again. */
export class RecentNames {
  readonly #shown = new Map<string, { readonly names: ReadonlySet<string>; readonly time: number }>();
  readonly #plain = new Map<string, number>();
  readonly #now: () => number;

  /** @param now milliseconds, monotonic. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Passes the refs of an advertisement on, and keeps their names once all have passed. */
  async *watch(
    target: Target,
    refs: AsyncIterable<readonly AdvertisedRef[]>,
  ): AsyncGenerator<readonly AdvertisedRef[]> {
    const time = this.#now();
    const names = new Set<string>();
    let count = 0;
    for await (const batch of refs) {
      count += batch.length;
      if (count <= maxNames) for (const { ref } of batch) names.add(ref);
      yield batch;
    }
    if (count <= maxNames) remember(this.#shown, keyOf(target), { names, time }, maxRepos);
    else this.#shown.delete(keyOf(target));
  }

  /** Every name of the repository, when it was shown a moment ago. */
  shown(target: Target): ReadonlySet<string> | undefined {
    const found = this.#shown.get(keyOf(target));
    return found !== undefined && this.#now() - found.time <= namesFor ? found.names : undefined;
  }

  /** A push changes them. */
  forget(target: Target): void {
    this.#shown.delete(keyOf(target));
  }

  /** Notes that a ref was there and was no symbolic ref. */
  sawPlain(target: Target, ref: string): void {
    remember(this.#plain, `${keyOf(target)}\0${ref}`, this.#now(), maxPlain);
  }

  isPlain(target: Target, ref: string): boolean {
    const time = this.#plain.get(`${keyOf(target)}\0${ref}`);
    return time !== undefined && this.#now() - time <= plainFor;
  }
}

const keyOf = ({ upstream, path }: Target): string => `${upstream}:${path}`;

/** What was noted longest ago goes first. */
function remember<T>(map: Map<string, T>, key: string, value: T, most: number): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= most) return;
    map.delete(oldest);
  }
}
