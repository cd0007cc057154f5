import { RefgateError } from '../domain/error.ts';
import {
  applyDelta,
  type DeltaHeader,
  DeltaReader,
  deltaHeaderBytes,
  readDeltaHeader,
} from '../git/delta.ts';
import type { PackLimits } from '../git/pack-limits.ts';
import { frameRoom, maxStructuredBytes, packType, type WorkBudget } from '../git/pack-stream.ts';
import type { TreeJoints } from '../git/tree.ts';
import type { DeltaCache } from './delta-cache.ts';
import { type Content, ContentStore, inMemoryBytes, ResultStream } from './delta-content.ts';
import type { DeltaGraph } from './delta-graph.ts';
import type { EntrySource } from './entry-source.ts';
import type { Intake } from './intake.ts';
import type { ObjectTable } from './object-table.ts';
import type { TreeEdits } from './tree-edits.ts';

interface Step {
  readonly row: number;
  readonly type: number;
  readonly depth: number;
  readonly content: Content;
  readonly children: Uint32Array;
  next: number;
}

export interface ResolverParts {
  readonly table: ObjectTable;
  readonly graph: DeltaGraph;
  readonly source: EntrySource;
  readonly deltas: DeltaCache;
  readonly intake: Intake;
  readonly treeEdits: TreeEdits;
  readonly limits: PackLimits;
  readonly budget: WorkBudget;
  readonly dir: string;
  readonly onDelta: () => void;
}

/**
 * Applies deltas from their bases outwards, each once, and hands every result
 * to the intake. Sizes and limits are checked before anything is allocated.
 * Throws PACK_DELTA, PACK_DELTA_DEPTH, PACK_OBJECT_TOO_LARGE,
 * PACK_INFLATED_TOO_LARGE and what the intake throws.
 */
export class DeltaResolver {
  readonly #parts: ResolverParts;
  readonly #store: ContentStore;
  #delta: Buffer = Buffer.allocUnsafeSlow(64 * 1024);
  #deltaView: Buffer = this.#delta;
  #structured: Buffer = Buffer.alloc(0);

  constructor(parts: ResolverParts) {
    this.#parts = parts;
    this.#store = new ContentStore(parts.dir, parts.budget);
  }

  /** Resolves everything that builds upon this row, which is stored whole. */
  resolveFrom(root: number): void {
    const children = this.#parts.graph.childrenOf(root);
    if (children.length === 0) return;
    const type = this.#parts.table.types[root] as number;
    const stack: Step[] = [];
    this.#push(stack, { row: root, type, depth: 0, content: this.#readRoot(root), children, next: 0 });
    for (;;) {
      const step = stack[stack.length - 1];
      if (step === undefined) return;
      const child = step.children[step.next++] as number;
      const content = this.#resolve(child, step);
      this.#parts.onDelta();
      // Let go before going deeper: only bases that have more children wait.
      if (step.next === step.children.length) {
        stack.pop();
        this.#store.release(step.content);
      }
      if (content === undefined) continue;
      const next = this.#parts.graph.childrenOf(child);
      if (next.length === 0) this.#discard(content);
      else this.#push(stack, { row: child, type, depth: step.depth + 1, content, children: next, next: 0 });
    }
  }

  #push(stack: Step[], step: Step): void {
    this.#store.wait(step.content, stack);
    stack.push(step);
  }

  /** For a content that was never counted as waiting. */
  #discard(content: Content): void {
    if (content.frame !== undefined) this.#store.pool.give(content.frame);
    content.frame = undefined;
    this.#store.release(content);
  }

  #readRoot(row: number): Content {
    const { source, budget } = this.#parts;
    const size = source.open(row);
    budget.spend(size);
    if (size <= inMemoryBytes) {
      const frame = this.#store.pool.take(size);
      source.whole(size, frame, frameRoom);
      return { size, frame, file: undefined };
    }
    const content = this.#store.create(size);
    const stream = new ResultStream(ignore, content.file.fd);
    source.pieces(size, (piece) => stream.append(piece, 0, piece.length));
    stream.flush();
    return content;
  }

  /** Gives the content for its own children, or undefined when it has none. */
  #resolve(row: number, base: Step): Content | undefined {
    const { source, deltas, limits, graph } = this.#parts;
    if (base.depth >= limits.maxDeltaDepth)
      throw new RefgateError('PACK_DELTA_DEPTH', 'client', `over ${limits.maxDeltaDepth}`);
    const cached = deltas.get(row);
    const deltaSize = cached?.length ?? source.open(row);
    const whole = deltaSize <= inMemoryBytes;
    if (cached !== undefined) this.#deltaView = cached;
    else if (whole) this.#readDelta(deltaSize);
    const header = whole ? readDeltaHeader(this.#deltaView) : this.#peekHeader(row, deltaSize);
    this.#admit(header, base, deltaSize);
    const kept = graph.hasOpen || graph.childrenOf(row).length > 0;
    if (header.resultSize <= inMemoryBytes) return this.#intoFrame(row, base, header, deltaSize, kept);
    if (base.type === packType.blob) return this.#intoStream(row, base, header, deltaSize, kept);
    return this.#intoStructured(row, base, header, deltaSize, kept);
  }

  #readDelta(size: number): void {
    if (this.#delta.length < size + 1)
      this.#delta = Buffer.allocUnsafeSlow(Math.max(size + 1, this.#delta.length * 2));
    this.#parts.source.whole(size, this.#delta, 0);
    this.#deltaView = this.#delta.subarray(0, size);
  }

  #admit(header: DeltaHeader, base: Step, deltaSize: number): void {
    const { limits, budget } = this.#parts;
    if (header.baseSize !== base.content.size)
      throw new RefgateError('PACK_DELTA', 'client', 'its base has another size');
    const structured = base.type !== packType.blob && header.resultSize > maxStructuredBytes;
    if (header.resultSize > limits.maxObjectBytes || structured) {
      throw new RefgateError('PACK_OBJECT_TOO_LARGE', 'client', `a delta makes ${header.resultSize} bytes`);
    }
    // An instruction of two bytes costs as much as copying some sixteen.
    budget.spend(deltaSize * 8 + header.resultSize);
  }

  #intoFrame(
    row: number,
    base: Step,
    header: DeltaHeader,
    deltaSize: number,
    kept: boolean,
  ): Content | undefined {
    const size = header.resultSize;
    const frame = this.#store.pool.take(size);
    this.#apply(row, base, header, deltaSize, frame, frameRoom);
    const isEdit = base.type === packType.blob && deltaSize <= inMemoryBytes;
    const edit = isEdit ? { base: base.row, delta: this.#deltaView, header } : undefined;
    const isTree = base.type === packType.tree && deltaSize <= inMemoryBytes;
    const joints = isTree ? this.#noteTree(row, base, header, frame) : undefined;
    this.#parts.intake.whole(row, base.type, frame, size, edit, joints);
    if (kept) return { size, frame, file: undefined };
    this.#store.pool.give(frame);
    return undefined;
  }

  /** Gives what is to be checked of the tree; undefined where that is all of it: a borrowed base has not been checked. */
  #noteTree(row: number, base: Step, header: DeltaHeader, frame: Buffer): TreeJoints | undefined {
    const { source, treeEdits } = this.#parts;
    const loaded = this.#store.load(base.content);
    if (loaded === undefined) return undefined;
    const content = frame.subarray(frameRoom, frameRoom + header.resultSize);
    const joints = treeEdits.record(row, loaded, content, this.#deltaView, header);
    const isBorrowed = source.borrowed !== undefined && base.row >= source.borrowed.firstRow;
    return isBorrowed ? undefined : joints;
  }

  #intoStructured(
    row: number,
    base: Step,
    header: DeltaHeader,
    deltaSize: number,
    kept: boolean,
  ): Content | undefined {
    const size = header.resultSize;
    if (this.#structured.length < frameRoom + size + 1)
      this.#structured = Buffer.allocUnsafeSlow(frameRoom + size + 1);
    this.#apply(row, base, header, deltaSize, this.#structured, frameRoom);
    this.#parts.intake.whole(row, base.type, this.#structured, size);
    if (!kept) return undefined;
    const content = this.#store.create(size);
    const stream = new ResultStream(ignore, content.file.fd);
    stream.append(this.#structured, frameRoom, size);
    stream.flush();
    return content;
  }

  #intoStream(
    row: number,
    base: Step,
    header: DeltaHeader,
    deltaSize: number,
    kept: boolean,
  ): Content | undefined {
    const { intake } = this.#parts;
    const content = kept ? this.#store.create(header.resultSize) : undefined;
    const stream = new ResultStream((piece, first) => intake.blobPiece(piece, first), content?.file.fd);
    intake.beginBlob(header.resultSize);
    this.#applyInOrder(row, base, header, deltaSize, (from, at, size) => stream.append(from, at, size));
    stream.flush();
    intake.endBlob(row);
    return content;
  }

  /** The usual way when base and delta are in memory, and the slow one otherwise. */
  #apply(
    row: number,
    base: Step,
    header: DeltaHeader,
    deltaSize: number,
    out: Buffer,
    outFrom: number,
  ): void {
    const loaded = this.#store.load(base.content);
    if (loaded !== undefined && deltaSize <= inMemoryBytes) {
      applyDelta(loaded, this.#deltaView, header, out, outFrom);
      return;
    }
    let to = outFrom;
    this.#applyInOrder(row, base, header, deltaSize, (from, at, size) => {
      from.copy(out, to, at, at + size);
      to += size;
    });
  }

  #applyInOrder(
    row: number,
    base: Step,
    header: DeltaHeader,
    deltaSize: number,
    sink: (from: Buffer, at: number, size: number) => void,
  ): void {
    const loaded = this.#store.load(base.content);
    const copy =
      loaded === undefined
        ? (offset: number, size: number) => this.#store.read(base.content, offset, size, sink)
        : (offset: number, size: number) => sink(loaded, offset, size);
    const reader = new DeltaReader(header, { copy, insert: sink });
    if (deltaSize <= inMemoryBytes) reader.write(this.#deltaView.subarray(header.at));
    else this.#deltaPieces(row, header.at, (piece) => reader.write(piece));
    reader.end();
  }

  /** The pieces of a delta that is too large for memory, without its header. */
  #deltaPieces(row: number, skipped: number, sink: (piece: Buffer) => void): void {
    const { source } = this.#parts;
    let skip = skipped;
    source.pieces(source.open(row), (piece) => {
      const from = Math.min(skip, piece.length);
      skip -= from;
      if (from < piece.length) sink(piece.subarray(from));
    });
  }

  #peekHeader(row: number, deltaSize: number): DeltaHeader {
    this.#parts.budget.spend(deltaSize);
    const start = Buffer.alloc(deltaHeaderBytes);
    let have = 0;
    this.#deltaPieces(row, 0, (piece) => {
      have += piece.copy(start, have, 0, deltaHeaderBytes - have);
    });
    return readDeltaHeader(start.subarray(0, have));
  }
}

const ignore = () => {};
