import { isIPv6 } from 'node:net';

const windowMs = 60_000;

/** Sources that are remembered; with more of them, the oldest is forgotten. */
const maxSources = 10_000;

/** Counts failed tries by source: an IPv4 address, or the first half of an IPv6 address. */
export class FailedTries {
  readonly #bySource = new Map<string, { count: number; readonly until: number }>();
  readonly #clock: () => number;
  readonly #most: number;

  /** `most`: failures of one source within a minute that are answered as failures; what comes above is told to wait. */
  constructor(clock: () => number = Date.now, most = 20) {
    this.#clock = clock;
    this.#most = most;
  }

  /** Notes a failure; gives the seconds to wait when there were too many, else undefined. */
  add(address: string): number | undefined {
    const now = this.#clock();
    const source = sourceOf(address);
    const known = this.#bySource.get(source);
    if (known === undefined || known.until <= now) {
      this.#bySource.delete(source);
      const oldest = this.#bySource.size >= maxSources ? this.#bySource.keys().next().value : undefined;
      if (oldest !== undefined) this.#bySource.delete(oldest);
      this.#bySource.set(source, { count: 1, until: now + windowMs });
      return undefined;
    }
    known.count += 1;
    return known.count > this.#most ? Math.ceil((known.until - now) / 1_000) : undefined;
  }
}

function sourceOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  if (!isIPv6(plain)) return plain;
  const [head = '', tail = ''] = plain.split('%', 1)[0]?.split('::') ?? [];
  const [left, right] = [head, tail].map((half) => (half === '' ? [] : half.split(':')));
  const zeros = Array(Math.max(0, 8 - (left?.length ?? 0) - (right?.length ?? 0))).fill('0');
  return [...(left ?? []), ...zeros, ...(right ?? [])].slice(0, 4).join(':');
}
