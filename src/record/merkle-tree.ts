import { createHash } from 'node:crypto';

/** RFC 6962 section 2.1: the hash of a leaf. */
export function leafHash(leaf: Uint8Array): Buffer {
  return createHash('sha256').update(leafPrefix).update(leaf).digest();
}

/** RFC 6962 section 2.1: the hash of two subtrees. */
function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return createHash('sha256').update(nodePrefix).update(left).update(right).digest();
}

const leafPrefix = Uint8Array.of(0);
const nodePrefix = Uint8Array.of(1);

/** One whole subtree of the right edge: `leaves` is a power of two. */
export interface Subtree {
  readonly first: number;
  readonly leaves: number;
  readonly hash: Buffer;
}

/**
 * The right edge of an RFC 6962 tree: the largest whole subtrees, left to
 * right, one for each bit of the size. Appending costs O(log n) hashes at most.
 */
export class MerkleTree {
  readonly #edge: Subtree[] = [];
  #size = 0;

  /** The tree of `size` leaves with this edge; undefined when the edge does not fit the size. */
  static of(size: number, edge: readonly Buffer[]): MerkleTree | undefined {
    const tree = new MerkleTree();
    for (const leaves of wholeSubtrees(size)) {
      const hash = edge[tree.#edge.length];
      if (!hash) return undefined;
      tree.#edge.push({ first: tree.#size, leaves, hash });
      tree.#size += leaves;
    }
    return tree.#edge.length === edge.length ? tree : undefined;
  }

  get size(): number {
    return this.#size;
  }

  get edge(): readonly Subtree[] {
    return this.#edge;
  }

  append(hash: Buffer): void {
    let right: Subtree = { first: this.#size, leaves: 1, hash };
    for (let left = this.#edge.at(-1); left?.leaves === right.leaves; left = this.#edge.at(-1)) {
      this.#edge.pop();
      right = { first: left.first, leaves: left.leaves * 2, hash: nodeHash(left.hash, right.hash) };
    }
    this.#edge.push(right);
    this.#size += 1;
  }

  /** RFC 6962 section 2.1: MTH(D[n]); of no leaves, the hash of nothing. */
  root(): Buffer {
    const last = this.#edge.at(-1);
    if (!last) return createHash('sha256').digest();
    return this.#edge.slice(0, -1).reduceRight((root, left) => nodeHash(left.hash, root), last.hash);
  }
}

/** The powers of two that add up to `size`, largest first. */
function wholeSubtrees(size: number): number[] {
  const parts: number[] = [];
  for (let rest = size, part = 2 ** 52; part >= 1; part /= 2) {
    if (part > rest) continue;
    parts.push(part);
    rest -= part;
  }
  return parts;
}
