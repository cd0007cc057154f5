/**
 * Who may connect at all, decided before the first byte is read: random early
 * drop after sshd_config(5), MaxStartups, limits per source, and penalties for
 * sources that come again and again without getting in.
 */
import { isIPv6 } from 'node:net';
import { parseMaxStartups, type SshLimits } from './limits.ts';

/** How a connection that never logged in ended. */
export type Failure = 'authFailed' | 'noAuth' | 'graceExceeded';

/** One connection's place; to be released exactly when its socket has closed. */
export interface Place {
  loggedIn(): void;
  release(failure?: Failure): void;
}

export type Admitted = { readonly place: Place } | { readonly refused: string };

// A CI runner starts many clones at once; logins this young count only towards
// the hard limits, or honest bursts would be dropped at random.
const youngMs = 2_000;
// What is remembered of sources stays bounded; the oldest are forgotten first.
const maxSources = 20_000;

/** Counts the connections of one door. */
export class Admission {
  readonly #limits: SshLimits;
  readonly #startups: { start: number; rate: number; full: number };
  readonly #waiting = new Set<{ readonly source: string; readonly since: number }>();
  readonly #bySource = new Map<string, { open: number; waiting: number }>();
  readonly #penalised = new Map<string, number>();
  readonly #now: () => number;
  readonly #random: () => number;
  #open = 0;

  constructor(
    limits: SshLimits,
    now: () => number = () => performance.now(),
    random: () => number = Math.random,
  ) {
    this.#limits = limits;
    this.#startups = parseMaxStartups(limits.maxStartups);
    this.#now = now;
    this.#random = random;
  }

  /** A place, or the reason why there is none, for the log. */
  admit(address: string): Admitted {
    const source = sourceOf(address);
    const refused = this.#reasonAgainst(source);
    if (refused !== undefined) return { refused };
    const count = this.#bySource.get(source) ?? { open: 0, waiting: 0 };
    this.#bySource.set(source, count);
    const startup = { source, since: this.#now() };
    this.#waiting.add(startup);
    this.#open++;
    count.open++;
    count.waiting++;
    const loggedIn = (): void => {
      if (this.#waiting.delete(startup)) count.waiting--;
    };
    let isReleased = false;
    const release = (failure?: Failure): void => {
      if (isReleased) return;
      isReleased = true;
      loggedIn();
      this.#open--;
      if (--count.open === 0) this.#bySource.delete(source);
      if (failure !== undefined) this.#penalise(source, this.#limits.penalties[failure]);
    };
    return { place: { loggedIn, release } };
  }

  #reasonAgainst(source: string): string | undefined {
    const { maxConnections, maxConnectionsPerSource, maxStartupsPerSource, penalties } = this.#limits;
    const until = this.#penalised.get(source) ?? 0;
    const count = this.#bySource.get(source);
    if (penalties.least > 0 && until - this.#now() >= penalties.least) return 'penalty';
    if (this.#open >= maxConnections) return 'too many connections';
    if ((count?.open ?? 0) >= maxConnectionsPerSource) return 'too many connections of this source';
    if ((count?.waiting ?? 0) >= maxStartupsPerSource) return 'too many logins of this source';
    return this.#dropsEarly() ? 'too many logins' : undefined;
  }

  #dropsEarly(): boolean {
    const { start, rate, full } = this.#startups;
    if (this.#waiting.size >= full) return true;
    if (this.#waiting.size < start) return false;
    let old = 0;
    const bound = this.#now() - youngMs;
    for (const startup of this.#waiting) if (startup.since <= bound) old++;
    if (old < start) return false;
    const part = full === start ? 100 : rate + ((100 - rate) * (old - start)) / (full - start);
    return this.#random() * 100 < part;
  }

  #penalise(source: string, ms: number): void {
    const isLoopback = source.startsWith('127.') || source === '0:0:0:0::/64';
    if (isLoopback && !this.#limits.penalties.loopback) return;
    const now = this.#now();
    const until = Math.max(this.#penalised.get(source) ?? 0, now) + ms;
    this.#penalised.delete(source);
    this.#penalised.set(source, Math.min(until, now + this.#limits.penalties.most));
    for (const [oldest, end] of this.#penalised) {
      if (end > now && this.#penalised.size <= maxSources) break;
      this.#penalised.delete(oldest);
    }
  }
}

/** An IPv4 address, or the /64 network of an IPv6 address: whoever has one address of it has all. */
export function sourceOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = plain.toLowerCase().split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : Array(Math.max(0, 8 - left.length - right.length)).fill('0');
  const groups = [...left, ...zeros, ...right].slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ''));
  return `${groups.join(':')}::/64`;
}
