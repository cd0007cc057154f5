import { readSync } from 'node:fs';
import { RefgateError } from '../domain/error.ts';
import { Inflater } from '../git/inflate.ts';
import type { ObjectTable } from './object-table.ts';

/** A file that holds pack entries one behind another, for the rows from `firstRow` on. */
export interface EntryFile {
  readonly fd: number;
  readonly firstRow: number;
  /** Where the last entry ends. */
  end: number;
}

/**
 * Reads entries again that the first pass has seen, from the file that they
 * were written to. They are known to be whole, so no end is looked for.
 */
export class EntrySource {
  readonly #table: ObjectTable;
  readonly #received: EntryFile;
  /** Where borrowed bases are; rows from its `firstRow` on. */
  borrowed: EntryFile | undefined;
  readonly #inflater = new Inflater();
  readonly #window = Buffer.allocUnsafeSlow(64 * 1024);
  #windowFd = -1;
  #windowFrom = 0;
  #windowTo = 0;
  #fd = -1;
  #dataFrom = 0;
  #dataTo = 0;

  constructor(table: ObjectTable, received: EntryFile) {
    this.#table = table;
    this.#received = received;
  }

  /** Turns to an entry, and gives the size that it inflates to. */
  open(row: number): number {
    const table = this.#table;
    const file =
      this.borrowed !== undefined && row >= this.borrowed.firstRow ? this.borrowed : this.#received;
    const lastRow =
      file === this.#received && this.borrowed !== undefined ? this.borrowed.firstRow : table.count;
    const from = table.offsets[row] as number;
    this.#fd = file.fd;
    this.#dataTo = row + 1 < lastRow ? (table.offsets[row + 1] as number) : file.end;
    this.#fill(from);
    return this.#readHead(from);
  }

  /** Skips the type, size and base, which the first pass has checked. */
  #readHead(from: number): number {
    let at = from - this.#windowFrom;
    let byte = this.#window[at++] as number;
    const type = (byte >> 4) & 7;
    let size = byte & 0x0f;
    for (let scale = 16; byte >= 0x80; scale *= 128) {
      byte = this.#window[at++] as number;
      size += (byte & 0x7f) * scale;
    }
    if (type === 7) at += this.#table.width;
    if (type === 6) while ((this.#window[at++] as number) >= 0x80);
    this.#dataFrom = this.#windowFrom + at;
    return size;
  }

  /** Has the window begin at or before `from`, and hold what there is of the entry, or as much as fits. */
  #fill(from: number): void {
    const inside = this.#windowFd === this.#fd && from >= this.#windowFrom;
    if (inside && Math.min(this.#dataTo, from + 64) <= this.#windowTo) return;
    this.#windowFd = this.#fd;
    this.#windowFrom = from;
    const length = Math.min(this.#window.length, Math.max(readAhead, this.#dataTo - from));
    this.#windowTo = from + readSync(this.#fd, this.#window, 0, length, from);
    if (this.#windowTo <= from) throw new RefgateError('INTERNAL', 'refgate', 'a held pack became shorter');
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
    if (size > 0) this.#inflater.flush();
  }

  #run(): void {
    let at = this.#dataFrom;
    while (!this.#inflater.full) {
      if (at >= this.#windowTo) {
        if (at >= this.#dataTo) throw new RefgateError('INTERNAL', 'refgate', 'a held entry changed');
        this.#fill(at);
      }
      const to = Math.min(this.#dataTo, this.#windowTo);
      const end = this.#inflater.write(this.#window, at - this.#windowFrom, to - this.#windowFrom);
      if (end >= 0) return;
      at = to;
    }
  }

  close(): void {
    this.#inflater.close();
  }
}

/** Entries of one delta family stand near each other in packs that git writes. */
const readAhead = 16 * 1024;
