import { createHash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { RefgateError } from '../domain/error.ts';
import type { ObjectFormat, Oid } from '../domain/git.ts';
import type { PackLimits } from '../git/pack-limits.ts';
import { hashBytes, PackReader, WorkBudget } from '../git/pack-stream.ts';
import type { PackScan } from './contents/walk-order.ts';
import { readFully, writeFully } from './delta-content.ts';
import { type FinishedPack, finishPack, type IndexedPack } from './finish-pack.ts';
import { FirstPass } from './first-pass.ts';
import { createGitDir } from './gitdir.ts';
import type { ObjectTable } from './object-table.ts';
import { PackScanner } from './scan-pack.ts';
import type { ObjectScanner } from './secrets/scan-object.ts';
import type { BorrowedObject } from './thin-pack.ts';
import type { TreeEdits } from './tree-edits.ts';

export interface HoldProgress {
  /** While the held pack is walked; `objects` then counts those that were reached. */
  readonly phase?: 'inspecting';
  readonly objects: number;
  readonly total: number;
  readonly bytes: number;
  readonly deltas: number;
}

export interface IndexPackOptions {
  /** Must not exist yet; it becomes the bare gitdir. */
  readonly dir: string;
  readonly objectFormat: ObjectFormat;
  readonly limits: PackLimits;
  readonly scanner: ObjectScanner;
  readonly borrow: (oids: readonly Oid[]) => Promise<readonly BorrowedObject[]>;
  readonly onProgress: (progress: HoldProgress) => void;
}

/** What an indexed pack leaves open, for whoever looks into it. */
export interface IndexedContents {
  readonly table: ObjectTable;
  readonly order: Uint32Array;
  readonly source: FinishedPack['source'];
  readonly scan: PackScan;
  readonly treeEdits: TreeEdits;
}

/** The name of the file with the received bytes, within the gitdir. */
export const receivedName = 'received.pack';

/** Objects between two reports of progress. */
export const progressEvery = 4096;

/**
 * Takes a pack as it arrives, writes it to disk as it is, and hashes, checks
 * and indexes what is in it: one pass over the stream, then the deltas. Does
 * its file work synchronously, so it belongs into a worker thread. Stays open
 * until `close`. After a throw it is of no more use; the directory is the caller's to remove.
 */
export class IndexPack {
  readonly #options: IndexPackOptions;
  readonly #budget: WorkBudget;
  readonly #pass: FirstPass;
  readonly #reader: PackReader;
  readonly #sha256 = createHash('sha256');
  readonly #file: string;
  readonly #fd: number;
  #failure: RefgateError | undefined;
  #written = 0;
  #reported = 0;
  #finished: FinishedPack | undefined;

  constructor(options: IndexPackOptions) {
    this.#options = options;
    this.#budget = new WorkBudget(options.limits.maxInflatedBytes);
    this.#pass = new FirstPass(options.objectFormat, new PackScanner(options.scanner));
    this.#reader = new PackReader(this.#pass, options.objectFormat, options.limits, this.#budget);
    createGitDir(options.dir, options.objectFormat);
    this.#file = join(options.dir, receivedName);
    this.#fd = openSync(this.#file, 'wx+', 0o600);
  }

  /** True when the trailer has been read: nothing more of the stream belongs to the pack. */
  get received(): boolean {
    return this.#reader.done;
  }

  /** Takes the next bytes. Throws PACK_* and OBJECT_*. */
  write(chunk: Buffer): void {
    if (this.#failure === undefined) this.#read(chunk);
    writeFully(this.#fd, chunk, 0, chunk.length);
    this.#written += chunk.length;
    this.#sha256.update(chunk);
    if (this.#failure !== undefined) this.#explain(this.#failure, false);
    const { table } = this.#pass;
    if (table.count - this.#reported >= progressEvery) this.#report(0);
  }

  #read(chunk: Buffer): void {
    try {
      this.#reader.write(chunk);
    } catch (error) {
      if (!(error instanceof RefgateError)) throw error;
      this.#failure = error;
    }
  }

  #report(deltas: number): void {
    const objects = this.#pass.table.count;
    this.#reported = objects;
    this.#options.onProgress({ objects, total: this.#pass.total, bytes: this.#written, deltas });
  }

  /** To be called when the stream has ended before `received`. Throws PACK_TRUNCATED, or what explains it better. */
  end(): void {
    if (this.#failure !== undefined) this.#explain(this.#failure, true);
    if (this.#reader.done) return;
    this.#explain(new RefgateError('PACK_TRUNCATED', 'client', `after ${this.#written} bytes`), true);
  }

  /**
   * Throws the failure, or PACK_OBJECT_COUNT when it came up where a right
   * trailer stands. While too few bytes are there to tell, it waits for more,
   * so that the answer does not depend on how the stream was cut.
   */
  #explain(failure: RefgateError, ended: boolean): void {
    if (!maybeCount.has(failure.code) || this.#pass.total === 0) throw failure;
    const width = hashBytes(this.#options.objectFormat);
    const at = this.#reader.entryOffset;
    if (this.#written < at + width) {
      if (ended) throw failure;
      return;
    }
    if (!this.#isTrailer(at, width)) throw failure;
    const { index } = this.#reader;
    throw new RefgateError(
      'PACK_OBJECT_COUNT',
      'client',
      `${index} are there, ${this.#pass.total} announced`,
    );
  }

  /** Whether the bytes at this place are the hash of everything before them. */
  #isTrailer(at: number, width: number): boolean {
    const digest = createHash(this.#options.objectFormat);
    const piece = Buffer.alloc(256 * 1024);
    for (let from = 0; from < at; from += piece.length) {
      const size = Math.min(piece.length, at - from);
      readFully(this.#fd, piece, 0, size, from);
      digest.update(piece.subarray(0, size));
    }
    readFully(this.#fd, piece, 0, width, at);
    return digest.digest().equals(piece.subarray(0, width));
  }

  /** Resolves the deltas and writes the index. To be called when `received`; throws PACK_* and OBJECT_*. */
  async finish(): Promise<IndexedPack> {
    this.#reader.close();
    const parts = {
      ...this.#options,
      pass: this.#pass,
      budget: this.#budget,
      file: this.#file,
      fd: this.#fd,
    };
    const end = this.#written - hashBytes(this.#options.objectFormat);
    let deltas = 0;
    const onDelta = () => {
      if (++deltas % progressEvery === 0) this.#report(deltas);
    };
    const finished = await finishPack({ ...parts, end, trailer: this.#reader.trailer, onDelta });
    this.#finished = finished;
    this.#pass.forgetDeltas();
    this.#report(deltas);
    return { bytes: this.#written, sha256: this.#sha256.digest('hex'), objects: finished.objects };
  }

  /** After `finish`, and until `close`. */
  contents(): IndexedContents {
    if (this.#finished === undefined) throw new RefgateError('INTERNAL', 'refgate', 'no pack is indexed');
    const { order, source } = this.#finished;
    const { table, scan, treeEdits } = this.#pass;
    return { table, order, source, treeEdits, scan: scan.finish(table, order) };
  }

  close(): void {
    this.#finished?.close();
    closeSync(this.#fd);
  }
}

/** What comes of reading a trailer as if it were one more object. */
const maybeCount: ReadonlySet<string> = new Set([
  'PACK_OBJECT_TYPE',
  'PACK_ZLIB',
  'PACK_OBJECT_SIZE',
  'PACK_OBJECT_TOO_LARGE',
  'PACK_INFLATED_TOO_LARGE',
  'PACK_DELTA_BASE',
  'PACK_TRUNCATED',
]);
