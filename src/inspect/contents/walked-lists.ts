import { RefgateError } from '../../domain/error.ts';
import type { CommitFacts, PathChange } from '../../domain/facts.ts';
import type { Oid } from '../../domain/git.ts';
import { encodeChanges, encodeCommit, ListWriter } from './fact-list.ts';
import type { UpdateSets } from './new-commits.ts';
import type { WalkedUpdate } from './walk-order.ts';

/** Lists of one push may take so many bytes. */
const maxListBytes = 256 * 1024 * 1024;

/** Pieces that the lists of all updates name together. */
const maxPieces = 1_000_000;

interface Run {
  readonly set: number;
  readonly commits: readonly Uint8Array[];
  readonly changes: readonly Uint8Array[];
  readonly counts: { readonly commits: number; readonly changes: number };
}

type Lists = Pick<WalkedUpdate, 'commits' | 'changes' | 'counts'>;

/**
 * The lists of commits and changes while they are written. What several updates
 * bring is written once: commits of the same updates that follow each other
 * are a run, and the list of an update is a row of runs. Throws LIMIT_EXCEEDED (client).
 */
export class WalkedLists {
  readonly #commits = new ListWriter();
  readonly #changes = new ListWriter();
  readonly #runs: Run[] = [];
  /** Changes that no new commit makes: in a list they come last, so they are put first. */
  readonly #existing: Run[] = [];
  #set = 0;
  #counts = { commits: 0, changes: 0 };

  /** Adds a commit with its changes; the newest first. @param set the updates that bring it. */
  add(set: number, facts: CommitFacts, changes: readonly Omit<PathChange, 'source' | 'commit'>[]): void {
    if (set !== this.#set) this.#endRun();
    this.#set = set;
    encodeCommit(this.#commits, facts);
    this.#addChanges(facts.oid, changes);
    this.#counts.commits++;
  }

  /** Adds changes that no new commit makes. */
  addExisting(set: number, changes: readonly Omit<PathChange, 'source' | 'commit'>[]): void {
    this.#endRun();
    this.#set = set;
    this.#addChanges(undefined, changes);
    this.#endRun(this.#existing);
  }

  #addChanges(commit: Oid | undefined, changes: readonly Omit<PathChange, 'source' | 'commit'>[]): void {
    encodeChanges(this.#changes, commit, changes);
    this.#counts.changes += changes.length;
    if (this.#commits.bytes + this.#changes.bytes > maxListBytes)
      throw new RefgateError('LIMIT_EXCEEDED', 'client', 'it changes more than can be listed');
  }

  #endRun(runs = this.#runs): void {
    if (this.#counts.commits + this.#counts.changes > 0) {
      const [commits, changes] = [this.#commits.take(), this.#changes.take()];
      runs.push({ set: this.#set, commits, changes, counts: this.#counts });
    }
    this.#counts = { commits: 0, changes: 0 };
  }

  /** The changes that new commits of one update make, as they are now. */
  newChangesOf(sets: UpdateSets, update: number): readonly Uint8Array[] {
    this.#endRun();
    return this.#runs.flatMap(({ set, changes }) => (sets.has(set, update) ? changes : []));
  }

  /** The lists of each update as they are now. @param count of updates. */
  lists(sets: UpdateSets, count: number): readonly Lists[] {
    this.#endRun();
    const rows = Array.from({ length: count }, () => ({
      commits: [] as Uint8Array[],
      changes: [] as Uint8Array[],
      counts: { commits: 0, changes: 0 },
    }));
    let pieces = 0;
    for (const run of [...this.#existing, ...this.#runs]) {
      for (const update of sets.members(run.set)) {
        const row = rows[update] as (typeof rows)[number];
        row.commits.push(...run.commits);
        row.changes.push(...run.changes);
        row.counts.commits += run.counts.commits;
        row.counts.changes += run.counts.changes;
        pieces += run.commits.length + run.changes.length;
      }
      if (pieces > maxPieces)
        throw new RefgateError(
          'LIMIT_EXCEEDED',
          'client',
          'its refs bring too many commits in too many ways',
        );
    }
    return rows;
  }
}
