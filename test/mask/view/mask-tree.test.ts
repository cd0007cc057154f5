import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkTree } from '../../../src/git/tree.ts';
import { tokens, viewFunction } from './view-samples.ts';

const oidOf = (digit: string, width = 20): string => digit.repeat(width * 2);
const nobody = (): undefined => undefined;

type Row = readonly [mode: string, name: string, digit: string];

const treeOf = (rows: readonly Row[], width = 20): Buffer =>
  Buffer.concat(
    rows.map(([mode, name, digit]) =>
      Buffer.concat([
        Buffer.from(`${mode} `),
        Buffer.from(name, 'latin1'),
        Buffer.of(0),
        Buffer.from(oidOf(digit, width), 'hex'),
      ]),
    ),
  );

const rowsOf = (content: Buffer, width = 20): Row[] => {
  const rows: Row[] = [];
  for (let at = 0; at < content.length; ) {
    const nul = content.indexOf(0, at);
    const [mode = '', ...name] = content.toString('latin1', at, nul).split(' ');
    rows.push([mode, name.join(' '), content.toString('hex', nul + 1, nul + 2)[0] as string]);
    at = nul + 1 + width;
  }
  return rows;
};

const view = viewFunction();
const swap =
  (from: string, to: string, width = 20) =>
  (oid: string) =>
    oid === oidOf(from, width) ? oidOf(to, width) : undefined;
/** A token that may be a part of a file name. */
const token = tokens.find((one) => /^[a-z]+_[A-Za-z0-9]+$/.test(one)) ?? '';

test('a tree whose objects and names are shown is the same', () => {
  assert.equal(view.tree(treeOf([['100644', 'a', '1']]), nobody), undefined);
  assert.equal(view.tree(Buffer.alloc(0), nobody), undefined);
});

test('oids are swapped in place: modes, zeros before them and the order stay as they were written', () => {
  const rows: Row[] = [
    ['100664', 'z', '1'],
    ['040000', 'b', '2'],
    ['120000', 'a', '1'],
    ['0100755', 'x y', '3'],
  ];
  const masked = view.tree(treeOf(rows), swap('1', '9'));
  assert.deepEqual(masked?.names, []);
  assert.deepEqual(
    rowsOf(masked?.content ?? Buffer.alloc(0)),
    rows.map(([mode, name, digit]) => [mode, name, digit === '1' ? '9' : digit]),
  );
});

test('with SHA-256 an oid has 32 bytes', () => {
  const rows: Row[] = [
    ['100644', 'a', '1'],
    ['40000', 'b', '2'],
  ];
  const masked = viewFunction({ format: 'sha256' }).tree(treeOf(rows, 32), swap('2', '8', 32));
  assert.deepEqual(rowsOf(masked?.content ?? Buffer.alloc(0), 32), [
    ['100644', 'a', '1'],
    ['40000', 'b', '8'],
  ]);
});

test('a submodule is another repository, and stays', () => {
  assert.equal(view.tree(treeOf([['160000', 'lib', '1']]), swap('1', '9')), undefined);
});

test('where a name is masked the tree is sorted again, and a directory as if its name ended in a slash', () => {
  assert.notEqual(token, '');
  const placeholder = view.name(Buffer.from(token))?.spans[0]?.placeholder ?? '';
  const rows: Row[] = [
    ['100644', 'A', '1'],
    ['100644', 'REDACTED', '2'],
    ['40000', 'RED', '3'],
    ['40000', 'S', '4'],
    ['100644', 'a', '5'],
    ['100644', `${token}.c`, '6'],
    ['40000', token, '7'],
    ['100644', 'z', '8'],
  ].toSorted(([modeA, a = ''], [modeB, b = '']) => {
    const [left, right] = [modeA === '40000' ? `${a}/` : a, modeB === '40000' ? `${b}/` : b];
    return left < right ? -1 : 1;
  }) as unknown as Row[];
  checkTree(treeOf(rows), 20, () => {});
  const masked = view.tree(treeOf(rows), swap('7', '9'));
  assert.ok(masked !== undefined);
  checkTree(masked.content, 20, () => {});
  assert.deepEqual(
    masked.names.map(({ original, view: shown }) => [original.toString(), shown.toString()]).sort(),
    [
      [token, placeholder],
      [`${token}.c`, `${placeholder}.c`],
    ].sort(),
  );
  assert.deepEqual(
    rowsOf(masked.content).map(([mode, name, digit]) => `${mode} ${name} ${digit}`),
    [
      '100644 A 1',
      '40000 RED 3',
      '100644 REDACTED 2',
      `100644 ${placeholder}.c 6`,
      `40000 ${placeholder} 9`,
      '40000 S 4',
      '100644 a 5',
      '100644 z 8',
    ],
  );
});

test('the same name gives the same placeholder in every tree', () => {
  const one = view.tree(treeOf([['100644', token, '1']]), nobody);
  const two = viewFunction().tree(treeOf([['40000', token, '2']]), nobody);
  assert.deepEqual(one?.names[0]?.view, two?.names[0]?.view);
  assert.deepEqual(one?.names[0]?.view, view.name(Buffer.from(token))?.content);
});

test('trees that differ in their order alone stay different, also where a name is masked', () => {
  const rows: Row[] = [
    ['100644', 'a', '1'],
    ['100644', `z ${token}`, '2'],
    ['100644', 'b', '3'],
  ];
  const orders = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ].map((order) => treeOf(order.map((i) => rows[i] as Row)));
  const views = orders.map((content) => view.tree(content, nobody)?.content.toString('latin1'));
  assert.equal(new Set(views).size, orders.length);
});

test('a tree that cannot be read is refused', () => {
  for (const content of ['100644 a', '100644 a\0short', '1006x4 a\0', 'a'])
    assert.throws(() => view.tree(Buffer.from(content), nobody), {
      code: 'OBJECT_MALFORMED',
      blame: 'upstream',
    });
});

test('what is found in a tree is found in its names, at their places', () => {
  const content = treeOf([
    ['100644', 'a', '1'],
    ['100644', `z ${token}`, '2'],
  ]);
  const { secrets } = view.find(content, { type: 'tree' });
  assert.deepEqual(
    secrets.map(({ start, end }) => content.toString('latin1', start, end)),
    [token],
  );
});
