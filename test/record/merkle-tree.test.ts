import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { leafHash, MerkleTree } from '../../src/record/merkle-tree.ts';

const sha256 = (...parts: Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();

/** RFC 6962 section 2.1, word by word: k is the largest power of two smaller than n. */
function naiveRoot(leaves: readonly Buffer[]): Buffer {
  const [only] = leaves;
  if (!only) return sha256();
  if (leaves.length === 1) return sha256(Uint8Array.of(0), only);
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return sha256(Uint8Array.of(1), naiveRoot(leaves.slice(0, k)), naiveRoot(leaves.slice(k)));
}

/** The leaves and the root after each of them, from the reference implementation of Certificate Transparency. */
const vectors: readonly (readonly [leaf: string, root: string])[] = [
  ['', '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'],
  ['00', 'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125'],
  ['10', 'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77'],
  ['2021', 'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7'],
  ['3031', '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4'],
  ['40414243', '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef'],
  ['5051525354555657', 'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c'],
  ['606162636465666768696a6b6c6d6e6f', '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328'],
];

test('the root of no leaves is the hash of nothing', () => {
  const root = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
  assert.equal(new MerkleTree().root().toString('hex'), root);
});

test('roots agree with the reference vectors of RFC 6962', () => {
  const tree = new MerkleTree();
  for (const [leaf, root] of vectors) {
    tree.append(leafHash(Buffer.from(leaf, 'hex')));
    assert.equal(tree.root().toString('hex'), root);
  }
});

test('for every size below 300, appending gives the root that the definition gives', () => {
  const leaves: Buffer[] = [];
  const tree = new MerkleTree();
  for (let n = 0; n < 300; n++) {
    assert.deepEqual(tree.root(), naiveRoot(leaves));
    assert.equal(tree.size, n);
    const leaf = Buffer.from(`leaf ${n}`);
    leaves.push(leaf);
    tree.append(leafHash(leaf));
  }
});

test('a tree made again from its size and edge goes on as the first would', () => {
  const tree = new MerkleTree();
  for (let n = 0; n < 300; n++) {
    const edge = tree.edge.map((subtree) => subtree.hash);
    const again = MerkleTree.of(tree.size, edge);
    const next = leafHash(Buffer.from(`leaf ${n}`));
    tree.append(next);
    again?.append(next);
    assert.deepEqual(again?.root(), tree.root());
    assert.deepEqual(again?.edge, tree.edge);
  }
});

test('an edge that does not fit the size makes no tree', () => {
  const hash = leafHash(Buffer.from(''));
  assert.equal(MerkleTree.of(2, [hash, hash]), undefined);
  assert.equal(MerkleTree.of(3, [hash]), undefined);
  assert.equal(MerkleTree.of(0, [hash]), undefined);
});
