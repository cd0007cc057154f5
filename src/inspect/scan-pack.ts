import type { FileType } from '../domain/facts.ts';
import type { DeltaHeader } from '../git/delta.ts';
import { packType } from '../git/pack-stream.ts';
import { isLfsPointer } from './contents/lfs.ts';
import { OidLookup } from './contents/oid-lookup.ts';
import { sniffType } from './contents/sniff.ts';
import type { PackScan, ScannedBlob, ScannedSecret } from './contents/walk-order.ts';
import { DeltaEdits, mergeRanges } from './delta-edits.ts';
import { combine, inherit } from './inherit-findings.ts';
import type { ObjectTable } from './object-table.ts';
import { Reasons, ScanColumns } from './scan-columns.ts';
import type { Span } from './secrets/rule.ts';
import type { ContentStream, ObjectScanner, ScannedContent } from './secrets/scan-object.ts';

/** The delta that made a blob: the row of its base, and the bytes that were applied. */
export interface BlobEdit {
  readonly base: number;
  readonly delta: Buffer;
  readonly header: DeltaHeader;
}

/** Findings of one pack that are kept, those that deltas take over from their bases counted again. */
const maxFindings = 100_000;

/** All secrets of one pack that are kept. */
const maxValueBytes = 32 * 1024 * 1024;

/** Of searching one pack, in ms: some 30 GiB of ordinary text, or a few hundred MiB made to be slow. */
const maxScanMs = 300_000;

const overFindings = `the push holds more than ${maxFindings} findings; what comes after them was not searched`;
const overTime = 'searching the push took too long; what comes after was not searched';

/** Content is sniffed by this many of its first bytes. */
const headBytes = 36 * 1024;

/** An edit costs about as much as searching this many bytes: a result of many edits is searched whole. */
const rangeCost = 256;

/**
 * A finding of the base is taken over when no byte so near to it was changed: a
 * rule looks at the line, 4 KiB of it at most, and at what stands a few lines away.
 */
const surroundings = 8192;

/**
 * Searches the objects of one pack as they pass the intake, each once, and keeps
 * what was found by row. Of a blob that a delta makes only what the delta changed is
 * searched, and the findings of its base are taken over where the delta
 * left them and their surroundings alone. Memory and time are bounded: beyond 100,000
 * findings, or five minutes, every further object counts as not scanned.
 */
export class PackScanner {
  readonly #scanner: ObjectScanner;
  readonly #columns = new ScanColumns();
  readonly #reasons = new Reasons();
  readonly #edits = new DeltaEdits();
  readonly #secrets = new Map<number, readonly ScannedSecret[]>();
  #kept = 0;
  #valueLength = 0;
  #msLeft = maxScanMs;
  #over: string | undefined;
  #stream: { readonly stream: ContentStream | undefined; readonly size: number; type: FileType } | undefined;

  constructor(scanner: ObjectScanner) {
    this.#scanner = scanner;
  }

  /** A commit or a tag. */
  object(row: number, content: Buffer): void {
    this.#keep(row, this.#search(content));
  }

  /** A blob in one piece. */
  blob(row: number, content: Buffer): void {
    this.#note(row, content);
    this.#searchWhole(row, content);
  }

  #searchWhole(row: number, content: Buffer): void {
    const found = this.#search(content);
    this.#columns.setReach(row, found?.reach ?? 0);
    this.#keep(row, found);
  }

  /** A blob that a delta made, which has been applied already. */
  result(row: number, content: Buffer, edit: BlobEdit): void {
    const changed = this.#note(row, content) ? this.#changed(content, edit) : undefined;
    if (changed === undefined) {
      this.#searchWhole(row, content);
      return;
    }
    this.#columns.setReach(row, Math.max(this.#columns.reachOf(edit.base), changed.reach ?? 0));
    this.#keep(row, changed);
  }

  /** A blob that comes in pieces: begin, then its pieces, then end. One at a time. */
  begin(size: number): void {
    const stream = this.#over === undefined ? this.#scanner.stream() : undefined;
    this.#stream = { size, type: 'empty', stream };
  }

  piece(piece: Buffer, first: boolean): void {
    const current = this.#stream;
    if (current === undefined) return;
    if (first) current.type = sniffType(piece.subarray(0, headBytes), current.size);
    if (current.stream !== undefined) this.#timed(() => current.stream?.write(piece));
  }

  end(row: number): void {
    if (this.#stream === undefined) return;
    const { size, type, stream } = this.#stream;
    this.#stream = undefined;
    this.#columns.set(row, size, { type, lfs: false, plain: false });
    this.#keep(row, stream === undefined ? undefined : this.#timed(() => stream.end()));
  }

  /** Gives whether it is text that a delta can be judged by. */
  #note(row: number, content: Buffer): boolean {
    const type = sniffHead(content);
    const plain = plainTypes.has(type) && !hasMark(content) && !content.includes(0);
    this.#columns.set(row, content.length, { type, lfs: isLfsPointer(content), plain });
    return plain;
  }

  /** Undefined when a limit was reached before. */
  #search(content: Buffer, ranges?: readonly Span[], reach?: number): ScannedContent | undefined {
    if (this.#over !== undefined) return undefined;
    return this.#timed(() => this.#scanner.blob(content, ranges, reach));
  }

  #timed<T>(work: () => T): T {
    const started = performance.now();
    const done = work();
    this.#msLeft -= performance.now() - started;
    if (this.#msLeft < 0) this.#over ??= overTime;
    return done;
  }

  /** Undefined when the result must be searched whole: its base is not text that was searched, or the delta changes too much. */
  #changed(content: Buffer, { base, delta, header }: BlobEdit): ScannedContent | undefined {
    if (!this.#columns.isPlain(base) || this.#columns.reasonOf(base) !== 0) return undefined;
    if (!this.#edits.read(delta, header)) return undefined;
    const ranges = this.#edits.ranges(header);
    if (ranges.length * rangeCost > content.length) return undefined;
    const held = this.#secrets.get(base) ?? none;
    const had = inherit(held, this.#edits, header, surroundings, maxFindings - this.#kept);
    if (had === undefined) return undefined;
    const reach = this.#columns.reachOf(base);
    const found = this.#search(content, mergeRanges([...ranges, ...had.again]), reach);
    if (found === undefined || had.kept.length === 0) return found;
    return { ...found, secrets: combine(had.kept, found.secrets, content) };
  }

  #keep(row: number, scan: ScannedContent | undefined): void {
    if (scan === undefined || scan.unscanned.length > 0) {
      const reasons = scan?.unscanned ?? [this.#over ?? overFindings];
      this.#columns.setReason(row, this.#reasons.number(reasons));
    }
    if (scan === undefined || scan.secrets.length === 0) return;
    this.#kept += scan.secrets.length;
    for (const { match } of scan.secrets) this.#valueLength += match.value.length;
    this.#secrets.set(row, scan.secrets);
    if (this.#kept > maxFindings || this.#valueLength > maxValueBytes) this.#over ??= overFindings;
  }

  /** @param order the rows of the pack's own objects, by oid. */
  finish(table: ObjectTable, order: Uint32Array): PackScan {
    const lookup = new OidLookup(table.oids, table.width, order);
    const [columns, reasons, secrets] = [this.#columns, this.#reasons, this.#secrets];
    return {
      blob: (oid) => {
        const row = lookup.rowOf(oid);
        const type = row < 0 || table.types[row] !== packType.blob ? undefined : columns.typeOf(row);
        if (type === undefined) return undefined;
        return {
          size: columns.sizeOf(row),
          type,
          lfs: columns.isLfs(row),
          secrets: secrets.get(row) ?? none,
          unscanned: reasons.list(columns.reasonOf(row)),
        };
      },
      object: (oid) => secrets.get(lookup.rowOf(oid)) ?? none,
      unscanned: (oid) => reasons.list(columns.reasonOf(lookup.rowOf(oid))),
      scan: (content) => scanAlone(this.#scanner, content),
      fingerprint: (text) => this.#scanner.fingerprint(text),
    };
  }
}

/** A piece of data that is not of the pack. */
function scanAlone(scanner: ObjectScanner, content: Buffer): ScannedBlob {
  const { length } = content;
  return { size: length, type: sniffHead(content), lfs: isLfsPointer(content), ...scanner.blob(content) };
}

function sniffHead(content: Buffer): FileType {
  return sniffType(content.length > headBytes ? content.subarray(0, headBytes) : content, content.length);
}

/** The types of text. What another type says is not found by searching parts of it. */
const plainTypes: ReadonlySet<FileType> = new Set<FileType>(['text', 'script', 'empty']);

/** The mark of UTF-16. */
function hasMark(content: Buffer): boolean {
  const [first, second] = content;
  return (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
}

const none: readonly ScannedSecret[] = [];
