import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { Glob, GlobError } from '../../src/policy/glob.ts';

/** The rules of wildmatch.c written down as plainly as possible, with backtracking. */
function oracle(pattern: string, text: string, start = true): boolean {
  const head = pattern[0];
  if (head === undefined) return text === '';
  const rest = pattern.slice(1);
  if (head === '*') {
    const stars = /^\*+/.exec(pattern)?.[0] ?? '*';
    const after = pattern.slice(stars.length);
    const whole = stars.length > 1 && start && (after === '' || after[0] === '/');
    if (whole && after !== '' && oracle(after.slice(1), text)) return true;
    for (let taken = 0; taken <= text.length; taken++) {
      if (!whole && text.slice(0, taken).includes('/')) return false;
      if (oracle(after, text.slice(taken), false)) return true;
    }
    return false;
  }
  if (text === '') return false;
  if (head === '?') return text[0] !== '/' && oracle(rest, text.slice(1), false);
  return text[0] === head && oracle(rest, text.slice(1), head === '/');
}

const patternText = fc
  .array(fc.constantFrom('a', 'b', '/', '*', '**', '?', '/**/', '**/', '/**'), {
    minLength: 1,
    maxLength: 10,
  })
  .map((parts) => parts.join(''));
const plainText = fc.array(fc.constantFrom('a', 'b', '/'), { maxLength: 12 }).map((parts) => parts.join(''));

test('a glob agrees with the plain reading of the rules on generated patterns and texts', () => {
  fc.assert(
    fc.property(patternText, plainText, (pattern, text) => {
      assert.equal(new Glob(pattern).matches(text), oracle(pattern, text));
    }),
    { numRuns: 5000 },
  );
});

test('a literal pattern matches itself and nothing else', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string(), (name, other) => {
      const glob = new Glob(name.replace(/[*?[\\]/g, '\\$&'));
      assert.equal(glob.matches(name), true);
      assert.equal(glob.matches(other), other === name);
    }),
  );
});

test('a glob agrees with git for-each-ref', () => {
  const refs = [
    'main',
    'Main',
    'release/1.0',
    'release/1.0/fix',
    'a/b/c',
    'a/x/y/c',
    'a-c',
    'copilot/x',
    'f1',
    'f-',
    'f]',
  ];
  const names = [...refs.map((ref) => `refs/heads/${ref}`), 'refs/tags/v1', 'refs/tags/v1.2', 'refs/notes/x'];
  const patterns = [
    ...['refs/heads/*', 'refs/heads/**', 'refs/*/main', 'refs/**/c', 'refs/heads/a/**/c', 'refs/heads/a**c'],
    ...['**', '**/main', 'refs/heads/[mM]ain', 'refs/heads/f[0-9]', 'refs/heads/f[!0-9]', 'refs/heads/f[]-]'],
    ...[
      'refs/heads/?ain',
      'refs/tags/v1*',
      'refs/heads/release/**',
      'refs/heads/f[[:digit:]]',
      'refs/heads/a?c',
    ],
    ...[
      'refs/heads/**/*',
      '*/heads/main',
      'refs/heads/\\main',
      'refs/heads/a/*/c',
      'refs/heads/f[^[:alnum:]]',
    ],
  ];
  const dir = mkdtempSync(join(tmpdir(), 'refgate-glob-'));
  try {
    const git = (...args: string[]) => execFileSync('git', ['-C', dir, ...args], { encoding: 'utf8' });
    git('init', '-q', '--bare');
    const tree = execFileSync('git', ['-C', dir, 'mktree'], { encoding: 'utf8', input: '' }).trim();
    const commit = git(
      '-c',
      'user.name=t',
      '-c',
      'user.email=t@example.com',
      'commit-tree',
      '-m',
      'x',
      tree,
    ).trim();
    writeFileSync(
      join(dir, 'packed-refs'),
      [...names]
        .sort()
        .map((name) => `${commit} ${name}\n`)
        .join(''),
    );
    for (const pattern of patterns) {
      const found = git('for-each-ref', '--format=%(refname)', pattern).split('\n').filter(Boolean);
      const glob = new Glob(pattern);
      assert.deepEqual(names.filter((name) => glob.matches(name)).sort(), found.sort(), pattern);
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('a pattern that cannot be read is refused', () => {
  for (const bad of ['', 'a[', 'a[b', 'a\\', '[z-a]', '[[:nope:]]', '[[:digit:]', 'x'.repeat(2000)])
    assert.throws(() => new Glob(bad), GlobError, bad);
});

test('any text compiles or gives a GlobError, and never another error', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('[', ']', '!', '-', ':', 'a', '*', '\\', '/') }),
      fc.string(),
      (source, text) => {
        try {
          new Glob(source).matches(text);
        } catch (error) {
          assert.ok(error instanceof GlobError);
        }
      },
    ),
    { numRuns: 2000 },
  );
});
