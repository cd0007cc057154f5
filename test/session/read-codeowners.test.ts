import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { RefgateError } from '../../src/domain/error.ts';
import { TreeCache } from '../../src/inspect/tree-cache.ts';
import { type CodeownersContext, codeownersOf, readCodeowners } from '../../src/session/read-codeowners.ts';
import { type CommitOf, historyOf } from '../inspect/contents/walk-fixture.ts';
import { refFacts } from '../policy/support.ts';
import { git, initBare, tempDir } from '../support/git.ts';
import { LocalSource } from '../support/local-source.ts';

async function scene(t: TestContext, commits: readonly CommitOf[], config?: readonly string[]) {
  const gitDir = join(tempDir(t, 'codeowners'), 'u.git');
  const oids = await historyOf(gitDir, commits);
  const over = new AbortController();
  const open: LocalSource[] = [];
  const context: CodeownersContext = {
    open: () => {
      const source = new LocalSource(gitDir, config);
      open.push(source);
      return source;
    },
    treeCache: new TreeCache(1 << 20),
    repoKey: 'up:acme/web',
    objectFormat: 'sha1',
    signal: over.signal,
  };
  return { gitDir, context, over, open, at: (name: string) => oids[name] ?? '' };
}

for (const config of [undefined, [] as string[]])
  test(`the first of GitHub's three places counts, from an upstream ${config ? 'that cannot filter' : 'that can'}`, async (t) => {
    const { context, at } = await scene(
      t,
      [
        { name: 'none', files: { 'src/a': 'a\n', 'docs/b': 'b\n', 'src/CODEOWNERS': '* @x\n' } },
        { name: 'docs', parents: ['none'], files: { 'docs/CODEOWNERS': '* @docs\n' } },
        { name: 'root', parents: ['docs'], files: { CODEOWNERS: '* @root\n' } },
        { name: 'github', parents: ['root'], files: { '.github/CODEOWNERS': '* @github\n' } },
      ],
      config,
    );
    assert.equal(await readCodeowners(context, at('none')), undefined);
    for (const [name, path] of [
      ['docs', 'docs/CODEOWNERS'],
      ['root', 'CODEOWNERS'],
      ['github', '.github/CODEOWNERS'],
    ] as const)
      assert.deepEqual(await readCodeowners(context, at(name)), { path, text: `* @${name}\n` });
  });

test('a branch that moves is judged by its old tip, and everything else by the default branch', async (t) => {
  const { gitDir, context, at } = await scene(t, [
    { name: 'main', files: { CODEOWNERS: '* @main\n' } },
    { name: 'topic', parents: ['main'], files: { CODEOWNERS: '* @topic\n' } },
  ]);
  await git(['tag', '-a', '-m', 'v1', 'v1', 'topic'], { cwd: gitDir });
  const oldOid = await git(['rev-parse', 'v1'], { cwd: gitDir });
  const text = async (ref: Parameters<typeof codeownersOf>[1]) => {
    const file = await codeownersOf(context, ref);
    return file && 'text' in file ? file.text : undefined;
  };
  const moved = { ...refFacts('refs/heads/topic', 'fast-forward'), oldOid: at('topic') };
  assert.equal(await text(moved), '* @topic\n');
  assert.equal(await text(refFacts('refs/heads/new', 'create')), '* @main\n');
  assert.equal(await text(refFacts('refs/tags/v2', 'create')), '* @main\n');
  assert.equal(await text({ ...refFacts('refs/tags/v1', 'update'), oldOid }), '* @main\n');
});

test('an upstream without commits has no file', async (t) => {
  const gitDir = join(tempDir(t, 'codeowners'), 'empty.git');
  await initBare(gitDir);
  const { context } = await scene(t, [{ name: 'main' }]);
  const empty = { ...context, open: () => new LocalSource(gitDir) };
  assert.equal(await codeownersOf(empty, refFacts('refs/heads/new', 'create')), undefined);
});

test('what is not UTF-8, a folder or larger than 3 MiB is told, and not read', async (t) => {
  const { gitDir, context, at } = await scene(t, [
    { name: 'large', files: { CODEOWNERS: `#${'x'.repeat(3 << 20)}\n` } },
    { name: 'folder', files: { '.github/CODEOWNERS/x': 'x\n', CODEOWNERS: '* @root\n' } },
  ]);
  const read = (name: string) => readCodeowners(context, at(name));
  assert.deepEqual(await read('large'), { path: 'CODEOWNERS', problem: 'is larger than 3 MiB' });
  assert.deepEqual(await read('folder'), { path: '.github/CODEOWNERS', problem: 'is no file but a folder' });
  const cwd = gitDir;
  const blob = await git(['hash-object', '-w', '--stdin'], { cwd, input: Uint8Array.of(0x2a, 0x20, 0xff) });
  const tree = await git(['mktree'], { cwd, input: `100644 blob ${blob}\tCODEOWNERS\n` });
  const bytes = await git(['commit-tree', '-m', 'bytes', tree], { cwd });
  await git(['branch', 'bytes', bytes], { cwd });
  assert.deepEqual(await readCodeowners(context, bytes), { path: 'CODEOWNERS', problem: 'is not UTF-8' });
});

test('a commit that the upstream does not give is an error of the upstream, and not a repository without owners', async (t) => {
  const { context } = await scene(t, [{ name: 'main' }]);
  await assert.rejects(
    readCodeowners(context, 'a'.repeat(40)),
    (error: unknown) => error instanceof RefgateError && error.code === 'UPSTREAM_PROTOCOL',
  );
});

test('a client that is gone ends the reading', async (t) => {
  const { context, over, at } = await scene(t, [{ name: 'main', files: { CODEOWNERS: '* @main\n' } }]);
  over.abort();
  const gone = (error: unknown): boolean => error instanceof RefgateError && error.code === 'HUNG_UP';
  await assert.rejects(readCodeowners(context, at('main')), gone);
  await assert.rejects(codeownersOf(context, refFacts('refs/heads/new', 'create')), gone);
});
