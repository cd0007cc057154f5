import type { ObjectFormat, ObjectType, Oid } from '../../domain/git.ts';
import type { GitObject } from '../objects/git-objects.ts';
import { headerOf, parseObjectText, valuesOf } from './object-text.ts';
import { parseTree } from './tree-entries.ts';

/** What is asked of the objects of both sides. */
interface PushedObjects {
  readonly context: {
    readonly format: ObjectFormat;
    readonly pushed?: { info(oid: Oid): Promise<{ readonly type: ObjectType } | undefined> } | undefined;
  };
  checkSignal(): void;
  isNow(view: Oid): boolean;
  known(view: Oid): Promise<{ readonly type: ObjectType; readonly original: Oid } | undefined>;
  readPushed(oid: Oid): Promise<GitObject | undefined>;
}

/**
 * Originals that go upstream once more: those of what the view knows and the push brings all the same. A client sends what no ref
 * reaches that it was shown, and so the upstream may have forgotten it since.
 */
export class SentAgain {
  readonly #sides: PushedObjects;
  readonly #seen = new Set<Oid>();
  readonly originals = new Set<Oid>();

  constructor(sides: PushedObjects) {
    this.#sides = sides;
  }

  /** Told of an object that is known already: looks for what the push brings of it. Throws LIMIT_EXCEEDED (client). */
  async add(view: Oid): Promise<void> {
    const open = [view];
    for (let oid = open.pop(); oid !== undefined; oid = open.pop()) {
      if (this.#seen.has(oid)) continue;
      this.#seen.add(oid);
      this.#sides.checkSignal();
      const info = await this.#sides.context.pushed?.info(oid);
      const known = info && !this.#sides.isNow(oid) ? await this.#sides.known(oid) : undefined;
      if (known === undefined || known.type !== info?.type) continue;
      this.originals.add(known.original);
      const pushed = known.type === 'blob' ? undefined : await this.#sides.readPushed(oid);
      if (pushed !== undefined) open.push(...this.#links(pushed.type, pushed.content));
    }
  }

  #links(type: ObjectType, content: Buffer): readonly Oid[] {
    if (type === 'blob') return [];
    if (type === 'tree') return (parseTree(content, this.#sides.context.format) ?? []).map(({ oid }) => oid);
    const text = parseObjectText(content);
    return [headerOf(text, type === 'tag' ? 'object' : 'tree') as Oid, ...valuesOf(text, 'parent')];
  }
}
