import type { PushRequest } from '../domain/git.ts';
import type { Reason } from '../domain/policy.ts';
import type { Target } from '../domain/ports.ts';
import { isZeroOid } from '../git/oid.ts';
import { foldRefName } from '../git/ref-name.ts';
import type { SpineDeps } from './open.ts';

/**
 * New names that people would take for one that is there (`Main` beside `main`),
 * on the upstream or in the same push. The upstream is asked as it is now.
 */
export async function checkNames(
  deps: SpineDeps,
  target: Target,
  request: PushRequest,
): Promise<ReadonlyMap<string, readonly Reason[]>> {
  const created = request.updates.filter((update) => isZeroOid(update.oldOid)).map((update) => update.ref);
  const found = new Map<string, readonly Reason[]>();
  if (created.length === 0) return found;
  const takenBy = new Map<string, string>();
  const claim = (ref: string): void => {
    const folded = foldRefName(ref);
    const other = takenBy.get(folded);
    if (other !== undefined && other !== ref) found.set(ref, [looksLike(ref, other)]);
    else takenBy.set(folded, ref);
  };
  const wanted = new Set(created.map(foldRefName));
  const prefixes = [...new Set(created.map((ref) => ref.split('/').slice(0, 2).join('/')))].map(
    (name) => `${name}/`,
  );
  const source = deps.upstreams.fetchSource(target);
  try {
    for await (const batch of source.lsRefs({ prefixes, symrefs: false, peel: false, unborn: false })) {
      for (const { ref } of batch) if (wanted.has(foldRefName(ref))) takenBy.set(foldRefName(ref), ref);
    }
  } finally {
    source.close();
  }
  for (const ref of created) claim(ref);
  return found;
}

const looksLike = (ref: string, other: string): Reason => ({
  rule: 'ref-name',
  code: 'REF_NAME_INVALID',
  text: `${ref} would be taken for ${other}; choose another name`,
});
