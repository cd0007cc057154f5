import { RefgateError } from '../../domain/error.ts';
import type { ObjectType, Oid } from '../../domain/git.ts';
import { applyDelta, readDeltaHeader } from '../../git/delta.ts';
import { maxStructuredBytes, objectTypeNames, packType, type WorkBudget } from '../../git/pack-stream.ts';
import type { EntrySource } from '../entry-source.ts';
import type { ObjectTable } from '../object-table.ts';
import type { TreeEdits } from '../tree-edits.ts';
import { ContentLru } from './content-lru.ts';
import { OidLookup } from './oid-lookup.ts';
import { TreePaths } from './tree-paths.ts';
import type { PackObjects } from './walk-order.ts';

/** Contents that are kept because others are deltas of them, in bytes. */
const cachedBytes = 32 * 1024 * 1024;

/** Contents up to this size are cut from larger buffers. */
const slabItemBytes = 32 * 1024;
const slabBytes = 512 * 1024;

/** What a pack leaves behind once it is indexed, and still open. */
export interface OpenPackParts {
  readonly table: ObjectTable;
  /** The rows of the pack's own objects, by oid, as `finishPack` sorts them. */
  readonly order: Uint32Array;
  /** Must be able to open every row that `table.bases` leads to, borrowed bases included. */
  readonly source: EntrySource;
  /** A budget of its own for reading, in bytes of inflating and of deltas. */
  readonly budget: WorkBudget;
  /** What was seen of trees when their deltas were resolved. */
  readonly treeEdits?: TreeEdits;
}

/**
 * The objects of a pack that has just been indexed, by oid. What was read last
 * is kept, 32 MiB at most, so that each of many similar trees costs one delta.
 * Buffers that are given out must not be changed. Does its file work synchronously.
 */
export class OpenPack implements PackObjects {
  readonly #table: ObjectTable;
  readonly #order: Uint32Array;
  readonly #source: EntrySource;
  readonly #budget: WorkBudget;
  readonly #lookup: OidLookup;
  readonly #reached: Uint8Array;
  readonly #paths: TreePaths | undefined;
  readonly #cache = new ContentLru<number>(cachedBytes);
  #delta: Buffer = Buffer.allocUnsafeSlow(64 * 1024);
  #slab: Buffer = Buffer.alloc(0);
  #slabFrom = 0;
  #marked = 0;

  constructor({ table, order, source, budget, treeEdits }: OpenPackParts) {
    this.#table = table;
    this.#order = order;
    this.#source = source;
    this.#budget = budget;
    this.#lookup = new OidLookup(table.oids, table.width, order);
    this.#reached = new Uint8Array(table.count);
    this.#paths = treeEdits && new TreePaths(treeEdits, table.bases, table.width);
  }

  get count(): number {
    return this.#order.length;
  }

  get reached(): number {
    return this.#marked;
  }

  typeOf(oid: Oid): ObjectType | undefined {
    const row = this.#lookup.rowOf(oid);
    return row < 0 ? undefined : objectTypeNames[this.#table.types[row] as number];
  }

  parentsOf(oid: Oid): readonly Oid[] | undefined {
    const row = this.#lookup.rowOf(oid);
    if (row < 0 || this.#table.types[row] !== packType.commit) return undefined;
    const { links, linkAt } = this.#table;
    const at = linkAt[row] as number;
    return Array.from({ length: links.headAt(at) }, (_, i) => links.oidAt(at, i));
  }

  /** Throws LIMIT_EXCEEDED (client) for an object over 64 MiB, too, which no commit, tag or tree is. */
  read(oid: Oid): Buffer | undefined {
    const row = this.#lookup.rowOf(oid);
    return row < 0 ? undefined : (this.#cache.get(row) ?? this.#resolve(row));
  }

  unshared(tree: Oid, olds: readonly Oid[]): readonly Buffer[] | undefined {
    if (this.#paths === undefined) return undefined;
    const rows = olds.map((oid) => this.#treeRow(oid));
    const row = this.#treeRow(tree);
    return row < 0 || rows.includes(-1) ? undefined : this.#paths.unshared(row, rows);
  }

  #treeRow(oid: Oid): number {
    const row = this.#lookup.rowOf(oid);
    return row >= 0 && this.#table.types[row] === packType.tree ? row : -1;
  }

  markReached(oid: Oid): boolean {
    const row = this.#lookup.rowOf(oid);
    if (row < 0 || this.#reached[row] === 1) return false;
    this.#reached[row] = 1;
    this.#marked++;
    return true;
  }

  *unreached(): Generator<{ readonly oid: Oid; readonly type: ObjectType }> {
    for (const row of this.#order) {
      if (this.#reached[row] === 1) continue;
      const type = objectTypeNames[this.#table.types[row] as number] as ObjectType;
      yield { oid: Buffer.from(this.#table.oidOf(row)).toString('hex'), type };
    }
  }

  /** From the nearest base that is there, delta by delta, outwards. */
  #resolve(wanted: number): Buffer {
    const chain = [wanted];
    let content: Buffer | undefined;
    for (let row = this.#table.bases[wanted] as number; row >= 0; row = this.#table.bases[row] as number) {
      content = this.#cache.get(row);
      if (content !== undefined) break;
      chain.push(row);
    }
    if (content === undefined) content = this.#readWhole(chain.pop() as number);
    for (let row = chain.pop(); row !== undefined; row = chain.pop()) content = this.#apply(row, content);
    return content;
  }

  #readWhole(row: number): Buffer {
    const size = this.#open(row);
    const out = this.#take(size + 1);
    this.#source.whole(size, out, 0);
    const content = out.subarray(0, size);
    this.#cache.set(row, content);
    return content;
  }

  #apply(row: number, base: Buffer): Buffer {
    const size = this.#open(row);
    if (size >= this.#delta.length) this.#delta = Buffer.allocUnsafeSlow(size * 2);
    this.#source.whole(size, this.#delta, 0);
    const delta = this.#delta.subarray(0, size);
    const header = readDeltaHeader(delta);
    if (header.resultSize > maxStructuredBytes) throw tooLarge();
    this.#spend(size * 8 + header.resultSize);
    const content = this.#take(header.resultSize);
    applyDelta(base, delta, header, content, 0);
    this.#cache.set(row, content);
    return content;
  }

  #open(row: number): number {
    const size = this.#source.open(row);
    if (size > maxStructuredBytes) throw tooLarge();
    this.#spend(size);
    return size;
  }

  #spend(bytes: number): void {
    try {
      this.#budget.spend(bytes);
    } catch (cause) {
      throw new RefgateError('LIMIT_EXCEEDED', 'client', 'its objects cost too much to read', { cause });
    }
  }

  /** Of small contents many share one buffer: making a buffer costs more than filling it. */
  #take(size: number): Buffer {
    if (size > slabItemBytes) return Buffer.allocUnsafeSlow(size);
    if (this.#slabFrom + size > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(slabBytes);
      this.#slabFrom = 0;
    }
    const from = this.#slabFrom;
    this.#slabFrom += size;
    return this.#slab.subarray(from, from + size);
  }
}

const tooLarge = () => new RefgateError('LIMIT_EXCEEDED', 'client', 'an object is too large to be read');
