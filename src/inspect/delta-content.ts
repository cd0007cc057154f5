import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { frameRoom, type WorkBudget } from '../git/pack-stream.ts';

/** Contents up to this size stay in memory while they are bases; larger ones lie in files of their own. */
export const inMemoryBytes = 8 * 1024 * 1024;

/** Bases up to this size are read into memory for as long as a delta is applied to them. */
export const loadedBytes = 64 * 1024 * 1024;

/** What bases that wait for further deltas may take together, before the oldest go to files. */
const waitingBytes = 64 * 1024 * 1024;

/** The content of one object that deltas build upon: in memory as frame[frameRoom ..], in a file, or both. */
export interface Content {
  readonly size: number;
  frame: Buffer | undefined;
  /** The frame from frameRoom on, made once for all deltas upon it. */
  view?: Buffer | undefined;
  file: { readonly fd: number; readonly path: string } | undefined;
}

/** Buffers that go round, by powers of two, so that millions of objects make no garbage. */
export class FramePool {
  readonly #free = new Map<number, Buffer[]>();
  #idle = 0;

  /** At least frameRoom + size + 1 bytes. */
  take(size: number): Buffer {
    const length = Math.max(4096, 2 ** Math.ceil(Math.log2(frameRoom + size + 1)));
    const found = this.#free.get(length)?.pop();
    if (found === undefined) return Buffer.allocUnsafeSlow(length);
    this.#idle -= length;
    return found;
  }

  give(frame: Buffer): void {
    if (this.#idle + frame.length > 2 * inMemoryBytes) return;
    this.#idle += frame.length;
    const row = this.#free.get(frame.length);
    if (row === undefined) this.#free.set(frame.length, [frame]);
    else row.push(frame);
  }
}

/** The contents that wait, and the files that they are put into when they are too large or too many. */
export class ContentStore {
  readonly pool = new FramePool();
  readonly #dir: string;
  readonly #budget: WorkBudget;
  readonly #pages: Buffer[] = [];
  readonly #pageOf = new Int32Array(pageCount).fill(-1);
  #pagesOf: Content | undefined;
  #loaded: Buffer = Buffer.alloc(0);
  #waiting = 0;
  #files = 0;

  constructor(dir: string, budget: WorkBudget) {
    this.#dir = dir;
    this.#budget = budget;
  }

  /** A content in a new, empty file. */
  create(size: number): Content & { file: { fd: number; path: string } } {
    const path = join(this.#dir, `base-${this.#files++}`);
    return { size, frame: undefined, file: { fd: openSync(path, 'wx+', 0o600), path } };
  }

  /** Counts a content in memory as waiting; afterwards the oldest of `stack` may have gone to files. */
  wait(content: Content, stack: Iterable<{ readonly content: Content }>): void {
    this.#waiting += content.frame?.length ?? 0;
    if (this.#waiting <= waitingBytes) return;
    for (const { content: oldest } of stack) {
      if (this.#waiting <= waitingBytes) return;
      if (oldest.frame !== undefined) this.#toFile(oldest, oldest.frame);
    }
  }

  #toFile(content: Content, frame: Buffer): void {
    if (content.file === undefined) {
      content.file = this.create(content.size).file;
      writeFully(content.file.fd, frame, frameRoom, content.size);
    }
    this.#drop(content, frame);
  }

  #drop(content: Content, frame: Buffer): void {
    this.#waiting -= frame.length;
    this.pool.give(frame);
    content.frame = undefined;
    content.view = undefined;
  }

  release(content: Content): void {
    if (content.frame !== undefined) this.#drop(content, content.frame);
    if (content.file !== undefined) {
      closeSync(content.file.fd);
      rmSync(content.file.path);
      content.file = undefined;
    }
    if (this.#pagesOf === content) this.#pagesOf = undefined;
  }

  /** The content in memory; undefined when it is too large for that. Valid until the next call. */
  load(content: Content): Buffer | undefined {
    if (content.frame !== undefined) {
      content.view ??= content.frame.subarray(frameRoom);
      return content.view;
    }
    if (content.size > loadedBytes || content.file === undefined) return undefined;
    if (this.#loaded.length < content.size) this.#loaded = Buffer.allocUnsafeSlow(content.size);
    if (this.#pagesOf !== content) {
      this.#budget.spend(content.size);
      readFully(content.file.fd, this.#loaded, 0, content.size, 0);
      this.#pagesOf = content;
    }
    return this.#loaded;
  }

  /** Copies from a content that is too large to load, by way of a few pages; every page that is read costs budget. */
  read(
    content: Content,
    offset: number,
    size: number,
    sink: (page: Buffer, from: number, size: number) => void,
  ) {
    if (content.file === undefined) return;
    if (this.#pagesOf !== content) {
      this.#pageOf.fill(-1);
      this.#pagesOf = content;
    }
    for (let at = offset; at < offset + size; ) {
      const number = Math.floor(at / pageBytes);
      const from = at - number * pageBytes;
      const count = Math.min(pageBytes - from, offset + size - at);
      sink(this.#page(content.file.fd, content.size, number), from, count);
      at += count;
    }
  }

  #page(fd: number, size: number, number: number): Buffer {
    const slot = number % pageCount;
    this.#pages[slot] ??= Buffer.allocUnsafeSlow(pageBytes);
    const page = this.#pages[slot] as Buffer;
    if (this.#pageOf[slot] !== number) {
      this.#budget.spend(pageBytes);
      readFully(fd, page, 0, Math.min(pageBytes, size - number * pageBytes), number * pageBytes);
      this.#pageOf[slot] = number;
    }
    return page;
  }
}

const pageBytes = 64 * 1024;
const pageCount = 64;

/** Takes a large result in order: counts it, hands it to `digest`, and writes it to a file where there is one. */
export class ResultStream {
  readonly #staging = Buffer.allocUnsafeSlow(256 * 1024);
  readonly #digest: (piece: Buffer, first: boolean) => void;
  readonly #fd: number | undefined;
  #used = 0;
  #first = true;

  constructor(digest: (piece: Buffer, first: boolean) => void, fd: number | undefined) {
    this.#digest = digest;
    this.#fd = fd;
  }

  append(source: Buffer, from: number, size: number): void {
    let at = from;
    while (at < from + size) {
      const count = Math.min(this.#staging.length - this.#used, from + size - at);
      source.copy(this.#staging, this.#used, at, at + count);
      this.#used += count;
      at += count;
      if (this.#used === this.#staging.length) this.flush();
    }
  }

  flush(): void {
    if (this.#used === 0) return;
    this.#digest(this.#staging.subarray(0, this.#used), this.#first);
    if (this.#fd !== undefined) writeFully(this.#fd, this.#staging, 0, this.#used);
    this.#first = false;
    this.#used = 0;
  }
}

/** Writes all of it at the file's position. */
export function writeFully(fd: number, bytes: Uint8Array, from: number, size: number): void {
  for (let done = 0; done < size; ) done += writeSync(fd, bytes, from + done, size - done);
}

/** Reads exactly `size` bytes from `position`; throws when the file is shorter. */
export function readFully(fd: number, out: Buffer, outFrom: number, size: number, position: number): void {
  for (let done = 0; done < size; ) {
    const count = readSync(fd, out, outFrom + done, size - done, position + done);
    if (count === 0) throw new Error('a file of the quarantine became shorter');
    done += count;
  }
}
