import { RefgateError } from '../domain/error.ts';
import type { ObjectFormat } from '../domain/git.ts';
import { frameRoom, type PackEntry, type PackVisitor, packType } from '../git/pack-stream.ts';
import { DeltaCache } from './delta-cache.ts';
import type { RefDeltas } from './delta-graph.ts';
import { Intake } from './intake.ts';
import { ObjectTable } from './object-table.ts';
import { OidList } from './oid-list.ts';
import type { PackScanner } from './scan-pack.ts';
import { TreeEdits } from './tree-edits.ts';

/**
 * What the stream alone tells: where every entry is, the oids of the objects
 * that are stored whole, and the bases of the others. Throws PACK_DELTA_BASE
 * and what the intake throws.
 */
export class FirstPass implements PackVisitor {
  readonly #format: ObjectFormat;
  readonly scan: PackScanner;
  /** As the header announced. */
  total = 0;
  table: ObjectTable;
  intake: Intake;
  deltas: DeltaCache;
  readonly refs: RefDeltas;
  readonly treeEdits: TreeEdits;
  #row = -1;
  #inPieces = false;

  constructor(format: ObjectFormat, scan: PackScanner) {
    this.#format = format;
    this.scan = scan;
    this.table = new ObjectTable(format, 0);
    this.intake = new Intake(this.table, format, scan);
    this.deltas = new DeltaCache(this.table);
    this.treeEdits = new TreeEdits(this.table.width);
    this.refs = { rows: [], bases: new OidList(this.table.width) };
  }

  header(count: number): void {
    this.total = count;
    this.table = new ObjectTable(this.#format, count);
    this.intake = new Intake(this.table, this.#format, this.scan);
    this.deltas = new DeltaCache(this.table);
  }

  /** All deltas are resolved. */
  forgetDeltas(): void {
    this.deltas = new DeltaCache(this.table);
  }

  begin(entry: PackEntry): void {
    const base = entry.type === packType.ofsDelta ? this.table.rowAt(entry.baseOffset) : -1;
    if (entry.type === packType.ofsDelta && base < 0) {
      throw new RefgateError('PACK_DELTA_BASE', 'client', `no object begins at byte ${entry.baseOffset}`);
    }
    this.#row = this.table.add(entry.offset);
    this.table.bases[this.#row] = base;
    this.#inPieces = false;
    if (entry.type === packType.refDelta) {
      this.refs.rows.push(this.#row);
      this.refs.bases.add(entry.baseOid);
    }
  }

  whole(entry: PackEntry, frame: Buffer): void {
    if (entry.type <= packType.tag) this.intake.whole(this.#row, entry.type, frame, entry.size);
    else this.deltas.keep(this.#row, frame, frameRoom, entry.size);
  }

  piece(entry: PackEntry, piece: Buffer): void {
    if (entry.type !== packType.blob) return;
    if (!this.#inPieces) this.intake.beginBlob(entry.size);
    this.intake.blobPiece(piece, !this.#inPieces);
    this.#inPieces = true;
  }

  end(_entry: PackEntry, crc: number): void {
    this.table.crcs[this.#row] = crc;
    if (this.#inPieces) this.intake.endBlob(this.#row);
  }
}
