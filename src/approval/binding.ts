import { createHash } from 'node:crypto';
import type { RefUpdate } from '../domain/git.ts';
import type { Target } from '../domain/ports.ts';

/** What an approval is for, and nothing else. */
export interface Bound {
  /** Who pushes. */
  readonly user: string;
  /** As the client names it. */
  readonly repo: string;
  readonly target: Target;
  /** Every update of the request; their order does not matter. */
  readonly updates: readonly RefUpdate[];
  /** As the client sent them; their order matters. */
  readonly pushOptions: readonly string[];
  readonly policyVersion: string;
}

/**
 * SHA-256, in hex, of what an approval is for. The encoding is a JSON array of
 * fixed form, so that two pushes which differ in anything differ in it.
 */
export function bindingOf(bound: Bound): string {
  const updates = bound.updates
    .map(({ ref, oldOid, newOid }) => [ref, oldOid, newOid])
    .sort((a, b) => compare(a.join(' '), b.join(' ')));
  const { user, repo, target, pushOptions, policyVersion } = bound;
  const encoded = JSON.stringify([
    'refgate held push 1',
    user,
    repo,
    [target.upstream, target.path],
    updates,
    pushOptions,
    policyVersion,
  ]);
  return createHash('sha256').update(encoded).digest('hex');
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
