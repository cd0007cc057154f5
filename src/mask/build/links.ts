import { RefgateError } from '../../domain/error.ts';
import type { ObjectFormat, ObjectType, Oid } from '../../domain/git.ts';
import { namingStretches } from '../view/mask-commit.ts';
import { tagNamingStretches } from '../view/mask-tag.ts';
import { idsIn } from '../view/message-ids.ts';

const commitHead = /^tree ([0-9a-f]{40,64})\n((?:parent [0-9a-f]{40,64}\n)*)/;
const tagHead = /^object ([0-9a-f]{40,64})\ntype (commit|tree|blob|tag)\n/;

/** What a commit names, read as loosely as git reads it. Throws OBJECT_MALFORMED (upstream). */
export function commitLinks(
  oid: Oid,
  content: Buffer,
): { readonly tree: Oid; readonly parents: readonly Oid[] } {
  const end = content.indexOf('\n\n');
  const match = commitHead.exec(content.toString('latin1', 0, end < 0 ? content.length : end + 1));
  if (match === null) throw malformed('commit', oid);
  const [, tree, parents] = match as unknown as [string, Oid, string];
  return { tree, parents: parents.split('\n').flatMap((line) => (line === '' ? [] : [line.slice(7)])) };
}

/** What a tag names. Throws OBJECT_MALFORMED (upstream). */
export function tagLinks(oid: Oid, content: Buffer): { readonly oid: Oid; readonly type: ObjectType } {
  const match = tagHead.exec(content.toString('latin1', 0, 200));
  if (match === null) throw malformed('tag', oid);
  const [, target, type] = match as unknown as [string, Oid, ObjectType];
  return { oid: target, type };
}

export function malformed(type: ObjectType, oid: Oid): RefgateError {
  return new RefgateError(
    'OBJECT_MALFORMED',
    'upstream',
    `the ${type} ${oid} of the upstream cannot be read`,
  );
}

/** Whole oids that a commit or tag names beside its links, in any case; each once, in lower case. */
export function namedOids(type: 'commit' | 'tag', content: Buffer, format: ObjectFormat): ReadonlySet<Oid> {
  const stretches = type === 'commit' ? namingStretches(content) : tagNamingStretches(content);
  const named = new Set<Oid>();
  for (const { oid } of idsIn(content, stretches, format)) named.add(oid);
  return named;
}
