/** Counts the connections that wait for each push, and says when the last one has gone. */
export class Attached {
  readonly #counts = new Map<string, number>();
  readonly #onLast: (id: string) => void;

  constructor(onLast: (id: string) => void) {
    this.#onLast = onLast;
  }

  has(id: string): boolean {
    return this.#counts.has(id);
  }

  /** Gives what ends it; calling that again does nothing. */
  attach(id: string): () => void {
    this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      const left = (this.#counts.get(id) ?? 1) - 1;
      if (left > 0) return void this.#counts.set(id, left);
      this.#counts.delete(id);
      this.#onLast(id);
    };
  }
}
