import type { Finding, HiddenObjects, UnknownFact } from '../../domain/facts.ts';
import type { ObjectFormat, Oid } from '../../domain/git.ts';
import { hashBytes } from '../../git/pack-stream.ts';
import { parentsOfCommit } from '../commit-cache.ts';
import type { SecretRule } from '../secrets/rule.ts';
import { BorrowedObjects } from './borrowed-objects.ts';
import { commitFacts, treeOfCommit } from './commit-facts.ts';
import { ExistingWalk } from './existing.ts';
import { FoundList } from './finding.ts';
import { findHidden, ReachMarker } from './hidden.ts';
import { type Borrows, ChangeJudge } from './judge-changes.ts';
import { ObjectJudge } from './judge-objects.ts';
import { isLimit } from './limit.ts';
import { type NewCommit, orderCommits, UpdateSets } from './new-commits.ts';
import { type KindedChange, withKinds } from './renames.ts';
import { TreeDiff } from './tree-diff.ts';
import type { Borrow, PackObjects, PackScan, WalkOrder, WalkResult } from './walk-order.ts';
import { TreeWalk } from './walk-trees.ts';
import { WalkedLists } from './walked-lists.ts';

export interface WalkParts {
  readonly order: WalkOrder;
  readonly pack: PackObjects;
  readonly scan: PackScan;
  readonly borrow: Borrow;
  readonly objectFormat: ObjectFormat;
  /** For those that take a file for a secret because of its path. */
  readonly rules?: readonly SecretRule[];
}

/**
 * Walks what a held pack brings, update by update: the new commits, what each
 * changes, and the secrets in both. What cannot be established is an unknown
 * fact of the updates that it concerns, and nothing is passed over in silence.
 * Does all reading of the pack synchronously, so it belongs into a worker
 * thread. Throws what `borrow` throws.
 */
export function walkContents(parts: WalkParts): Promise<WalkResult> {
  return new Walk(parts).run();
}

/** Commits whose trees are compared side by side, so that one question asks for what all of them miss. */
const maxQueued = 512;

/** Changes of queued commits. */
const maxQueuedChanges = 100_000;

/** Parents with which a merge is compared; further ones would only take changes away. */
const maxParents = 128;

interface Job {
  readonly commit: NewCommit;
  readonly content: Buffer;
  readonly diff: TreeDiff;
  readonly keep: boolean;
  /** Changes that it had when it joined the queue. */
  readonly counted: number;
  /** Set once all that they need has been borrowed. */
  changes?: readonly KindedChange[];
}

class Walk {
  readonly #parts: WalkParts;
  readonly #borrowed: BorrowedObjects;
  readonly #trees: TreeWalk;
  readonly #changes: ChangeJudge;
  readonly #objects: ObjectJudge;
  readonly #lists = new WalkedLists();
  readonly #found: readonly FoundList[];
  readonly #optionsFound = new FoundList();
  readonly #unreached: ReadonlyMap<Oid, Buffer>;
  readonly #known: ReadonlySet<Oid>;
  readonly #baseline: ReadonlySet<string>;
  /** The root trees of commits that are not in the pack. */
  readonly #roots = new Map<Oid, Oid>();
  readonly #width: number;
  #sets: UpdateSets;
  #queue: Job[] = [];
  #waiting = 0;

  constructor(parts: WalkParts) {
    const { order, pack, scan, borrow, objectFormat, rules = [] } = parts;
    this.#parts = parts;
    this.#borrowed = new BorrowedObjects(borrow);
    this.#trees = new TreeWalk(pack, this.#borrowed);
    this.#baseline = new Set(order.baseline);
    this.#changes = new ChangeJudge({
      pack,
      scan,
      rules,
      borrowed: this.#borrowed,
      baseline: this.#baseline,
      movedCounts: order.moved ?? false,
      movedSecrets: order.movedSecrets ?? [],
    });
    this.#objects = new ObjectJudge(pack, scan, this.#baseline);
    this.#found = order.updates.map(() => new FoundList(order.maxFindings));
    this.#unreached = new Map(order.unreached.map(({ oid, content }) => [oid, content]));
    this.#known = new Set(order.known);
    this.#width = hashBytes(objectFormat);
    this.#sets = new UpdateSets(order.updates.length);
  }

  async run(): Promise<WalkResult> {
    const { order, pack, scan } = this.#parts;
    for (const [i, { ref }] of order.updates.entries())
      this.#objects.text(ref, 'ref', this.#found[i] as FoundList);
    for (const option of order.pushOptions) this.#objects.text(option, 'push-option', this.#optionsFound);
    const complete = await this.#walkAll();
    const hidden = findHidden(pack, scan, this.#baseline, this.#parts.objectFormat);
    for (const unknown of [...this.#optionsFound.unknowns, ...hidden.unknowns]) this.#missAll(unknown);
    return this.#result(
      [...this.#optionsFound.findings, ...hidden.findings],
      complete ? hidden.objects : undefined,
    );
  }

  #result(findings: readonly Finding[], hidden: HiddenObjects | undefined): WalkResult {
    const lists = this.#lists.lists(this.#sets, this.#found.length);
    return {
      updates: lists.map((list, i) => {
        const { findings, unknowns } = this.#found[i] as FoundList;
        return { ...list, findings, unknowns };
      }),
      ...(hidden === undefined ? {} : { hidden }),
      findings,
      trees: Array.from(this.#trees.kept, ([oid, content]) => ({ oid, type: 'tree' as const, content })),
    };
  }

  /** False when a bound was reached: then every update has an unknown fact. */
  async #walkAll(): Promise<boolean> {
    try {
      const tips = this.#parts.order.updates.map(({ newOid }, i) =>
        this.#objects.peel(newOid, this.#found[i] as FoundList),
      );
      const commitTips = tips.map(({ oid, type }, i) => {
        const isCommit = type === 'commit' || this.#parts.order.updates[i]?.newType === undefined;
        return isCommit && (type === undefined || type === 'commit') ? oid : undefined;
      });
      const { commits, sets } = orderCommits(commitTips, (oid) => this.#newParents(oid));
      this.#sets = sets;
      await this.#borrowRoots(commits);
      await this.#walkCommits(commits, new Set(commitTips));
      const existing = new ExistingWalk({
        pack: this.#parts.pack,
        trees: this.#trees,
        changes: this.#changes,
        objects: this.#objects,
        lists: this.#lists,
        borrowed: this.#borrowed,
        scan: this.#parts.scan,
        content: this.#parts.order.content === true,
        sets,
        width: this.#width,
        rootOf: (oid) => this.#rootOf(oid),
      });
      for (const [i, update] of this.#parts.order.updates.entries()) {
        const found = this.#found[i] as FoundList;
        await existing.walk(update, i, tips[i] as (typeof tips)[number], found);
      }
      this.#markRest(commits);
      return true;
    } catch (error) {
      if (!isLimit(error)) throw error;
      this.#missAll({
        what: 'history',
        text: `not all of it could be looked at: ${error.detail ?? error.code}`,
      });
      return false;
    }
  }

  #missAll(unknown: UnknownFact): void {
    for (const found of this.#found) found.miss(unknown);
  }

  /** Undefined when the commit is not one to be judged. */
  #newParents(oid: Oid): readonly Oid[] | undefined {
    if (this.#known.has(oid)) return undefined;
    const unreached = this.#unreached.get(oid);
    if (unreached === undefined) return this.#parts.pack.parentsOf(oid);
    return parentsOfCommit(unreached, this.#parts.objectFormat);
  }

  /** Asks for the commits outside the pack with which new ones are compared. */
  async #borrowRoots(commits: readonly NewCommit[]): Promise<void> {
    const wanted = new Set<Oid>();
    for (const { parents } of commits)
      for (const parent of parents) if (!this.#isHere(parent)) wanted.add(parent);
    const { updates } = this.#parts.order;
    for (const { difference, oldOid, newOid } of updates)
      if (difference && oldOid !== undefined)
        for (const oid of [oldOid, newOid]) if (!this.#isHere(oid)) wanted.add(oid);
    if (wanted.size === 0) return;
    await this.#borrowed.fetch(wanted, 'commit', (objects) => {
      for (const [oid, content] of objects)
        if (wanted.has(oid)) this.#roots.set(oid, treeOfCommit(content, this.#parts.objectFormat));
    });
  }

  #isHere(oid: Oid): boolean {
    return this.#unreached.has(oid) || this.#parts.pack.typeOf(oid) !== undefined;
  }

  #rootOf(commit: Oid): Oid | undefined {
    const { pack, objectFormat } = this.#parts;
    const content =
      this.#unreached.get(commit) ?? (pack.typeOf(commit) === 'commit' ? pack.read(commit) : undefined);
    return content === undefined ? this.#roots.get(commit) : treeOfCommit(content, objectFormat);
  }

  async #walkCommits(commits: readonly NewCommit[], tips: ReadonlySet<Oid | undefined>): Promise<void> {
    for (const commit of commits) {
      const job = this.#begin(commit, tips.has(commit.oid));
      this.#queue.push(job);
      this.#waiting += job.counted;
      if (this.#queue.length >= maxQueued || this.#waiting >= maxQueuedChanges) await this.#settle();
      await this.#finishReady();
    }
    await this.#settle();
    await this.#finishReady();
  }

  /** Borrows what all queued commits need, some hundred objects at a time. */
  async #settle(): Promise<void> {
    await this.#trees.settle(this.#queue);
    for (const job of this.#queue) job.changes = withKinds(job.diff.changes);
    await this.#changes.prepare(
      this.#queue.map(({ commit, changes = [] }) => [changes, this.#borrows(commit)]),
    );
  }

  #borrows({ oid }: NewCommit): Borrows {
    if (this.#unreached.has(oid)) return 'all';
    const { content = false, moved = false } = this.#parts.order;
    if (!content) return 'none';
    return moved ? 'all' : 'brought';
  }

  #begin(commit: NewCommit, keep: boolean): Job {
    const { pack, objectFormat } = this.#parts;
    const content = this.#unreached.get(commit.oid) ?? (pack.read(commit.oid) as Buffer);
    pack.markReached(commit.oid);
    const parents = commit.parents.slice(0, maxParents);
    const roots = parents.map((parent) => this.#rootOf(parent));
    for (const [i, root] of roots.entries())
      if (root === undefined)
        this.#missOf(commit, {
          what: 'history',
          text: `parent ${parents[i]} is not there`,
          commit: commit.oid,
        });
    const diff = new TreeDiff(treeOfCommit(content, objectFormat), roots, this.#width);
    this.#trees.advance(diff, keep);
    return { commit, content, diff, keep, counted: diff.changes.length };
  }

  /** Commits leave the queue in their order, as far as nothing has to be borrowed for them. */
  async #finishReady(): Promise<void> {
    let done = 0;
    for (; done < this.#queue.length; done++) {
      const job = this.#queue[done] as Job;
      if (!job.diff.done) break;
      if (job.changes === undefined) {
        const changes = withKinds(job.diff.changes);
        if (this.#changes.wants(changes, this.#borrows(job.commit))) break;
        job.changes = changes;
      }
      await this.#finish(job, job.changes);
    }
    if (done > 0) this.#queue = this.#queue.slice(done);
  }

  async #finish({ commit, content, diff, counted }: Job, changed: readonly KindedChange[]): Promise<void> {
    const { oid, set } = commit;
    this.#waiting -= counted;
    const found = this.#foundOf(set);
    for (const { path, why } of diff.gaps) found.miss({ what: 'history', text: why, path, commit: oid });
    this.#objects.commit(oid, content, this.#unreached.has(oid), found);
    const changes = await this.#changes.judge(changed, {
      commit: oid,
      borrows: this.#borrows(commit),
      found,
    });
    this.#lists.add(set, commitFacts(oid, content, this.#parts.objectFormat), changes);
  }

  /** What concerns a commit concerns every update that brings it. */
  #foundOf(set: number): Pick<FoundList, 'find' | 'miss'> {
    const each = (tell: (found: FoundList) => void) => {
      for (const update of this.#sets.members(set)) tell(this.#found[update] as FoundList);
    };
    return {
      find: (finding) => each((found) => found.find(finding)),
      miss: (unknown) => each((found) => found.miss(unknown)),
    };
  }

  #missOf({ set }: NewCommit, unknown: UnknownFact): void {
    this.#foundOf(set).miss(unknown);
  }

  /** Objects that no change names are reached all the same when they are in the tree of a commit. */
  #markRest(commits: readonly NewCommit[]): void {
    const { pack, order, objectFormat } = this.#parts;
    if (pack.reached === pack.count) return;
    const marker = new ReachMarker(pack, objectFormat);
    marker.fromCommits(commits.map(({ oid }) => oid));
    marker.fromCommits(order.known);
    for (const { content } of order.unreached) marker.fromTree(treeOfCommit(content, objectFormat));
  }
}
