import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RefgateError } from '../../src/domain/error.ts';
import { readDeltaHeader } from '../../src/git/delta.ts';
import { checkTree, checkTreeJoints } from '../../src/git/tree.ts';
import { TreeEdits } from '../../src/inspect/tree-edits.ts';
import { copy, delta, insert } from '../support/pack-builder.ts';

const width = 20;

interface Entry {
  readonly name: string;
  readonly mode: string;
  readonly fill: number;
}

/** Names of which some come between a file and a folder of one name, some are git's, and some look like the beginning of an entry. */
const harmless = [
  'a',
  'a.c',
  'a-',
  'a.',
  'b',
  'b100644 a',
  'ab',
  'c40000 d',
  '.gitmodules',
  '.gitattributes',
];
const refused = ['.git', 'git~1', '', '..', 'a/b'];
const modes = ['100644', '100755', '40000', '120000', '160000'];

const entryOf = (names: readonly string[], kinds: readonly string[], least: number): fc.Arbitrary<Entry> =>
  fc.record({
    name: fc.constantFrom(...names),
    mode: fc.constantFrom(...kinds),
    fill: fc.integer({ min: least, max: 3 }),
  });
const sound = entryOf(harmless, modes, 1);
const any = entryOf([...harmless, ...harmless, ...refused], [...modes, ...modes, '100', '0100644'], 0);

const keyOf = ({ name, mode }: Entry) => (mode === '40000' ? `${name}/` : name);
const bytesOf = (entries: readonly Entry[]): Buffer =>
  Buffer.from(
    entries
      .map(({ mode, name, fill }) => `${mode} ${name}\0${String.fromCharCode(fill).repeat(width)}`)
      .join(''),
    'latin1',
  );
const sorted = (entries: readonly Entry[]): Entry[] =>
  [...entries].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : 0));

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

interface Verdict {
  readonly refusal: string;
  readonly dotFiles: Set<string>;
}

function verdictOf(check: (onDotFile: (file: string, oid: Uint8Array) => void) => void): Verdict {
  const dotFiles = new Set<string>();
  try {
    check((file, oid) => dotFiles.add(`${file} ${Buffer.from(oid).toString('hex')}`));
    return { refusal: '', dotFiles };
  } catch (error) {
    if (!(error instanceof RefgateError)) throw error;
    return { refusal: `${error.code} ${error.detail}`, dotFiles };
  }
}

/** As the intake does it. */
function byJoints(base: Buffer, tree: Buffer, bytes: Buffer): Verdict {
  const joints = new TreeEdits(width).record(0, base, tree, bytes, readDeltaHeader(bytes));
  return verdictOf((onDotFile) => {
    if (joints === undefined || !checkTreeJoints(tree, width, joints, onDotFile))
      checkTree(tree, width, onDotFile);
  });
}

const pieces = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 4 });

function agrees(base: Buffer, tree: Buffer, sizes: readonly number[], fromEnd: boolean): void {
  const known = verdictOf((onDotFile) => checkTree(base, width, onDotFile));
  fc.pre(known.refusal === '');
  const whole = verdictOf((onDotFile) => checkTree(tree, width, onDotFile));
  const found = byJoints(base, tree, deltaOf(base, tree, sizes, fromEnd));
  assert.equal(found.refusal, whole.refusal);
  if (whole.refusal !== '') return;
  // What the base names has been told when the base was checked.
  for (const file of whole.dotFiles) assert.ok(found.dotFiles.has(file) || known.dotFiles.has(file), file);
  for (const file of found.dotFiles) assert.ok(whole.dotFiles.has(file), file);
}

test('a tree is refused by what a delta changed in it exactly when the whole of it is, for the same reason', () => {
  const lists = fc.array(any, { maxLength: 4 });
  fc.assert(
    fc.property(
      fc.uniqueArray(sound, { selector: ({ name }) => name, maxLength: 8 }),
      lists,
      fc.array(fc.nat(12), { maxLength: 3 }),
      fc.boolean(),
      pieces,
      fc.boolean(),
      (kept, more, dropped, inOrder, sizes, fromEnd) => {
        const left = kept.filter((_, n) => !dropped.includes(n));
        const entries = inOrder ? sorted([...left, ...more]) : [...more, ...left];
        agrees(bytesOf(sorted(kept)), bytesOf(entries), sizes, fromEnd);
      },
    ),
    { numRuns: 6000 },
  );
});

test('the same is so of sound trees, of entries that change their kind, and of trees with any byte changed or cut', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(sound, { selector: ({ name }) => name, minLength: 1, maxLength: 8 }),
      fc.uniqueArray(sound, { selector: ({ name }) => name, maxLength: 8 }),
      fc.option(fc.record({ at: fc.nat(300), byte: fc.constantFrom(0, 0x20, 0x2f, 0x30, 0x38, 0x61, 0x80) })),
      fc.nat(30),
      pieces,
      fc.boolean(),
      (kept, come, change, cut, sizes, fromEnd) => {
        const names = new Set(come.map(({ name }) => name));
        const tree = bytesOf(sorted([...kept.filter(({ name }) => !names.has(name)), ...come]));
        if (change !== null && tree.length > 0) tree[change.at % tree.length] = change.byte;
        const end = cut < 25 ? tree.length : Math.max(0, tree.length - cut);
        agrees(bytesOf(sorted(kept)), tree.subarray(0, end), sizes, fromEnd);
      },
    ),
    { numRuns: 6000 },
  );
});

test('a file and a folder of one name are refused, though what comes between them was there before', () => {
  const file = { name: 'a', mode: '100644', fill: 1 };
  const between = { name: 'a.c', mode: '100644', fill: 1 };
  const folder = { name: 'a', mode: '40000', fill: 1 };
  const tree = bytesOf([file, between, folder]);
  for (const before of [[file, between], [between, folder], [between]]) {
    const base = bytesOf(before);
    const { refusal } = byJoints(base, tree, deltaOf(base, tree, [bytesOf([file]).length], false));
    assert.equal(refusal, 'OBJECT_MALFORMED tree: a name stands there twice');
  }
});

test('of a large tree only the entries around a change are checked', () => {
  const entries = Array.from({ length: 2000 }, (_, n) => ({
    name: `f${10_000 + n}`,
    mode: '100644',
    fill: 1,
  }));
  const base = bytesOf(entries);
  const tree = bytesOf(entries.map((entry, n) => (n === 700 ? { ...entry, fill: 2 } : entry)));
  const at = bytesOf(entries.slice(0, 701)).length;
  const bytes = delta(
    base.length,
    tree.length,
    copy(0, at - width),
    insert('\x02'.repeat(width)),
    copy(at, base.length - at),
  );
  const joints = new TreeEdits(width).record(0, base, tree, bytes, readDeltaHeader(bytes));
  assert.ok(joints !== undefined && joints.count <= 3);
  assert.ok(checkTreeJoints(tree, width, joints, () => {}));
});
