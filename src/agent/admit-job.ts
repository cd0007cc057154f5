import type { KeyObject } from 'node:crypto';
import { RefgateError } from '../domain/error.ts';
import { type Operation, type OperationOf, verifyJob } from '../upstream/link-job.ts';

/** The most jobs that can be remembered; more within one lifetime is an attack or a fault. */
const rememberedJobs = 500_000;

/**
 * Lets each signed job in once. Nonces are remembered until their job expires;
 * jobs from before this agent started are refused, since it cannot know whether
 * they were used.
 */
export class JobGate {
  readonly #key: KeyObject;
  readonly #startedAt: number;
  /** Nonce to expiry, oldest first. */
  readonly #seen = new Map<string, number>();

  constructor(key: KeyObject, startedAt = Date.now()) {
    this.#key = key;
    this.#startedAt = startedAt;
  }

  /** The operation, if it is of the kind that was asked for. JOB_INVALID otherwise. */
  admit<Op extends Operation['op']>(signed: string | undefined, op: Op, now = Date.now()): OperationOf<Op> {
    if (signed === undefined) throw new RefgateError('JOB_INVALID', 'refgate', 'there is none');
    const job = verifyJob(signed, this.#key, now);
    if (job.issued < this.#startedAt) {
      throw new RefgateError('JOB_INVALID', 'refgate', 'it was signed before this agent started');
    }
    if (job.operation.op !== op) {
      throw new RefgateError('JOB_INVALID', 'refgate', `it is for ${job.operation.op}, not for ${op}`);
    }
    this.#remember(job.nonce, job.expires, now);
    return job.operation as OperationOf<Op>;
  }

  #remember(nonce: string, expires: number, now: number): void {
    if (this.#seen.has(nonce)) throw new RefgateError('JOB_INVALID', 'refgate', 'it was used before');
    for (const [old, expiry] of this.#seen) {
      if (expiry >= now) break;
      this.#seen.delete(old);
    }
    if (this.#seen.size >= rememberedJobs) {
      throw new RefgateError('JOB_INVALID', 'refgate', 'too many jobs within their lifetime');
    }
    this.#seen.set(nonce, expires);
  }
}
