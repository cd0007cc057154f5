import { join } from 'node:path';
import type { HeldPush, RefReview } from '../../domain/approval.ts';
import { RefgateError } from '../../domain/error.ts';
import type { UnknownFact } from '../../domain/facts.ts';
import type { Log } from '../../domain/log.ts';
import type { FetchSource } from '../../domain/ports.ts';
import type { PushFacts, RefFacts } from '../../domain/session.ts';
import type { TreeCache } from '../tree-cache.ts';
import { UpstreamObjects } from '../upstream-objects.ts';
import { baseOf, compareEnds, deleted, type Ends } from './compare-ends.ts';
import type { DiffThread } from './diff-thread.ts';
import { type KeptView, viewOf } from './kept-view.ts';
import { keptChange, type ListedChange, listedChange, maskAll, showFiles } from './list-files.ts';
import { type NetDiff, netDiff } from './net-diff.ts';
import { ReviewObjects } from './objects.ts';
import type { OldContents } from './old-contents.ts';
import { openHeldPacks } from './open-held.ts';

/** What reading one push needs. */
export interface ReviewContext {
  readonly push: HeldPush;
  /** It was decided, and its content is gone. */
  readonly isFinal: boolean;
  readonly quarantineDir: string;
  readonly treeCache: TreeCache;
  readonly oldContents: OldContents;
  /** Gives a new source of the upstream; it is closed here. */
  readonly open: () => FetchSource;
  readonly thread: DiffThread;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** In one line, what is said of content that was there before the decision. */
export const removedText = 'its content was removed when it was decided';

/** Opens the objects of a held push, to be closed by the caller; undefined when they are gone. Throws INTERNAL. */
export async function openObjects(context: ReviewContext): Promise<ReviewObjects | undefined> {
  const { push, isFinal, quarantineDir, treeCache, oldContents, open, signal } = context;
  if (isFinal || push.pack === undefined) return undefined;
  const { objectFormat, session, target } = push;
  if (!/^[\w-]{1,128}$/.test(session)) throw new RefgateError('INTERNAL', 'refgate', 'a session id');
  const packs = await openHeldPacks(join(quarantineDir, session), objectFormat);
  if (packs === undefined) return undefined;
  const repoKey = `${target.upstream}:${target.path}`;
  const upstream = new UpstreamObjects({ cache: treeCache, repoKey, open, objectFormat, signal });
  return new ReviewObjects({ packs, upstream, oldContents, repoKey, open, objectFormat, signal });
}

/** Every update of a push, with all its commits and files that are ever shown. Throws INTERNAL, and what the upstream throws. */
export async function reviewRefs(
  context: ReviewContext,
  facts: PushFacts | undefined,
): Promise<readonly RefReview[]> {
  const { push } = context;
  const objects = push.refs.every(({ kind }) => kind === 'delete') ? undefined : await openObjects(context);
  try {
    const reviews: RefReview[] = [];
    for (const ref of push.refs) {
      const at = facts?.refs.findIndex((one) => one.ref === ref.ref) ?? -1;
      const view = await viewOf(facts?.contents?.[at]);
      reviews.push(await reviewRef(context, ref, view, objects));
    }
    return reviews;
  } finally {
    await objects?.close();
  }
}

interface Seen {
  readonly changes: readonly ListedChange[];
  readonly isCut: boolean;
  readonly unknowns: readonly UnknownFact[];
}

async function reviewRef(
  context: ReviewContext,
  ref: RefFacts,
  view: KeptView,
  objects: ReviewObjects | undefined,
): Promise<RefReview> {
  const ends = objects === undefined ? goneEnds(ref, view) : await compareEnds(ref, view, objects);
  const isCompared = objects !== undefined && ends.gone === undefined;
  const seen = isCompared
    ? seenIn(await netDiff(objects, ends.newTree, ends.oldTree), view)
    : { changes: view.changes.map(keptChange), isCut: view.isCut, unknowns: [] };
  return show(context, ref, ends, view, seen);
}

/** Once the pack is gone, a tag of it cannot be followed any more. */
function goneEnds(ref: RefFacts, view: KeptView): Ends {
  if (ref.kind === 'delete') return deleted;
  const base = ref.kind === 'update' ? ref.oldOid : baseOf(ref.newOid, view);
  const isKnown = base !== undefined && base !== ref.newOid;
  return { gone: removedText, ...(isKnown ? { base } : {}) };
}

function seenIn({ changes, isCut, gaps }: NetDiff, { blobs }: KeptView): Seen {
  return {
    changes: changes.map((change) => listedChange(change, blobs)),
    isCut,
    unknowns: gaps.map(({ path, why }) => ({ what: 'history', text: why, path })),
  };
}

async function show(
  { thread }: ReviewContext,
  ref: RefFacts,
  { base, gone }: Ends,
  view: KeptView,
  seen: Seen,
): Promise<RefReview> {
  const mask = (texts: readonly string[]) => thread.mask(texts);
  const files = await showFiles(seen.changes, view.findings, mask);
  const unknowns = [...view.unknowns, ...seen.unknowns];
  const pathsOf = (list: readonly { readonly path?: string }[]) =>
    list.flatMap(({ path }) => (path === undefined ? [] : [path]));
  const texts = [...pathsOf(view.findings), ...pathsOf(unknowns), ...unknowns.map(({ text }) => text)];
  const shown = await maskAll(texts, mask);
  const withPath = <T extends { readonly path?: string }>(one: T): T =>
    one.path === undefined ? one : { ...one, path: shown.get(one.path) ?? '' };
  return {
    ref,
    ...(base === undefined ? {} : { base }),
    commits: view.commits,
    commitCount: view.commitCount,
    files,
    fileCount: files.length,
    isCut: seen.isCut,
    findings: view.findings.map(withPath),
    unknowns: unknowns.map((one) => ({ ...withPath(one), text: shown.get(one.text) ?? '' })),
    ...(gone === undefined ? {} : { gone }),
  };
}

/** About how many bytes of memory it takes. */
export function costOf(value: unknown): number {
  return 2 * JSON.stringify(value).length;
}
