import { createHash } from 'node:crypto';
import type { AdvertisedRef, ObjectFormat } from '../../domain/git.ts';
import type { FetchSource } from '../../domain/ports.ts';
import type { Tips } from '../build/contract.ts';

const shown = /^refs\/(?:heads|tags)\//;

/** The refs of the upstream that views are made of, and its object format. Throws what the source throws. */
export async function readTips(
  source: FetchSource,
): Promise<{ readonly tips: Tips; readonly format: ObjectFormat }> {
  const { objectFormat, unborn } = await source.capabilities();
  const refs: AdvertisedRef[] = [];
  const prefixes = ['HEAD', 'refs/heads/', 'refs/tags/'];
  for await (const batch of source.lsRefs({ prefixes, symrefs: true, peel: false, unborn }))
    refs.push(...batch);
  return { tips: tipsOf(refs), format: objectFormat };
}

/** Branches, tags, and the branch that HEAD names. */
export function tipsOf(refs: readonly AdvertisedRef[]): Tips {
  const head = refs.find(({ ref }) => ref === 'HEAD')?.symrefTarget;
  const named = refs.flatMap(({ ref, oid }) => (oid !== null && shown.test(ref) ? [{ ref, oid }] : []));
  named.sort((a, b) => (a.ref < b.ref ? -1 : 1));
  return { refs: named, ...(head?.startsWith('refs/heads/') ? { head } : {}) };
}

/** With the HEAD of others: an advertisement of receive-pack has none. */
export const withHead = ({ refs }: Tips, { head }: Tips): Tips => ({
  refs,
  ...(head === undefined ? {} : { head }),
});

/** The same for the same refs. */
export function tipsDigest({ refs, head }: Tips): string {
  const hash = createHash('sha256').update(`${head ?? ''}\n`);
  for (const { ref, oid } of refs) hash.update(`${oid} ${ref}\n`);
  return hash.digest('hex');
}

/** As a server advertises them. */
export function advertisedTips({ refs, head }: Tips): readonly AdvertisedRef[] {
  const tip = refs.find(({ ref }) => ref === head);
  return tip === undefined || head === undefined
    ? refs
    : [{ ref: 'HEAD', oid: tip.oid, symrefTarget: head }, ...refs];
}

export const sameTips = (a: Tips, b: Tips): boolean =>
  a.head === b.head &&
  a.refs.length === b.refs.length &&
  a.refs.every(({ ref, oid }, at) => b.refs[at]?.ref === ref && b.refs[at]?.oid === oid);
