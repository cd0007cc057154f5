import { setImmediate } from 'node:timers/promises';
import type { CommitFacts, Finding, PathChange, RefContents, UnknownFact } from '../../domain/facts.ts';
import type { Oid } from '../../domain/git.ts';

/** Newest commits of one update that are kept to be shown. */
const maxCommits = 2_000;

/** Messages of the commits that are kept, in characters together. */
const maxMessages = 2 * 1024 * 1024;

/** Changed paths that are listed once the content is gone, and blobs of which is remembered what they are. */
const maxPaths = 20_000;

/** After so many rows others have their turn. */
const rowsInTurn = 2_000;

/** What a blob is, as the facts have it. */
export type BlobFacts = Pick<PathChange, 'size' | 'type' | 'lfs'>;

/** What the facts say of one update, as a review needs it: the long lists walked once. */
export interface KeptView {
  /** Newest first; the first of them. */
  readonly commits: readonly CommitFacts[];
  readonly commitCount: number;
  /** The first parent of every new commit; undefined of a root. */
  readonly firstParents: ReadonlyMap<Oid, Oid | undefined>;
  /** Whether `firstParents` holds all of them: long facts are cut when they are kept. */
  readonly hasAllCommits: boolean;
  /** By path, each with what became of it in the end. */
  readonly changes: readonly PathChange[];
  readonly isCut: boolean;
  readonly blobs: ReadonlyMap<Oid, BlobFacts>;
  readonly findings: readonly Finding[];
  readonly unknowns: readonly UnknownFact[];
}

/** Walks the facts of an update, giving way to others now and then. */
export async function viewOf(contents: RefContents | undefined): Promise<KeptView> {
  if (contents === undefined)
    return {
      ...nothing,
      unknowns: [{ what: 'history', text: 'what the update brings was not kept' }],
    };
  const pace = new RowPace();
  const firstParents = new Map<Oid, Oid | undefined>();
  let newest: CommitFacts[] = [];
  for (const commit of contents.commits) {
    firstParents.set(commit.oid, commit.parents[0]);
    newest.push(commit);
    if (newest.length >= 2 * maxCommits) newest = newest.slice(-maxCommits);
    if (pace.isOver()) await setImmediate();
  }
  const paths = new Map<string, PathChange>();
  const blobs = new Map<Oid, BlobFacts>();
  let isCut = false;
  for (const change of contents.changes) {
    remember(blobs, change);
    if (paths.size < maxPaths || paths.has(change.path)) addChange(paths, change);
    else isCut = true;
    if (pace.isOver()) await setImmediate();
  }
  const { findings, unknowns, counts } = contents;
  return {
    commits: shownOf(newest),
    commitCount: counts.commits,
    firstParents,
    hasAllCommits: firstParents.size >= counts.commits,
    changes: [...paths.values()].sort((a, b) => (a.path < b.path ? -1 : 1)),
    isCut,
    blobs,
    findings,
    unknowns,
  };
}

const nothing: KeptView = {
  commits: [],
  commitCount: 0,
  firstParents: new Map(),
  hasAllCommits: false,
  changes: [],
  isCut: false,
  blobs: new Map(),
  findings: [],
  unknowns: [],
};

function shownOf(newest: readonly CommitFacts[]): readonly CommitFacts[] {
  let room = maxMessages;
  return newest
    .slice(-maxCommits)
    .reverse()
    .filter(({ message }) => {
      room -= message.length;
      return room >= 0;
    });
}

class RowPace {
  #rows = 0;

  isOver(): boolean {
    this.#rows++;
    return this.#rows % rowsInTurn === 0;
  }
}

function remember(blobs: Map<Oid, BlobFacts>, { oid, size, type, lfs }: PathChange): void {
  if (oid === undefined || blobs.has(oid) || blobs.size >= maxPaths) return;
  if (size === undefined && type === undefined && lfs === undefined) return;
  blobs.set(oid, {
    ...(size === undefined ? {} : { size }),
    ...(type === undefined ? {} : { type }),
    ...(lfs === undefined ? {} : { lfs }),
  });
}

/** What several commits do to one path, as one change. */
function addChange(paths: Map<string, PathChange>, change: PathChange): void {
  const before = paths.get(change.path);
  if (before?.kind === 'add' && change.kind === 'delete') paths.delete(change.path);
  else if (before?.kind === 'add' && change.kind !== 'add') {
    const { oldMode: _mode, oldOid: _oid, ...rest } = change;
    paths.set(change.path, { ...rest, kind: 'add' });
  } else paths.set(change.path, change);
}
