/** Values by key, bounded by what they cost together; what was used longest ago goes first. */
export class ByteLru<Value> {
  readonly #values = new Map<string, { readonly value: Value; readonly cost: number }>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): Value | undefined {
    const found = this.#values.get(key);
    if (found === undefined) return undefined;
    this.#values.delete(key);
    this.#values.set(key, found);
    return found.value;
  }

  /** @param cost in bytes; a value that costs more than all the room is not kept. */
  set(key: string, value: Value, cost: number): void {
    this.delete(key);
    if (cost > this.#maxBytes) return;
    this.#values.set(key, { value, cost });
    this.#bytes += cost;
    for (const oldest of this.#values.keys()) {
      if (this.#bytes <= this.#maxBytes) return;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const found = this.#values.get(key);
    if (found === undefined) return;
    this.#values.delete(key);
    this.#bytes -= found.cost;
  }
}
