import type { Principal, RefFacts } from '../../src/domain/session.ts';

export const zero = '0'.repeat(40);

export function principal(user: string, over: Partial<Principal> = {}): Principal {
  return { user, kind: 'person', groups: ['dev'], credential: { type: 'token', id: 't' }, ...over };
}

/** Facts of one update; `update` alone is one whose ancestry is unknown. */
export function refFacts(
  ref: string,
  change: 'create' | 'delete' | 'update' | 'fast-forward' | 'non-fast-forward',
): RefFacts {
  const namespace = ref.startsWith('refs/heads/') ? 'branch' : ref.startsWith('refs/tags/') ? 'tag' : 'other';
  const [oldOid, newOid] = ['1'.repeat(40), '2'.repeat(40)];
  if (change === 'create') return { ref, namespace, kind: 'create', oldOid: zero, newOid };
  if (change === 'delete') return { ref, namespace, kind: 'delete', oldOid, newOid: zero };
  const fastForward = change === 'update' ? 'unknown' : change === 'fast-forward';
  return { ref, namespace, kind: 'update', oldOid, newOid, fastForward };
}

export function pushFacts(refs: readonly RefFacts[], pushOptions: readonly string[] = []) {
  return { refs, pushOptions, objects: 0, bytes: 0 };
}
