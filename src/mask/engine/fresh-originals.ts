import { rm } from 'node:fs/promises';
import { RefgateError } from '../../domain/error.ts';
import { isSound } from '../serve/is-sound.ts';

/** What a git says of damaged originals may be any of these; so may what is not their fault. */
const codes: ReadonlySet<string> = new Set(['INTERNAL', 'UPSTREAM_PROTOCOL', 'OBJECT_MALFORMED']);

/** The originals are not read through more often, in ms. */
const lookAgain = 600_000;

/** Finds out whether work on the originals failed since they are damaged, and removes them then. */
export class FreshOriginals {
  readonly #gitDir: string;
  readonly #clock: () => number;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(gitDir: string, clock: () => number) {
    this.#gitDir = gitDir;
    this.#clock = clock;
  }

  /**
   * Does the work, and once more where the originals were damaged and had to go: the work fetches them then. The caller has the
   * repository's turn. Throws what the work throws, and the signal's reason.
   */
  async with<T>(signal: AbortSignal, work: () => Promise<T>, onDamage: (cause: unknown) => void): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted || !(error instanceof RefgateError) || !codes.has(error.code)) throw error;
      if (this.#clock() - this.#lookedAt < lookAgain) throw error;
      this.#lookedAt = this.#clock();
      if (await isSound(this.#gitDir, signal)) throw error;
      onDamage(error);
      await rm(this.#gitDir, { recursive: true, force: true });
      return await work();
    }
  }
}
