import { pktLength } from '../../git/pkt-line.ts';
import type { Peer } from '../../git/protocol-error.ts';

/** A run of bytes, and whether a flush-pkt ends it. */
export interface CutPiece {
  readonly bytes: Buffer;
  readonly flush: boolean;
}

/**
 * Finds the flush-pkts in a stream of pkt-lines (gitprotocol-common(5)) without
 * keeping more than a length prefix, so that the bytes can go on as they came.
 * PKT_LENGTH when a prefix is not valid.
 */
export class FlushCutter {
  readonly #peer: Peer;
  #prefix = '';
  /** Bytes of the current pkt-line that are still to come. */
  #left = 0;

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  /** Whether the bytes so far end between two pkt-lines. */
  get between(): boolean {
    return this.#left === 0 && this.#prefix === '';
  }

  /** Cuts a chunk after each flush-pkt. */
  cut(chunk: Buffer): CutPiece[] {
    const pieces: CutPiece[] = [];
    let start = 0;
    let at = 0;
    while (at < chunk.length) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, chunk.length - at);
        this.#left -= step;
        at += step;
        continue;
      }
      const taken = chunk.toString('latin1', at, at + 4 - this.#prefix.length);
      this.#prefix += taken;
      at += taken.length;
      if (this.#prefix.length < 4) continue;
      const length = this.#takeLength();
      if (length === 0) {
        pieces.push({ bytes: chunk.subarray(start, at), flush: true });
        start = at;
      }
      this.#left = Math.max(0, length - 4);
    }
    if (start < chunk.length) pieces.push({ bytes: chunk.subarray(start), flush: false });
    return pieces;
  }

  #takeLength(): number {
    const prefix = Buffer.from(this.#prefix, 'latin1');
    this.#prefix = '';
    return pktLength(prefix, 0, this.#peer);
  }
}
