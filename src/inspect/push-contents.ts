import { RefgateError } from '../domain/error.ts';
import type { CommitFacts, PathChange, RefContents, UnknownFact } from '../domain/facts.ts';
import type { PushRequest } from '../domain/git.ts';
import type { MovedSecrets } from '../domain/mask.ts';
import type { ContentAsked } from '../domain/policy.ts';
import type { FetchSource } from '../domain/ports.ts';
import type { PushFacts } from '../domain/session.ts';
import { isZeroOid } from '../git/oid.ts';
import { readList } from './contents/fact-list.ts';
import type { WalkedUpdate } from './contents/walk-order.ts';
import type { WalkableHeldPack } from './quarantine.ts';
import type { TreeCache } from './tree-cache.ts';
import { UpstreamObjects } from './upstream-objects.ts';
import { whatIsNew } from './what-is-new.ts';

export interface PushContentsContext {
  /** Gives a new source of the upstream repository; it is closed here. */
  readonly open: () => FetchSource;
  readonly cache: TreeCache;
  /** Names the repository in the cache. */
  readonly repoKey: string;
  readonly asksForContent: ContentAsked;
  /** Fingerprints of findings that are accepted for this repository. */
  readonly baseline: readonly string[];
  /** Of a push that was put back onto the originals. */
  readonly movedSecrets?: readonly MovedSecrets[];
  readonly signal?: AbortSignal | undefined;
}

/** Commits and changes that are judged in one push, each once for every ref that brings it: some seconds of one core. */
const maxJudged = 1_500_000;

/** What each update of a push brings, and what belongs to none of them. */
export type PushContents = Required<Pick<PushFacts, 'contents' | 'findings'>> & Pick<PushFacts, 'hidden'>;

/**
 * Walks a held pack: what is new in it, which files it changes, and the secrets in
 * both. The thread that indexed the pack does the work, and is free
 * afterwards. Throws HUNG_UP, LIMIT_EXCEEDED, INTERNAL, and what the source throws.
 */
export async function pushContents(
  request: PushRequest,
  held: WalkableHeldPack,
  context: PushContentsContext,
): Promise<PushContents> {
  const { open, cache, repoKey, asksForContent, baseline, movedSecrets, signal } = context;
  const { objectFormat, pushOptions } = request;
  const novelty = await whatIsNew(request, held, { open, signal, asksForContent });
  const { updates, unreached, known, unknowns, unread } = novelty;
  const upstream = new UpstreamObjects({ cache, repoKey, open, objectFormat, signal });
  try {
    const order = {
      updates,
      unreached,
      known,
      pushOptions,
      content: asksForContent.asked,
      moved: asksForContent.byPath,
      baseline,
      ...(movedSecrets === undefined ? {} : { movedSecrets }),
    };
    const walked = await held.walk(order, upstream.borrow, signal);
    const brought = walked.updates.reduce((sum, { counts }) => sum + counts.commits + counts.changes, 0);
    if (brought > maxJudged) {
      const detail = `its refs bring ${brought} commits and changes of files together, and ${maxJudged} can be judged at once; push fewer refs at a time`;
      throw new RefgateError('LIMIT_EXCEEDED', 'client', detail);
    }
    for (const tree of walked.trees) cache.set(repoKey, tree);
    const byRef = new Map(updates.map(({ ref }, index) => [ref, walked.updates[index]]));
    return {
      contents: request.updates.map(({ ref, newOid }) =>
        isZeroOid(newOid) ? nothing : contentsOf(byRef.get(ref), [...unknowns, ...(unread.get(ref) ?? [])]),
      ),
      findings: walked.findings,
      ...(walked.hidden === undefined ? {} : { hidden: walked.hidden }),
    };
  } finally {
    upstream.close();
  }
}

/** What a deletion brings. */
export const nothing: RefContents = {
  commits: [],
  changes: [],
  findings: [],
  unknowns: [],
  counts: { commits: 0, changes: 0 },
};

function contentsOf(walked: WalkedUpdate | undefined, unknowns: readonly UnknownFact[]): RefContents {
  if (walked === undefined)
    return { ...nothing, unknowns: [{ what: 'history', text: 'what the update brings was not looked at' }] };
  return {
    commits: readList<CommitFacts>(walked.commits),
    changes: readList<PathChange>(walked.changes),
    findings: walked.findings,
    unknowns: [...unknowns, ...walked.unknowns],
    counts: walked.counts,
  };
}
