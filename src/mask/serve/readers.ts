/** Counts who reads the folders of views, so that one is removed only after its last reader. */
export class Readers {
  readonly #counts = new Map<string, number>();
  readonly #waiting = new Map<string, (() => void)[]>();

  /** One reader more, until the function that it gives is called; it may be called twice. */
  enter(dir: string): () => void {
    this.#counts.set(dir, this.count(dir) + 1);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#leave(dir);
    };
  }

  count(dir: string): number {
    return this.#counts.get(dir) ?? 0;
  }

  /** Resolves once nobody reads the folder; who calls it has seen to it that nobody new comes. */
  whenFree(dir: string): Promise<void> {
    if (this.count(dir) === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.set(dir, [...(this.#waiting.get(dir) ?? []), resolve]);
    });
  }

  #leave(dir: string): void {
    const left = this.count(dir) - 1;
    if (left > 0) {
      this.#counts.set(dir, left);
      return;
    }
    this.#counts.delete(dir);
    const waiting = this.#waiting.get(dir) ?? [];
    this.#waiting.delete(dir);
    for (const resolve of waiting) resolve();
  }
}
