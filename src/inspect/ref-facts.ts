import { RefgateError } from '../domain/error.ts';
import type { ObjectType, Oid, PushRequest, RefUpdate, RefUpdateKind } from '../domain/git.ts';
import type { FetchSource, HeldPack } from '../domain/ports.ts';
import type { RefFacts } from '../domain/session.ts';
import { isZeroOid } from '../git/oid.ts';
import { namespaceOf } from '../git/ref-name.ts';
import { type Ancestry, newWalkBudget } from './ancestry.ts';
import { borrowPresent } from './borrow.ts';

export interface RefFactsContext {
  readonly ancestry: Ancestry;
  /** Gives a new source of the upstream repository; it is closed here. */
  readonly source: () => FetchSource;
  /** Names the repository in the log. */
  readonly repoKey?: string;
  /** Whether the upstream shows a branch that points to this oid now; saves asking what it is. */
  readonly isBranchTip?: (oid: Oid) => boolean;
  readonly signal?: AbortSignal | undefined;
}

/** The type of a new oid; `unknown` when the upstream has it, but it is too large to be looked at. */
type KnownType = ObjectType | 'unknown';

/**
 * What each ref update of a push does, in the order of the request. Throws
 * PUSH_REQUEST_INVALID (client) when a branch would not point to a commit,
 * PACK_MISSING_OBJECT (client) when a new oid is nowhere, HUNG_UP, and
 * what the upstream's source throws.
 */
export async function refFacts(
  request: PushRequest,
  held: HeldPack | undefined,
  context: RefFactsContext,
): Promise<readonly RefFacts[]> {
  const types = await typesOf(request, held, context);
  const budget = newWalkBudget();
  const facts: RefFacts[] = [];
  for (const update of request.updates) {
    const { ref, oldOid, newOid } = update;
    const kind = kindOf(update);
    const namespace = namespaceOf(ref);
    const type = types.get(newOid);
    if (namespace === 'branch' && kind !== 'delete' && type !== 'commit')
      throw new RefgateError(
        'PUSH_REQUEST_INVALID',
        'client',
        `${ref} would point to a ${type}, not to a commit`,
      );
    if (kind !== 'update') {
      facts.push({ ref, oldOid, newOid, kind, namespace });
      continue;
    }
    const { signal, source, ancestry, repoKey } = context;
    // An annotated tag has no place in the ancestry of commits: moving to or from one replaces it.
    const fastForward =
      type === 'commit'
        ? await ancestry.isAncestor(oldOid, newOid, {
            held,
            source,
            repoKey,
            objectFormat: request.objectFormat,
            budget,
            signal,
          })
        : oldOid === newOid;
    facts.push({ ref, oldOid, newOid, kind, namespace, fastForward });
  }
  return facts;
}

function kindOf({ oldOid, newOid }: RefUpdate): RefUpdateKind {
  if (isZeroOid(newOid)) return 'delete';
  return isZeroOid(oldOid) ? 'create' : 'update';
}

/** The type of every new oid: by the pack, by the branches that are shown, and else by asking the upstream. */
async function typesOf(
  request: PushRequest,
  held: HeldPack | undefined,
  context: RefFactsContext,
): Promise<ReadonlyMap<Oid, KnownType>> {
  const types = new Map<Oid, KnownType>();
  const elsewhere: Oid[] = [];
  for (const oid of new Set(request.updates.map((update) => update.newOid))) {
    if (isZeroOid(oid)) continue;
    const type = held?.typeOf(oid) ?? (context.isBranchTip?.(oid) ? 'commit' : undefined);
    if (type) types.set(oid, type);
    else elsewhere.push(oid);
  }
  if (elsewhere.length === 0) return types;
  for (const [oid, type] of await askTypes(elsewhere, request, context)) types.set(oid, type);
  const missing = elsewhere.find((oid) => !types.has(oid));
  if (missing !== undefined) throw new RefgateError('PACK_MISSING_OBJECT', 'client', missing);
  return types;
}

async function askTypes(
  oids: readonly Oid[],
  { objectFormat }: PushRequest,
  context: RefFactsContext,
): Promise<readonly (readonly [Oid, KnownType])[]> {
  try {
    const objects = await borrowPresent(context.source, oids, { objectFormat, signal: context.signal });
    for (const object of objects) if (object.type === 'commit') context.ancestry.learn(object, objectFormat);
    return objects.map(({ oid, type }) => [oid, type] as const);
  } catch (error) {
    if (!(error instanceof RefgateError) || error.code !== 'LIMIT_EXCEEDED') throw error;
    return oids.map((oid) => [oid, 'unknown'] as const);
  }
}
