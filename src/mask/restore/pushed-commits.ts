import type { Oid } from '../../domain/git.ts';
import { parseObjectText, valuesOf } from './object-text.ts';
import { foreign, shortOid, tooLarge } from './refusal.ts';
import type { Sides } from './sides.ts';

const maxCommits = 200_000;

/**
 * The commits of the push that are reached from a tip and are not known yet, parents before children. Throws
 * VIEW_FOREIGN where one is neither in the view nor pushed, and LIMIT_EXCEEDED (client).
 */
export async function newCommitsOf(sides: Sides, tip: Oid): Promise<readonly Oid[]> {
  const order: Oid[] = [];
  const seen = new Set<Oid>();
  const open: { readonly oid: Oid; readonly parents: Oid[] }[] = [];
  const enter = async (oid: Oid, child: Oid | undefined): Promise<void> => {
    if (seen.has(oid)) return;
    seen.add(oid);
    if ((await sides.known(oid)) !== undefined) return sides.sentAgain.add(oid);
    sides.checkSignal();
    const pushed = await sides.readPushed(oid);
    if (pushed?.type !== 'commit') {
      const whose = child === undefined ? '' : `the parent of ${shortOid(child)}, `;
      throw foreign(`${whose}commit ${shortOid(oid)} is not in your view`);
    }
    if (seen.size > maxCommits) throw tooLarge(`the push brings more than ${maxCommits} commits`);
    open.push({ oid, parents: [...valuesOf(parseObjectText(pushed.content), 'parent')].reverse() });
  };
  await enter(tip, undefined);
  for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
    const parent = top.parents.pop();
    if (parent !== undefined) await enter(parent, top.oid);
    else {
      open.pop();
      order.push(top.oid);
    }
  }
  return order;
}
