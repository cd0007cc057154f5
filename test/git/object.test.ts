import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { RefgateError } from '../../src/domain/error.ts';
import { checkGitattributes, checkGitmodules } from '../../src/git/gitmodules.ts';
import { checkCommit, checkTag } from '../../src/git/object.ts';
import { checkTree } from '../../src/git/tree.ts';
import { initBare, runGit, tempDir } from '../support/git.ts';
import { commit, commitLines, treeEntry } from '../support/pack-builder.ts';

const one = '1'.repeat(40);
const two = '2'.repeat(40);

test('a commit gives its tree and its parents in order, and a tag what it names', () => {
  assert.deepEqual(checkCommit(commit(commitLines([two, one])), 'sha1'), { tree: one, parents: [two, one] });
  const tag = Buffer.from(`object ${two}\ntype tree\ntag x\n\nwhy\n`);
  assert.deepEqual(checkTag(tag, 'sha1'), { oid: two, type: 'tree' });
  const long = '3'.repeat(64);
  assert.deepEqual(checkCommit(commit(commitLines([], long)), 'sha256'), { tree: long, parents: [] });
  assert.throws(() => checkCommit(commit(), 'sha256'), RefgateError);
});

const checks: Readonly<Record<string, (content: Buffer) => unknown>> = {
  commit: (content) => checkCommit(content, 'sha1'),
  tag: (content) => checkTag(content, 'sha1'),
  tree: (content) => checkTree(content, 20, () => {}),
  gitmodules: checkGitmodules,
  gitattributes: checkGitattributes,
};
const starts = [
  commit(),
  treeEntry('100644', 'name'),
  Buffer.from('[submodule "x"]\n url = "a\\'),
  Buffer.alloc(0),
];

for (const [name, check] of Object.entries(checks)) {
  test(`any bytes as ${name} pass or are refused with a code`, () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...starts),
        fc.uint8Array({ maxLength: 80 }),
        fc.nat(200),
        (start, noise, keep) => {
          try {
            check(Buffer.concat([start.subarray(0, keep), noise]));
          } catch (error) {
            assert.ok(error instanceof RefgateError);
            assert.match(error.code, /^OBJECT_/);
            assert.equal(error.blame, 'client');
          }
        },
      ),
      { numRuns: 300 },
    );
  });
}

test('what git fsck calls an error in a commit is refused, and what it accepts is accepted', async (t) => {
  const gitDir = join(tempDir(t), 'repo.git');
  await initBare(gitDir);
  const lines = commitLines();
  const name = (text: string) => commit([lines[0] as string, `author ${text}`, lines[2] as string]);
  const contents = [
    commit(),
    commit([...lines, 'unknown header']),
    commit(lines, ''),
    name('A <a> 0 +0000'),
    name('A <> 1 -1200'),
    name(' <a> 1 +0000'),
    name('<a> 1 +0000'),
    name('A<a> 1 +0000'),
    name('A <a>1 +0000'),
    name('A <a> 01 +0000'),
    name('A <a> 1 0000'),
    name('A <a> 1 +000'),
    name('A <a> x +0000'),
    name('A <a 1 +0000'),
    name('A> <a> 1 +0000'),
    name('A <a> 99999999999999999999 +0000'),
    commit([lines[0] as string, lines[2] as string]),
    commit([lines[1] as string, lines[0] as string, lines[2] as string]),
  ];
  for (const content of contents) {
    const made = await runGit(['hash-object', '-t', 'commit', '--literally', '-w', '--stdin'], {
      cwd: gitDir,
      input: content,
    });
    const oid = made.stdout.trim();
    const fsck = await runGit(['fsck', '--no-dangling', oid], { cwd: gitDir });
    const refused = fsck.stderr.split('\n').some((line) => line.startsWith('error') && line.includes(oid));
    assert.equal(isRefused(content), refused, `${content.toString()}${fsck.stderr}`);
  }
});

function isRefused(content: Buffer): boolean {
  try {
    checkCommit(content, 'sha1');
    return false;
  } catch {
    return true;
  }
}

test('checks take linear time on the worst of inputs', () => {
  const spaces = Buffer.alloc(8_000_000, ' ');
  const lines = commitLines();
  const inputs: readonly [keyof typeof checks, Buffer][] = [
    ['commit', Buffer.concat([Buffer.from(`${lines[0]}\nauthor `), spaces, Buffer.from('\n\n')])],
    ['commit', commit([lines[0] as string, `author ${'<'.repeat(8_000_000)}`])],
    ['commit', commit([...lines, ...Array(500_000).fill('x')])],
    ['gitmodules', Buffer.alloc(1_000_000, '# \n')],
    ['gitmodules', Buffer.from(`[submodule "${'\\\\'.repeat(500_000)}`)],
    ['gitmodules', Buffer.from(`[submodule "x"]\nurl = ${'../'.repeat(300_000)}x`)],
    ['gitmodules', Buffer.from(`[submodule "x"]\nurl = "${' '.repeat(900_000)}"`)],
    ['tree', treeEntry('100644', '\\'.repeat(1_000_000))],
    ['tree', Buffer.concat(Array.from({ length: 3_000 }, (_, i) => treeEntry('100644', 'a'.repeat(i + 1))))],
  ];
  // Nothing is asserted of time: quadratic work on these would run into the limit of the whole test run.
  for (const [name, input] of inputs) {
    try {
      checks[name]?.(input);
    } catch (error) {
      assert.ok(error instanceof RefgateError, String(error));
    }
  }
});
