import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { GlobError } from '../../src/policy/glob.ts';
import { PathList } from '../../src/policy/paths.ts';
import { gitEnv } from '../support/git.ts';

const patterns = [
  ['*.exe'],
  ['**/*.exe'],
  ['CODEOWNERS'],
  ['/README.md'],
  ['docs/*.md'],
  ['docs/**'],
  ['dist/'],
  ['/dist/'],
  ['a/**/z'],
  ['**/secrets*/**'],
  ['src'],
  ['/src/a?.c'],
  ['[ab].c'],
  ['*.exe', '!keep.exe'],
  ['\\!x'],
];
const paths = [
  'x.exe',
  'keep.exe',
  'a/b/x.exe',
  'a/x.exe/y',
  'CODEOWNERS',
  'docs/CODEOWNERS',
  'CODEOWNERS.md',
  'README.md',
  'a/README.md',
  'docs/a.md',
  'a/docs/a.md',
  'docs/b/a.md',
  'dist',
  'dist/x',
  'a/dist/x',
  'a/z',
  'a/b/c/z',
  'az',
  'x/secrets-1/y',
  'src',
  'src/a1.c',
  'lib/src/x',
  'a.c',
  'lib/b.c',
  'c.c',
  '!x',
];

test('path patterns match what git would ignore by them', () => {
  const folder = mkdtempSync(join(tmpdir(), 'refgate-paths-'));
  try {
    const env = gitEnv();
    const git = (args: readonly string[], input = '') =>
      execFileSync('git', args, {
        cwd: folder,
        env,
        input,
        encoding: 'utf8',
        stdio: ['pipe', 'pipe', 'ignore'],
      });
    git(['init', '-q']);
    for (const list of patterns) {
      writeFileSync(join(folder, '.gitignore'), `${list.join('\n')}\n`);
      const told = git(
        ['check-ignore', '--no-index', '--verbose', '--non-matching', '--stdin', '-z'],
        `${paths.join('\0')}\0`,
      ).split('\0');
      const ours = new PathList(list);
      paths.forEach((path, at) => {
        const pattern = told[at * 4 + 2] ?? '';
        const ignored = pattern !== '' && !pattern.startsWith('!');
        assert.equal(ours.matches(path, 'exact'), ignored, `${list.join(' ')} on ${path}`);
      });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a path is taken out below a folder that matched, too, which git would not do', () => {
  assert.equal(new PathList(['**', '!*.md']).matches('a/README.md', 'wide'), false);
});

test('looking wide sees names folded, and takes out only what is written exactly so', () => {
  const list = new PathList(['Deploy/**', '!deploy/docs/**']);
  assert.equal(list.matches('deploy/x', 'wide'), true);
  assert.equal(list.matches('deploy/x', 'exact'), false);
  assert.equal(list.matches('de\u200bploy/x', 'wide'), true);
  assert.equal(list.matches('deploy/docs/x', 'wide'), false);
  assert.equal(list.matches('deploy/DOCS/x', 'wide'), true);
});

test('a pattern that can match no path is refused', () => {
  for (const source of ['', '/', './x', 'a//b', 'a/../b', '..', '!x', '['])
    assert.throws(() => new PathList([source]), GlobError, source);
});
