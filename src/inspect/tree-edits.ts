import type { DeltaHeader } from '../git/delta.ts';
import { TreeJoints } from '../git/tree.ts';
import { DeltaEdits } from './delta-edits.ts';

/** Entries of two trees that the other does not have, each as a tree of its own. */
export interface TreeEdit {
  /** What only the base has. */
  readonly gone: Buffer;
  /** What only the tree has that is a delta of it. */
  readonly come: Buffer;
}

/** Everything that is kept, in bytes; what comes later is not. */
const maxBytes = 32 * 1024 * 1024;
const blockBytes = 1024 * 1024;

/** A tree of which more is new than this is compared whole. */
const maxEditBytes = 4096;

const headBytes = 4;

/** An entry has a mode of five digits and more, a space and a name. */
const leastToName = 6;

/**
 * Of trees that are deltas, the entries that they do not share with their base:
 * what a commit changes in a folder, nearly always, without either tree being
 * read again. Kept as bytes, some 100 for each tree.
 */
export class TreeEdits {
  readonly #width: number;
  readonly #edits = new DeltaEdits();
  readonly #gone = Buffer.allocUnsafeSlow(maxEditBytes);
  readonly #come = Buffer.allocUnsafeSlow(maxEditBytes);
  #goneBytes = 0;
  #comeBytes = 0;
  readonly #joints = new TreeJoints();
  /** Where the entry of the tree begins that was passed last; -1 before the first. */
  #last = -1;
  /** By row, counted from 1 through all blocks; 0 stands for none. */
  #places = new Uint32Array(1024);
  readonly #blocks: Buffer[] = [];
  /** Bytes of the last block that are taken. */
  #used = blockBytes;

  /** @param width bytes of an oid. */
  constructor(width: number) {
    this.#width = width;
  }

  /**
   * Takes note of a tree that a delta made of its base, which has been checked.
   * Gives what is to be checked of the tree, valid until the next call; undefined where that is all of it.
   */
  record(
    row: number,
    base: Buffer,
    content: Buffer,
    delta: Buffer,
    header: DeltaHeader,
  ): TreeJoints | undefined {
    if (!this.#edits.read(delta, header)) return undefined;
    this.#goneBytes = 0;
    this.#comeBytes = 0;
    this.#joints.count = 0;
    this.#last = -1;
    if (!this.#compare(base.subarray(0, header.baseSize), content)) return undefined;
    this.#keep(row);
    return this.#joints;
  }

  /**
   * Goes over both trees side by side. Where bytes were copied from one place
   * of the base between two entries, both have the same entries for as long as the copy lasts.
   * False when that takes too much room.
   */
  #compare(base: Buffer, content: Buffer): boolean {
    const { count, from, to, size } = this.#edits;
    let at = 0;
    let inBase = 0;
    for (let i = 0; i < count; i++) {
      const start = to[i] as number;
      const end = start + (size[i] as number);
      for (; at < start; at = this.#take(content, at)) if (at < 0) return false;
      const wanted = (from[i] as number) + at - start;
      if (at >= end || wanted < inBase) continue;
      for (; inBase < wanted; inBase = this.#drop(base, inBase)) if (inBase < 0) return false;
      if (inBase !== wanted) continue;
      let next = this.#entryEnd(content, at);
      if (next >= 0 && next <= end && !this.#joints.add(at, this.#last, false)) return false;
      while (next >= 0 && next <= end) {
        this.#last = at;
        inBase += next - at;
        at = next;
        next = this.#entryEnd(content, at);
      }
    }
    for (; at < content.length; at = this.#take(content, at)) if (at < 0) return false;
    for (; inBase < base.length; inBase = this.#drop(base, inBase)) if (inBase < 0) return false;
    return at >= 0 && inBase >= 0;
  }

  /** Where the entry ends that begins there; -1 beyond the last one. */
  #entryEnd(content: Buffer, from: number): number {
    let at = from + leastToName;
    while (at < content.length && content[at] !== 0) at++;
    const end = at + 1 + this.#width;
    return end <= content.length ? end : -1;
  }

  /** Notes an entry of the tree, and gives its end; -1 when there is no room. */
  #take(content: Buffer, from: number): number {
    const end = this.#entryEnd(content, from);
    if (end < 0 || this.#comeBytes + end - from > maxEditBytes) return -1;
    if (!this.#joints.add(from, this.#last, true)) return -1;
    this.#last = from;
    this.#comeBytes += content.copy(this.#come, this.#comeBytes, from, end);
    return end;
  }

  /** Notes an entry of the base. */
  #drop(base: Buffer, from: number): number {
    const end = this.#entryEnd(base, from);
    if (end < 0 || this.#goneBytes + end - from > maxEditBytes) return -1;
    this.#goneBytes += base.copy(this.#gone, this.#goneBytes, from, end);
    return end;
  }

  #keep(row: number): void {
    const size = headBytes + this.#goneBytes + this.#comeBytes;
    if (this.#used + size > blockBytes) {
      if (this.#blocks.length * blockBytes === maxBytes) return;
      this.#blocks.push(Buffer.allocUnsafeSlow(blockBytes));
      this.#used = 0;
    }
    if (row >= this.#places.length) {
      const places = new Uint32Array(Math.max(row + 1, this.#places.length * 2));
      places.set(this.#places);
      this.#places = places;
    }
    const block = this.#blocks[this.#blocks.length - 1] as Buffer;
    const at = this.#used;
    block.writeUInt16LE(this.#goneBytes, at);
    block.writeUInt16LE(this.#comeBytes, at + 2);
    this.#gone.copy(block, at + headBytes, 0, this.#goneBytes);
    this.#come.copy(block, at + headBytes + this.#goneBytes, 0, this.#comeBytes);
    this.#places[row] = (this.#blocks.length - 1) * blockBytes + at + 1;
    this.#used += size;
  }

  /** How a tree is unlike its base; undefined when that is not known. */
  of(row: number): TreeEdit | undefined {
    const place = (this.#places[row] ?? 0) - 1;
    if (place < 0) return undefined;
    const block = this.#blocks[Math.floor(place / blockBytes)] as Buffer;
    const at = place % blockBytes;
    const gone = at + headBytes;
    const come = gone + block.readUInt16LE(at);
    return {
      gone: block.subarray(gone, come),
      come: block.subarray(come, come + block.readUInt16LE(at + 2)),
    };
  }
}
