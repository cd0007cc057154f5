import { readSync } from 'node:fs';
import { RefgateError } from '../domain/error.ts';
import { Inflater } from '../git/inflate.ts';
import { packType } from '../git/pack-stream.ts';
import type { ObjectTable } from './object-table.ts';

/** A file that holds pack entries one behind another, for the rows from `firstRow` on. */
export interface EntryFile {
  readonly fd: number;
  readonly firstRow: number;
  /** Where the last entry ends. */
  end: number;
}

const blockBytes = 16 * 1024;

/** 16 MiB of blocks: a small pack is read once, and a large one family by family. */
const blockCount = 1024;

/**
 * Reads entries again that the first pass has seen, from the file that they
 * were written to, by way of a cache of blocks. They are known to be whole, so
 * no end is looked for.
 */
export class EntrySource {
  readonly #table: ObjectTable;
  readonly #received: EntryFile;
  /** Where borrowed bases are; rows from its `firstRow` on. */
  borrowed: EntryFile | undefined;
  readonly #inflater = new Inflater();
  readonly #blocks: Buffer[] = [];
  /** What a slot holds: the number of the block, counted on through both files; and how many bytes of it there are. */
  readonly #held = new Float64Array(blockCount).fill(-1);
  readonly #filled = new Uint32Array(blockCount);
  #file: EntryFile;
  #dataFrom = 0;
  #dataTo = 0;

  constructor(table: ObjectTable, received: EntryFile) {
    this.#table = table;
    this.#received = received;
    this.#file = received;
  }

  /** Turns to an entry, and gives the size that it inflates to. */
  open(row: number): number {
    const table = this.#table;
    const { borrowed } = this;
    const isBorrowed = borrowed !== undefined && row >= borrowed.firstRow;
    const file = isBorrowed ? borrowed : this.#received;
    const endRow = !isBorrowed && borrowed !== undefined ? borrowed.firstRow : table.count;
    this.#file = file;
    this.#dataTo = row + 1 < endRow ? (table.offsets[row + 1] as number) : file.end;
    return this.#readHead(table.offsets[row] as number);
  }

  /** Skips the type, size and base, which the first pass has checked. */
  #readHead(from: number): number {
    let at = from;
    let byte = this.#byte(at++);
    const type = (byte >> 4) & 7;
    let size = byte & 0x0f;
    for (let scale = 16; byte >= 0x80; scale *= 128) {
      byte = this.#byte(at++);
      size += (byte & 0x7f) * scale;
    }
    if (type === packType.refDelta) at += this.#table.width;
    if (type === packType.ofsDelta) while (this.#byte(at++) >= 0x80);
    this.#dataFrom = at;
    return size;
  }

  #byte(at: number): number {
    const number = Math.floor(at / blockBytes);
    return this.#blocks[this.#slot(number)]?.[at - number * blockBytes] as number;
  }

  /** The slot that holds this block of the current file, read if need be. */
  #slot(number: number): number {
    const slot = number % blockCount;
    const key = this.#file === this.#received ? number : -2 - number;
    const complete = this.#filled[slot] === blockBytes || this.#file === this.#received;
    if (this.#held[slot] === key && complete) return slot;
    this.#blocks[slot] ??= Buffer.allocUnsafeSlow(blockBytes);
    const from = number * blockBytes;
    const filled = readSync(this.#file.fd, this.#blocks[slot] as Buffer, 0, blockBytes, from);
    this.#held[slot] = key;
    this.#filled[slot] = filled;
    return slot;
  }

  /** Inflates the opened entry into out[outFrom .. outFrom+size); `out` has one byte more. */
  whole(size: number, out: Buffer, outFrom: number): void {
    this.#inflater.startWhole(size, out, outFrom);
    this.#run();
  }

  /** Inflates the opened entry piece by piece; a piece is overwritten when `sink` returns. */
  pieces(size: number, sink: (piece: Buffer) => void): void {
    this.#inflater.startPieces(size, sink);
    this.#run();
    this.#inflater.flush();
  }

  #run(): void {
    let at = this.#dataFrom;
    while (!this.#inflater.full) {
      const number = Math.floor(at / blockBytes);
      const slot = this.#slot(number);
      const from = number * blockBytes;
      const to = Math.min(this.#dataTo, from + (this.#filled[slot] as number));
      if (to <= at) throw new RefgateError('INTERNAL', 'refgate', 'a held pack has changed');
      this.#inflater.write(this.#blocks[slot] as Buffer, at - from, to - from);
      at = to;
    }
  }

  close(): void {
    this.#inflater.close();
  }
}
