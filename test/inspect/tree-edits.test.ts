import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readDeltaHeader } from '../../src/git/delta.ts';
import { TreePaths } from '../../src/inspect/contents/tree-paths.ts';
import { TreeEdits } from '../../src/inspect/tree-edits.ts';
import { copy, delta, insert } from '../support/pack-builder.ts';

/** Some names look like the beginning of an entry, so that one entry can be copied out of the middle of another. */
const names = [
  'a',
  'a.c',
  'b',
  'b100644 a',
  'c100644 b',
  'c40000 d',
  'd',
  'e100644 b100644 a',
  'f',
  'long-name',
];
const modes = ['100644', '100755', '40000'];

interface Entry {
  readonly name: string;
  readonly mode: string;
  readonly fill: number;
}

const trees = fc.uniqueArray(
  fc.record({ name: fc.constantFrom(...names), mode: fc.constantFrom(...modes), fill: fc.nat(3) }),
  { selector: ({ name }) => name, maxLength: 10 },
);

const keyOf = ({ name, mode }: Entry) => (mode === '40000' ? `${name}/` : name);
const bytesOf = ({ mode, name, fill }: Entry) =>
  `${mode} ${name}\0${String.fromCharCode(fill + 1).repeat(20)}`;

function treeOf(entries: readonly Entry[]): Buffer {
  const sorted = [...entries].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  return Buffer.from(sorted.map(bytesOf).join(''), 'latin1');
}

function entriesOf(tree: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at < tree.length; ) {
    const end = tree.indexOf(0, at) + 21;
    found.push(tree.toString('latin1', at, end));
    at = end;
  }
  return found;
}

/** Copies pieces of the given sizes from wherever the base holds them. */
function deltaOf(base: Buffer, tree: Buffer, sizes: readonly number[], fromEnd: boolean): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0, n = 0; at < tree.length; n++) {
    const piece = tree.subarray(at, at + (sizes[n % sizes.length] as number));
    const found = fromEnd ? base.lastIndexOf(piece) : base.indexOf(piece);
    parts.push(found < 0 ? insert(piece.toString('latin1')) : copy(found, piece.length));
    at += piece.length;
  }
  return delta(base.length, tree.length, ...parts);
}

const without = (from: readonly string[], others: readonly string[]) =>
  from.filter((entry) => !others.includes(entry));

test('what two trees do not share is told right by any delta, also one that copies entries out of others', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(trees, trees, sizes, fc.boolean(), (old, now, pieces, fromEnd) => {
      const [base, tree] = [treeOf(old), treeOf(now)];
      const made = deltaOf(base, tree, pieces, fromEnd);
      const edits = new TreeEdits(20);
      edits.record(0, base, tree, made, readDeltaHeader(made));
      const edit = edits.of(0);
      assert.ok(edit);
      const [come, gone] = [entriesOf(edit.come), entriesOf(edit.gone)];
      const [before, after] = [entriesOf(base), entriesOf(tree)];
      assert.deepEqual(without(come, gone), without(after, before));
      assert.deepEqual(without(gone, come), without(before, after));
    }),
    { numRuns: 2000 },
  );
});

test('along a chain of deltas, a tree and its parents keep what the first has unlike all others', () => {
  const shape = fc.tuple(
    fc.array(trees, { minLength: 3, maxLength: 7 }),
    fc.array(fc.nat(6), { minLength: 7 }),
  );
  fc.assert(
    fc.property(
      shape,
      fc.nat(6),
      fc.uniqueArray(fc.nat(6), { minLength: 1, maxLength: 3 }),
      (made, at, places) => {
        const [lists, choices] = made;
        const contents = lists.map(treeOf);
        const bases = Int32Array.from(contents, (_, i) => (i === 0 ? -1 : (choices[i] as number) % i));
        const edits = new TreeEdits(20);
        for (const [row, tree] of contents.entries()) {
          const base = contents[bases[row] as number];
          if (base === undefined) continue;
          const bytes = deltaOf(base, tree, [25, 7], false);
          edits.record(row, base, tree, bytes, readDeltaHeader(bytes));
        }
        const row = at % contents.length;
        const olds = [...new Set(places.map((place) => place % contents.length))].filter(
          (old) => old !== row,
        );
        if (olds.length === 0) return;
        const told = new TreePaths(edits, bases, 20).unshared(row, olds)?.map(entriesOf);
        assert.ok(told);
        const full = [row, ...olds].map((one) => entriesOf(contents[one] as Buffer));
        assert.deepEqual(unlikeAll(told), unlikeAll(full));
      },
    ),
    { numRuns: 1000 },
  );
});

/** By name, what the first tree has and all others have not, or have otherwise; with what they have. */
function unlikeAll(all: readonly (readonly string[])[]): string[] {
  const nameOf = (entry: string) =>
    `${entry.startsWith('40000') ? 'folder' : 'file'} ${entry.slice(entry.indexOf(' ') + 1, entry.indexOf('\0'))}`;
  const found: string[] = [];
  for (const name of new Set(all.flat().map(nameOf))) {
    const here = all.map((entries) => entries.find((entry) => nameOf(entry) === name));
    if (here.slice(1).every((old) => old !== here[0])) found.push(JSON.stringify([name, here]));
  }
  return found.sort();
}
