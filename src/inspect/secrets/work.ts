/**
 * What one scan may cost. Whoever pushes chooses the data, so the bound is on
 * work that is counted, the same on every machine; the clock only guards it.
 */
export interface ScanLimits {
  /** Units, about bytes looked at, for a scan of any size. */
  readonly workBase: number;
  /** Units for each byte that is given to a scan. */
  readonly workPerByte: number;
  /** Units for each byte that a decoder makes of it piece by piece: three times what source code takes, since whoever packs it chooses how much comes out. */
  readonly workPerDecoded: number;
  /** Hits of keywords at the plain price, for a scan of any size; those beyond cost more. */
  readonly plainHits: number;
  /** Bytes that the decoders may make in one scan, of any size. */
  readonly decodedBase: number;
  /** Bytes that the decoders may make for each byte that is given. */
  readonly decodedPerByte: number;
  /** Bytes that one archive may give where it is not opened piece by piece. */
  readonly decodedAtOnce: number;
  /** How many wrappings are taken off one within the other. */
  readonly depth: number;
  readonly matches: number;
  readonly deadlineMs: number;
}

export const defaultLimits: ScanLimits = {
  workBase: 8 * 1024 * 1024,
  workPerByte: 56,
  workPerDecoded: 16,
  plainHits: 16_384,
  decodedBase: 16 * 1024 * 1024,
  decodedPerByte: 16,
  decodedAtOnce: 48 * 1024 * 1024,
  depth: 2,
  matches: 1000,
  deadlineMs: 30_000,
};

/** Keywords are sparse in what people write: more hits than these cost more, because then somebody wants them to. */
const bytesPerPlainHit = 8;
const weightOfOthers = 4;

/** What comes in pieces has more time, the larger it is. */
const streamedBytesPerMs = 4 * 1024;

const unitsPerLookAtTheClock = 1024 * 1024;

/**
 * The account of one scan: work, decoded bytes, time, and the reasons why
 * something was left out. Once it is spent it stays spent, and says so once.
 */
export class Work {
  readonly unscanned = new Set<string>();
  readonly limits: ScanLimits;
  #left: number;
  #used = 0;
  #plainHitsLeft: number;
  #decodedLeft: number;
  #spent = false;
  #nextLook = unitsPerLookAtTheClock;
  #until: number;
  #msLeft = 0;

  constructor(limits: ScanLimits) {
    this.limits = limits;
    this.#left = limits.workBase;
    this.#plainHitsLeft = limits.plainHits;
    this.#decodedLeft = limits.decodedBase;
    this.#until = performance.now() + limits.deadlineMs;
  }

  get spent(): boolean {
    return this.#spent;
  }

  /** Units so far. */
  get used(): number {
    return this.#used;
  }

  /** Makes room for `bytes` that were given. */
  grant(bytes: number, unitsPerByte = this.limits.workPerByte): void {
    this.#left += bytes * unitsPerByte;
    this.#plainHitsLeft += bytes / bytesPerPlainHit;
    this.#decodedLeft += bytes * this.limits.decodedPerByte;
  }

  /** The same for a window of a stream, which makes room for time, too. @param decoded the bytes are not given: a decoder made them. */
  grantWindow(bytes: number, decoded: boolean): void {
    const left = this.#decodedLeft;
    this.grant(bytes, decoded ? this.limits.workPerDecoded : this.limits.workPerByte);
    if (decoded) this.#decodedLeft = left;
    this.#until += bytes / streamedBytesPerMs;
  }

  /** Until `resume` no time passes: the next piece may be long in coming. */
  pause(): void {
    this.#msLeft = this.#until - performance.now();
  }

  resume(): void {
    this.#until = performance.now() + this.#msLeft;
  }

  /** False once there is no more work, or no more time, to be had. */
  spend(units: number): boolean {
    if (this.#spent) return false;
    this.#used += units;
    if (this.#used > this.#left) return this.#stop('its content takes too much work to scan');
    if (this.#used < this.#nextLook) return true;
    this.#nextLook = this.#used + unitsPerLookAtTheClock;
    return performance.now() < this.#until || this.#stop('scanning it took too long');
  }

  /** The same, for a look at the few bytes around a keyword. */
  spendOnHit(units: number): boolean {
    return this.spend(this.#plainHitsLeft-- > 0 ? units : units * weightOfOthers);
  }

  /** How many bytes a decoder may still make. */
  get decodedLeft(): number {
    return this.#decodedLeft;
  }

  /** False when they are more than are left; the reason is noted. */
  decode(bytes: number): boolean {
    if (bytes > this.#decodedLeft) {
      this.unscanned.add('what is encoded in it is too large to scan');
      return false;
    }
    this.#decodedLeft -= bytes;
    return true;
  }

  #stop(reason: string): false {
    this.#spent = true;
    this.unscanned.add(reason);
    return false;
  }
}
