import type { RefgateError } from '../domain/error.ts';
import type { OperationOf, RelayOperation } from '../upstream/link-job.ts';
import type { ReceivePack } from './dial/dial.ts';

/** How old an advertisement may be when the decided push comes, in ms; an older one is read again. */
const freshFor = 2_000;

/** Upstreams that wait for their push, of the whole agent; further pushes are not prepared. */
const maxWaiting = 64;

/**
 * An upstream's receive-pack that was opened while its push was still being
 * received and judged. It serves the one push that it was opened for, within a
 * short time, and is left in peace otherwise.
 */
export class OpenedAhead {
  readonly #prepared: OperationOf<'prepare'>;
  readonly #waiting: Set<OpenedAhead>;
  #opening: Promise<ReceivePack> | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param waiting those of the same agent that have neither been taken nor left. */
  constructor(prepared: OperationOf<'prepare'>, waiting: Set<OpenedAhead>, open: () => Promise<ReceivePack>) {
    this.#prepared = prepared;
    this.#waiting = waiting;
    if (waiting.size >= maxWaiting) return;
    waiting.add(this);
    this.#opening = open();
    this.#opening.then(
      () => this.#expire(),
      () => this.#expire(),
    );
  }

  /** What was opened, once, if it was for this push and is fresh; else undefined. Rejects as opening did. */
  take({ session, upstream, path }: RelayOperation): Promise<ReceivePack> | undefined {
    const isSame =
      session === this.#prepared.session &&
      upstream === this.#prepared.upstream &&
      path === this.#prepared.path;
    return isSame ? this.#release() : undefined;
  }

  /** Leaves the upstream unless its push has taken it. */
  leave(): void {
    this.#release()?.then(
      (receivePack) => receivePack.leave(),
      // Nobody asked for it after all.
      (_error: RefgateError) => undefined,
    );
  }

  #expire(): void {
    if (this.#opening === undefined) return;
    this.#timer = setTimeout(() => this.leave(), freshFor);
  }

  #release(): Promise<ReceivePack> | undefined {
    const opening = this.#opening;
    if (opening === undefined) return undefined;
    this.#waiting.delete(this);
    clearTimeout(this.#timer);
    this.#opening = undefined;
    return opening;
  }
}
