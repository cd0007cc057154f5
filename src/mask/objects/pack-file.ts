import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { crc32, deflateSync } from 'node:zlib';
import { RefgateError } from '../../domain/error.ts';
import type { ObjectFormat, ObjectType, Oid } from '../../domain/git.ts';
import { encodeDelta } from '../../git/delta-encode.ts';
import { hashBytes, packHeaderBytes, packType } from '../../git/pack-stream.ts';
import { PackRows } from './pack-rows.ts';
import { storedBlock } from './stored-block.ts';

const bufferBytes = 1 << 20;
const maxDepth = 50;
/** Up to here deflating costs more time than it saves bytes. */
const maxStored = 96;
const maxObjects = 2 ** 32 - 1;

export interface AddOptions {
  /** An object that was added before and is probably alike: only a delta against it is tried, and only with its content. */
  readonly base?: Oid;
  readonly baseContent?: Buffer;
  /** Where the caller knows it: then it is not computed, and not checked. */
  readonly oid?: Oid;
  /** Not compressed: its size in the pack tells nothing but the size of its content. */
  readonly isStored?: boolean;
}

/** Takes objects one by one. Everything but `finish` and `abort` throws what the file system throws. */
export interface PackSink {
  /** Gives the object's oid. One that was added before is not added again. */
  add(type: ObjectType, content: Buffer, options?: AddOptions): Oid;
  has(oid: Oid): boolean;
  readonly count: number;
  /** Of the pack, without its trailer. */
  readonly bytes: number;
  /** To be awaited every now and then: other work of the thread gets its turn. */
  drain(): Promise<void>;
  /** Removes the unfinished file. May be called twice; after `finish` it does nothing. */
  abort(): void;
}

/** A pack file, whole and synced. */
export interface WrittenPack {
  readonly file: string;
  readonly objects: number;
  readonly bytes: number;
  readonly packHash: Buffer;
}

/** Writes one plain pack file, without idx. */
export interface PackFile extends PackSink {
  /** Undefined where nothing was added; then no file is left. */
  finish(): Promise<WrittenPack | undefined>;
}

/** Begins a pack in a new file of mode 0600. Deltas only refer to objects before them (OFS_DELTA), chains are at most 50 deep. */
export function writePackFile(file: string, format: ObjectFormat): PackFile & { readonly rows: PackRows } {
  return new WritingPack(file, format);
}

class WritingPack implements PackFile {
  readonly rows: PackRows;
  readonly #file: string;
  readonly #format: ObjectFormat;
  readonly #fd: number;
  readonly #buffer = Buffer.allocUnsafeSlow(bufferBytes);
  #used = 0;
  #flushed = 0;
  #isClosed = false;

  constructor(file: string, format: ObjectFormat) {
    this.#file = file;
    this.#format = format;
    this.rows = new PackRows(hashBytes(format));
    this.#fd = openSync(file, 'wx+', 0o600);
    this.#append(header(0));
  }

  get count(): number {
    return this.rows.count;
  }

  get bytes(): number {
    return this.#flushed + this.#used;
  }

  has(oid: Oid): boolean {
    return this.rows.find(Buffer.from(oid, 'hex')) >= 0;
  }

  add(type: ObjectType, content: Buffer, options: AddOptions = {}): Oid {
    const id = options.oid === undefined ? this.#hash(type, content) : Buffer.from(options.oid, 'hex');
    const oid = options.oid ?? id.toString('hex');
    if (this.rows.find(id) >= 0) return oid;
    if (this.count === maxObjects)
      throw new RefgateError('INTERNAL', 'refgate', 'a pack holds no more objects');
    const offset = this.bytes;
    const base = this.#deltaBase(type, content, options);
    const parts =
      base === undefined
        ? [
            entryHead(packType[type], content.length),
            deflateSync(content, options.isStored === true ? { level: 0 } : {}),
          ]
        : [
            entryHead(packType.ofsDelta, base.delta.length),
            backwards(offset - this.rows.offsetOf(base.row)),
            base.delta.length <= maxStored ? storedBlock(base.delta) : deflateSync(base.delta),
          ];
    let crc = 0;
    for (const part of parts) {
      crc = crc32(part, crc);
      this.#append(part);
    }
    this.rows.add(id, offset, crc, packType[type], base === undefined ? 0 : this.rows.depthOf(base.row) + 1);
    return oid;
  }

  #hash(type: ObjectType, content: Buffer): Buffer {
    return createHash(this.#format).update(`${type} ${content.length}\0`).update(content).digest();
  }

  #deltaBase(
    type: ObjectType,
    content: Buffer,
    { base, baseContent }: AddOptions,
  ): { row: number; delta: Buffer } | undefined {
    if (base === undefined || baseContent === undefined) return undefined;
    const row = this.rows.find(Buffer.from(base, 'hex'));
    // A delta's object has the type of its base.
    if (row < 0 || this.rows.typeOf(row) !== packType[type] || this.rows.depthOf(row) >= maxDepth)
      return undefined;
    const delta = encodeDelta(baseContent, content);
    return delta === undefined ? undefined : { row, delta };
  }

  #append(bytes: Uint8Array): void {
    if (this.#isClosed) throw new RefgateError('INTERNAL', 'refgate', 'the pack was closed');
    if (this.#used + bytes.length > bufferBytes) this.#flush();
    if (bytes.length > bufferBytes) {
      this.#write(bytes);
      return;
    }
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  #flush(): void {
    const used = this.#used;
    this.#used = 0;
    this.#write(this.#buffer.subarray(0, used));
  }

  #write(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; )
      done += writeSync(this.#fd, bytes, done, bytes.length - done, this.#flushed + done);
    this.#flushed += bytes.length;
  }

  drain(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  async finish(): Promise<WrittenPack | undefined> {
    if (this.count === 0) {
      this.abort();
      return undefined;
    }
    try {
      this.#flush();
      writeSync(this.#fd, header(this.count), 0, packHeaderBytes, 0);
      const packHash = await this.#hashFile();
      this.#write(packHash);
      fsyncSync(this.#fd);
      this.#close();
      return { file: this.#file, objects: this.count, bytes: this.#flushed, packHash };
    } catch (error) {
      this.abort();
      throw error;
    }
  }

  /** The trailer covers the number of objects at the front, so it can only be computed at the end. */
  async #hashFile(): Promise<Buffer> {
    const hash = createHash(this.#format);
    for (let at = 0; at < this.#flushed; ) {
      const count = readSync(this.#fd, this.#buffer, 0, bufferBytes, at);
      if (count === 0)
        throw new RefgateError('INTERNAL', 'refgate', 'a pack became shorter while it was written');
      hash.update(this.#buffer.subarray(0, count));
      at += count;
      await this.drain();
    }
    return hash.digest();
  }

  abort(): void {
    const wasClosed = this.#isClosed;
    this.#close();
    if (!wasClosed) rmSync(this.#file, { force: true });
  }

  #close(): void {
    if (!this.#isClosed) closeSync(this.#fd);
    this.#isClosed = true;
  }
}

function header(count: number): Buffer {
  const bytes = Buffer.from('PACK\0\0\0\x02\0\0\0\0', 'latin1');
  bytes.writeUInt32BE(count, 8);
  return bytes;
}

/** Type and size: four bits of the size beside the type, then seven a byte, the low ones first. */
function entryHead(type: number, size: number): Buffer {
  const bytes: number[] = [];
  let byte = (type << 4) | (size % 16);
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 128)) {
    bytes.push(byte | 0x80);
    byte = rest % 128;
  }
  bytes.push(byte);
  return Buffer.from(bytes);
}

/** How far back the base begins: seven bits a byte, the high ones first, each but the last counted from one. */
function backwards(distance: number): Buffer {
  const bytes = [distance % 128];
  for (let rest = Math.floor(distance / 128); rest > 0; rest = Math.floor(rest / 128)) {
    rest -= 1;
    bytes.unshift((rest % 128) | 0x80);
  }
  return Buffer.from(bytes);
}
