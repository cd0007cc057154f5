import type { ObjectFormat, Oid } from '../domain/git.ts';

/**
 * The parents of commits, by oid: what an oid names never changes, so that a
 * fact once learned is true in every repository and for ever. Bounded by the count
 * of commits and parents together, since one commit may name very many;
 * the one that was asked for longest ago goes first.
 */
export class CommitCache {
  readonly #parents = new Map<Oid, readonly Oid[]>();
  readonly #max: number;
  #held = 0;

  /** @param max commits and parents, together. */
  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#parents.size;
  }

  get(oid: Oid): readonly Oid[] | undefined {
    const parents = this.#parents.get(oid);
    if (parents !== undefined) {
      this.#parents.delete(oid);
      this.#parents.set(oid, parents);
    }
    return parents;
  }

  set(oid: Oid, parents: readonly Oid[]): void {
    if (1 + parents.length > this.#max) return;
    this.#forget(oid);
    this.#parents.set(oid, parents);
    this.#held += 1 + parents.length;
    for (const oldest of this.#parents.keys()) {
      if (this.#held <= this.#max) return;
      this.#forget(oldest);
    }
  }

  #forget(oid: Oid): void {
    const parents = this.#parents.get(oid);
    if (parents === undefined) return;
    this.#parents.delete(oid);
    this.#held -= 1 + parents.length;
  }
}

/**
 * The parents of a commit as git reads them: the lines right after `tree`, and
 * no later ones. Old history holds commits that are not well-formed, so nothing else is looked at.
 */
export function parentsOfCommit(content: Buffer, format: ObjectFormat): readonly Oid[] {
  const digits = format === 'sha256' ? 64 : 40;
  const parents: Oid[] = [];
  let at = 'tree '.length + digits + 1;
  const line = 'parent '.length + digits + 1;
  while (content.toString('latin1', at, at + 7) === 'parent ' && content[at + line - 1] === 0x0a) {
    parents.push(content.toString('latin1', at + 7, at + line - 1));
    at += line;
  }
  return parents;
}
