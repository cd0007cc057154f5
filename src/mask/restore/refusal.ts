import { RefgateError } from '../../domain/error.ts';
import type { Oid } from '../../domain/git.ts';
import { cleanLine } from '../../git/text.ts';
import type { FoundSecret } from '../view/view-function.ts';

/** Where in a push something is, as the client has it. */
export interface Place {
  /** The commit or tag that brings it; absent of a ref name. */
  readonly object?: Oid;
  /** A path, `the message` and the like. */
  readonly in: string;
  /** Counted from 1. */
  readonly line?: number | undefined;
}

const maxShown = 300;

/** `commit 0123456789ab, src/a.txt:12`, safe to show. */
function shown({ object, in: what, line }: Place): string {
  const where = line === undefined ? what : `${what}:${line}`;
  return cleanLine(object === undefined ? where : `${shortOid(object)}, ${where}`, maxShown);
}

export const shortOid = (oid: Oid): string => oid.slice(0, 12);

/** VIEW_FOREIGN. @param what the object that the view never had. */
export function foreign(what: string): RefgateError {
  return new RefgateError(
    'VIEW_FOREIGN',
    'client',
    `${what}; clone again, make the change there, and push that`,
  );
}

/** VIEW_NEW_SECRET. The advice is the same wherever the secret is from, so that nobody learns whether the original holds it. */
export function newSecret(place: Place, { rule, sample }: FoundSecret): RefgateError {
  const detail =
    `${shown(place)}: ${rule} (${cleanLine(sample, 80)}); take it out of the commit that brings it, and push again ` +
    '(git commit --amend, or git rebase -i where it is not the last one; a further commit does not help), ' +
    'or clone again if you cloned before the repository was masked';
  return new RefgateError('VIEW_NEW_SECRET', 'client', detail);
}

/** VIEW_NOT_RESTORED. @param why what is wrong, and what to do. */
export function notRestored(place: Place, why: string): RefgateError {
  return new RefgateError('VIEW_NOT_RESTORED', 'client', `${shown(place)}: ${why}`);
}

/** LIMIT_EXCEEDED (client). */
export function tooLarge(what: string): RefgateError {
  return new RefgateError('LIMIT_EXCEEDED', 'client', `${what}; push it in smaller parts`);
}
