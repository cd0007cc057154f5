import type { PathChange } from '../../domain/facts.ts';
import type { ObjectType, Oid } from '../../domain/git.ts';
import { readList } from './fact-list.ts';
import type { FoundList } from './finding.ts';
import type { ChangeJudge } from './judge-changes.ts';
import type { ObjectJudge } from './judge-objects.ts';
import type { UpdateSets } from './new-commits.ts';
import { withKinds } from './renames.ts';
import { type EntryChange, TreeDiff } from './tree-diff.ts';
import type { PackObjects, WalkUpdate } from './walk-order.ts';
import type { TreeWalk } from './walk-trees.ts';
import type { WalkedLists } from './walked-lists.ts';

export interface ExistingParts {
  readonly pack: PackObjects;
  readonly trees: TreeWalk;
  readonly changes: ChangeJudge;
  readonly objects: ObjectJudge;
  readonly lists: WalkedLists;
  readonly sets: UpdateSets;
  /** Whether the policy asks for content. */
  readonly content: boolean;
  /** Bytes of an oid. */
  readonly width: number;
  /** The root tree of a commit; undefined when it is not known. */
  rootOf(commit: Oid): Oid | undefined;
}

/** What a ref names in the end; the type is undefined where the upstream alone knows it. */
export interface Tip {
  readonly oid: Oid;
  readonly type: ObjectType | undefined;
}

/**
 * What an update brings beyond its new commits: the difference between its tips
 * that commits of the upstream make, and the files of a tree, or the blob, that
 * it names itself. Such changes have no commit, and count as `existing`.
 */
export class ExistingWalk {
  readonly #parts: ExistingParts;

  constructor(parts: ExistingParts) {
    this.#parts = parts;
  }

  /** After the new commits of all updates have been listed. */
  async walk(update: WalkUpdate, i: number, tip: Tip, found: FoundList): Promise<void> {
    const { pack, objects, content, width, rootOf } = this.#parts;
    if (tip.type === 'blob' && pack.typeOf(tip.oid) === 'blob') objects.blob(tip.oid, found);
    if (tip.type === 'tree') await this.#add(i, new TreeDiff(tip.oid, [], width), content, found);
    if (!update.difference) return;
    const [newRoot, oldRoot] = [rootOf(tip.oid), update.oldOid && rootOf(update.oldOid)];
    if (newRoot === undefined || oldRoot === undefined)
      found.miss({ what: 'history', text: `what ${update.ref} had before cannot be compared` });
    else await this.#add(i, new TreeDiff(newRoot, [oldRoot], width), update.content, found);
  }

  async #add(i: number, diff: TreeDiff, borrowBlobs: boolean, found: FoundList): Promise<void> {
    const { trees, lists, sets, changes } = this.#parts;
    trees.advance(diff, true);
    await trees.settle([{ diff, keep: true }]);
    for (const { path, why } of diff.gaps) found.miss({ what: 'history', text: why, path });
    const changer = { commit: undefined, borrows: borrowBlobs ? 'all' : 'none', found } as const;
    const judged = await changes.judge(withKinds(this.#withoutNew(i, diff.changes)), changer);
    lists.addExisting(sets.with(0, i), judged);
  }

  /** Without what some new commit of the update made just so, and was judged for. */
  #withoutNew(i: number, changes: readonly EntryChange[]): readonly EntryChange[] {
    const left = new Map(changes.map((change) => [change.path, change]));
    const drop = (path: string, key: string) => {
      const change = left.get(path);
      if (change !== undefined && entryKey(change.entry) === key) left.delete(path);
    };
    const made = this.#parts.lists.newChangesOf(this.#parts.sets, i);
    for (const { path, from, mode, oid } of readList<PathChange>(made)) {
      drop(path, mode === undefined || oid === undefined ? gone : `${mode} ${oid}`);
      if (from !== undefined) drop(from, gone);
    }
    return [...left.values()];
  }
}

const gone = '-';

const entryKey = (entry: EntryChange['entry']): string =>
  entry === undefined ? gone : `${entry.mode} ${entry.oid}`;
