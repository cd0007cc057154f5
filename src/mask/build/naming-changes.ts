import type { Oid } from '../../domain/git.ts';
import { CommitGraph } from './commit-graph.ts';
import { DirtyTrees } from './dirty-trees.ts';
import type { HistoryStep } from './history.ts';
import { NamingOrder } from './naming-order.ts';
import type { Reachable } from './reachable.ts';

/** What is known of objects by what they hold themselves. */
export interface OwnChanges {
  /** Of a blob, and of the text of a commit or a tag. */
  readonly isDirty: (oid: Oid) => boolean;
  readonly isDirtyName: (name: string) => boolean;
}

/**
 * Counts commits that are changed where texts name other objects. As long as no text names any it keeps nothing, and is
 * of no use.
 */
export class NamingChanges {
  readonly #reachable: Reachable;
  readonly #own: OwnChanges;
  readonly #names = new Map<number, readonly number[]>();
  readonly #order = new NamingOrder();
  readonly #targets = new Map<number, number>();
  #past: { readonly graph: CommitGraph; readonly trees: DirtyTrees } | undefined;

  constructor(reachable: Reachable, own: OwnChanges) {
    this.#reachable = reachable;
    this.#own = own;
  }

  /** Whether any text names an object that is reached. To be asked when every text was taken. */
  get isAny(): boolean {
    return this.#names.size > 0;
  }

  /** @param target of a tag. */
  takeText(oid: Oid, named: Iterable<Oid>, target?: Oid): void {
    const { table } = this.#reachable;
    const number = table.find(oid);
    const numbers = [...named].map((one) => table.find(one)).filter((one) => one >= 0);
    if (target !== undefined) this.#targets.set(number, table.find(target));
    if (numbers.length === 0) return;
    this.#names.set(number, numbers);
    this.#order.add(
      number,
      numbers.filter((one) => this.#isText(one)),
    );
  }

  /** The history, parents first. */
  takeStep(step: HistoryStep): void {
    if (!this.isAny) return;
    const { table } = this.#reachable;
    const { isDirty, isDirtyName } = this.#own;
    this.#past ??= {
      graph: new CommitGraph(table),
      trees: new DirtyTrees(table, isDirty, isDirtyName),
    };
    const { graph, trees } = this.#past;
    const [first] = step.parents;
    trees.take(step, first === undefined ? undefined : graph.treeOf(first));
    const parents = step.parents.map((oid) => table.find(oid));
    graph.add(table.find(step.commit), table.find(step.tree), parents);
  }

  /** @param isChanged whether a commit is by what it and those before it hold. */
  count(isChanged: (commit: number) => boolean): number {
    const { table, ofType, typeOf } = this.#reachable;
    if (this.#past === undefined) return 0;
    const { graph, trees } = this.#past;
    const changed = new Uint8Array(table.size);
    const linksOf = (object: number): readonly number[] => {
      const target = this.#targets.get(object);
      return target === undefined ? graph.parentsOf(object) : [target];
    };
    const isOther = (object: number): boolean => {
      if (this.#isText(object)) return changed[object] === 1;
      return typeOf(object) === 'tree'
        ? trees.isDirty(table.at(object))
        : this.#own.isDirty(table.at(object));
    };
    let count = 0;
    for (const object of this.#order.sort([...graph.order, ...ofType('tag')], linksOf)) {
      const isCommit = typeOf(object) === 'commit';
      const isOwn = isCommit ? isChanged(object) : this.#own.isDirty(table.at(object));
      if (!isOwn && !linksOf(object).some(isOther) && !(this.#names.get(object) ?? []).some(isOther))
        continue;
      changed[object] = 1;
      if (isCommit) count++;
    }
    return count;
  }

  #isText(object: number): boolean {
    const type = this.#reachable.typeOf(object);
    return type === 'commit' || type === 'tag';
  }
}
