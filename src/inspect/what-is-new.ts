import { setImmediate } from 'node:timers/promises';
import { RefgateError } from '../domain/error.ts';
import type { UnknownFact } from '../domain/facts.ts';
import type { ObjectFormat, ObjectType, Oid, PushRequest, RefUpdate } from '../domain/git.ts';
import type { ContentAsked } from '../domain/policy.ts';
import type { FetchSource, HeldPack } from '../domain/ports.ts';
import { isZeroOid } from '../git/oid.ts';
import { borrowPresent, fetchObjects } from './borrow.ts';
import { defaultBorrowLimits } from './borrowed-pack.ts';
import type { WalkOrder, WalkUpdate } from './contents/walk-order.ts';
import type { BorrowedObject } from './thin-pack.ts';

export interface NoveltyContext {
  /** Gives a new source of the upstream repository; it is closed here. */
  readonly open: () => FetchSource;
  readonly signal?: AbortSignal | undefined;
  readonly asksForContent: ContentAsked;
}

/** The part of the walk's order that depends on what the upstream has. */
export interface Novelty extends Pick<WalkOrder, 'updates' | 'unreached' | 'known'> {
  /** What could not be found out, for every update alike. */
  readonly unknowns: readonly UnknownFact[];
  /** The same of single refs. */
  readonly unread: ReadonlyMap<string, readonly UnknownFact[]>;
}

/** Haves of one question, about 500 kB of pkt-lines: with fewer, more counts as new. */
const maxHaves = 10_000;

/** Commits of the upstream that a push may make reachable, and have judged as new. */
const maxUnreached = 10_000;

/** How far from the oldest ones the known commits of a pack are followed; what lies beyond counts as new. */
const maxRounds = 32;

/** Commits of the pack that the upstream is asked about. */
const maxAsked = 10_000;

/**
 * What a push brings that no ref of the upstream reaches: the walk sees the
 * pack, and this what lies beyond it. The upstream is asked only where the pack
 * leaves the question open. Throws HUNG_UP and what the source throws.
 */
export async function whatIsNew(
  request: PushRequest,
  held: HeldPack,
  context: NoveltyContext,
): Promise<Novelty> {
  const tips = new UpstreamTips(context);
  const lines = await follow(await peelKnown(request.updates, held, tips), held);
  // An old oid is the client's claim, and the upstream compares it for its own ref alone.
  const beyond = new Set(lines.flatMap(({ oldOid, boundary }) => boundary.filter((oid) => oid !== oldOid)));
  const [unreached, known, { unread, named }] = await Promise.all([
    findUnreached([...beyond], request.objectFormat, tips, context),
    findKnown(lines, held, request.objectFormat, tips, context),
    findUnread(lines, held, request.objectFormat, tips, context),
  ]);
  const asked = context.asksForContent;
  const isKnown = new Set(known);
  const updates = lines.map(({ ref, oldOid, newOid, tip, boundary, moved, hasRoot }): WalkUpdate => {
    // Commits that the upstream has are not judged one by one, whether they are in the pack or beyond it.
    const hasExisting = known.length > 0 || boundary.some((oid) => oid !== oldOid);
    const newType = named.get(ref);
    // What a merge with a history of its own drops is in no commit's changes: it differs from only one of the parents.
    const difference = oldOid !== undefined && (hasExisting || hasRoot) && newType === undefined;
    const old = oldOid === undefined ? {} : { oldOid };
    // A merge of what was judged alike on its own ref is not searched again; a ref that moves onto it is.
    const isThere = moved || isKnown.has(tip);
    const content = difference && (isThere ? asked.asked : asked.byRef);
    return { ref, newOid, ...(newType === undefined ? {} : { newType }), ...old, difference, content };
  });
  return { updates, unreached: unreached.commits, known, unknowns: unreached.unknowns, unread };
}

interface Line {
  readonly ref: string;
  readonly oldOid?: Oid;
  readonly newOid: Oid;
  /** What the new tip stands for, tags of the pack peeled. */
  readonly tip: Oid;
  /** Commits outside the pack that the new tip leads to; of new refs, only those that no other one led to before. */
  readonly boundary: readonly Oid[];
  /** Commits of the pack all of whose parents are outside it. */
  readonly bottoms: readonly Oid[];
  /** How many commits of the pack the new tip reaches. */
  readonly commits: number;
  /** A commit of the pack without parents is among them. */
  readonly hasRoot: boolean;
  /** The new tip itself is not in the pack. */
  readonly moved: boolean;
}

/** Commits between two turns of the event loop. */
const turn = 10_000;

/** Commits that the walks of one push visit: they go over the pack once, and once more for each ref that moves. */
const maxVisited = 2_000_000;

/** Walks the commits of the pack from every new tip. New refs share one walk, since what lies behind them is asked for as a whole. */
async function follow(updates: readonly RefUpdate[], held: HeldPack): Promise<readonly Line[]> {
  const behindNewRefs = new Set<Oid>();
  const lines: Line[] = [];
  let visited = 0;
  for (const { ref, oldOid, newOid } of updates) {
    if (isZeroOid(newOid)) continue;
    const isNew = isZeroOid(oldOid);
    const seen = isNew ? behindNewRefs : new Set<Oid>();
    const tip = peel(newOid, held);
    const type = held.typeOf(tip);
    const boundary: Oid[] = [];
    const bottoms: Oid[] = [];
    const start = seen.has(tip) || (type !== undefined && type !== 'commit') ? [] : [tip];
    const found = new Set<Oid>(start);
    let hasRoot = false;
    for (const oid of found) {
      seen.add(oid);
      if (++visited > maxVisited)
        throw new RefgateError(
          'LIMIT_EXCEEDED',
          'client',
          'too many refs with too much history; push fewer at a time',
        );
      if (visited % turn === 0) await setImmediate();
      const parents = held.parentsOf(oid);
      hasRoot ||= parents?.length === 0;
      if (parents === undefined) boundary.push(oid);
      else if (parents.every((parent) => held.parentsOf(parent) === undefined)) bottoms.push(oid);
      for (const parent of parents ?? []) if (!seen.has(parent)) found.add(parent);
    }
    const old = isNew ? {} : { oldOid };
    const commits = found.size - boundary.length;
    const moved = type === undefined;
    lines.push({ ref, newOid, tip, ...old, boundary, bottoms, commits, hasRoot, moved });
  }
  return lines;
}

/** The updates with the commits that tags of the upstream stand for, where a ref moves from one or to one. Branches point to commits. */
async function peelKnown(
  updates: readonly RefUpdate[],
  held: HeldPack,
  tips: UpstreamTips,
): Promise<readonly RefUpdate[]> {
  const mayBeTag = ({ ref, oldOid, newOid }: RefUpdate): boolean =>
    !ref.startsWith('refs/heads/') &&
    !isZeroOid(newOid) &&
    (!isZeroOid(oldOid) || held.typeOf(newOid) === undefined);
  if (!updates.some(mayBeTag)) return updates;
  const { peeled } = await tips.get();
  const peel = (oid: Oid): Oid => peeled.get(oid) ?? oid;
  return updates.map((update) =>
    mayBeTag(update) ? { ...update, oldOid: peel(update.oldOid), newOid: peel(update.newOid) } : update,
  );
}

/** What a tag of the pack stands for in the end. */
function peel(oid: Oid, held: HeldPack): Oid {
  let tip = oid;
  for (let target = held.tagTarget(tip); target !== undefined; target = held.tagTarget(tip)) tip = target.oid;
  return tip;
}

interface Tips {
  /** What refs point to, tags peeled. */
  readonly tips: ReadonlySet<Oid>;
  /** What each annotated tag stands for. */
  readonly peeled: ReadonlyMap<Oid, Oid>;
}

/** What the refs of the upstream point to, asked once and only when somebody wants to know. */
class UpstreamTips {
  readonly #context: NoveltyContext;
  #tips: Promise<Tips> | undefined;

  constructor(context: NoveltyContext) {
    this.#context = context;
  }

  get(): Promise<Tips> {
    this.#tips ??= this.#ask();
    return this.#tips;
  }

  async #ask(): Promise<Tips> {
    const tips = new Set<Oid>();
    const peeledTags = new Map<Oid, Oid>();
    const source = this.#context.open();
    const close = () => source.close();
    this.#context.signal?.addEventListener('abort', close, { once: true });
    const prefixes = ['refs/heads/', 'refs/tags/'];
    try {
      for await (const batch of source.lsRefs({ prefixes, symrefs: false, peel: true, unborn: false }))
        for (const { oid, peeled } of batch) {
          const tip = peeled ?? oid;
          if (tip !== null) tips.add(tip);
          if (peeled !== undefined && oid !== null) peeledTags.set(oid, peeled);
        }
    } finally {
      this.#context.signal?.removeEventListener('abort', close);
      source.close();
    }
    return { tips, peeled: peeledTags };
  }
}

/** Commits that the upstream holds and that none of its refs reaches: left behind by a deletion, or by a push that was refused in part. */
async function findUnreached(
  wants: readonly Oid[],
  format: ObjectFormat,
  tips: UpstreamTips,
  context: NoveltyContext,
): Promise<{ readonly commits: readonly BorrowedObject[]; readonly unknowns: readonly UnknownFact[] }> {
  if (wants.length === 0) return { commits: [], unknowns: [] };
  const { tips: reached } = await tips.get();
  const open = wants.filter((oid) => !reached.has(oid));
  if (open.length === 0) return { commits: [], unknowns: [] };
  const commits = await notReached(open, reached, format, context);
  if (commits.length <= maxUnreached) return { commits, unknowns: [] };
  const text = `over ${maxUnreached} commits that no ref of the upstream reaches would become reachable`;
  return { commits: commits.slice(0, maxUnreached), unknowns: [{ what: 'history', text }] };
}

/** reach(wants) - reach(tips), at most one more than may be judged. */
async function notReached(
  wants: readonly Oid[],
  tips: ReadonlySet<Oid>,
  format: ObjectFormat,
  context: NoveltyContext,
): Promise<readonly BorrowedObject[]> {
  const commits: BorrowedObject[] = [];
  const take = (object: BorrowedObject): boolean => {
    if (object.type === 'commit') commits.push(object);
    return commits.length <= maxUnreached;
  };
  const reading = { format, limits: defaultBorrowLimits, keep: 'commits', take } as const;
  const source = context.open();
  try {
    await fetchObjects(source, { wants, haves: [...tips].slice(0, maxHaves) }, context.signal, reading);
  } finally {
    source.close();
  }
  return commits;
}

/** What refs would lead to that is not in the pack, and is no commit. */
interface OutsideTips {
  /** Why nothing can be said of it, by ref. */
  readonly unread: ReadonlyMap<string, readonly UnknownFact[]>;
  /** The trees and blobs, which are borrowed and searched, by ref. */
  readonly named: ReadonlyMap<string, 'tree' | 'blob'>;
}

/**
 * Refs that would lead to what the upstream holds and no ref of it names. A tag object, which was deleted, and
 * what is not of the type that a tag of the pack says, cannot be followed.
 */
async function findUnread(
  lines: readonly Line[],
  held: HeldPack,
  objectFormat: ObjectFormat,
  tips: UpstreamTips,
  { open, signal }: NoveltyContext,
): Promise<OutsideTips> {
  const unread = new Map<string, readonly UnknownFact[]>();
  const named = new Map<string, 'tree' | 'blob'>();
  const outside = lines.filter(({ tip }) => held.typeOf(tip) === undefined);
  if (outside.length === 0) return { unread, named };
  const { tips: reached } = await tips.get();
  const asked = outside.filter(({ tip, newOid }) => !reached.has(tip) || claimOf(newOid, held) !== 'commit');
  const there = await borrowPresent(
    open,
    asked.map(({ tip }) => tip),
    { objectFormat, signal },
  );
  const types = new Map(there.map(({ oid, type }) => [oid, type]));
  for (const { ref, newOid, tip } of asked) {
    const type = types.get(tip);
    const claim = newOid === tip ? type : claimOf(newOid, held);
    if (type !== undefined && type !== 'tag' && type === claim) {
      if (type !== 'commit') named.set(ref, type);
      continue;
    }
    const what = type === undefined ? 'an object' : `a ${type}`;
    const text = `${ref} would lead to ${what} ${tip.slice(0, 10)} that is not in the push, and that no ref of the upstream names`;
    unread.set(ref, [{ what: 'history', text, oid: tip }]);
  }
  return { unread, named };
}

/** What the last tag of the pack says that it names. */
function claimOf(newOid: Oid, held: HeldPack): ObjectType {
  let type: ObjectType = 'commit';
  for (let target = held.tagTarget(newOid); target !== undefined; target = held.tagTarget(target.oid))
    type = target.type;
  return type;
}

/**
 * Commits of the pack that a ref of the upstream reaches already: a client that
 * does not know that ref sends them once more. When the oldest ones are not
 * there, none is.
 */
async function findKnown(
  lines: readonly Line[],
  held: HeldPack,
  format: ObjectFormat,
  tips: UpstreamTips,
  context: NoveltyContext,
): Promise<readonly Oid[]> {
  const most = Math.max(0, ...lines.map((line) => line.commits));
  const bottoms = [...new Set(lines.flatMap((line) => line.bottoms))];
  // A tip that the upstream had would not have been sent, so of one commit nothing is to be asked.
  if (most < 2 || bottoms.length > maxAsked) return [];
  const options = { objectFormat: format, signal: context.signal };
  const there = await borrowPresent(context.open, bottoms, options);
  const known: Oid[] = [];
  let frontier = there.map(({ oid }) => oid);
  for (let round = 0; frontier.length > 0 && round < maxRounds; round++) {
    const outside = await notReached(frontier, (await tips.get()).tips, format, context);
    // An answer that was not read to its end does not say what is reached.
    if (outside.length > maxUnreached) break;
    const loose = new Set(outside.map(({ oid }) => oid));
    const found = frontier.filter((oid) => !loose.has(oid));
    known.push(...found);
    if (known.length > maxAsked) break;
    const above = await childrenOf(new Set(found), lines, held, new Set(known));
    frontier =
      above.length === 0 ? [] : (await borrowPresent(context.open, above, options)).map(({ oid }) => oid);
  }
  return known;
}

/** The commits of the pack that have a parent among these, and are not known themselves. */
async function childrenOf(
  parents: ReadonlySet<Oid>,
  lines: readonly Line[],
  held: HeldPack,
  known: ReadonlySet<Oid>,
): Promise<readonly Oid[]> {
  const children = new Set<Oid>();
  const seen = new Set<Oid>(lines.map((line) => line.newOid));
  let visited = 0;
  for (const oid of seen) {
    if (++visited % turn === 0) await setImmediate();
    const target = held.tagTarget(oid);
    const next = target === undefined ? held.parentsOf(oid) : [target.oid];
    for (const parent of next ?? []) {
      seen.add(parent);
      if (parents.has(parent) && !known.has(oid)) children.add(oid);
    }
  }
  return [...children];
}
