import type { Oid } from '../../domain/git.ts';
import { headerOf, parseObjectText, valuesOf } from './object-text.ts';
import type { Sides } from './sides.ts';
import { parseTree, type TreeEntry } from './tree-entries.ts';

/** How many commits behind one commit are looked at. */
const mostCommits = 300;

/** How many objects are read for one push. */
const mostReads = 20_000;

/** Files that were deleted, and come back where they were: what is behind a commit had them at the same path. */
export class PastFiles {
  readonly #sides: Sides;
  #reads = 0;

  constructor(sides: Sides) {
    this.#sides = sides;
  }

  /**
   * @param commits originals, the nearest first.
   * @param path of the originals, latin1.
   * @param blob the original.
   */
  async had(commits: readonly Oid[], path: string, blob: Oid): Promise<boolean> {
    const open = new Set(commits);
    let looked = 0;
    for (const commit of open) {
      if (++looked > mostCommits || this.#reads > mostReads) return false;
      this.#sides.checkSignal();
      const text = parseObjectText(await this.#read(commit));
      if ((await this.#entry(headerOf(text, 'tree') as Oid, path)) === blob) return true;
      for (const parent of valuesOf(text, 'parent')) open.add(parent);
    }
    return false;
  }

  async #entry(root: Oid, path: string): Promise<Oid | undefined> {
    const [last = '', ...folders] = path.split('/').reverse();
    let tree = root;
    for (const name of folders.reverse()) {
      const below = (await this.#entries(tree)).find((one) => one.name === name && one.kind === 'tree');
      if (below === undefined) return undefined;
      tree = below.oid;
    }
    return (await this.#entries(tree)).find((one) => one.name === last && one.kind !== 'tree')?.oid;
  }

  async #entries(tree: Oid): Promise<readonly TreeEntry[]> {
    return parseTree(await this.#read(tree), this.#sides.context.format) ?? [];
  }

  async #read(oid: Oid): Promise<Buffer> {
    this.#reads++;
    return (await this.#sides.readOriginal(oid)).content;
  }
}
