import { RefgateError } from '../../domain/error.ts';
import type { Oid } from '../../domain/git.ts';
import type { Sides } from './sides.ts';
import { parseTree, type TreeEntry } from './tree-entries.ts';

/** One tree on both sides. `view` is absent where the view that it is of was replaced by a newer one. */
export interface TreePair {
  readonly view: Oid | undefined;
  readonly original: Oid;
}

export interface PairedEntry {
  readonly original: TreeEntry;
  readonly view: TreeEntry | undefined;
}

/** The entries of a tree, by their names in the view. */
export interface PairedTree {
  readonly entries: readonly PairedEntry[];
  readonly byViewName: ReadonlyMap<string, PairedEntry>;
}

const noNames: ReadonlyMap<string, string> = new Map();

/** Reads trees on both sides, and finds which entry is which. */
export class PairedTrees {
  readonly #sides: Sides;

  constructor(sides: Sides) {
    this.#sides = sides;
  }

  async read({ view, original }: TreePair): Promise<PairedTree> {
    const { content } = await this.#sides.readOriginal(original);
    const originals = this.#parse(original, content);
    if (view === original)
      return paired(originals.map((entry) => [entry.name, { original: entry, view: entry }]));
    const shown = view === undefined ? undefined : await this.#sides.readView(view);
    const views = new Map<string, TreeEntry>();
    if (shown !== undefined && view !== undefined)
      for (const entry of this.#parse(view, shown.content)) views.set(entry.name, entry);
    const masked = originals.every(({ name }) => views.has(name)) ? noNames : this.#maskedNames(content);
    return paired(
      originals.map((entry) => {
        const name = masked.get(entry.name) ?? entry.name;
        return [name, { original: entry, view: views.get(name) }];
      }),
    );
  }

  #maskedNames(content: Buffer): ReadonlyMap<string, string> {
    const { names = [] } = this.#sides.context.view.tree(content, this.#sides.viewOf) ?? {};
    return new Map(names.map(({ original, view }) => [original.toString('latin1'), view.toString('latin1')]));
  }

  #parse(oid: Oid, content: Buffer): readonly TreeEntry[] {
    const entries = parseTree(content, this.#sides.context.format);
    if (entries === undefined)
      throw new RefgateError('INTERNAL', 'refgate', `the tree ${oid} cannot be read`);
    return entries;
  }
}

function paired(rows: readonly (readonly [string, PairedEntry])[]): PairedTree {
  return { entries: rows.map(([, pair]) => pair), byViewName: new Map(rows) };
}
