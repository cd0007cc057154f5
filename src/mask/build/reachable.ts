import { RefgateError } from '../../domain/error.ts';
import type { ObjectFormat, ObjectType, Oid } from '../../domain/git.ts';
import { streamGit } from '../objects/git-child.ts';
import { OidTable } from './oid-table.ts';
import { splitOutput } from './split-output.ts';

const types: readonly ObjectType[] = ['commit', 'tree', 'blob', 'tag'];

/** Every object that some oids reach, with types and sizes, and the order in which git reads them fastest. */
export interface Reachable {
  readonly table: OidTable;
  typeOf(number: number): ObjectType;
  /** Of one type, by their numbers, in the order of the packs. */
  ofType(type: ObjectType): readonly number[];
  readonly blobBytes: number;
}

async function* linesOf(oids: Iterable<Oid>): AsyncGenerator<string> {
  for (const oid of oids) yield `${oid}\n`;
}

/** The objects that the oids reach, in git's order. Throws INTERNAL (refgate) where one is missing. */
export async function* listReachable(
  gitDir: string,
  oids: Iterable<Oid>,
  signal: AbortSignal,
): AsyncGenerator<readonly string[]> {
  const args = ['rev-list', '--objects', '--no-object-names', '--stdin'];
  yield* splitOutput(streamGit(gitDir, args, { input: linesOf(oids), signal }), '\n');
}

/** Every object that a repository holds, reachable or not: lines of type, size and oid, in the order of its packs. */
export async function* listAll(gitDir: string, signal: AbortSignal): AsyncGenerator<readonly string[]> {
  const format = '--batch-check=%(objecttype) %(objectsize) %(objectname)';
  const args = ['cat-file', format, '--batch-all-objects', '--unordered', '--buffer'];
  yield* splitOutput(streamGit(gitDir, args, { signal }), '\n');
}

export async function findReachable(
  gitDir: string,
  format: ObjectFormat,
  oids: readonly Oid[],
  signal: AbortSignal,
): Promise<Reachable> {
  const table = new OidTable(format);
  if (oids.length > 0)
    for await (const lines of listReachable(gitDir, oids, signal)) for (const oid of lines) table.add(oid);
  const typeCodes = new Uint8Array(table.size).fill(255);
  const lists: Record<ObjectType, number[]> = { commit: [], tree: [], blob: [], tag: [] };
  let blobBytes = 0;
  let known = 0;
  if (table.size > 0)
    for await (const lines of listAll(gitDir, signal))
      for (const line of lines) {
        const [type, size, oid] = line.split(' ') as [ObjectType, string, Oid];
        const number = table.find(oid);
        if (number < 0 || typeCodes[number] !== 255) continue;
        typeCodes[number] = types.indexOf(type);
        lists[type].push(number);
        known++;
        if (type === 'blob') blobBytes += Number(size);
      }
  if (known !== table.size)
    throw new RefgateError('INTERNAL', 'refgate', 'git lists objects of the originals that it does not hold');
  return {
    table,
    blobBytes,
    typeOf: (number) => types[typeCodes[number] as number] as ObjectType,
    ofType: (type) => lists[type],
  };
}
