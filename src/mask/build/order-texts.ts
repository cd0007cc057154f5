import type { ObjectFormat, Oid } from '../../domain/git.ts';
import type { GitObjects } from '../objects/git-objects.ts';
import { CommitGraph } from './commit-graph.ts';
import { commitLinks, namedOids, tagLinks } from './links.ts';
import { NamingOrder } from './naming-order.ts';
import { OidTable } from './oid-table.ts';

/**
 * New commits and tags, each behind what it links to and what its text names.
 * @param oids commits, parents before their children, and then tags.
 */
export async function orderTexts(
  originals: GitObjects,
  format: ObjectFormat,
  oids: readonly Oid[],
): Promise<readonly Oid[]> {
  const table = new OidTable(format);
  for (const oid of oids) table.add(oid);
  const graph = new CommitGraph(table);
  const order = new NamingOrder();
  const among = (linked: Iterable<Oid>): number[] =>
    [...linked].map((oid) => table.find(oid)).filter((number) => number >= 0);
  for (const oid of oids) {
    const object = await originals.read(oid);
    if (object?.type !== 'commit' && object?.type !== 'tag') continue;
    const { type, content } = object;
    const links = type === 'commit' ? commitLinks(oid, content).parents : [tagLinks(oid, content).oid];
    graph.add(table.find(oid), 0, among(links));
    order.add(table.find(oid), among(namedOids(type, content, format)));
  }
  const sorted = order.sort([...oids.keys()], (number) => graph.parentsOf(number));
  return sorted.map((number) => table.at(number));
}
