import assert from 'node:assert/strict';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { HeldPush, ReviewFile } from '../../../src/domain/approval.ts';
import { RefgateError } from '../../../src/domain/error.ts';
import type { RefContents } from '../../../src/domain/facts.ts';
import type { ObjectFormat, Oid } from '../../../src/domain/git.ts';
import { zeroOid } from '../../../src/git/oid.ts';
import { git } from '../../support/git.ts';
import { data, fastImport } from '../../support/repos.ts';
import { token } from '../scanned-pack.ts';
import { mainFrom, mainNew, makeScene, packOf, type Scene } from './scene.ts';

const who = 'Ann <ann@example.com> 1700000000 +0000';

/** A commit on main; `from` is a mark, and `files` are lines of fast-import. */
const commit = (mark: number, from: string, files: string, ref = 'refs/heads/main'): string =>
  `commit ${ref}\nmark :${mark}\ncommitter ${who}\n${data(`commit ${mark}\n`)}${from}${files}`;

const file = (path: string, text: string, mode = '100644'): string =>
  `M ${mode} inline ${path}\n${data(text)}`;

const lines = (count: number, of = 'line'): string =>
  Array.from({ length: count }, (_, n) => `${of} ${n}\n`).join('');

const oid = (repo: string, name: string): Promise<Oid> => git(['rev-parse', name], { cwd: repo });

async function seed(scene: Scene, ref: string): Promise<void> {
  await git(['push', '--quiet', scene.upstream, `${ref}:refs/heads/main`], { cwd: scene.work });
}

/** As `git diff-tree -r -M100%` tells it: kind, old and new oid, old path and new path. */
async function gitsFiles(repo: string, old: string, now: string): Promise<string[]> {
  const out = await git(['diff-tree', '-r', '-z', '-M100%', '--no-abbrev', '-l0', old, now], { cwd: repo });
  const parts = out.split('\0');
  const files: string[] = [];
  for (let i = 0; i + 1 < parts.length; ) {
    const [, , oldOid, newOid, status = ''] = (parts[i++] as string).split(' ');
    const first = parts[i++] as string;
    const second = status.startsWith('R') ? parts[i++] : undefined;
    const path = second ?? first;
    files.push([status.charAt(0), oldOid, newOid, second === undefined ? '' : first, path].join(' '));
  }
  return files.sort();
}

function ourFiles(files: readonly ReviewFile[], format: ObjectFormat = 'sha1'): string[] {
  const letters = { add: 'A', modify: 'M', delete: 'D', rename: 'R', mode: 'M' } as const;
  return files
    .map((one) => {
      const isTyped = one.kind === 'modify' && typeOf(one.mode) !== typeOf(one.oldMode);
      const letter = isTyped ? 'T' : letters[one.kind];
      const none = zeroOid(format);
      return [letter, one.oldOid ?? none, one.oid ?? none, one.from ?? '', one.path].join(' ');
    })
    .sort();
}

const typeOf = (mode: ReviewFile['mode']) => (mode === 'executable' ? 'file' : mode);

async function only(scene: Scene, push: HeldPush) {
  const [review] = await scene.reviews.review(push, { files: 100_000 });
  assert.ok(review);
  return review;
}

async function textOf(scene: Scene, push: HeldPush, path: string, whole = false): Promise<string> {
  const diff = await scene.reviews.diff(push, 'refs/heads/main', path, whole);
  return diff.hunks
    .flatMap((hunk) => [
      `@@ -${hunk.oldStart}${hunk.oldLines === 1 ? '' : `,${hunk.oldLines}`} +${hunk.newStart}${hunk.newLines === 1 ? '' : `,${hunk.newLines}`} @@`,
      ...hunk.lines.map(
        ({ is, tokens }) =>
          `${is === 'same' ? ' ' : is === 'added' ? '+' : '-'}${tokens.map((token) => token.text).join('')}`,
      ),
    ])
    .join('\n');
}

/** Without headers of files, names of functions, and words about the last line. */
async function gitsText(repo: string, old: string, now: string, path: string): Promise<string> {
  const out = await git(['diff', '-U3', '--minimal', '--no-renames', old, now, '--', path], { cwd: repo });
  const rows = out.split('\n');
  const first = rows.findIndex((row) => row.startsWith('@@'));
  return rows
    .slice(first)
    .filter((row) => !row.startsWith('\\'))
    .map((row) => row.replace(/^(@@ [^@]* @@).*/, '$1'))
    .join('\n');
}

const history = (): string => {
  const old =
    file('keep.txt', 'kept\n') +
    file('edit.ts', lines(60)) +
    file('gone.txt', lines(3, 'gone')) +
    file('deep/a/b/c/moved.txt', lines(20, 'moved')) +
    file('run.sh', '#!/bin/sh\n') +
    file('link', 'keep.txt', '120000') +
    file('becomes-link', 'text\n') +
    `M 160000 ${'1'.repeat(40)} sub\n` +
    file('dir/x', 'x\n');
  const now =
    file(
      'edit.ts',
      lines(60).replace('line 5\n', 'line five\n').replace('line 40\nline 41\n', 'const x = 1;\n'),
    ) +
    'D gone.txt\n' +
    'R deep/a/b/c/moved.txt other/place.txt\n' +
    file('run.sh', '#!/bin/sh\n', '100755') +
    file('link', 'edit.ts', '120000') +
    file('becomes-link', 'edit.ts', '120000') +
    `M 160000 ${'2'.repeat(40)} sub\n` +
    'D dir/x\n' +
    file('dir', 'now a file\n') +
    file('.github/workflows/ci.yml', 'on: push\n') +
    file('empty', '');
  return commit(1, '', old) + commit(2, 'from :1\n', now);
};

for (const packArgs of [['--delta-base-offset'], ['--thin']])
  test(`files of an update packed with ${packArgs} are those of git diff-tree`, async (t) => {
    const scene = await makeScene(t);
    await fastImport(scene.work, history());
    const [old, now] = [await oid(scene.work, 'main~1'), await oid(scene.work, 'main')];
    await seed(scene, 'main~1');
    const push = await scene.hold([mainFrom(old, now)], { packArgs });
    const review = await only(scene, push);
    assert.deepEqual(ourFiles(review.files), await gitsFiles(scene.work, old, now));
    assert.equal(review.base, old);
    assert.equal(review.fileCount, review.files.length);
    assert.equal(review.isCut, false);
    assert.deepEqual(
      review.commits.map((one) => one.oid),
      [now],
    );
    assert.deepEqual(
      review.files.filter((one) => one.sensitive).map(({ path }) => path),
      ['.github/workflows/ci.yml'],
    );
    for (const path of ['edit.ts', 'gone.txt', 'link', '.github/workflows/ci.yml'])
      assert.equal(await textOf(scene, push, path), await gitsText(scene.work, old, now, path), path);
    const diff = (path: string) => scene.reviews.diff(push, 'refs/heads/main', path);
    assert.equal((await diff('run.sh')).is, 'mode');
    assert.match((await diff('run.sh')).note ?? '', /100644 becomes 100755/);
    const sub = await diff('sub');
    assert.equal(sub.is, 'submodule');
    assert.match(sub.note ?? '', /1{40} before, commit 2{40} after/);
    assert.match((await diff('other/place.txt')).note ?? '', /moved from deep\/a\/b\/c\/moved.txt/);
    assert.match((await diff('becomes-link')).note ?? '', /100644 becomes 120000/);
    assert.equal((await diff('empty')).is, 'text');
    const edited = await diff('edit.ts');
    assert.ok(
      edited.hunks.some(({ lines: rows }) =>
        rows.some((row) => row.tokens.some(({ kind }) => kind === 'keyword')),
      ),
    );
  });

test('an update of a sha256 repository is read, and a merge counts only its net effect', async (t) => {
  const scene = await makeScene(t, { format: 'sha256' });
  await fastImport(
    scene.work,
    commit(1, '', file('a', 'a\n') + file('b', 'b\n')) +
      commit(2, 'from :1\n', file('a', 'a2\n')) +
      commit(3, 'from :1\n', file('b', 'b2\n'), 'refs/heads/side') +
      commit(4, 'from :2\nmerge :3\n', file('b', 'b2\n') + file('evil', 'in the merge\n')),
  );
  const [old, now] = [await oid(scene.work, 'main~1'), await oid(scene.work, 'main')];
  await seed(scene, 'main~1');
  const push = await scene.hold([mainFrom(old, now)]);
  const review = await only(scene, push);
  assert.deepEqual(ourFiles(review.files, 'sha256'), await gitsFiles(scene.work, old, now));
  assert.equal(review.commitCount, 2);
  assert.equal(await textOf(scene, push, 'b'), '@@ -1 +1 @@\n-b\n+b2');
});

test('a new branch is compared with where it leaves what the upstream has', async (t) => {
  const scene = await makeScene(t);
  await fastImport(
    scene.work,
    commit(1, '', file('a', 'a\n')) +
      commit(2, 'from :1\n', file('b', 'b\n')) +
      commit(3, 'from :2\n', file('c', 'c\n')),
  );
  const root = await oid(scene.work, 'main~2');
  await seed(scene, 'main~2');
  const now = await oid(scene.work, 'main');
  const updates = [{ ref: 'refs/heads/topic', oldOid: zeroOid('sha1'), newOid: now }];
  const push = await scene.hold(updates);
  const review = await only(scene, push);
  assert.equal(review.base, root);
  assert.deepEqual(
    review.files.map(({ path }) => path),
    ['b', 'c'],
  );
  assert.deepEqual(
    review.commits.map((one) => one.oid),
    [now, await oid(scene.work, 'main~1')],
  );
});

test('a first push has no base, and all of it is new', async (t) => {
  const scene = await makeScene(t);
  await fastImport(scene.work, commit(1, '', file('a', 'a\n') + file('b/c', 'c\n')));
  const push = await scene.hold([mainNew(await oid(scene.work, 'main'))]);
  const review = await only(scene, push);
  assert.equal(review.base, undefined);
  assert.equal(review.gone, undefined);
  assert.deepEqual(
    review.files.map(({ kind, path }) => [kind, path]),
    [
      ['add', 'a'],
      ['add', 'b/c'],
    ],
  );
  assert.equal(await textOf(scene, push, 'a'), '@@ -0,0 +1 @@\n+a');
});

test('a tag counts as its commit, a tag of a tree says that there is nothing to compare, and a deletion has no files', async (t) => {
  const scene = await makeScene(t);
  await fastImport(
    scene.work,
    `${commit(1, '', file('a', 'a\n'))}${commit(2, 'from :1\n', file('b', 'b\n'))}tag v1\nfrom :2\ntagger ${who}\n${data('v1\n')}`,
  );
  await seed(scene, 'main~1');
  await git(['tag', '-a', '-m', 'tree', 'tree', 'main^{tree}'], { cwd: scene.work });
  const zero = zeroOid('sha1');
  const root = await oid(scene.work, 'main~1');
  const push = await scene.hold([
    { ref: 'refs/tags/v1', oldOid: zero, newOid: await oid(scene.work, 'v1') },
    { ref: 'refs/tags/tree', oldOid: zero, newOid: await oid(scene.work, 'tree') },
    { ref: 'refs/heads/old', oldOid: root, newOid: zero },
  ]);
  const [tag, tree, gone] = await scene.reviews.review(push);
  assert.deepEqual([tag?.base, tag?.files.map(({ path }) => path)], [root, ['b']]);
  assert.match(tree?.gone ?? '', /is a tree and not a commit/);
  assert.match(gone?.gone ?? '', /goes away/);
  assert.deepEqual(gone?.files, []);
});

test('a push of nothing but a deletion is read without a pack and without the upstream', async (t) => {
  const scene = await makeScene(t);
  const push = await scene.hold([mainFrom('1'.repeat(40), zeroOid('sha1'))]);
  const review = await only(scene, push);
  assert.match(review.gone ?? '', /goes away/);
  assert.equal(scene.opened(), 0);
});

test('a branch moved to what the upstream has already is compared without objects of the push', async (t) => {
  const scene = await makeScene(t);
  await fastImport(scene.work, commit(1, '', file('a', 'a\n')) + commit(2, 'from :1\n', file('a', 'b\n')));
  await seed(scene, 'main');
  const [old, now] = [await oid(scene.work, 'main'), await oid(scene.work, 'main~1')];
  const push = await scene.hold([mainFrom(old, now)]);
  const review = await only(scene, push);
  assert.deepEqual(
    review.files.map(({ kind, path }) => [kind, path]),
    [['modify', 'a']],
  );
  assert.equal(await textOf(scene, push, 'a'), '@@ -1 +1 @@\n-b\n+a');
});

test('secrets are masked on added, removed and context lines, in paths, and still show as a change', async (t) => {
  const scene = await makeScene(t);
  const [kept, removed, added, named] = [1, 2, 3, 4].map(token) as [string, string, string, string];
  await fastImport(
    scene.work,
    commit(
      1,
      '',
      file('env', `near\nkeep=${kept}\nkey=${removed}\nend\n`) + file('only-removed', `${removed}\n`),
    ) +
      commit(
        2,
        'from :1\n',
        `${file('env', `near\nkeep=${kept}\nkey=${added}\nend\n`)}D only-removed\n${file(`dir-${named}/f.txt`, 'text\n')}`,
      ),
  );
  const [old, now] = [await oid(scene.work, 'main~1'), await oid(scene.work, 'main')];
  await seed(scene, 'main~1');
  const push = await scene.hold([mainFrom(old, now)]);
  const review = await only(scene, push);
  const diffs = [];
  for (const { path } of review.files) diffs.push(await scene.reviews.diff(push, 'refs/heads/main', path));
  assert.equal(diffs.length, 3);
  const told = JSON.stringify([review, diffs]);
  for (const secret of [kept, removed, added, named]) assert.ok(!told.includes(secret));
  const env = diffs[review.files.findIndex(({ path }) => path === 'env')];
  assert.deepEqual([env?.added, env?.removed], [1, 1]);
  assert.match(env?.note ?? '', /masked/);
  assert.equal(review.files.find(({ path }) => path === 'env')?.findings, 1);
});

test('after the decision the commits and paths are told, and the content is gone', async (t) => {
  const scene = await makeScene(t);
  await fastImport(
    scene.work,
    commit(1, '', file('a', 'a\n')) +
      commit(2, 'from :1\n', file('a', 'b\n') + file('c', 'c\n')) +
      commit(3, 'from :2\n', 'D c\n'),
  );
  const [old, now] = [await oid(scene.work, 'main~2'), await oid(scene.work, 'main')];
  await seed(scene, 'main~2');
  const push = await scene.hold([mainFrom(old, now)]);
  const before = await only(scene, push);
  await scene.reviews.diff(push, 'refs/heads/main', 'a');
  await rm(join(scene.quarantineDir, push.session), { recursive: true });
  const review = await only(scene, { ...push, state: 'forwarded' });
  assert.match(review.gone ?? '', /removed when it was decided/);
  assert.deepEqual(review.commits, before.commits);
  assert.deepEqual(
    review.files.map(({ path }) => path),
    ['a'],
  );
  assert.equal((await scene.reviews.diff({ ...push, state: 'rejected' }, 'refs/heads/main', 'a')).is, 'gone');
});

test('a file or a ref that the push does not have is not found', async (t) => {
  const scene = await makeScene(t);
  await fastImport(scene.work, commit(1, '', file('a', 'a\n')));
  const push = await scene.hold([mainNew(await oid(scene.work, 'main'))]);
  const isMissing = (error: unknown) => error instanceof RefgateError && error.code === 'NOT_FOUND';
  await assert.rejects(scene.reviews.diff(push, 'refs/heads/main', '../a'), isMissing);
  await assert.rejects(scene.reviews.diff(push, 'refs/heads/other', 'a'), isMissing);
});

for (const [name, cutFacts] of [
  ['cut', (one: RefContents) => ({ ...one, commits: [...one.commits].slice(0, 1) })],
  ['gone', () => undefined],
] as const)
  test(`a new branch is compared with no less when its facts are ${name}`, async (t) => {
    const scene = await makeScene(t);
    await fastImport(
      scene.work,
      [1, 2, 3, 4].map((n) => commit(n, n > 1 ? `from :${n - 1}\n` : '', file(`f${n}`, 'x\n'))).join(''),
    );
    await seed(scene, 'main~3');
    const [root, now] = [await oid(scene.work, 'main~3'), await oid(scene.work, 'main')];
    const pack = await packOf(scene.work, [mainFrom(root, now)]);
    const update = { ref: 'refs/heads/topic', oldOid: zeroOid('sha1'), newOid: now };
    const push = await scene.hold([update], { pack });
    const facts = scene.kept.get(push.session);
    const contents = facts?.contents?.map(cutFacts).filter((one) => one !== undefined) ?? [];
    if (facts === undefined || contents.length === 0) scene.kept.delete(push.session);
    else scene.kept.set(push.session, { ...facts, contents });
    const review = await only(scene, push);
    assert.equal(review.base, root);
    assert.deepEqual(
      review.files.map(({ path }) => path),
      ['f2', 'f3', 'f4'],
    );
    if (name === 'gone') assert.equal(review.unknowns.length, 1);
  });

test('a pack that changed on disk is an error, and never a review', async (t) => {
  const scene = await makeScene(t);
  await fastImport(scene.work, commit(1, '', file('a', lines(50))));
  const push = await scene.hold([mainNew(await oid(scene.work, 'main'))]);
  const dir = join(scene.quarantineDir, push.session, 'objects', 'pack');
  for (const name of await readdir(dir)) {
    if (!name.endsWith('.pack')) continue;
    const bytes = await readFile(join(dir, name));
    await rm(join(dir, name));
    await writeFile(join(dir, name), bytes.fill(0x55, 14, bytes.length - 20));
  }
  await assert.rejects(
    scene.reviews.review(push),
    (error) => error instanceof RefgateError && error.code === 'INTERNAL',
  );
});

test('what is asked at once is read once, what was read is kept, and after closing nothing is read', async (t) => {
  const scene = await makeScene(t);
  await fastImport(scene.work, commit(1, '', file('a', 'a\n')) + commit(2, 'from :1\n', file('a', 'b\n')));
  await seed(scene, 'main~1');
  const push = await scene.hold([mainFrom(await oid(scene.work, 'main~1'), await oid(scene.work, 'main'))]);
  const opened = scene.opened();
  await Promise.all([1, 2, 3].map(() => scene.reviews.diff(push, 'refs/heads/main', 'a')));
  const first = scene.opened() - opened;
  await scene.reviews.diff(push, 'refs/heads/main', 'a');
  assert.equal(scene.opened() - opened, first);
  await scene.reviews.close();
  await assert.rejects(
    scene.reviews.diff(push, 'refs/heads/main', 'a', true),
    (error) => error instanceof RefgateError && error.code === 'SHUTTING_DOWN',
  );
});
