import { closeSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { RefgateError } from '../domain/error.ts';
import type { ObjectFormat, Oid } from '../domain/git.ts';
import { compareOids, findOid, isOidAt, sortOids } from '../git/pack-index.ts';
import type { PackLimits } from '../git/pack-limits.ts';
import type { WorkBudget } from '../git/pack-stream.ts';
import { DeltaGraph, refuseCycles, rowsOf } from './delta-graph.ts';
import { checkDotFiles } from './dot-files.ts';
import { type EntryFile, EntrySource } from './entry-source.ts';
import type { FirstPass } from './first-pass.ts';
import { installPack } from './gitdir.ts';
import { type HeldObjects, type ObjectTable, sortedObjects } from './object-table.ts';
import { DeltaResolver } from './resolve-deltas.ts';
import { BorrowedBases, type BorrowedObject, completePack } from './thin-pack.ts';

export interface IndexedPack {
  readonly bytes: number;
  /** SHA-256 of the received bytes, hex. */
  readonly sha256: string;
  readonly objects: HeldObjects;
}

/** A pack that is indexed, and still open. */
export interface FinishedPack {
  readonly objects: HeldObjects;
  /** The rows of the pack's own objects, by oid. */
  readonly order: Uint32Array;
  /** Reads every row of the table that an object of the pack is made from. */
  readonly source: EntrySource;
  /** Closes the source, and what it read from besides the received file. */
  close(): void;
}

/** A pack that has been received whole. */
export interface ReceivedPack {
  readonly dir: string;
  readonly file: string;
  readonly fd: number;
  /** Where the last entry ends and the trailer begins. */
  readonly end: number;
  readonly trailer: Buffer;
  readonly objectFormat: ObjectFormat;
  readonly limits: PackLimits;
  readonly budget: WorkBudget;
  readonly pass: FirstPass;
  readonly borrow: (oids: readonly Oid[]) => Promise<readonly BorrowedObject[]>;
  readonly onDelta: () => void;
}

/** How many bases are asked for at once. */
const borrowBatch = 256;

/** More missing bases than this are not asked for. */
const maxBorrowed = 100_000;

/** All borrowed bases together may take this many bytes. */
const maxBorrowedBytes = 1024 ** 3;

/**
 * The second half of indexing: deltas, missing bases, duplicates, files that
 * git obeys, and the idx.
 */
export async function finishPack(pack: ReceivedPack): Promise<FinishedPack> {
  const { table, intake, refs, deltas, treeEdits } = pack.pass;
  const received: EntryFile = { fd: pack.fd, firstRow: 0, end: pack.end };
  const source = new EntrySource(table, received);
  const graph = new DeltaGraph(table, refs);
  const resolver = new DeltaResolver({ ...pack, table, graph, source, deltas, intake, treeEdits });
  const ownRows = table.count;
  for (let row = 0; row < ownRows; row++)
    if ((table.bases[row] as number) < 0 && table.types[row] !== 0) resolver.resolveFrom(row);
  const bases = graph.hasOpen ? await borrowBases(pack, graph, source, resolver) : undefined;
  const order = sortOids(
    table.oids,
    table.width,
    Uint32Array.from({ length: ownRows }, (_, row) => row),
  );
  refuseDuplicates(table, order);
  checkDotFiles(table, order, intake, source, pack.budget);
  const finished = { objects: sortedObjects(table, order), order };
  if (bases !== undefined) {
    source.close();
    return { ...finished, ...installCompleted(pack, received, bases, order) };
  }
  if (ownRows > 0) installPack(pack.dir, pack.file, pack.trailer, table, order, pack.objectFormat);
  return { ...finished, source, close: () => source.close() };
}

/** Asks for what deltas still wait for, and resolves what then can be. Throws PACK_DELTA_BASE. */
async function borrowBases(
  pack: ReceivedPack,
  graph: DeltaGraph,
  source: EntrySource,
  resolver: DeltaResolver,
): Promise<BorrowedBases | undefined> {
  const { table } = pack.pass;
  const missing = Array.from(graph.missingBases(), (oid) => Buffer.from(oid).toString('hex'));
  if (missing.length === 0) return undefined;
  if (missing.length > maxBorrowed) {
    throw new RefgateError('PACK_DELTA_BASE', 'client', `${missing.length} bases are missing`);
  }
  const bases = new BorrowedBases(pack.dir, table, pack.objectFormat, maxBorrowedBytes);
  source.borrowed = bases.file;
  for (let from = 0; from < missing.length; from += borrowBatch) {
    const wanted = new Set(missing.slice(from, from + borrowBatch));
    for (const object of await pack.borrow([...wanted])) {
      // Each is taken once, and nothing that was not asked for.
      if (wanted.delete(object.oid)) resolver.resolveFrom(bases.add(object));
    }
  }
  for (const oid of graph.missingBases()) {
    throw new RefgateError('PACK_DELTA_BASE', 'client', Buffer.from(oid).toString('hex'));
  }
  return bases;
}

function refuseDuplicates(table: ObjectTable, order: Uint32Array): void {
  for (let i = 1; i < order.length; i++) {
    const row = order[i] as number;
    if (compareOids(table.oids, order[i - 1] as number, row, table.width) !== 0) continue;
    throw new RefgateError('PACK_DUPLICATE', 'client', Buffer.from(table.oidOf(row)).toString('hex'));
  }
}

/** Afterwards the completed pack is what the objects are read from. */
function installCompleted(
  pack: ReceivedPack,
  received: EntryFile,
  bases: BorrowedBases,
  order: Uint32Array,
): Pick<FinishedPack, 'source' | 'close'> {
  const { table } = pack.pass;
  const kept = dropRedundant(table, order, bases.file.firstRow);
  const out = join(pack.dir, 'completed.pack');
  const { trailer, end } = completePack(out, received, bases.file, table, kept, pack.objectFormat);
  bases.close();
  rmSync(join(pack.dir, 'borrowed'));
  const all = sortOids(table.oids, table.width, Uint32Array.from([...order, ...kept]));
  installPack(pack.dir, out, trailer, table, all, pack.objectFormat);
  const fd = openSync(out, 'r');
  rmSync(out);
  closeGaps(table, bases.file.firstRow, new Set(kept), end);
  const source = new EntrySource(table, { fd, firstRow: 0, end });
  const close = () => {
    source.close();
    closeSync(fd);
  };
  return { source, close };
}

/** Rows that are not in the completed pack take no room in it: the next one begins where they would. */
function closeGaps(table: ObjectTable, firstRow: number, kept: ReadonlySet<number>, end: number): void {
  for (let row = table.count - 1; row >= firstRow; row--)
    if (!kept.has(row)) table.offsets[row] = row + 1 < table.count ? (table.offsets[row + 1] as number) : end;
}

/**
 * The borrowed rows that the pack does not turn out to hold itself. Deltas upon
 * the others then build upon the pack's own object, which must not in turn
 * build upon them: PACK_DELTA_CYCLE.
 */
function dropRedundant(table: ObjectTable, order: Uint32Array, firstBorrowed: number): number[] {
  const instead = new Map<number, number>();
  const kept: number[] = [];
  for (let row = firstBorrowed; row < table.count; row++) {
    const own = order[findOid(table.oids, table.width, order, table.oidOf(row))];
    if (own !== undefined && isOidAt(table.oids, table.width, own, table.oidOf(row))) instead.set(row, own);
    else kept.push(row);
  }
  if (instead.size === 0) return kept;
  for (const row of rowsOf(table, () => true)) {
    const own = instead.get(table.bases[row] as number);
    if (own !== undefined) table.bases[row] = own;
  }
  refuseCycles(table);
  return kept;
}
