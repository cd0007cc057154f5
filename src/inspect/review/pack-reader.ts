import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { RefgateError } from '../../domain/error.ts';
import type { ObjectFormat, ObjectType, Oid } from '../../domain/git.ts';
import { applyDelta, deltaHeaderBytes, readDeltaHeader } from '../../git/delta.ts';
import { Inflater } from '../../git/inflate.ts';
import { hashBytes, objectTypeNames, packType } from '../../git/pack-stream.ts';
import { ContentLru } from '../contents/content-lru.ts';
import { damaged, FileBlocks } from './file-blocks.ts';
import { PackIndexFile } from './pack-index-file.ts';

/** An object as it was read; without its content when that is larger than was asked for, or costs too much to make. */
export interface ReadObject {
  readonly oid: Oid;
  readonly type: ObjectType;
  /** Bytes. */
  readonly size: number;
  readonly content?: Buffer;
}

interface Entry {
  readonly offset: number;
  readonly type: number;
  /** Inflated; of a delta, that of the delta itself. */
  readonly size: number;
  readonly dataAt: number;
  /** Where the base of a delta begins. */
  readonly base: number | undefined;
}

/** Between an object and its whole base, as git writes them at most. */
const maxDepth = 4096;

/** Nothing that an object is made from may be larger, in bytes. */
const maxBaseBytes = 32 * 1024 * 1024;

/** Bytes of inflating and of deltas that one object may cost. */
const maxWork = 1024 * 1024 * 1024;

/** After so many bytes of work others have their turn. */
const workInTurn = 4 * 1024 * 1024;

/** Made objects that are kept because others are deltas of them, in bytes. */
const keptBytes = 16 * 1024 * 1024;

/** Blocks of 64 KiB that are kept of the pack and of its index. */
const keptBlocks = 64;

/** How much of an entry is read to know its head: type, size, and the base. */
const headBytes = 64;

/**
 * Single objects of a pack with an idx v2, read at random from disk: memory is
 * bounded whatever the size of the pack, and everything that is given has been
 * hashed. For reading what is held, long after the thread that checked it has let it go.
 */
export class HeldPackReader {
  readonly #handles: readonly FileHandle[];
  readonly #pack: FileBlocks;
  readonly #index: PackIndexFile;
  readonly #format: ObjectFormat;
  readonly #inflater = new Inflater();
  readonly #kept = new ContentLru<number>(keptBytes);
  #types = new Map<number, ObjectType>();
  #queue: Promise<unknown> = Promise.resolve();
  #isClosed = false;
  #sinceTurn = 0;

  private constructor(
    handles: readonly FileHandle[],
    pack: FileBlocks,
    index: PackIndexFile,
    format: ObjectFormat,
  ) {
    this.#handles = handles;
    this.#pack = pack;
    this.#index = index;
    this.#format = format;
  }

  /** @param name of both files, without `.pack` and `.idx`. Throws INTERNAL when they are not a pack, and what opening files throws. */
  static async open(name: string, format: ObjectFormat): Promise<HeldPackReader> {
    const handles: FileHandle[] = [];
    const blocksOf = async (file: string): Promise<FileBlocks> => {
      const handle = await open(file, 'r');
      handles.push(handle);
      return new FileBlocks(handle, (await handle.stat()).size, keptBlocks);
    };
    try {
      const pack = await blocksOf(`${name}.pack`);
      const index = await PackIndexFile.open(await blocksOf(`${name}.idx`), format);
      const header = await pack.exact(0, 12);
      if (header.toString('latin1', 0, 8) !== 'PACK\0\0\0\x02' || header.readUInt32BE(8) !== index.count)
        throw damaged('it does not fit its index');
      return new HeldPackReader(handles, pack, index, format);
    } catch (error) {
      for (const handle of handles) await handle.close();
      throw error;
    }
  }

  async has(oid: Oid): Promise<boolean> {
    return (await this.#index.offsetOf(oid)) !== undefined;
  }

  /**
   * One object; undefined when the pack does not hold it. More than `maxBytes`
   * are not inflated. Reads are done one after another. Throws INTERNAL when the pack is damaged.
   */
  read(oid: Oid, maxBytes: number): Promise<ReadObject | undefined> {
    const answer = this.#queue.then(() => this.#read(oid, maxBytes));
    this.#queue = answer.catch(() => {});
    return answer;
  }

  async #read(oid: Oid, maxBytes: number): Promise<ReadObject | undefined> {
    if (this.#isClosed) throw new RefgateError('INTERNAL', 'refgate', 'the reader of a held pack is closed');
    const offset = await this.#index.offsetOf(oid);
    if (offset === undefined) return undefined;
    try {
      const object = await this.#objectAt(offset, maxBytes);
      if (object.content !== undefined) this.#verify(oid, object.type, object.content);
      return { oid, ...object };
    } catch (error) {
      if (error instanceof RefgateError && error.blame === 'client') throw damaged(error.message, error);
      throw error;
    }
  }

  #verify(oid: Oid, type: ObjectType, content: Buffer): void {
    const hash = createHash(this.#format).update(`${type} ${content.length}\0`).update(content);
    if (hash.digest('hex') !== oid) throw damaged(`object ${oid} has another hash`);
  }

  async #objectAt(offset: number, maxBytes: number): Promise<Omit<ReadObject, 'oid'>> {
    const chain = await this.#chain(offset);
    const { entries, type } = chain;
    let { content } = chain;
    const first = entries[0];
    const size = first === undefined ? (content?.length ?? 0) : await this.#sizeOf(first);
    if (size > maxBytes) return { type, size };
    let work = 0;
    for (let entry = entries.pop(); entry !== undefined; entry = entries.pop()) {
      const made = await this.#sizeOf(entry);
      work += entry.size + made;
      if (entry.size > maxBaseBytes || made > maxBaseBytes || work > maxWork) return { type, size };
      content = await this.#make(entry, content);
      this.#keep(entry.offset, type, content);
    }
    return content === undefined ? { type, size } : { type, size, content };
  }

  /** From the object down to its whole base, or to something that is kept. */
  async #chain(offset: number): Promise<{ entries: Entry[]; type: ObjectType; content: Buffer | undefined }> {
    const entries: Entry[] = [];
    for (let at = offset; ; ) {
      const type = this.#types.get(at);
      const content = type && this.#kept.get(at);
      if (type && content) return { entries, type, content };
      if (entries.length > maxDepth) throw damaged('a delta chain does not end');
      const entry = await this.#entryAt(at);
      entries.push(entry);
      const name = objectTypeNames[entry.type];
      if (name !== undefined) return { entries, type: name, content: undefined };
      if (entry.base === undefined) throw damaged(`an object of type ${entry.type}`);
      at = entry.base;
    }
  }

  async #entryAt(offset: number): Promise<Entry> {
    const head = await this.#pack.some(offset, headBytes);
    let at = 0;
    const next = (): number => {
      const byte = head[at++];
      if (byte === undefined) throw damaged('it ends inside an object');
      return byte;
    };
    let byte = next();
    const type = (byte >> 4) & 7;
    let size = byte & 0x0f;
    for (let scale = 16; byte >= 0x80; scale *= 128) {
      byte = next();
      size += (byte & 0x7f) * scale;
    }
    if (size > Number.MAX_SAFE_INTEGER) throw damaged('a size is over 2^53');
    let base: number | undefined;
    if (type === packType.ofsDelta) {
      byte = next();
      let distance = byte & 0x7f;
      while (byte >= 0x80) {
        byte = next();
        distance = (distance + 1) * 128 + (byte & 0x7f);
      }
      base = offset - distance;
      if (distance <= 0 || base < 12) throw damaged('a delta has no base');
    } else if (type === packType.refDelta) {
      const width = hashBytes(this.#format);
      base = await this.#index.offsetOf(head.toString('hex', at, at + width));
      if (base === undefined) throw damaged('a delta has no base');
      at += width;
    }
    return { offset, type, size, dataAt: offset + at, base };
  }

  /** Of a delta, the size of what it makes, which stands at its start. */
  async #sizeOf(entry: Entry): Promise<number> {
    if (entry.base === undefined) return entry.size;
    const wanted = Math.min(entry.size, deltaHeaderBytes);
    const pieces: Buffer[] = [];
    let have = 0;
    const take = (piece: Buffer): void => {
      pieces.push(Buffer.from(piece));
      have += piece.length;
    };
    this.#inflater.startPieces(entry.size, take);
    for (let at = entry.dataAt; have < wanted; ) {
      const data = (await this.#pack.rest(at)).subarray(0, 256);
      if (data.length === 0) throw damaged('it ends inside an object');
      const end = this.#inflater.write(data, 0, data.length);
      if (end >= 0) break;
      this.#inflater.flush();
      at += data.length;
    }
    return readDeltaHeader(Buffer.concat(pieces)).resultSize;
  }

  async #make(entry: Entry, base: Buffer | undefined): Promise<Buffer> {
    const data = await this.#inflate(entry);
    if (entry.base === undefined) return data;
    const header = readDeltaHeader(data);
    if (base === undefined || header.baseSize !== base.length) throw damaged('a base has another size');
    await this.#spend(header.resultSize);
    const content = Buffer.allocUnsafeSlow(header.resultSize);
    applyDelta(base, data, header, content, 0);
    return content;
  }

  async #inflate(entry: Entry): Promise<Buffer> {
    const out = Buffer.allocUnsafeSlow(entry.size + 1);
    this.#inflater.startWhole(entry.size, out, 0);
    for (let at = entry.dataAt; ; ) {
      const data = await this.#pack.rest(at);
      if (data.length === 0) throw damaged('it ends inside an object');
      if (this.#inflater.write(data, 0, data.length) >= 0) break;
      at += data.length;
      await this.#spend(data.length);
    }
    await this.#spend(entry.size);
    return out.subarray(0, entry.size);
  }

  #keep(offset: number, type: ObjectType, content: Buffer): void {
    if (this.#types.size > 65_536) this.#types = new Map();
    this.#types.set(offset, type);
    this.#kept.set(offset, content);
  }

  async #spend(bytes: number): Promise<void> {
    this.#sinceTurn += bytes;
    if (this.#sinceTurn < workInTurn) return;
    this.#sinceTurn = 0;
    await setImmediate();
  }

  /** Waits for what is being read. May be called twice. */
  async close(): Promise<void> {
    await this.#queue;
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#inflater.close();
    for (const handle of this.#handles) await handle.close();
  }
}
