import type { DeltaHeader } from '../git/delta.ts';

/** Bytes of a result that need another look; `end` is exclusive, and may equal `start` where two parts were joined. */
export interface EditedRange {
  readonly start: number;
  readonly end: number;
}

/** More copies than this are not kept: a result that is put together so finely is looked at whole. */
const maxCopies = 16_384;

/**
 * Which parts of a result were copied from its base, and from where. One object
 * serves delta after delta. Copies that go on where the one before ended, in
 * base and result alike, count as one.
 */
export class DeltaEdits {
  /** Parts of the result that were copied. */
  count = 0;
  /** Of each copied part: where it lies in the base, where in the result, and its size in bytes. */
  readonly from = new Float64Array(maxCopies);
  readonly to = new Float64Array(maxCopies);
  readonly size = new Float64Array(maxCopies);

  /**
   * Reads a delta that has been applied already, so that it is known to be
   * right. False when it has more copies than are kept.
   */
  read(delta: Uint8Array, header: DeltaHeader): boolean {
    let at = header.at;
    let to = 0;
    this.count = 0;
    while (at < delta.length) {
      const opcode = delta[at++] as number;
      if ((opcode & 0x80) === 0) {
        at += opcode;
        to += opcode;
        continue;
      }
      let offset = 0;
      let size = 0;
      if (opcode & 0x01) offset = delta[at++] as number;
      if (opcode & 0x02) offset |= (delta[at++] as number) << 8;
      if (opcode & 0x04) offset |= (delta[at++] as number) << 16;
      if (opcode & 0x08) offset += (delta[at++] as number) * 0x1000000;
      if (opcode & 0x10) size = delta[at++] as number;
      if (opcode & 0x20) size |= (delta[at++] as number) << 8;
      if (opcode & 0x40) size |= (delta[at++] as number) << 16;
      if (size === 0) size = 0x10000;
      if (!this.#add(offset, to, size)) return false;
      to += size;
    }
    return true;
  }

  #add(from: number, to: number, size: number): boolean {
    const last = this.count - 1;
    if (
      last >= 0 &&
      (this.from[last] as number) + (this.size[last] as number) === from &&
      (this.to[last] as number) + (this.size[last] as number) === to
    ) {
      this.size[last] = (this.size[last] as number) + size;
      return true;
    }
    if (this.count === maxCopies) return false;
    this.from[this.count] = from;
    this.to[this.count] = to;
    this.size[this.count] = size;
    this.count++;
    return true;
  }

  /** What lies between the copied parts, in order: inserted bytes, and the seams where nothing was inserted. */
  ranges(header: DeltaHeader): EditedRange[] {
    const ranges: EditedRange[] = [];
    let end = 0;
    for (let i = 0; i < this.count; i++) {
      const start = this.to[i] as number;
      // What both begin with has the same neighbour on its left: nothing.
      if (start > 0 || this.from[i] !== 0) ranges.push({ start: end, end: start });
      end = start + (this.size[i] as number);
    }
    const last = this.count - 1;
    const wholeEnd =
      last >= 0 && (this.from[last] as number) + (this.size[last] as number) === header.baseSize;
    if (end < header.resultSize || !wholeEnd) ranges.push({ start: end, end: header.resultSize });
    return ranges;
  }
}

/** In order, and those that overlap or touch made one. */
export function mergeRanges(ranges: EditedRange[]): EditedRange[] {
  ranges.sort((a, b) => a.start - b.start);
  const merged: { start: number; end: number }[] = [];
  for (const { start, end } of ranges) {
    const last = merged[merged.length - 1];
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else merged.push({ start, end });
  }
  return merged;
}
