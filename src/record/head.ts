import { RefgateError } from '../domain/error.ts';
import type { Store } from '../domain/store.ts';
import { canonicalJson } from './canonical-json.ts';
import { headKey } from './keys.ts';
import { MerkleTree } from './merkle-tree.ts';

/** The bytes of the tree head: size, root and right edge, as canonical JSON. */
export function formatHead(tree: MerkleTree): Buffer {
  const edge = tree.edge.map((subtree) => subtree.hash.toString('hex'));
  return Buffer.from(canonicalJson({ edge, root: tree.root().toString('hex'), size: tree.size, v: 1 }));
}

/** The tree of the stored head; an empty one when there is none. Throws LEDGER_CORRUPT when the head contradicts itself. */
export async function readHead(store: Store): Promise<MerkleTree> {
  const bytes = await store.get(headKey);
  if (!bytes) return new MerkleTree();
  const tree = parseHead(Buffer.from(bytes));
  // Written again it must be the same bytes: this checks the root and leaves no byte that means nothing.
  if (!tree || !formatHead(tree).equals(bytes)) {
    throw new RefgateError('LEDGER_CORRUPT', 'operator', 'the tree head was changed');
  }
  return tree;
}

function parseHead(bytes: Buffer): MerkleTree | undefined {
  try {
    const { size, edge } = JSON.parse(bytes.toString()) as { size: unknown; edge: unknown };
    if (!Number.isSafeInteger(size) || !Array.isArray(edge)) return undefined;
    return MerkleTree.of(
      Number(size),
      edge.map((hash) => Buffer.from(String(hash), 'hex')),
    );
  } catch {
    return undefined;
  }
}
