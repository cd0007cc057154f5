import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { RefgateError } from '../../domain/error.ts';
import type { Oid } from '../../domain/git.ts';
import { syncFolder } from '../sync-folder.ts';
import type { Pin } from './view-rows.ts';

/**
 * The file of pins: records one behind the other, only ever appended. A record is the length of its body, the CRC32 of
 * its body and the CRC32 of these eight bytes, all as 32-bit numbers, big end first; then the body: the type (1 commit,
 * 4 tag), the bytes of an oid, the original, the view, and the content of the view; and a newline, so that no record ends
 * in a zero. The length has a checksum of its
 * own, so that a damaged length is never taken for an unfinished record.
 */

const headBytes = 12;
const newline = 10;
const piece = 65_536;
const typeCodes = { commit: 1, tag: 4 } as const;

/** A pin, and where in the file its content is. */
export interface PinPlace {
  readonly view: Oid;
  readonly type: 'commit' | 'tag';
  readonly at: number;
  readonly size: number;
}

/** The pins of a repository: the oids in memory, the contents on disk. */
export interface PinFile {
  readonly byOriginal: ReadonlyMap<Oid, PinPlace>;
  readonly byView: ReadonlyMap<Oid, { readonly type: 'commit' | 'tag'; readonly original: Oid }>;
  contentOf(place: PinPlace): Buffer;
  /** Synced when it returns. After a failure nothing more can be appended: the file is to be opened anew. */
  append(pins: readonly { readonly original: Oid; readonly pin: Pin }[]): void;
  close(): void;
}

/** Opens the file, or makes it. An unfinished end is cut off; throws CONFIG_INVALID where anything else is damaged. */
export function openPinFile(file: string): PinFile {
  const fd = openSync(file, 'a+', 0o600);
  try {
    const pins = new Pins(file, fd);
    syncFolder(dirname(file));
    return pins;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

class Pins implements PinFile {
  readonly byOriginal = new Map<Oid, PinPlace>();
  readonly byView = new Map<Oid, { type: 'commit' | 'tag'; original: Oid }>();
  readonly #file: string;
  readonly #fd: number;
  #size = 0;
  #isBroken = false;

  constructor(file: string, fd: number) {
    this.#file = file;
    this.#fd = fd;
    const size = fstatSync(fd).size;
    while (this.#size < size) {
      const next = this.#load(this.#size, size);
      if (next === undefined) break;
      this.#size = next;
    }
    if (this.#size === size) return;
    ftruncateSync(fd, this.#size);
    fsyncSync(fd);
  }

  /** The end of the record at this place; undefined where it was never finished. */
  #load(at: number, size: number): number | undefined {
    if (at + headBytes > size) return undefined;
    const head = this.#read(at, headBytes);
    if (head.readUInt32BE(8) !== crc32(head.subarray(0, 8)))
      return this.#unfinished(at, at + headBytes, size);
    const length = head.readUInt32BE(0);
    const end = at + headBytes + length + 1;
    if (end > size) return undefined;
    const body = this.#read(at + headBytes, length);
    const isEnded = this.#read(end - 1, 1)[0] === newline;
    if (!isEnded || head.readUInt32BE(4) !== crc32(body)) return this.#unfinished(at, end, size);
    const type = body[0] === typeCodes.commit ? 'commit' : 'tag';
    const width = body[1] as number;
    const original = body.toString('hex', 2, 2 + width);
    const view = body.toString('hex', 2 + width, 2 + 2 * width);
    const skipped = 2 + 2 * width;
    this.#remember(original, { view, type, at: at + headBytes + skipped, size: length - skipped });
    return end;
  }

  /**
   * Some file systems make a file longer before its bytes are there: then it is zeros from within `[at, end)` to its
   * end. Otherwise the record is damaged.
   */
  #unfinished(at: number, end: number, size: number): undefined {
    if (this.#isZero(end - 1, size)) return undefined;
    const detail = `${this.#file} is damaged at byte ${at}; restore it from a backup`;
    throw new RefgateError('CONFIG_INVALID', 'operator', detail);
  }

  #isZero(from: number, to: number): boolean {
    for (let at = from; at < to; at += piece) {
      if (this.#read(at, Math.min(piece, to - at)).some((byte) => byte !== 0)) return false;
    }
    return true;
  }

  #remember(original: Oid, place: PinPlace): void {
    this.byOriginal.set(original, place);
    this.byView.set(place.view, { type: place.type, original });
  }

  contentOf(place: PinPlace): Buffer {
    return this.#read(place.at, place.size);
  }

  append(pins: readonly { readonly original: Oid; readonly pin: Pin }[]): void {
    if (this.#isBroken) throw this.#refusal();
    const fresh = pins.filter(({ original, pin }) => this.byOriginal.get(original)?.view !== pin.view);
    const records = fresh.map(({ original, pin }) => formatRecord(original, pin));
    if (records.length === 0) return;
    this.#isBroken = true;
    const bytes = Buffer.concat(records);
    for (let done = 0; done < bytes.length; ) done += writeSync(this.#fd, bytes, done);
    fsyncSync(this.#fd);
    this.#isBroken = false;
    let at = this.#size;
    fresh.forEach(({ original, pin }, index) => {
      at += (records[index] as Buffer).length;
      const size = pin.content.length;
      this.#remember(original, { view: pin.view, type: pin.type, at: at - 1 - size, size });
    });
    this.#size = at;
  }

  #refusal(): RefgateError {
    const detail = `${this.#file} could not be written before; make room on the disk and start anew`;
    return new RefgateError('CONFIG_INVALID', 'operator', detail);
  }

  close(): void {
    closeSync(this.#fd);
  }

  #read(at: number, size: number): Buffer {
    const bytes = Buffer.allocUnsafe(size);
    for (let done = 0; done < size; ) {
      const count = readSync(this.#fd, bytes, done, size - done, at + done);
      if (count === 0)
        throw new RefgateError(
          'CONFIG_INVALID',
          'operator',
          `${this.#file} became shorter; restore it from a backup`,
        );
      done += count;
    }
    return bytes;
  }
}

function formatRecord(original: Oid, pin: Pin): Buffer {
  const oids = Buffer.from(original + pin.view, 'hex');
  const body = Buffer.concat([Buffer.from([typeCodes[pin.type], oids.length / 2]), oids, pin.content]);
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE(body.length, 0);
  head.writeUInt32BE(crc32(body), 4);
  head.writeUInt32BE(crc32(head.subarray(0, 8)), 8);
  return Buffer.concat([head, body, Buffer.from([newline])]);
}
