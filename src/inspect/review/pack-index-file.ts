import type { ObjectFormat, Oid } from '../../domain/git.ts';
import { hashBytes } from '../../git/pack-stream.ts';
import { damaged, type FileBlocks } from './file-blocks.ts';

/**
 * Pack index version 2, gitformat-pack(5), looked up where it lies: the fanout
 * table is read, and of the sorted oids only those that a binary search meets.
 */

const magic = Buffer.from([0xff, 0x74, 0x4f, 0x63, 0, 0, 0, 2]);
const fanoutBytes = 256 * 4;
const oidsAt = magic.length + fanoutBytes;
const largeOffset = 2 ** 31;

/** Where in a pack objects begin, by oid. */
export class PackIndexFile {
  readonly count: number;
  readonly #blocks: FileBlocks;
  readonly #fanout: Buffer;
  readonly #width: number;

  private constructor(blocks: FileBlocks, fanout: Buffer, width: number) {
    this.#blocks = blocks;
    this.#fanout = fanout;
    this.#width = width;
    this.count = fanout.readUInt32BE(fanoutBytes - 4);
  }

  /** Throws INTERNAL when it is not an index of this format. */
  static async open(blocks: FileBlocks, format: ObjectFormat): Promise<PackIndexFile> {
    const head = await blocks.exact(0, oidsAt);
    if (!head.subarray(0, magic.length).equals(magic)) throw damaged('its index is not of version 2');
    const fanout = Buffer.from(head.subarray(magic.length));
    for (let at = 4; at < fanoutBytes; at += 4)
      if (fanout.readUInt32BE(at) < fanout.readUInt32BE(at - 4))
        throw damaged('the fanout of its index falls');
    const width = hashBytes(format);
    const index = new PackIndexFile(blocks, fanout, width);
    if (blocks.size < oidsAt + index.count * (width + 8) + 2 * width)
      throw damaged('its index ends too early');
    return index;
  }

  /** Where the entry of the object begins in the pack; undefined when the pack does not hold it. Throws INTERNAL. */
  async offsetOf(oid: Oid): Promise<number | undefined> {
    const wanted = Buffer.from(oid, 'hex');
    if (wanted.length !== this.#width) return undefined;
    const first = wanted[0] as number;
    let low = first === 0 ? 0 : this.#fanout.readUInt32BE((first - 1) * 4);
    let high = this.#fanout.readUInt32BE(first * 4);
    while (low < high) {
      const middle = (low + high) >>> 1;
      const found = await this.#blocks.exact(oidsAt + middle * this.#width, this.#width);
      const order = found.compare(wanted);
      if (order === 0) return this.#offsetAt(middle);
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return undefined;
  }

  async #offsetAt(row: number): Promise<number> {
    const offsetsAt = oidsAt + this.count * (this.#width + 4);
    const short = (await this.#blocks.exact(offsetsAt + row * 4, 4)).readUInt32BE();
    if (short < largeOffset) return short;
    const largeAt = offsetsAt + this.count * 4 + (short - largeOffset) * 8;
    const long = (await this.#blocks.exact(largeAt, 8)).readBigUInt64BE();
    if (long > BigInt(Number.MAX_SAFE_INTEGER)) throw damaged('an offset of its index is over 2^53');
    return Number(long);
  }
}
