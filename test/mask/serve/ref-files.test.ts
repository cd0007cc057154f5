import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { readRefs, writeRefs } from '../../../src/mask/serve/originals-refs.ts';
import { readRefFiles, writeRefFiles } from '../../../src/mask/serve/ref-files.ts';
import { git, initBare } from '../../support/git.ts';
import { fastImport } from '../../support/repos.ts';

const { signal } = new AbortController();
const dir = mkdtempSync(join(tmpdir(), 'refgate-refs-'));
let count = 0;
let gitDir: string;
let one: string;
let two: string;

after(() => rmSync(dir, { recursive: true, force: true }));

beforeEach(async () => {
  gitDir = join(dir, `${count++}.git`);
  await initBare(gitDir);
  const commit = (text: string): string =>
    `commit refs/heads/main\ncommitter Ann <ann@example.com> 1700000000 +0000\ndata ${text.length}\n${text}\n`;
  await fastImport(gitDir, commit('one') + commit('two'));
  two = await git(['rev-parse', 'main'], { cwd: gitDir });
  one = await git(['rev-parse', 'main~'], { cwd: gitDir });
});

const asGit = async (): Promise<string> =>
  git(['for-each-ref', '--format=%(refname) %(objectname)', 'refs/heads', 'refs/tags'], { cwd: gitDir });

const asRead = async (): Promise<string> =>
  [...((await readRefFiles(gitDir)) ?? [])].map(([ref, oid]) => `${ref} ${oid}`).join('\n');

test('refs are read as git reads them, packed and loose, annotated tags and other folders too', async () => {
  await git(['branch', 'a/b/c', one], { cwd: gitDir });
  await git(['-c', 'user.name=A', '-c', 'user.email=a@example.com', 'tag', '-a', '-m', 'm', 'v1', one], {
    cwd: gitDir,
  });
  await git(['update-ref', 'refs/notes/x', one], { cwd: gitDir });
  await git(['pack-refs', '--all'], { cwd: gitDir });
  await git(['branch', '-f', 'a/b/c', two], { cwd: gitDir });
  await git(['branch', 'täg.b', two], { cwd: gitDir });
  writeFileSync(join(gitDir, 'refs', 'heads', 'main.lock'), '');
  assert.equal(await asRead(), await asGit());
  assert.equal((await readRefs(gitDir, signal)).get('refs/heads/a/b/c'), two);
});

test('refs that are no plain files of oids are git’s to read', async () => {
  await git(['symbolic-ref', 'refs/heads/other', 'refs/heads/main'], { cwd: gitDir });
  assert.equal(await readRefFiles(gitDir), undefined);
  assert.equal((await readRefs(gitDir, signal)).get('refs/heads/other'), two);
});

test('refs that are written are those that git reads, and no lock stays', async () => {
  assert.ok(
    await writeRefFiles(gitDir, [
      ['refs/heads/main', one],
      ['refs/tags/new/x', two],
    ]),
  );
  assert.equal(await asGit(), `refs/heads/main ${one}\nrefs/tags/new/x ${two}`);
  assert.equal(await asRead(), await asGit());
  assert.ok(!existsSync(join(gitDir, 'refs', 'tags', 'new', 'x.lock')));
});

test('a lock and a ref in the way are left to git, which moves the refs all the same', async () => {
  writeFileSync(join(gitDir, 'refs', 'heads', 'main.lock'), '');
  assert.equal(await writeRefFiles(gitDir, [['refs/heads/main', one]]), false);
  await git(['update-ref', 'refs/heads/a', two], { cwd: gitDir });
  const before = await readRefs(gitDir, signal);
  const refs = [
    { ref: 'refs/heads/a/b', oid: two },
    { ref: 'refs/heads/main', oid: one },
  ];
  await writeRefs(gitDir, before, { tips: { refs }, prune: true });
  assert.equal(await asGit(), `refs/heads/a/b ${two}\nrefs/heads/main ${one}`);
});
