import type { PairedEntry, PairedTree, PairedTrees, TreePair } from './paired-trees.ts';

const maxRoots = 20;
const maxFolders = 1_000;

/**
 * What the refs of the push held before. Commits that are made anew, by an amend or a rebase, bring what is there already: a
 * secret that stands on its line at its path there did not move.
 */
export class OldTips {
  readonly #trees: PairedTrees;
  readonly #roots: TreePair[] = [];
  readonly #folders = new Map<string, Promise<readonly PairedTree[]>>();

  constructor(trees: PairedTrees) {
    this.#trees = trees;
  }

  add(root: TreePair): void {
    if (this.#roots.length < maxRoots) this.#roots.push(root);
  }

  /** The entries of this name in the view that the folder had; its path is that of the originals, latin1. */
  async entries(folder: string, viewName: string): Promise<readonly PairedEntry[]> {
    const trees = await this.#folder(folder);
    return trees.flatMap((tree) => tree.byViewName.get(viewName) ?? []);
  }

  #folder(path: string): Promise<readonly PairedTree[]> {
    const known = this.#folders.get(path);
    if (known !== undefined) return known;
    const read = this.#read(path);
    if (this.#folders.size < maxFolders) this.#folders.set(path, read);
    return read;
  }

  async #read(path: string): Promise<readonly PairedTree[]> {
    const trees: PairedTree[] = [];
    if (path === '') {
      for (const root of this.#roots) trees.push(await this.#trees.read(root));
      return trees;
    }
    const slash = path.lastIndexOf('/');
    const name = path.slice(slash + 1);
    for (const above of await this.#folder(slash < 0 ? '' : path.slice(0, slash))) {
      const pair = above.entries.find(({ original }) => original.name === name && original.kind === 'tree');
      if (pair === undefined) continue;
      trees.push(await this.#trees.read({ view: pair.view?.oid, original: pair.original.oid }));
    }
    return trees;
  }
}
