import type { Oid } from '../../domain/git.ts';
import type { RefFacts } from '../../domain/session.ts';
import type { KeptView } from './kept-view.ts';
import type { Peeled, ReviewObjects } from './objects.ts';

/** What an update is compared with, or why it cannot be. */
export interface Ends {
  readonly base?: Oid;
  readonly newTree?: Oid;
  readonly oldTree?: Oid;
  /** In one line. */
  readonly gone?: string;
}

/** What is told of a ref that goes away. */
export const deleted: Ends = { gone: 'the ref goes away; no file changes' };

/**
 * The trees that an update is between: from the old tip, or for a new ref from
 * where its first parents leave the commits that the push brings. Tags count as what they name. Throws
 * INTERNAL, and what the upstream throws.
 */
export async function compareEnds(ref: RefFacts, view: KeptView, objects: ReviewObjects): Promise<Ends> {
  if (ref.kind === 'delete') return deleted;
  const tip = await objects.peel(ref.newOid);
  if (tip.type !== 'commit') return { gone: noCommit(tip, 'new') };
  const base = ref.kind === 'update' ? ref.oldOid : await baseOfNew(tip.oid, view, objects);
  if (base === undefined) return { newTree: tip.tree };
  const old = base === tip.oid ? tip : await objects.peel(base);
  if (old.type !== 'commit') return { gone: noCommit(old, 'old') };
  return { base: old.oid, newTree: tip.tree, oldTree: old.tree };
}

/**
 * The first commit along first parents that the push does not bring; undefined
 * when there is none, because all of it is new.
 */
export function baseOf(
  tip: Oid | undefined,
  { firstParents }: Pick<KeptView, 'firstParents'>,
): Oid | undefined {
  let oid = tip;
  while (oid !== undefined && firstParents.has(oid)) oid = firstParents.get(oid);
  return oid;
}

/** Commits that are read to find the base of a new ref. */
const maxRead = 10_000;

/**
 * Where the facts do not name all new commits, every commit of the pack counts as
 * one, and after 10,000 of them all is new: a reviewer sees too much rather than too little.
 */
async function baseOfNew(tip: Oid, view: KeptView, objects: ReviewObjects): Promise<Oid | undefined> {
  let base = baseOf(tip, view);
  if (view.hasAllCommits) return base;
  for (let read = 0; base !== undefined; read++) {
    if (read >= maxRead) return undefined;
    const parents = await objects.heldParents(base);
    if (parents === undefined) return base;
    base = baseOf(parents[0], view);
  }
  return undefined;
}

function noCommit({ type, oid }: Exclude<Peeled, { type: 'commit' }>, which: 'old' | 'new'): string {
  switch (type) {
    case 'absent':
      return `${oid}, the ${which} tip, is neither in the push nor on the upstream`;
    case 'large':
      return `${oid}, the ${which} tip, is too large to be read`;
    default:
      return `${oid}, the ${which} tip, is a ${type} and not a commit: there is nothing to compare`;
  }
}
