/**
 * Writes deltas, gitformat-pack(5) "Deltified representation": what two
 * contents share at their ends is found by comparing, what they share in
 * between by an index of the base's blocks of 16 bytes and a hash that rolls
 * over the target.
 */

const block = 16;
/** As git writes them; a larger one is legal, and not every reader takes it. */
const maxCopy = 0x10000;
const maxInsert = 127;
const maxIndexed = 1 << 20;
const maxTries = 8;
const leastTarget = 48;

/**
 * A delta that gives `target` when it is applied to `base`; undefined where it would not have less than half the bytes
 * of the target. Time grows with both sizes, memory stays under 16 MiB beside the delta.
 */
export function encodeDelta(base: Uint8Array, target: Uint8Array): Buffer | undefined {
  if (target.length < leastTarget || base.length < block || base.length >= 2 ** 32) return undefined;
  const most = Math.min(base.length, target.length);
  const head = sharedHead(base, target, most);
  const tail = sharedTail(base, target, most - head);
  const out = new DeltaWriter(base.length, target, target.length >>> 1);
  out.copy(0, head);
  const end = target.length - tail;
  // One oid of a tree: an index would cost more than it finds.
  if (end - head <= 2 * block) out.insert(head, end);
  else encodeMiddle(base, target, head, end, out);
  out.copy(base.length - tail, tail);
  return out.finish();
}

function sharedHead(base: Uint8Array, target: Uint8Array, most: number): number {
  let at = 0;
  while (at < most && base[at] === target[at]) at++;
  return at;
}

function sharedTail(base: Uint8Array, target: Uint8Array, most: number): number {
  let count = 0;
  while (count < most && base[base.length - 1 - count] === target[target.length - 1 - count]) count++;
  return count;
}

function encodeMiddle(
  base: Uint8Array,
  target: Uint8Array,
  from: number,
  end: number,
  out: DeltaWriter,
): void {
  const index = new BlockIndex(base);
  let pending = from;
  let at = from;
  let hash = hashBlock(target, at);
  while (at + block <= end && !out.isTooLong) {
    const found = index.longest(target, at, pending, end, hash);
    if (found === undefined) {
      if (at + block < end) hash = roll(hash, target[at] as number, target[at + block] as number);
      at++;
      // What is not found already has no room: then nothing else will.
      if (at - pending > out.room) break;
      continue;
    }
    out.insert(pending, found.targetFrom);
    out.copy(found.baseFrom, found.size);
    at = found.targetFrom + found.size;
    pending = at;
    if (at + block <= end) hash = hashBlock(target, at);
  }
  out.insert(pending, end);
}

const factor = 0x01000193;
const leadingFactor = (() => {
  let power = 1;
  for (let i = 1; i < block; i++) power = Math.imul(power, factor);
  return power;
})();

function hashBlock(bytes: Uint8Array, at: number): number {
  let hash = 0;
  for (let i = 0; i < block; i++) hash = (Math.imul(hash, factor) + (bytes[at + i] as number)) | 0;
  return hash;
}

function roll(hash: number, leaving: number, entering: number): number {
  return (Math.imul(hash - Math.imul(leaving, leadingFactor), factor) + entering) | 0;
}

/** Where in both contents the same bytes stand. */
interface Shared {
  readonly baseFrom: number;
  readonly targetFrom: number;
  readonly size: number;
}

/** The blocks of the base by their hashes; of a very large base every n-th. */
class BlockIndex {
  readonly #base: Uint8Array;
  readonly #step: number;
  readonly #shift: number;
  /** Number of the block last put under a hash, plus one; and of the one before it. */
  readonly #heads: Int32Array;
  readonly #before: Int32Array;

  constructor(base: Uint8Array) {
    this.#base = base;
    const blocks = Math.floor(base.length / block);
    this.#step = block * Math.ceil(blocks / maxIndexed);
    const count = Math.floor((base.length - block) / this.#step) + 1;
    const bits = Math.max(4, Math.ceil(Math.log2(count)));
    this.#shift = 32 - bits;
    this.#heads = new Int32Array(2 ** bits);
    this.#before = new Int32Array(count);
    // From behind, so that the first of equal blocks is tried first.
    for (let number = count - 1; number >= 0; number--) {
      const slot = this.#slot(hashBlock(base, number * this.#step));
      this.#before[number] = this.#heads[slot] as number;
      this.#heads[slot] = number + 1;
    }
  }

  #slot(hash: number): number {
    return Math.imul(hash, 0x9e3779b1) >>> this.#shift;
  }

  /** The longest of the first few places that share the block at `at`, extended within `[from, end)` of the target. */
  longest(target: Uint8Array, at: number, from: number, end: number, hash: number): Shared | undefined {
    let best = 0;
    let bestAt = 0;
    let next = this.#heads[this.#slot(hash)] as number;
    for (let tries = 0; next > 0 && tries < maxTries; tries++) {
      const baseAt = (next - 1) * this.#step;
      const size = this.#sharedFrom(baseAt, target, at, end);
      if (size > best) {
        best = size;
        bestAt = baseAt;
      }
      next = this.#before[next - 1] as number;
    }
    if (best < block) return undefined;
    let back = 0;
    const base = this.#base;
    while (at - back > from && bestAt > back && base[bestAt - back - 1] === target[at - back - 1]) back++;
    return { baseFrom: bestAt - back, targetFrom: at - back, size: best + back };
  }

  #sharedFrom(baseAt: number, target: Uint8Array, at: number, end: number): number {
    const base = this.#base;
    const most = Math.min(base.length - baseAt, end - at);
    let size = 0;
    while (size < most && base[baseAt + size] === target[at + size]) size++;
    return size;
  }
}

/** Collects instructions; gives up when they are longer than allowed. */
class DeltaWriter {
  readonly #target: Uint8Array;
  readonly #most: number;
  #out: Buffer;
  #size = 0;

  constructor(baseSize: number, target: Uint8Array, most: number) {
    this.#target = target;
    this.#most = most;
    this.#out = Buffer.allocUnsafe(Math.min(most + 32, 1024));
    this.#number(baseSize);
    this.#number(target.length);
  }

  get isTooLong(): boolean {
    return this.#size >= this.#most;
  }

  /** Bytes that may still be written. */
  get room(): number {
    return this.#most - this.#size;
  }

  copy(offset: number, size: number): void {
    for (let done = 0; done < size && !this.isTooLong; done += maxCopy)
      this.#copy(offset + done, Math.min(maxCopy, size - done));
  }

  #copy(offset: number, size: number): void {
    const at = this.#reserve(8);
    let opcode = 0x80;
    for (let i = 0; i < 4; i++) opcode |= this.#digit(Math.floor(offset / 256 ** i) & 0xff, 1 << i);
    if (size !== maxCopy)
      for (let i = 0; i < 2; i++) opcode |= this.#digit((size >>> (8 * i)) & 0xff, 0x10 << i);
    this.#out[at] = opcode;
  }

  /** A byte of zero is left out, and its bit too. */
  #digit(byte: number, bit: number): number {
    if (byte === 0) return 0;
    this.#out[this.#size++] = byte;
    return bit;
  }

  insert(from: number, to: number): void {
    for (let at = from; at < to && !this.isTooLong; at += maxInsert) {
      const size = Math.min(maxInsert, to - at);
      const place = this.#reserve(1 + size);
      this.#out[place] = size;
      this.#out.set(this.#target.subarray(at, at + size), place + 1);
      this.#size += size;
    }
  }

  /** Room for so many bytes, the first of which is taken; gives its place. */
  #reserve(size: number): number {
    if (this.#size + size > this.#out.length) {
      const larger = Buffer.allocUnsafe(this.#out.length * 2 + size);
      this.#out.copy(larger, 0, 0, this.#size);
      this.#out = larger;
    }
    return this.#size++;
  }

  #number(value: number): void {
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#out[this.#size++] = (rest % 128) | 0x80;
    this.#out[this.#size++] = rest;
  }

  finish(): Buffer | undefined {
    return this.isTooLong ? undefined : this.#out.subarray(0, this.#size);
  }
}
