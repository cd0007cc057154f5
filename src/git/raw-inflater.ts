import { createInflateRaw } from 'node:zlib';
import { HandleEngine } from './inflate.ts';

const windowBytes = 64 * 1024;

/**
 * Inflates raw deflate data (RFC 1951) of unknown size, one stream after another,
 * in pieces, and tells where each ends. Only where `bestEngine` says `handle`.
 */
export class RawInflater {
  readonly #engine = new HandleEngine(createInflateRaw());
  readonly #out = Buffer.allocUnsafeSlow(windowBytes);

  /** Begins with a new stream, whatever became of the one before. */
  start(): void {
    this.#engine.reset();
  }

  /**
   * Takes input[from..to). Gives where the stream ended, -1 when more is needed, and
   * undefined when `sink` gave false and wants no more. A piece is overwritten when
   * `sink` returns. Throws PACK_ZLIB when the data are broken.
   */
  write(input: Buffer, from: number, to: number, sink: (piece: Buffer) => boolean): number | undefined {
    const engine = this.#engine;
    let at = from;
    for (;;) {
      const given = to - at;
      engine.run(input, at, given, this.#out, 0, windowBytes);
      const made = windowBytes - engine.availOut;
      const used = given - engine.availIn;
      at += used;
      if (made > 0 && !sink(this.#out.subarray(0, made))) return undefined;
      if (engine.availOut === 0) continue;
      // With room left and input left, or with input that it does not touch, zlib is at its end.
      return engine.availIn > 0 || (given > 0 && used === 0 && made === 0) ? at : -1;
    }
  }
}
