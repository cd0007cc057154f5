/**
 * Attack: commits, trees and tags that readers read differently.
 * 1. A client that may push writes objects by hand, which git itself would
 *    never make.
 * 2. A header stands there twice, a NUL hides the rest, or a tree names one
 *    path twice: what was judged is not what a checkout will see.
 * 3. Or a name is one that a checkout takes for git's own: `.git` in disguise,
 *    `..`, a `.gitmodules` that runs a command on whoever clones.
 * 4. Or a commit names one parent tens of thousands of times: kilobytes of a
 *    pack, and megabytes for whoever remembers them.
 * git's receive-pack takes all of this with its default settings.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testQuarantine } from '../support/held.ts';
import { commit, commitLines, entry, oidOf, pack, tree, treeEntry } from '../support/pack-builder.ts';

const place = testQuarantine();
const one = '1'.repeat(40);
const two = '2'.repeat(40);
const [treeLine, author, committer] = commitLines() as [string, string, string];
const person = author.replace('author ', '');

const badCommits: readonly [string, Buffer][] = [
  ['no tree', commit([author, committer])],
  ['two trees', commit([treeLine, treeLine, author, committer])],
  ['a parent after the author', commit([treeLine, author, `parent ${one}`, committer])],
  ['a parent after the committer', commit([treeLine, author, committer, `parent ${one}`])],
  ['two authors', commit([treeLine, author, author, committer])],
  ['two committers', commit([treeLine, author, committer, committer])],
  ['a second author behind other headers', commit([treeLine, author, committer, 'encoding UTF-8', author])],
  ['no author', commit([treeLine, committer])],
  ['no committer', commit([treeLine, author])],
  ['an oid in capitals', commit([`tree ${'A'.repeat(40)}`, author, committer])],
  ['an oid that is too long', commit([`tree ${one}1`, author, committer])],
  ['a NUL in its header', commit([treeLine, `${author}\0`, committer])],
  ['a NUL in its message', commit(undefined, 'what people see\0what they do not\n')],
  ['a header that does not end', Buffer.from(`${treeLine}\n${author}\n${committer}`)],
  ['an author without an address', commit([treeLine, 'author Ann 1700000000 +0000', committer])],
  ['an author without a date', commit([treeLine, 'author Ann <a@example.com>', committer])],
  ['an author with two addresses', commit([treeLine, 'author Ann <a> <b> 1700000000 +0000', committer])],
  ['a date of twenty digits', commit([treeLine, `author A <a> ${'9'.repeat(20)} +0000`, committer])],
  ['nothing in it', Buffer.alloc(0)],
];

for (const [what, content] of badCommits) {
  test(`a commit with ${what} is refused`, async () => {
    assert.equal(await place.outcome(pack([entry('commit', content)])), 'OBJECT_MALFORMED/client');
  });
}

test('commits that name more parents together than a pack has objects are refused, and a large merge is not', async () => {
  const merge = (parents: number, n: number): Buffer =>
    entry('commit', commit(commitLines(Array(parents).fill(one)), `${n}\n`));
  assert.equal(await place.outcome(pack([merge(65_535, 0), merge(100, 1)])), 'held');
  const many = Array.from({ length: 16 }, (_, n) => merge(65_535, n));
  assert.equal(await place.outcome(pack(many)), 'LIMIT_EXCEEDED/client');
});

test('trees that name one dot file in very many ways are refused', async () => {
  const ways = Array.from({ length: 100_002 }, (_, n) =>
    n.toString(2).padStart(17, '0').replaceAll('0', ' ').replaceAll('1', '.'),
  );
  const entries = ways.map((way) => treeEntry('100644', `.gitmodules${way}`));
  assert.equal(await place.outcome(pack([entry('tree', tree(...entries))])), 'LIMIT_EXCEEDED/client');
  assert.equal(await place.outcome(pack([entry('tree', tree(...entries.slice(2)))])), 'held');
});

const tagLines = [`object ${one}`, 'type commit', 'tag v1', `tagger ${person}`];
const badTags: readonly [string, Buffer][] = [
  ['no object', commit(tagLines.slice(1))],
  ['an unknown type', commit([`object ${one}`, 'type secret', 'tag v1', `tagger ${person}`])],
  ['two objects', commit([`object ${one}`, `object ${two}`, 'type commit', 'tag v1', `tagger ${person}`])],
  ['a second object behind the tagger', commit([...tagLines, `object ${two}`])],
  ['no name', commit([`object ${one}`, 'type commit', `tagger ${person}`])],
  ['a tagger without a date', commit([...tagLines.slice(0, 3), 'tagger Ann <a@example.com>'])],
  ['a NUL in its message', commit(tagLines, 'seen\0not seen\n')],
];

for (const [what, content] of badTags) {
  test(`a tag with ${what} is refused`, async () => {
    assert.equal(await place.outcome(pack([entry('tag', content)])), 'OBJECT_MALFORMED/client');
  });
}

const file = (name: string | Buffer) => treeEntry('100644', name);
const badTrees: readonly [string, Buffer][] = [
  ['a name twice', tree(file('a'), file('a'))],
  ['a file and a tree of one name', tree(file('a'), file('a.c'), treeEntry('40000', 'a'))],
  [
    'a file and a tree of one name, far apart',
    tree(file('a'), file('a-'), file('a-b'), treeEntry('40000', 'a')),
  ],
  ['unsorted names', tree(file('b'), file('a'))],
  ['names sorted as if a tree had no slash', tree(treeEntry('40000', 'a'), file('a.c'))],
  ['mode 0', tree(treeEntry('0', 'a'))],
  ['the mode of a socket', tree(treeEntry('140000', 'a'))],
  ['a set-user-id bit', tree(treeEntry('104755', 'a'))],
  ['a link with permissions', tree(treeEntry('120777', 'a'))],
  ['a tree with permissions', tree(treeEntry('40755', 'a'))],
  ['a mode with letters', tree(treeEntry('10x644', 'a'))],
  ['a mode of twenty digits', tree(treeEntry('10064400000000000000', 'a'))],
  ['no mode', tree(treeEntry('', 'a'))],
  ['the zero oid', tree(treeEntry('100644', 'a', '0'.repeat(40)))],
  ['an end within an oid', tree(file('a')).subarray(0, -1)],
  ['an end within a name', Buffer.from('100644 abc')],
];

for (const [what, content] of badTrees) {
  test(`a tree with ${what} is refused`, async () => {
    assert.equal(await place.outcome(pack([entry('tree', content)])), 'OBJECT_MALFORMED/client');
  });
}

const unsafeNames: readonly (string | Buffer)[] = [
  '',
  '.',
  '..',
  'a/b',
  '/',
  '.git',
  '.GIT',
  '.gIt',
  'git~1',
  'GIT~1',
  '.git.',
  '.git ',
  '.git. . ',
  'git~1.',
  '.git:x',
  '.git::$INDEX_ALLOCATION',
  '.git\\config',
  'a\\.git',
  'a\\..\\.GIT\\hooks',
  'a\\git~1',
  '.g\u200cit',
  '\u200e.git',
  '.git\u200f',
  '.\ufeffgit',
  '.\u206agit',
];

for (const name of unsafeNames) {
  test(`a tree with the name ${JSON.stringify(name)} is refused`, async () => {
    assert.equal(await place.outcome(pack([entry('tree', file(name))])), 'OBJECT_NAME_UNSAFE/client');
  });
}

test('names and forms that only look like attacks are accepted, as real histories hold them', async () => {
  const names = ['.gitignore', '.github', 'git', 'git~10x', 'a\\b', 'a.git', 'x\u200c', '.g\u00eft'].sort(
    (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)),
  );
  const entries = [
    entry('tree', tree(...names.map(file))),
    entry('tree', tree(treeEntry('100664', 'old'), treeEntry('040000', 'older'))),
    entry('tree', tree(file('a'), file('a.c'), treeEntry('40000', 'b'))),
    entry('tree', Buffer.alloc(0)),
    entry('commit', commit([treeLine, author.replace('+0000', '+051800'), committer])),
    entry('commit', commit([treeLine, author, committer, 'gpgsig -----BEGIN', ' author x', ' -----END'])),
    entry('commit', Buffer.from(`${treeLine}\n${author}\n${committer}\n`)),
    entry('tag', commit(tagLines.slice(0, 3))),
  ];
  assert.equal(await place.outcome(pack(entries)), 'held');
});

/** A push of one `.gitmodules` with a tree that names it, the blob first or last. */
function modules(
  content: string,
  options: { name?: string; mode?: string; blobFirst?: boolean } = {},
): Buffer {
  const bytes = Buffer.from(content, 'latin1');
  const root = entry(
    'tree',
    treeEntry(options.mode ?? '100644', options.name ?? '.gitmodules', oidOf('blob', bytes)),
  );
  const blobs = entry('blob', bytes);
  return pack(options.blobFirst === true ? [blobs, root] : [root, blobs]);
}

const section = (rest: string, name = 'lib') => `[submodule "${name}"]\n${rest}`;
const badModules: readonly [string, string][] = [
  ['a name that climbs out', section('path = lib\n', '../../hooks')],
  ['a name that climbs out by backslashes', section('path = lib\n', 'a\\\\..\\\\..\\\\hooks')],
  ['a name that climbs out, without settings', section('', 'a/../b')],
  ['an empty name', section('path = lib\n', '')],
  ['a url that is an option', section('url = -u./payload\n')],
  ['a quoted url that is an option', section('url = "--upload-pack=./payload"\n')],
  ['a path that is an option', section('path = -x\n')],
  ['a command to update', section('update = !rm -rf .\n')],
  ['a path that ends in a carriage return', section('path = "lib\r"\n')],
  ['a path with a carriage return in it', section('path = li\rb\n')],
  ['a url with a line break', section('url = "https://a\\nhost=b/"\n')],
  ['a url with an encoded line break', section('url = https://a%0ahost=b/\n')],
  ['a url without a host', section('url = https:///x\n')],
  ['a relative url that changes the transport', section('url = ../../../../:ext::sh\n')],
  ['settings on one line', '[submodule "lib"] url = -x\n'],
  ['capitals', '[SubModule "lib"]\nURL = -x\n'],
  ['a continued line', section('url = \\\n-x\n')],
  ['a comment before', `# harmless\n; too\n${section('url = -x\n')}`],
  ['a byte order mark before', `\xef\xbb\xbf${section('url = -x\n')}`],
];

for (const [what, content] of badModules) {
  test(`a .gitmodules with ${what} is refused`, async () => {
    assert.equal(await place.outcome(modules(content)), 'OBJECT_NAME_UNSAFE/client');
  });
}

test('a .gitmodules is found under every name that a checkout would take for it, before or after its tree', async () => {
  const bad = section('url = -x\n');
  for (const name of [
    '.gitmodules',
    '.GITMODULES',
    'gitmod~1',
    'GI7EBA~1',
    'gi7eb~12',
    '.gitmodules.',
    '.git\u200cmodules',
    '.gitmodules:x',
    'a\\.gitmodules',
  ]) {
    for (const blobFirst of [true, false]) {
      assert.equal(await place.outcome(modules(bad, { name, blobFirst })), 'OBJECT_NAME_UNSAFE/client', name);
    }
  }
  assert.equal(await place.outcome(modules(bad, { name: 'gitmodules' })), 'held');
});

test('a .gitmodules that is a symbolic link or a tree is refused', async () => {
  for (const mode of ['120000', '40000', '160000']) {
    assert.equal(await place.outcome(modules('x', { mode })), 'OBJECT_NAME_UNSAFE/client');
  }
});

test('an honest .gitmodules is accepted', async () => {
  const honest = `${section('path = vendor/lib\n\turl = ../lib.git\n\tbranch = .\n\tupdate = rebase\n')}[submodule "b"]\r\n\tpath = b\r\n\turl = https://example.com/b.git ; why\r\n`;
  assert.equal(await place.outcome(modules(honest)), 'held');
});

test('a .gitattributes with a line of 2048 bytes is refused (CVE-2022-23521)', async () => {
  const name = '.gitattributes';
  assert.equal(await place.outcome(modules(`${'a'.repeat(2048)}\n`, { name })), 'OBJECT_MALFORMED/client');
  assert.equal(await place.outcome(modules(`* ${'a'.repeat(2000)}\n`, { name })), 'held');
});
