import type { MaskProgress } from '../../domain/mask.ts';

const everyMs = 250;

/** Tells how far a step is, at most four times a second. */
export class Progress {
  readonly #tell: (progress: MaskProgress) => void;
  readonly #about: Omit<MaskProgress, 'done'>;
  #done = 0;
  #toldAt = 0;

  constructor(tell: (progress: MaskProgress) => void, about: Omit<MaskProgress, 'done'>) {
    this.#tell = tell;
    this.#about = about;
    this.#say();
  }

  add(count: number): void {
    this.#done += count;
    if (performance.now() - this.#toldAt >= everyMs) this.#say();
  }

  #say(): void {
    this.#toldAt = performance.now();
    this.#tell({ ...this.#about, done: this.#done });
  }
}
