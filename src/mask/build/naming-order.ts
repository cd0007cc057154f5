/** In which order commits and tags are decided: each behind what it links to and what its text names. The numbers are those of a table. */
export class NamingOrder {
  readonly #names = new Map<number, readonly number[]>();

  /** @param named commits and tags that the text of the object names. */
  add(object: number, named: readonly number[]): void {
    if (named.length > 0) this.#names.set(object, named);
  }

  /**
   * @param objects in an order in which each stands behind its links: they stay so where nothing is named.
   * @param linksOf what an object links to, among them or not.
   */
  sort(objects: readonly number[], linksOf: (object: number) => readonly number[]): readonly number[] {
    if (this.#names.size === 0) return objects;
    const waiting = new Set(objects);
    const sorted: number[] = [];
    for (const object of objects) {
      const entered: { readonly object: number; readonly before: number[] }[] = [];
      // Whoever can make two objects of one name could make a ring of them: each is entered once.
      const enter = (next: number): void => {
        if (!waiting.delete(next)) return;
        entered.push({ object: next, before: [...linksOf(next), ...(this.#names.get(next) ?? [])] });
      };
      enter(object);
      for (let top = entered.at(-1); top !== undefined; top = entered.at(-1)) {
        const before = top.before.pop();
        if (before !== undefined) enter(before);
        else sorted.push((entered.pop() as typeof top).object);
      }
    }
    return sorted;
  }
}
