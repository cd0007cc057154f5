import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ReviewFile } from '../../../src/domain/approval.ts';
import { RefgateError } from '../../../src/domain/error.ts';
import { zeroOid } from '../../../src/git/oid.ts';
import { git } from '../../support/git.ts';
import { LocalSource } from '../../support/local-source.ts';
import { data, fastImport } from '../../support/repos.ts';
import { mainFrom, mainNew, makeScene } from './scene.ts';

const who = 'Ann <ann@example.com> 1700000000 +0000';
const zero = zeroOid('sha1');
const oid = (repo: string, name: string) => git(['rev-parse', name], { cwd: repo });

/** Some paths at which files, folders and symlinks take each other's place. */
const entry = fc.record({
  path: fc.constantFrom('a', 'a.c', 'a/b', 'a/b/c', 'b', 'b/c', 'c/d/e/f', 'c/d/e/g', 'c/x', 'z'),
  mode: fc.constantFrom('100644', '100755', '120000'),
  text: fc.constantFrom('one', 'two', 'three', ''),
});
const tree = fc.array(entry, { maxLength: 8 });

type Entries = readonly { readonly path: string; readonly mode: string; readonly text: string }[];

/** A file stands instead of the folder of its name, and the other way round, as fast-import has it. */
const commit = (mark: number, entries: Entries): string =>
  `commit refs/heads/main\nmark :${mark}\ncommitter ${who}\n${data(`${mark}\n`)}${mark > 1 ? `from :${mark - 1}\n` : ''}deleteall\n` +
  entries.map(({ path, mode, text }) => `M ${mode} inline ${path}\n${data(text)}`).join('');

/** As git tells it without renames: status, oids and path. */
async function gitsFiles(repo: string, old: string, now: string): Promise<string[]> {
  const out = await git(['diff-tree', '-r', '--no-renames', '--no-abbrev', '--raw', old, now], { cwd: repo });
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(/^:(\d+) (\d+) (\w+) (\w+) \w\t(.*)$/, '$1 $2 $3 $4 $5'))
    .sort();
}

const modes = { file: '100644', executable: '100755', symlink: '120000', submodule: '160000' } as const;

/** Renames as an add and a delete again. */
function ourFiles(files: readonly ReviewFile[]): string[] {
  const row = (old: ReviewFile | undefined, now: ReviewFile | undefined, path: string) =>
    [
      old?.oldMode === undefined ? '000000' : modes[old.oldMode],
      now?.mode === undefined ? '000000' : modes[now.mode],
      old?.oldOid ?? zero,
      now?.oid ?? zero,
      path,
    ].join(' ');
  return files
    .flatMap((one) =>
      one.kind === 'rename'
        ? [row(one, undefined, one.from ?? ''), row(undefined, one, one.path)]
        : [row(one, one, one.path)],
    )
    .sort();
}

test('files between any two trees are those of git diff-tree, and renames move the same content', async (t) => {
  const scene = await makeScene(t);
  const samples = fc.sample(fc.tuple(tree, tree), { numRuns: 7, seed: 3 });
  const stream = samples.flat().map((entries, n) => commit(n + 1, entries));
  await fastImport(scene.work, stream.join(''));
  for (let n = 0; n + 1 < stream.length; n += 2) {
    const [old, now] = [
      await oid(scene.work, `main~${stream.length - 1 - n}`),
      await oid(scene.work, `main~${stream.length - 2 - n}`),
    ];
    await git(['push', '--quiet', '--force', scene.upstream, `${old}:refs/heads/main`], { cwd: scene.work });
    const push = await scene.hold([mainFrom(old, now)]);
    const [review] = await scene.reviews.review(push);
    assert.deepEqual(ourFiles(review?.files ?? []), await gitsFiles(scene.work, old, now));
    for (const one of review?.files ?? []) if (one.kind === 'rename') assert.equal(one.oid, one.oldOid);
  }
});

test('of 100,000 new files the first are listed, and it is said that it is cut', async (t) => {
  const scene = await makeScene(t);
  const files: string[] = [];
  for (let n = 0; n < 100_000; n++) files.push(`M 100644 :1 d${n % 100}/f${n}\n`);
  await fastImport(
    scene.work,
    `blob\nmark :1\n${data('same\n')}commit refs/heads/main\ncommitter ${who}\n${data('many\n')}${files.join('')}`,
  );
  const push = await scene.hold([mainNew(await oid(scene.work, 'main'))]);
  const [review] = await scene.reviews.review(push, { files: 50 });
  assert.equal(review?.isCut, true);
  assert.equal(review?.files.length, 50);
  assert.equal(review?.fileCount, 20_000);
});

test('a folder 150 levels deep that was there before is compared', async (t) => {
  const scene = await makeScene(t);
  const path = `${Array.from({ length: 150 }, (_, n) => `d${n}`).join('/')}/file`;
  const files = (text: string): Entries => [{ path, mode: '100644', text }];
  await fastImport(scene.work, commit(1, files('one\n')) + commit(2, files('two\n')));
  const [old, now] = [await oid(scene.work, 'main~1'), await oid(scene.work, 'main')];
  await git(['push', '--quiet', scene.upstream, `${old}:refs/heads/main`], { cwd: scene.work });
  const [review] = await scene.reviews.review(await scene.hold([mainFrom(old, now)]));
  assert.deepEqual(
    review?.files.map((one) => one.path),
    [path],
  );
});

test('what the upstream does not give any more is told, and nothing is made up', async (t) => {
  const scene = await makeScene(t);
  await fastImport(
    scene.work,
    commit(1, [{ path: 'd/a', mode: '100644', text: 'one\n' }]) +
      commit(2, [{ path: 'd/a', mode: '100644', text: 'two\n' }]),
  );
  const [old, now] = [await oid(scene.work, 'main~1'), await oid(scene.work, 'main')];
  await git(['push', '--quiet', scene.upstream, `${old}:refs/heads/main`], { cwd: scene.work });
  const push = await scene.hold([mainFrom(old, now)]);
  const [review] = await scene.reviews.review(push);
  assert.equal(review?.files.length, 1);
  scene.source = () => {
    throw new RefgateError('UPSTREAM_UNREACHABLE', 'upstream');
  };
  const isAway = (error: unknown) => error instanceof RefgateError && error.code === 'UPSTREAM_UNREACHABLE';
  await assert.rejects(scene.reviews.diff(push, 'refs/heads/main', 'd/a'), isAway);
  scene.source = (gitDir) => new LocalSource(gitDir);
  await git(['update-ref', '-d', 'refs/heads/main'], { cwd: scene.upstream });
  await git(['prune', '--expire=now'], { cwd: scene.upstream });
  const diff = await scene.reviews.diff(push, 'refs/heads/main', 'd/a');
  assert.equal(diff.is, 'gone');
  assert.match(diff.note ?? '', /its old content, is neither in the push nor on the upstream/);
});

test('old contents of files that follow are asked for together, and files at once are asked for once', async (t) => {
  const scene = await makeScene(t);
  const files = (text: string): Entries =>
    Array.from({ length: 20 }, (_, n) => ({ path: `f${n}`, mode: '100644', text: `${text} ${n}\n` }));
  await fastImport(scene.work, commit(1, files('old')) + commit(2, files('new')));
  const [old, now] = [await oid(scene.work, 'main~1'), await oid(scene.work, 'main')];
  await git(['push', '--quiet', scene.upstream, `${old}:refs/heads/main`], { cwd: scene.work });
  const push = await scene.hold([mainFrom(old, now)]);
  const [review] = await scene.reviews.review(push);
  const opened = scene.opened();
  const paths = (review?.files ?? []).map(({ path }) => path);
  const diffs = await Promise.all(
    [...paths, ...paths].map((path) => scene.reviews.diff(push, 'refs/heads/main', path)),
  );
  assert.equal(scene.opened(), opened + 1);
  for (const diff of diffs) assert.deepEqual([diff.is, diff.added, diff.removed], ['text', 1, 1]);
  const first = diffs[0]?.hunks[0]?.lines.map(({ tokens }) => tokens[0]?.text);
  assert.deepEqual(first, ['old 0', 'new 0']);
});
