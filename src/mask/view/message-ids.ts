import type { ObjectFormat, Oid } from '../../domain/git.ts';
import type { Cut } from './cuts.ts';
import { literalRule } from './placeholder.ts';
import type { NamedOids } from './view-function.ts';

const ids: Readonly<Record<ObjectFormat, RegExp>> = {
  sha1: /(?<![0-9a-fA-F])[0-9a-fA-F]{40}(?![0-9a-fA-F])/g,
  sha256: /(?<![0-9a-fA-F])[0-9a-fA-F]{64}(?![0-9a-fA-F])/g,
};

/**
 * The rule of ids that have no other of the view to be written in their place: those of affected objects that are no
 * ancestors, and those that are not in lower case. What stands for one is restored like a secret.
 */
export const idRule = 'oid';

interface Stretch {
  readonly start: number;
  readonly end: number;
}

/**
 * What takes the place of whole ids in a text. That of an affected ancestor becomes that of its view; that of any other
 * affected object a keyed alias. What is an id of a view already is text that looks like ours, and is masked, so that no
 * two texts become the same.
 */
export function findIds(
  content: Buffer,
  stretches: readonly Stretch[],
  format: ObjectFormat,
  { viewOfAncestor, isAffected }: NamedOids,
): readonly Cut[] {
  const cuts: Cut[] = [];
  for (const { oid, id, start, end } of idsIn(content, stretches, format)) {
    const view = viewOfAncestor(oid);
    const cut = { start, end, confidence: 'low', wide: false } as const;
    if (view !== undefined && id === view) cuts.push({ ...cut, rule: literalRule });
    else if (view !== undefined && id === oid) cuts.push({ ...cut, rule: idRule, instead: view });
    else if (view !== undefined || isAffected(oid)) cuts.push({ ...cut, rule: idRule });
  }
  return cuts;
}

/** Whether a text names an affected object. */
export function namesAffected(
  content: Buffer,
  stretches: readonly Stretch[],
  format: ObjectFormat,
  isAffected: NamedOids['isAffected'],
): boolean {
  for (const { oid } of idsIn(content, stretches, format)) if (isAffected(oid)) return true;
  return false;
}

interface PlacedId extends Stretch {
  /** In lower case. */
  readonly oid: Oid;
  /** As it stands there. */
  readonly id: string;
}

/** Whole ids of stretches that end at line ends. */
export function* idsIn(
  content: Buffer,
  stretches: readonly Stretch[],
  format: ObjectFormat,
): Generator<PlacedId> {
  for (const { start: from, end: to } of stretches)
    for (const { 0: id, index } of content.toString('latin1', from, to).matchAll(ids[format]))
      yield { oid: id.toLowerCase(), id, start: from + index, end: from + index + id.length };
}
