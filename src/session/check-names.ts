import { RefgateError } from '../domain/error.ts';
import type { AdvertisedRef, PushRequest, RefUpdate } from '../domain/git.ts';
import type { Reason } from '../domain/policy.ts';
import type { Target } from '../domain/ports.ts';
import { isZeroOid } from '../git/oid.ts';
import { foldRefName } from '../git/ref-name.ts';
import type { SpineDeps } from './open.ts';
import type { RecentNames } from './recent-names.ts';

/**
 * Names that are taken for another one: new ones that people would confuse with
 * one that is there (`Main` beside `main`), on the upstream or in the same push, and symbolic refs of
 * the upstream, through which git would change the ref that they point to. The
 * upstream is asked as it is now, unless it has told a moment ago. Throws HUNG_UP, and what the upstream's source throws.
 */
export async function checkNames(
  deps: Pick<SpineDeps, 'upstreams' | 'names'>,
  target: Target,
  request: PushRequest,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly Reason[]>> {
  const created = request.updates.filter((update) => isZeroOid(update.oldOid)).map((update) => update.ref);
  const names = knownNames(deps.names, target, request);
  const found = new Map<string, readonly Reason[]>();
  const takenBy = new Map<string, string>();
  const wanted = new Set(created.map(foldRefName));
  const take = (ref: string): void => {
    const folded = foldRefName(ref);
    if (wanted.has(folded)) takenBy.set(folded, ref);
  };
  if (names !== undefined) {
    if (wanted.size > 0) for (const ref of names) take(ref);
  } else {
    const named = new Set(request.updates.map((update) => update.ref));
    await askForNames(deps, target, request, signal, ({ ref, symrefTarget }) => {
      if (named.has(ref) && symrefTarget !== undefined) found.set(ref, [isAlias(ref, symrefTarget)]);
      else if (named.has(ref)) deps.names.sawPlain(target, ref);
      if (wanted.size > 0) take(ref);
    });
  }
  for (const ref of created) {
    const other = takenBy.get(foldRefName(ref));
    if (other !== undefined && other !== ref) found.set(ref, [looksLike(ref, other)]);
    else takenBy.set(foldRefName(ref), ref);
  }
  return found;
}

/** Every name of the upstream, when it is known well enough: what is created is not there, and the others are no symbolic refs. */
function knownNames(
  recent: RecentNames,
  target: Target,
  { updates }: PushRequest,
): ReadonlySet<string> | undefined {
  const names = recent.shown(target);
  const isKnown = ({ ref, oldOid }: RefUpdate): boolean =>
    isZeroOid(oldOid) ? names?.has(ref) === false : recent.isPlain(target, ref);
  return updates.every(isKnown) ? names : undefined;
}

async function askForNames(
  deps: Pick<SpineDeps, 'upstreams'>,
  target: Target,
  { updates, objectFormat }: PushRequest,
  signal: AbortSignal,
  take: (shown: AdvertisedRef) => void,
): Promise<void> {
  const source = deps.upstreams.fetchSource(target, { stateless: true, objectFormat });
  const close = (): void => source.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    const prefixes = prefixesOf(updates);
    for await (const batch of source.lsRefs({ prefixes, symrefs: true, peel: false, unborn: false }))
      for (const shown of batch) take(shown);
  } catch (error) {
    if (signal.aborted) throw new RefgateError('HUNG_UP', 'client', undefined, { cause: error });
    throw error;
  } finally {
    signal.removeEventListener('abort', close);
    source.close();
  }
}

/** What to ask for: the names themselves, and for new ones all that could look like them. */
function prefixesOf(updates: readonly RefUpdate[]): readonly string[] {
  const created = updates.filter(({ oldOid }) => isZeroOid(oldOid));
  const folders = new Set(created.map(({ ref }) => `${ref.split('/').slice(0, 2).join('/')}/`));
  const named = new Set(updates.map(({ ref }) => ref));
  return [...folders, ...[...named].filter((ref) => ![...folders].some((folder) => ref.startsWith(folder)))];
}

const looksLike = (ref: string, other: string): Reason => ({
  rule: 'ref-name',
  code: 'REF_NAME_INVALID',
  text: `${ref} would be taken for ${other}; choose another name`,
});

const isAlias = (ref: string, other: string): Reason => ({
  rule: 'ref-name',
  code: 'REF_NAME_INVALID',
  text: `${ref} is another name for ${other} on the upstream; push to ${other}`,
});
