import type { FileHandle } from 'node:fs/promises';
import { RefgateError } from '../../domain/error.ts';

const blockBytes = 64 * 1024;

/** What is on disk is no longer what was held. Throws INTERNAL. */
export function damaged(detail: string, cause?: unknown): RefgateError {
  return new RefgateError('INTERNAL', 'refgate', `a held pack has changed: ${detail}`, { cause });
}

/** Reads any place of a file by way of some blocks of 64 KiB that are kept, and never more of it at a time. */
export class FileBlocks {
  readonly size: number;
  readonly #handle: FileHandle;
  readonly #maxBlocks: number;
  readonly #blocks = new Map<number, Buffer>();

  /** @param size of the file, in bytes. */
  constructor(handle: FileHandle, size: number, maxBlocks: number) {
    this.#handle = handle;
    this.size = size;
    this.#maxBlocks = maxBlocks;
  }

  /** What is there from `at` on, up to the end of a block; empty at the end of the file. Must not be changed. */
  async rest(at: number): Promise<Buffer> {
    const number = Math.floor(at / blockBytes);
    const block = this.#blocks.get(number) ?? (await this.#read(number));
    return block.subarray(at - number * blockBytes);
  }

  /** Up to `length` bytes, and fewer only where the file ends. Must not be changed. */
  async some(at: number, length: number): Promise<Buffer> {
    const first = await this.rest(at);
    if (first.length >= length) return first.subarray(0, length);
    const pieces = [first];
    let have = first.length;
    while (have < length) {
      const next = await this.rest(at + have);
      if (next.length === 0) break;
      pieces.push(next.subarray(0, length - have));
      have += Math.min(next.length, length - have);
    }
    return Buffer.concat(pieces);
  }

  /** Exactly `length` bytes. Throws INTERNAL when the file ends before. */
  async exact(at: number, length: number): Promise<Buffer> {
    const bytes = await this.some(at, length);
    if (bytes.length !== length) throw damaged('it ends too early');
    return bytes;
  }

  async #read(number: number): Promise<Buffer> {
    const block = Buffer.allocUnsafeSlow(blockBytes);
    let filled = 0;
    while (filled < blockBytes) {
      const at = number * blockBytes + filled;
      const { bytesRead } = await this.#handle.read(block, filled, blockBytes - filled, at);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    const content = block.subarray(0, filled);
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size < this.#maxBlocks) break;
      this.#blocks.delete(oldest);
    }
    this.#blocks.set(number, content);
    return content;
  }
}
