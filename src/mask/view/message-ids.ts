import type { ObjectFormat } from '../../domain/git.ts';
import type { Cut } from './cuts.ts';
import { literalRule } from './placeholder.ts';
import type { ViewOf } from './view-function.ts';

const ids: Readonly<Record<ObjectFormat, RegExp>> = {
  sha1: /(?<![0-9a-fA-F])[0-9a-fA-F]{40}(?![0-9a-fA-F])/g,
  sha256: /(?<![0-9a-fA-F])[0-9a-fA-F]{64}(?![0-9a-fA-F])/g,
};

/** The rule of ids that are not in lower case: they cannot be written as those of the view. */
const idRule = 'oid';

/**
 * What takes the place of whole ids in a message. That of an affected ancestor becomes that of its view. What is an id
 * of a view already is text that looks like ours, and is masked, so that no two messages become the same.
 */
export function findIds(
  content: Buffer,
  from: number,
  to: number,
  format: ObjectFormat,
  viewOfAncestor: ViewOf,
): readonly Cut[] {
  const cuts: Cut[] = [];
  for (const match of content.toString('latin1', from, to).matchAll(ids[format])) {
    const [id] = match;
    const view = viewOfAncestor(id.toLowerCase());
    if (view === undefined) continue;
    const start = from + match.index;
    const cut = { start, end: start + id.length, confidence: 'low', wide: false } as const;
    if (id === view) cuts.push({ ...cut, rule: literalRule });
    else if (id === id.toLowerCase()) cuts.push({ ...cut, rule: idRule, instead: view });
    else cuts.push({ ...cut, rule: idRule });
  }
  return cuts;
}
