import type { PathChange } from '../../domain/facts.ts';
import type { ObjectType, Oid } from '../../domain/git.ts';
import type { BorrowedObjects } from './borrowed-objects.ts';
import { readList } from './fact-list.ts';
import type { FoundList } from './finding.ts';
import type { ChangeJudge } from './judge-changes.ts';
import type { ObjectJudge } from './judge-objects.ts';
import type { UpdateSets } from './new-commits.ts';
import { withKinds } from './renames.ts';
import { type Entry, type EntryChange, TreeDiff } from './tree-diff.ts';
import type { PackObjects, PackScan, WalkUpdate } from './walk-order.ts';
import type { TreeWalk } from './walk-trees.ts';
import type { WalkedLists } from './walked-lists.ts';

export interface ExistingParts {
  readonly pack: PackObjects;
  readonly trees: TreeWalk;
  readonly changes: ChangeJudge;
  readonly objects: ObjectJudge;
  readonly lists: WalkedLists;
  readonly sets: UpdateSets;
  readonly borrowed: BorrowedObjects;
  readonly scan: PackScan;
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
    const isOutside = update.newType !== undefined;
    if (tip.type === 'tree' || (isOutside && update.newType === 'tree'))
      await this.#add(i, new TreeDiff(tip.oid, [], width), content || isOutside, found);
    if (isOutside && update.newType === 'blob') await this.#borrowBlob(tip.oid, found);
    if (!update.difference) return;
    const [newRoot, oldRoot] = [rootOf(tip.oid), update.oldOid && rootOf(update.oldOid)];
    if (newRoot === undefined || oldRoot === undefined)
      found.miss({ what: 'history', text: `what ${update.ref} had before cannot be compared` });
    else await this.#add(i, new TreeDiff(newRoot, [oldRoot], width), update.content, found);
  }

  async #borrowBlob(oid: Oid, found: FoundList): Promise<void> {
    const { borrowed, scan, objects } = this.#parts;
    let content: Buffer | undefined;
    await borrowed.fetch(new Set([oid]), 'blob', (given) => {
      content = given.get(oid);
    });
    objects.blobAs(oid, content === undefined ? undefined : scan.scan(content), found);
  }

  async #add(i: number, diff: TreeDiff, borrowBlobs: boolean, found: FoundList): Promise<void> {
    const { trees, lists, sets, changes } = this.#parts;
    trees.advance(diff, true);
    await trees.settle([{ diff, keep: true }]);
    for (const { path, why } of diff.gaps) found.miss({ what: 'history', text: why, path });
    const changer = { commit: undefined, borrows: borrowBlobs ? 'all' : 'none', found } as const;
    const [existing, made] = this.#part(i, diff.changes);
    const judged = await changes.judge(withKinds(existing), changer);
    // A new commit was judged by what its parents have, and they can have a secret that the old tip has not.
    if (made.length > 0) await changes.judge(withKinds(made), { ...changer, found: untold(found) });
    lists.addExisting(sets.with(0, i), judged);
  }

  /** Which changes are existing, and which some new commit of the update made just so. Several paths can be told alike. */
  #part(i: number, changes: readonly EntryChange[]): readonly [EntryChange[], EntryChange[]] {
    const { lists, sets } = this.#parts;
    const open = new Set(changes.map(({ path, entry }) => keyOf(path, entry)));
    const made = new Set<string>();
    const make = (key: string) => {
      if (open.delete(key)) made.add(key);
    };
    for (const { path, from, mode, oid } of readList<PathChange>(lists.newChangesOf(sets, i))) {
      make(keyOf(path, mode === undefined || oid === undefined ? undefined : { mode, oid }));
      if (from !== undefined) make(keyOf(from, undefined));
    }
    const isMade = ({ path, entry }: EntryChange) => made.has(keyOf(path, entry));
    return [changes.filter((change) => !isMade(change)), changes.filter(isMade)];
  }
}

const keyOf = (path: string, entry: Entry | undefined): string =>
  entry === undefined ? `- ${path}` : `${entry.mode} ${entry.oid} ${path}`;

/** Tells each secret, and each thing that is not known, that was not told of the same path before. */
function untold(found: FoundList): Pick<FoundList, 'find' | 'miss'> {
  const secrets = new Set(found.findings.map(({ fingerprint, path }) => `${fingerprint} ${path}`));
  const unknowns = new Set(found.unknowns.map(({ oid, path }) => `${oid} ${path}`));
  return {
    find: (finding) => {
      if (!secrets.has(`${finding.fingerprint} ${finding.path}`)) found.find(finding);
    },
    miss: (unknown) => {
      if (!unknowns.has(`${unknown.oid} ${unknown.path}`)) found.miss(unknown);
    },
  };
}
