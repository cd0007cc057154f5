/**
 * Attack: to change files without asking their owners, where a rule asks them with `from: codeowners`.
 * 1. The push itself changes, removes or moves CODEOWNERS, or brings one to a place that comes first, so that Mallory owns everything.
 * 2. The file is taken out of its owners' folder: renamed away, deleted, or lost in a merge with a history that never had it.
 * 3. The owners' file is something else: `codeowners` in other letters, a symlink to a file of hers, a folder, megabytes of lines.
 * 4. Owners are written so that people or programs read them as somebody else, or patterns so that nobody can be found in time.
 * Who is asked is said by the target branch as it is, about every path that is touched, and what cannot be told is refused.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Outcome, ownedScene } from '../session/owned-push.ts';

const owned = '/vault/ @rita\n/open/ @bob\n/.github/ @root\nCODEOWNERS @root\n';
const base = {
  name: 'main',
  files: { '.github/CODEOWNERS': owned, 'vault/key.ts': 'v\n'.repeat(20), 'open/a.ts': 'a\n' },
} as const;
const main = { ref: 'main', at: 'main' } as const;

function assertAsked(outcome: Outcome, users: readonly string[]): void {
  assert.deepEqual(outcome.refused, []);
  assert.deepEqual(outcome.seats.flat().sort(), [...users].sort());
}

function assertRefused(outcome: Outcome, why: RegExp): void {
  assert.deepEqual(outcome.seats, []);
  assert.equal(outcome.refused.length, 1);
  assert.match(outcome.refused[0] ?? '', why);
}

test('what a push does to CODEOWNERS counts for nothing in that push, and asks the owners of the file', async (t) => {
  const mine = '* @mallory\n';
  const touch = { 'vault/key.ts': 'mine\n' };
  const { push } = await ownedScene(
    t,
    [
      base,
      { name: 'changed', parents: ['main'], files: { '.github/CODEOWNERS': mine, ...touch } },
      { name: 'removed', parents: ['main'], files: { '.github/CODEOWNERS': undefined, ...touch } },
      { name: 'before', parents: ['main'], files: { '.github/CODEOWNERS': mine } },
      { name: 'after', parents: ['before'], files: { ...touch, '.github/CODEOWNERS': owned } },
      { name: 'beside', parents: ['main'], files: { CODEOWNERS: mine, ...touch } },
    ],
    ['main'],
  );
  for (const name of ['changed', 'removed', 'after', 'beside'])
    assertAsked(await push(name, main), ['rita', 'root']);
  // A new branch is judged by the default branch, not by what it brings itself.
  assertAsked(await push('changed', { ref: 'new' }), ['rita', 'root']);
});

test('a link or a submodule in the place of a folder asks the owners of what would be in it', async (t) => {
  const file = '* @bob\n/vault/ @rita\n';
  const { push } = await ownedScene(
    t,
    [
      { name: 'main', files: { CODEOWNERS: file, 'open/key.ts': 'mine\n' } },
      { name: 'link', parents: ['main'], lines: 'M 120000 inline vault\ndata 4\nopen\n' },
      { name: 'module', parents: ['main'], lines: `M 160000 ${'1'.repeat(40)} vault\n` },
      { name: 'file', parents: ['main'], files: { vault: 'a file\n' } },
    ],
    ['main'],
  );
  assertAsked(await push('link', main), ['bob', 'rita']);
  assertAsked(await push('module', main), ['bob', 'rita']);
  assertAsked(await push('file', main), ['bob']);
});

test('a file that leaves its owners’ folder asks them, however it leaves', async (t) => {
  const content = base.files['vault/key.ts'];
  const { push } = await ownedScene(
    t,
    [
      base,
      { name: 'renamed', parents: ['main'], files: { 'vault/key.ts': undefined, 'open/key.ts': content } },
      { name: 'deleted', parents: ['main'], files: { 'vault/key.ts': undefined } },
      { name: 'back', parents: ['deleted'], files: { 'vault/key.ts': content, 'open/a.ts': 'b\n' } },
      { name: 'folder', parents: ['main'], files: { 'vault/key.ts': undefined, vault: 'a file now\n' } },
    ],
    ['main'],
  );
  assertAsked(await push('renamed', main), ['rita', 'bob']);
  assertAsked(await push('deleted', main), ['rita']);
  assertAsked(await push('back', main), ['rita', 'bob']);
  // `/vault/` is a folder: the file in its place has no owner.
  assertRefused(await push('folder', main), /names no owner of vault;/);
});

test('a file that is lost in a merge, or under another history, is not lost without its owners', async (t) => {
  const { '.github/CODEOWNERS': file, 'vault/key.ts': key, 'open/a.ts': open } = base.files;
  const { push } = await ownedScene(
    t,
    [
      { name: 'old', files: { '.github/CODEOWNERS': file, 'open/a.ts': open } },
      { name: 'main', parents: ['old'], files: { 'vault/key.ts': key } },
      { name: 'other', files: { '.github/CODEOWNERS': file, 'open/a.ts': 'x\n' } },
      {
        name: 'orphan-merge',
        parents: ['main', 'other'],
        files: { 'vault/key.ts': undefined, 'open/a.ts': 'x\n' },
      },
      { name: 'side', parents: ['old'], files: { 'open/a.ts': 'y\n' } },
      {
        name: 'side-merge',
        parents: ['main', 'side'],
        files: { 'vault/key.ts': undefined, 'open/a.ts': 'y\n' },
      },
      { name: 'forced', parents: ['old'], files: { 'open/a.ts': 'z\n' } },
    ],
    ['main'],
  );
  for (const name of ['orphan-merge', 'other'])
    assertRefused(await push(name, main), /begins a history of its own/);
  assertAsked(await push('side-merge', main), ['rita', 'bob']);
  assertAsked(await push('forced', main), ['rita', 'bob']);
  assertAsked(await push('old', main), ['rita']);
});

test('only a regular file of that very name is CODEOWNERS', async (t) => {
  const touch = { 'vault/key.ts': 'mine\n' };
  const link = 'M 120000 inline .github/CODEOWNERS\ndata 8\n../mine\n\n';
  const folderLink = 'M 120000 inline .github\ndata 4\nmine\n';
  const { push } = await ownedScene(
    t,
    [
      { name: 'lower', files: { codeowners: '* @mallory\n', '.GitHub/CODEOWNERS': '* @mallory\n' } },
      { name: 'lower-next', parents: ['lower'], files: touch },
      { name: 'link', files: { mine: '* @mallory\n', CODEOWNERS: '* @rita\n' }, lines: link },
      { name: 'link-next', parents: ['link'], files: touch },
      { name: 'linked-folder', files: { 'mine/CODEOWNERS': '* @mallory\n' }, lines: folderLink },
      { name: 'linked-folder-next', parents: ['linked-folder'], files: touch },
    ],
    ['lower', 'link', 'linked-folder'],
  );
  const pushed = (name: string) => push(`${name}-next`, { ref: name, at: name });
  assertRefused(await pushed('lower'), /has no CODEOWNERS file/);
  assertRefused(await pushed('link'), /\.github\/CODEOWNERS of the target branch is no file but a symlink/);
  assertRefused(await pushed('linked-folder'), /has no CODEOWNERS file/);
});

test('a file that is too large to read, or too much work, refuses, and takes little time', async (t) => {
  const many = Array.from({ length: 20_000 }, (_, at) => `*a*b*${at}*c @rita`).join('\n');
  const files = Object.fromEntries(
    Array.from({ length: 1_000 }, (_, at) => [`${'ab'.repeat(40)}-${at}`, 'x\n']),
  );
  const { push } = await ownedScene(
    t,
    [
      { name: 'large', files: { CODEOWNERS: `* @rita\n${`# ${'x'.repeat(1_000)}\n`.repeat(3_200)}` } },
      { name: 'large-next', parents: ['large'], files: { a: 'a\n' } },
      { name: 'many', files: { CODEOWNERS: many } },
      { name: 'many-next', parents: ['many'], files },
    ],
    ['large', 'many'],
  );
  assertRefused(await push('large-next', { ref: 'large', at: 'large' }), /is larger than 3 MiB/);
  assertRefused(await push('many-next', { ref: 'many', at: 'many' }), /too many patterns for so many files/);
});

test('owners with odd characters are nobody, and the line that names them is told', async (t) => {
  const odd = [
    '@ri\u200bta',
    '@rita\u202e',
    '@\u0433ita',
    '@rita/../mallory',
    '@-rita',
    'rita',
    '@',
    '@rita\u001b[2K',
  ];
  const lines = odd.map((owner) => `/open/ ${owner}`).join('\n');
  const { push } = await ownedScene(
    t,
    [
      { name: 'main', files: { CODEOWNERS: `* @Bob\n${lines}\n` } },
      { name: 'next', parents: ['main'], files: { 'open/a.ts': 'b\n' } },
    ],
    ['main'],
  );
  const outcome = await push('next', main);
  assertAsked(outcome, ['bob']);
  const told = outcome.notes.join('\n');
  assert.match(told, /line 2 of CODEOWNERS counts for nothing/);
  assert.match(told, /and 7 more lines/);
  assert.doesNotMatch(told, /[^\P{C}\n]/u);
});
