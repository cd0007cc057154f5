import { createHash, type Hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { type ErrorCode, RefgateError } from '../domain/error.ts';
import type { ObjectFormat, ObjectType } from '../domain/git.ts';
import { Inflater } from './inflate.ts';
import type { PackLimits } from './pack-limits.ts';

/**
 * A pack as it arrives, gitformat-pack(5): `PACK`, version 2, the number of
 * objects; per object a type and size, for deltas the base, and zlib data; at
 * the end the hash of everything before it.
 */

export const packHeaderBytes = 12;

/** Types as packs write them. Names of the first four are those of ObjectType. */
export const packType = { commit: 1, tree: 2, blob: 3, tag: 4, ofsDelta: 6, refDelta: 7 } as const;

export const objectTypeNames: readonly (ObjectType | undefined)[] = [
  undefined,
  'commit',
  'tree',
  'blob',
  'tag',
];

export const hashBytes = (format: ObjectFormat): number => (format === 'sha256' ? 32 : 20);

/** A pack without objects: what git sends when the other side has everything already. */
export function emptyPack(format: ObjectFormat): Buffer {
  const header = Buffer.from('PACK\0\0\0\x02\0\0\0\0', 'latin1');
  return Buffer.concat([header, createHash(format).update(header).digest()]);
}

/** Free bytes in front of an object's content, for the `blob 123\0` that its oid is made over. */
export const frameRoom = 32;

/** Objects up to this many bytes are given whole; larger blobs and deltas in pieces. */
export const wholeBytes = 8 * 1024 * 1024;

/** Commits, trees and tags are checked whole, so they may not be larger than this. */
export const maxStructuredBytes = 64 * 1024 * 1024;

/** One entry of a pack; for a delta, `size` is that of the delta itself. */
export interface PackEntry {
  readonly index: number;
  readonly offset: number;
  readonly type: number;
  readonly size: number;
  /** For ofs-deltas, where the base's entry begins: always before this one. */
  readonly baseOffset: number;
  /** For ref-deltas, the base's oid; overwritten by the next entry. */
  readonly baseOid: Uint8Array;
}

export interface PackVisitor {
  header(count: number): void;
  begin(entry: PackEntry): void;
  /** The content is frame[frameRoom .. frameRoom+size), and is overwritten afterwards. */
  whole(entry: PackEntry, frame: Buffer): void;
  piece(entry: PackEntry, piece: Buffer): void;
  /** @param crc CRC32 of the entry's bytes in the pack. */
  end(entry: PackEntry, crc: number): void;
}

/** Adds up the work that a pack causes; throws PACK_INFLATED_TOO_LARGE before it is done, not after. */
export class WorkBudget {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  spend(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0) throw new RefgateError('PACK_INFLATED_TOO_LARGE', 'client');
  }
}

/** A buffer that is grown by doubling and used again for object after object. */
export class Frame {
  #buffer = Buffer.allocUnsafeSlow(64 * 1024);

  /** At least frameRoom + size + 1 bytes. */
  take(size: number): Buffer {
    const wanted = frameRoom + size + 1;
    if (wanted > wholeBytes * 2) return Buffer.allocUnsafeSlow(wanted);
    if (wanted > this.#buffer.length) {
      this.#buffer = Buffer.allocUnsafeSlow(Math.max(wanted, this.#buffer.length * 2));
    }
    return this.#buffer;
  }
}

type Step = 'header' | 'entry' | 'base' | 'data' | 'trailer' | 'done';

/**
 * Reads a pack in pieces of any size, in one pass, and tells a visitor what is
 * in it. Keeps one object at most, and that only up to `wholeBytes` (64 MiB
 * for commits, trees and tags). Throws PACK_* with blame `client`.
 */
export class PackReader {
  readonly #visitor: PackVisitor;
  readonly #limits: PackLimits;
  readonly #budget: WorkBudget;
  readonly #hash: Hash;
  readonly #inflater: Inflater;
  readonly #frame = new Frame();
  readonly #small = Buffer.alloc(32);
  readonly #hashBytes: number;
  #step: Step = 'header';
  #total = 0;
  #count = 0;
  #have = 0;
  #content: Buffer | undefined;
  /** The CRC32 of the entry up to this chunk, and where in this chunk the entry goes on. */
  #crc = 0;
  #entryFrom = 0;
  #scale = 1;
  #distance = 0;
  readonly #entry = { index: -1, offset: 0, type: 0, size: 0, baseOffset: 0, baseOid: new Uint8Array(0) };

  constructor(visitor: PackVisitor, format: ObjectFormat, limits: PackLimits, budget: WorkBudget) {
    this.#visitor = visitor;
    this.#limits = limits;
    this.#budget = budget;
    this.#hash = createHash(format);
    this.#hashBytes = hashBytes(format);
    this.#entry.baseOid = new Uint8Array(this.#hashBytes);
    this.#inflater = new Inflater();
  }

  /** Bytes of the pack so far, the trailer included. */
  get bytes(): number {
    return this.#total;
  }

  /** True when the trailer has been read and is right. */
  get done(): boolean {
    return this.#step === 'done';
  }

  /** The hash at the end of the pack. */
  get trailer(): Buffer {
    return Buffer.from(this.#small.subarray(0, this.#hashBytes));
  }

  /** Where the entry begins that is being read. */
  get entryOffset(): number {
    return this.#entry.offset;
  }

  /** How many entries have been read whole. */
  get index(): number {
    return this.#entry.index;
  }

  /** Takes the next bytes. PACK_TRAILING when some of them lie beyond the trailer. */
  write(chunk: Buffer): void {
    if (this.#total + chunk.length > this.#limits.maxBytes) throw refused('PACK_TOO_LARGE');
    let at = 0;
    let hashed = 0;
    this.#entryFrom = 0;
    while (at < chunk.length) {
      switch (this.#step) {
        case 'header':
          at = this.#readHeader(chunk, at);
          break;
        case 'entry':
          at = this.#readEntry(chunk, at);
          break;
        case 'base':
          at = this.#readBase(chunk, at);
          break;
        case 'data':
          at = this.#readData(chunk, at);
          break;
        case 'trailer':
          if (hashed < at) this.#hash.update(chunk.subarray(hashed, at));
          at = this.#readTrailer(chunk, at);
          hashed = at;
          break;
        case 'done':
          throw refused('PACK_TRAILING');
      }
    }
    if (hashed < at) this.#hash.update(hashed === 0 ? chunk : chunk.subarray(hashed));
    if (this.#entryFrom < at) this.#crc = crc32(chunk.subarray(this.#entryFrom), this.#crc);
    this.#total += chunk.length;
  }

  /** To be called when the stream has ended. */
  end(): void {
    if (!this.done) throw refused('PACK_TRUNCATED', `after ${this.#total} bytes`);
  }

  close(): void {
    this.#inflater.close();
  }

  #readHeader(chunk: Buffer, at: number): number {
    const next = this.#gather(chunk, at, packHeaderBytes);
    if (this.#have < packHeaderBytes) return next;
    const header = this.#small;
    if (header.toString('latin1', 0, 4) !== 'PACK')
      throw refused('PACK_HEADER', 'it does not begin with PACK');
    const version = header.readUInt32BE(4);
    if (version !== 2) throw refused('PACK_HEADER', `version ${version} is not accepted, only 2 is`);
    this.#count = header.readUInt32BE(8);
    if (this.#count > this.#limits.maxObjects) throw refused('PACK_TOO_MANY_OBJECTS', `${this.#count}`);
    this.#visitor.header(this.#count);
    this.#nextEntry(next);
    return next;
  }

  #gather(chunk: Buffer, at: number, wanted: number): number {
    const count = chunk.copy(this.#small, this.#have, at, Math.min(chunk.length, at + wanted - this.#have));
    this.#have += count;
    return at + count;
  }

  /** @param at where in the chunk the next entry begins. */
  #nextEntry(at: number): void {
    const entry = this.#entry;
    this.#have = 0;
    entry.index++;
    entry.offset = this.#total + at;
    entry.type = 0;
    this.#crc = 0;
    this.#entryFrom = at;
    this.#step = entry.index < this.#count ? 'entry' : 'trailer';
  }

  /** The first byte holds three bits of type and four of size; more size follows while the top bit is set. */
  #readEntry(chunk: Buffer, from: number): number {
    const entry = this.#entry;
    let at = from;
    let byte = 0x80;
    while (at < chunk.length && byte >= 0x80) {
      byte = chunk[at++] as number;
      if (entry.type === 0) {
        entry.type = (byte >> 4) & 7;
        entry.size = byte & 0x0f;
        this.#scale = 16;
        if (entry.type === 0 || entry.type === 5) throw refused('PACK_OBJECT_TYPE', `type ${entry.type}`);
      } else {
        entry.size += (byte & 0x7f) * this.#scale;
        this.#scale *= 128;
        if (this.#scale > 2 ** 60 || entry.size > Number.MAX_SAFE_INTEGER) {
          throw refused('PACK_OBJECT_SIZE', 'the size is over 2^53');
        }
      }
    }
    if (byte >= 0x80) return at;
    this.#have = 0;
    this.#distance = 0;
    if (entry.type === packType.ofsDelta || entry.type === packType.refDelta) this.#step = 'base';
    else this.#beginData();
    return at;
  }

  #readBase(chunk: Buffer, from: number): number {
    const entry = this.#entry;
    if (entry.type === packType.refDelta) {
      const at = this.#gather(chunk, from, this.#hashBytes);
      if (this.#have === this.#hashBytes) {
        entry.baseOid.set(this.#small.subarray(0, this.#hashBytes));
        this.#beginData();
      }
      return at;
    }
    let at = from;
    let byte = 0x80;
    while (at < chunk.length && byte >= 0x80) {
      byte = chunk[at++] as number;
      this.#distance = (this.#have++ === 0 ? 0 : (this.#distance + 1) * 128) + (byte & 0x7f);
      if (this.#distance > entry.offset) throw refused('PACK_DELTA_BASE', 'it would begin before the pack');
    }
    if (byte >= 0x80) return at;
    if (this.#distance === 0) throw refused('PACK_DELTA_BASE', 'a delta names itself as its base');
    entry.baseOffset = entry.offset - this.#distance;
    this.#beginData();
    return at;
  }

  #beginData(): void {
    const entry = this.#entry;
    if (entry.size > this.#limits.maxObjectBytes)
      throw refused('PACK_OBJECT_TOO_LARGE', `${entry.size} bytes`);
    const structured = entry.type !== packType.blob && entry.type <= packType.tag;
    if (structured && entry.size > maxStructuredBytes) {
      throw refused('PACK_OBJECT_TOO_LARGE', `a ${objectTypeNames[entry.type]} of ${entry.size} bytes`);
    }
    this.#budget.spend(entry.size);
    this.#visitor.begin(entry);
    if (structured || entry.size <= wholeBytes) {
      this.#content = this.#frame.take(entry.size);
      this.#inflater.startWhole(entry.size, this.#content, frameRoom);
    } else {
      this.#content = undefined;
      this.#inflater.startPieces(entry.size, (piece) => this.#visitor.piece(entry, piece));
    }
    this.#step = 'data';
  }

  #readData(chunk: Buffer, from: number): number {
    const end = this.#inflater.write(chunk, from, chunk.length);
    const at = end < 0 ? chunk.length : end;
    if (end < 0) return at;
    if (this.#content !== undefined) this.#visitor.whole(this.#entry, this.#content);
    this.#content = undefined;
    this.#visitor.end(this.#entry, crc32(chunk.subarray(this.#entryFrom, at), this.#crc));
    this.#nextEntry(at);
    return at;
  }

  #readTrailer(chunk: Buffer, at: number): number {
    const next = this.#gather(chunk, at, this.#hashBytes);
    if (this.#have < this.#hashBytes) return next;
    if (!this.#hash.digest().equals(this.#small.subarray(0, this.#hashBytes))) throw refused('PACK_CHECKSUM');
    this.#step = 'done';
    return next;
  }
}

function refused(code: Extract<ErrorCode, `PACK_${string}`>, detail?: string): RefgateError {
  return new RefgateError(code, 'client', detail);
}
