import { RefgateError } from '../domain/error.ts';
import type { PushRequest } from '../domain/git.ts';
import type { Reason } from '../domain/policy.ts';
import type { Target } from '../domain/ports.ts';
import { isZeroOid } from '../git/oid.ts';
import { foldRefName } from '../git/ref-name.ts';
import type { SpineDeps } from './open.ts';

/**
 * Names that are taken for another one: new ones that people would confuse with
 * one that is there (`Main` beside `main`), on the upstream or in the same push, and symbolic refs of
 * the upstream, through which git would change the ref that they point to. The
 * upstream is asked as it is now. Throws HUNG_UP, and what the upstream's source throws.
 */
export async function checkNames(
  deps: Pick<SpineDeps, 'upstreams'>,
  target: Target,
  request: PushRequest,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly Reason[]>> {
  const named = new Set(request.updates.map((update) => update.ref));
  const created = request.updates.filter((update) => isZeroOid(update.oldOid)).map((update) => update.ref);
  const wanted = new Set(created.map(foldRefName));
  const found = new Map<string, readonly Reason[]>();
  const takenBy = new Map<string, string>();
  const { objectFormat } = request;
  const source = deps.upstreams.fetchSource(target, { stateless: true, objectFormat });
  const close = (): void => source.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    const prefixes = prefixesOf(named, created);
    for await (const batch of source.lsRefs({ prefixes, symrefs: true, peel: false, unborn: false })) {
      for (const { ref, symrefTarget } of batch) {
        if (named.has(ref) && symrefTarget !== undefined) found.set(ref, [isAlias(ref, symrefTarget)]);
        if (wanted.size === 0) continue;
        const folded = foldRefName(ref);
        if (wanted.has(folded)) takenBy.set(folded, ref);
      }
    }
  } catch (error) {
    if (signal.aborted) throw new RefgateError('HUNG_UP', 'client', undefined, { cause: error });
    throw error;
  } finally {
    signal.removeEventListener('abort', close);
    source.close();
  }
  for (const ref of created) {
    const other = takenBy.get(foldRefName(ref));
    if (other !== undefined && other !== ref) found.set(ref, [looksLike(ref, other)]);
    else takenBy.set(foldRefName(ref), ref);
  }
  return found;
}

/** What to ask for: the names themselves, and for new ones all that could look like them. */
function prefixesOf(named: ReadonlySet<string>, created: readonly string[]): readonly string[] {
  const folders = new Set(created.map((ref) => `${ref.split('/').slice(0, 2).join('/')}/`));
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
