import { setImmediate } from 'node:timers/promises';
import { RefgateError } from '../domain/error.ts';
import type { ObjectFormat, Oid } from '../domain/git.ts';
import type { Log } from '../domain/log.ts';
import type { FetchSource, HeldPack } from '../domain/ports.ts';
import { fetchObjects } from './borrow.ts';
import { type BorrowLimits, defaultBorrowLimits } from './borrowed-pack.ts';
import { CommitCache, parentsOfCommit } from './commit-cache.ts';
import type { BorrowedObject } from './quarantine.ts';

/** What the questions of one push may still cost; what does not fit is `unknown`. */
export interface WalkBudget {
  /** Commits to visit in the pack or to borrow. */
  commits: number;
  /** Requests to the upstream. */
  requests: number;
}

export interface AncestryQuery {
  readonly held?: HeldPack | undefined;
  /** Gives a new source of the upstream repository; it is closed here. */
  readonly source: () => FetchSource;
  readonly objectFormat: ObjectFormat;
  /** Names the repository in the log. */
  readonly repoKey?: string | undefined;
  readonly budget?: WalkBudget;
  readonly signal?: AbortSignal | undefined;
}

/** Whether one commit is reached from another, by the pack and by what the upstream holds now. */
export interface Ancestry {
  /**
   * True when `old` is `new` or an ancestor of it. What cannot be established
   * is `unknown`, and its cause is logged. Throws HUNG_UP alone.
   */
  isAncestor(old: Oid, new_: Oid, query: AncestryQuery): Promise<boolean | 'unknown'>;
  /** Notes a commit whose oid has been computed from its content. */
  learn(commit: Pick<BorrowedObject, 'oid' | 'content'>, format: ObjectFormat): void;
}

export interface AncestryOptions {
  /** Commits and their parents, together. */
  readonly maxCachedCommits: number;
  readonly log: Log;
  readonly limits?: BorrowLimits;
}

/** The budget of one push. A visited commit costs some hundred bytes of this thread's memory until the walk is over. */
export const newWalkBudget = (): WalkBudget => ({ commits: 1_000_000, requests: 1_000 });

/** Cached commits that a walk visits before the upstream is asked: it knows better where to stop. */
const maxCachedWalk = 5_000;

/** Wants of one request: about 500 kB of pkt-lines. */
const maxBoundary = 10_000;

/** Commits and parents between two turns of the event loop. */
const turn = 10_000;

/** Builds the one Ancestry of a process; its cache is shared by every repository. */
export function createAncestry(options: AncestryOptions): Ancestry {
  const cache = new CommitCache(options.maxCachedCommits);
  return {
    async isAncestor(old, new_, query) {
      if (old === new_) return true;
      try {
        return await judge(cache, options, old, new_, query);
      } catch (error) {
        if (error instanceof RefgateError && error.code === 'HUNG_UP') throw error;
        options.log.warn({ repo: query.repoKey, old, new: new_, err: error }, 'ancestry not established');
        return 'unknown';
      }
    },
    learn({ oid, content }, format) {
      cache.set(oid, parentsOfCommit(content, format));
    },
  };
}

async function judge(
  cache: CommitCache,
  options: AncestryOptions,
  old: Oid,
  new_: Oid,
  query: AncestryQuery,
): Promise<boolean | 'unknown'> {
  const { held } = query;
  const budget = query.budget ?? newWalkBudget();
  const inPack = await walk(old, [new_], (oid) => held?.parentsOf(oid), budget);
  if (inPack.met) return true;
  if (inPack.boundary.length === 0) return false;
  const cached = await walk(old, inPack.boundary, (oid) => held?.parentsOf(oid) ?? cache.get(oid), {
    commits: maxCachedWalk,
    requests: 0,
  }).catch(ifSpent);
  if (cached?.met) return true;
  if (cached?.boundary.length === 0) return false;
  if (inPack.boundary.length > maxBoundary)
    throw new RefgateError('LIMIT_EXCEEDED', 'refgate', `${inPack.boundary.length} commits outside the pack`);
  return await ask(cache, options, old, inPack.boundary, { ...query, budget });
}

/**
 * The answer holds what is reached from the wants and not from `old`: `old` is
 * an ancestor exactly when something in it has `old` as a parent. (That `old` is
 * one of the wants was seen by the walk.)
 */
async function ask(
  cache: CommitCache,
  options: AncestryOptions,
  old: Oid,
  wants: readonly Oid[],
  query: AncestryQuery & { readonly budget: WalkBudget },
): Promise<boolean> {
  if (query.budget.requests-- <= 0) throw new BudgetSpent();
  let met = false;
  const take = ({ oid, content }: BorrowedObject): boolean => {
    if (query.budget.commits-- <= 0) throw new BudgetSpent();
    const parents = parentsOfCommit(content, query.objectFormat);
    cache.set(oid, parents);
    met = parents.includes(old);
    return !met;
  };
  const limits = options.limits ?? defaultBorrowLimits;
  const source = query.source();
  try {
    const reading = { format: query.objectFormat, limits, keep: 'commits', take } as const;
    await fetchObjects(source, { wants, haves: [old] }, query.signal, reading);
  } finally {
    source.close();
  }
  return met;
}

class BudgetSpent extends RefgateError {
  constructor() {
    super('LIMIT_EXCEEDED', 'refgate', 'the ancestry of this push costs more than one push may');
  }
}

function ifSpent(error: unknown): undefined {
  if (!(error instanceof BudgetSpent)) throw error;
}

/** Goes from `from` over known parents. `boundary` is what was met and whose parents are not known. */
async function walk(
  old: Oid,
  from: readonly Oid[],
  parentsOf: (oid: Oid) => readonly Oid[] | undefined,
  budget: WalkBudget,
): Promise<{ readonly met: boolean; readonly boundary: readonly Oid[] }> {
  const seen = new Set<Oid>(from);
  if (seen.has(old)) return { met: true, boundary: [] };
  const boundary: Oid[] = [];
  let visited = 0;
  // A set gives what is added to it while it is being walked: breadth first, each commit once.
  for (const oid of seen) {
    if (budget.commits-- <= 0) throw new BudgetSpent();
    if (visited > turn) {
      await setImmediate();
      visited = 0;
    }
    const parents = parentsOf(oid);
    visited += 1 + (parents?.length ?? 0);
    if (parents === undefined) boundary.push(oid);
    else if (parents.includes(old)) return { met: true, boundary: [] };
    else for (const parent of parents) seen.add(parent);
  }
  return { met: false, boundary };
}
