import type { PushFacts, RefFacts } from '../domain/session.ts';
import type { Change } from './document.ts';

/** An update in the words of the policy: what cases and explanations are asked about. */
export interface ImaginedUpdate {
  readonly ref: string;
  readonly change: Change;
}

/** Stands for every oid of an update that nobody pushed, so that no text names a commit that does not exist. */
const noOid = '0'.repeat(40);

/** The facts of a push that nobody made. */
export function imaginePush(
  updates: readonly ImaginedUpdate[],
  pushOptions: readonly string[] = [],
): PushFacts {
  return { refs: updates.map(imagineUpdate), pushOptions, objects: 0, bytes: 0 };
}

/** Whether the oid is that of an imagined update, or of nothing. */
export function isImagined(oid: string): boolean {
  return /^0+$/.test(oid);
}

function imagineUpdate({ ref, change }: ImaginedUpdate): RefFacts {
  const base = { ref, namespace: namespaceOf(ref), oldOid: noOid, newOid: noOid };
  if (change === 'create' || change === 'delete') return { ...base, kind: change };
  return { ...base, kind: 'update', fastForward: change !== 'non-fast-forward' };
}

function namespaceOf(ref: string): RefFacts['namespace'] {
  if (ref.startsWith('refs/heads/')) return 'branch';
  return ref.startsWith('refs/tags/') ? 'tag' : 'other';
}
