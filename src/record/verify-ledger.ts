import type { LedgerEvent } from '../domain/record.ts';
import type { Store } from '../domain/store.ts';
import { readHead } from './head.ts';
import { blobKey, lastNumber, leafKey, sessionEventKey } from './keys.ts';
import { corrupt, parseLeaf, readRow } from './leaf.ts';
import { MerkleTree, type Subtree } from './merkle-tree.ts';

/** Leaves that are hashed again at every open. */
const tailLeaves = 256;

/** After so many leaves the index is checked, and progress is told. */
const stepLeaves = 1000;

/** Beyond every leaf key: '~' sorts after all hex digits. */
const leavesEnd = 'ledger/leaf/~';

/**
 * The cheap check of every start: the head agrees with itself, with the leaves
 * of its right edge (256 at most, and always the last), and no leaf is beyond
 * it. Throws LEDGER_CORRUPT.
 */
export async function checkTail(store: Store, head: MerkleTree): Promise<void> {
  for await (const [key] of store.range({ from: leafKey(head.size), to: leavesEnd, limit: 1 })) {
    throw corrupt(lastNumber(key), 'is beyond the tree head, which was rolled back');
  }
  if (head.size === 0) return;
  const tail = head.edge.filter((subtree) => head.size - subtree.first <= tailLeaves);
  const first = tail[0]?.first ?? head.size - 1;
  const leaves = await hashLeaves(store, first, head.size);
  for (const subtree of tail) compareSubtree(subtree, leaves);
}

/** The leaf hashes of `first` to `end`, each checked against its leaf. */
async function hashLeaves(store: Store, first: number, end: number): Promise<Map<number, Buffer>> {
  const hashes = new Map<number, Buffer>();
  for (let seq = first; seq < end; seq++) {
    const row = await store.get(leafKey(seq));
    if (!row) throw corrupt(seq, 'is missing');
    hashes.set(seq, Buffer.from(readRow(seq, row).hash));
  }
  return hashes;
}

function compareSubtree(subtree: Subtree, leaves: ReadonlyMap<number, Buffer>): void {
  const tree = new MerkleTree();
  for (let seq = subtree.first; seq < subtree.first + subtree.leaves; seq++) {
    const hash = leaves.get(seq);
    if (hash) tree.append(hash);
  }
  if (!tree.root().equals(subtree.hash)) throw notInTree(subtree);
}

/**
 * Recomputes everything that the head at this moment covers: every leaf hash,
 * every event's own number, data beside the leaves, that its session leads to
 * it, and the root. `committed` is the size that the running process knows. Throws LEDGER_CORRUPT naming the
 * first sequence number that is not right.
 */
export async function verifyLedger(
  store: Store,
  committed: number,
  onProgress: (done: number, total: number) => void,
): Promise<{ size: number; rootHash: string }> {
  const head = await readHead(store);
  if (head.size < committed) throw corrupt(head.size, 'is beyond the tree head, which was rolled back');
  const tree = new MerkleTree();
  let unchecked: LedgerEvent[] = [];
  for await (const [key, row] of store.range({ from: leafKey(0), to: leavesEnd })) {
    const seq = tree.size;
    if (seq === head.size) {
      await refuseLeafBeyond(store, lastNumber(key));
      break;
    }
    if (key !== leafKey(seq)) throw corrupt(seq, 'is missing');
    const { hash, leaf } = readRow(seq, row);
    unchecked.push(await parseLeaf(seq, leaf, (digest) => store.get(blobKey(digest))));
    tree.append(Buffer.from(hash));
    if (tree.size % stepLeaves !== 0) continue;
    await checkIndexed(store, unchecked);
    unchecked = [];
    onProgress(tree.size, head.size);
  }
  await checkIndexed(store, unchecked);
  if (tree.size < head.size) throw corrupt(tree.size, 'is missing');
  compareTrees(head, tree);
  onProgress(tree.size, head.size);
  return { size: tree.size, rootHash: tree.root().toString('hex') };
}

/** An event that its session does not lead to is one that nobody would be shown. */
async function checkIndexed(store: Store, events: readonly LedgerEvent[]): Promise<void> {
  const found = await Promise.all(
    events.map(({ session, seq }) => session === undefined || store.get(sessionEventKey(session, seq))),
  );
  const hidden = events[found.indexOf(undefined)];
  if (hidden) throw corrupt(hidden.seq, `is missing from the index of session ${hidden.session}`);
}

/** A leaf beyond the head that was read before is right only when the head has moved on since. */
async function refuseLeafBeyond(store: Store, seq: number): Promise<void> {
  const now = await readHead(store);
  if (seq >= now.size) throw corrupt(seq, 'is beyond the tree head, which was rolled back');
}

function compareTrees(head: MerkleTree, computed: MerkleTree): void {
  for (const [place, subtree] of head.edge.entries()) {
    if (!computed.edge[place]?.hash.equals(subtree.hash)) throw notInTree(subtree);
  }
}

function notInTree(subtree: Subtree): Error {
  const last = subtree.first + subtree.leaves - 1;
  return corrupt(
    subtree.first,
    `or a later one up to ${last} is not the one that was written: the tree disagrees`,
  );
}
