import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { FileDiff } from '../../../src/domain/approval.ts';
import { diffFile } from '../../../src/inspect/review/file-diff.ts';
import { splitLines } from '../../../src/inspect/review/file-text.ts';
import { editLines } from '../../../src/inspect/review/line-edits.ts';
import { Scanner } from '../../../src/inspect/secrets/scanner.ts';
import { runGit, tempDir } from '../../support/git.ts';
import { rules, token } from '../scanned-pack.ts';

const scanner = new Scanner(rules);

function compare(
  before: string | Buffer | undefined,
  after: string | Buffer | undefined,
  { path = 'f.txt', whole = false } = {},
): FileDiff {
  return diffFile(scanner, {
    path,
    ...(before === undefined ? {} : { old: Buffer.from(before) }),
    ...(after === undefined ? {} : { new: Buffer.from(after) }),
    whole,
    plain: false,
  });
}

const textsOf = (diff: FileDiff) =>
  diff.hunks.flatMap(({ lines }) => lines.map(({ tokens }) => tokens.map(({ text }) => text).join('')));

/** Makes the new side from the old one, by what the hunks say and nothing else. */
function apply(before: string, diff: FileDiff): string[] {
  const old = splitLines(before).lines;
  const made: string[] = [];
  let at = 0;
  for (const { oldStart, oldLines, newStart, newLines, lines } of diff.hunks) {
    const from = oldLines === 0 ? oldStart : oldStart - 1;
    made.push(...old.slice(at, from));
    at = from;
    assert.equal(newLines === 0 ? newStart : newStart - 1, made.length);
    const [oldFrom, newFrom] = [at, made.length];
    for (const line of lines) {
      const text = line.tokens.map((token) => token.text).join('');
      if (line.is !== 'added') {
        assert.equal(line.old, at + 1);
        assert.equal(old[at++], text);
      }
      if (line.is !== 'removed') {
        made.push(text);
        assert.equal(line.new, made.length);
      }
    }
    assert.deepEqual([at - oldFrom, made.length - newFrom], [oldLines, newLines]);
  }
  return [...made, ...old.slice(at)];
}

const someText = fc
  .array(fc.constantFrom('a', 'b', 'c', '', 'const x = `y`;', '/* open', '*/ end', 'ä\r', '"'), {
    maxLength: 40,
  })
  .chain((lines) => fc.constantFrom(lines.join('\n'), `${lines.join('\n')}\n`));

test('what the hunks say makes the new side from the old one, in every language', () => {
  fc.assert(
    fc.property(
      someText,
      someText,
      fc.constantFrom('f.txt', 'f.ts', 'f.md', 'f.html', 'f.php'),
      (old, now, path) => {
        assert.deepEqual(apply(old, compare(old, now, { path })), splitLines(now).lines);
      },
    ),
    { numRuns: 300 },
  );
});

test('hunks are those of git diff -U3', async (t) => {
  const folder = tempDir(t, 'hunks');
  const [a, b] = [join(folder, 'a'), join(folder, 'b')];
  const cases = fc.sample(fc.tuple(someText, someText), { numRuns: 40, seed: 7 });
  const far = Array.from({ length: 30 }, (_, n) => `${n}\n`);
  const edited = (...at: number[]) => far.map((line, n) => (at.includes(n) ? `new ${n}\n` : line)).join('');
  const spread: (readonly [string, string])[] = [edited(3, 10), edited(3, 11), edited(0, 29), edited(12)].map(
    (now) => [far.join(''), now],
  );
  for (const [old, now] of [...cases, ...spread]) {
    writeFileSync(a, old);
    writeFileSync(b, now);
    const run = await runGit(['diff', '--no-index', '--minimal', '-U3', a, b]);
    const rows = run.stdout.split('\n');
    const first = rows.findIndex((row) => row.startsWith('@@'));
    const body = first < 0 ? [] : rows.slice(first);
    const count = (sign: string) => body.filter((row) => row.startsWith(sign)).length;
    const diff = compare(old, now);
    assert.deepEqual([diff.added, diff.removed], [count('+'), count('-')]);
  }
  for (const [old, now] of spread) {
    writeFileSync(a, old);
    writeFileSync(b, now);
    const run = await runGit(['diff', '--no-index', '-U3', a, b]);
    const heads = run.stdout
      .split('\n')
      .flatMap((row) => /^@@ -(\d+),?(\d*) \+(\d+),?(\d*)/.exec(row)?.slice(1) ?? []);
    const ours = compare(old, now).hunks.flatMap((hunk) => [
      hunk.oldStart,
      hunk.oldLines,
      hunk.newStart,
      hunk.newLines,
    ]);
    assert.deepEqual(
      ours,
      heads.map((word) => (word === '' ? 1 : Number(word))),
    );
  }
});

test('what is added, and what is deleted, is shown whole', () => {
  const added = compare(undefined, 'a\nb\n');
  assert.deepEqual([added.added, added.removed, textsOf(added)], [2, 0, ['a', 'b']]);
  const deleted = compare('a\nb\n', undefined);
  assert.deepEqual([deleted.added, deleted.removed, textsOf(deleted)], [0, 2, ['a', 'b']]);
  assert.deepEqual([deleted.hunks[0]?.newStart, deleted.hunks[0]?.newLines], [0, 0]);
});

test('a last line that loses its newline is a change, and the note says so', () => {
  const diff = compare('a\nb\n', 'a\nb');
  assert.deepEqual([diff.added, diff.removed], [1, 1]);
  assert.match(diff.note ?? '', /no newline at the end of the new file/);
});

test('a NUL is binary, and UTF-16 with its mark is text', () => {
  assert.equal(compare('a', 'a\0b').is, 'binary');
  const little = (text: string) => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')]);
  const big = (text: string) => little(text).swap16();
  const secret = token(5);
  for (const encode of [little, big]) {
    const diff = compare(encode('one\n'), encode(`one\nkey ${secret}\n`));
    assert.equal(diff.is, 'text');
    assert.equal(textsOf(diff)[0], 'one');
    assert.ok(!JSON.stringify(diff).includes(secret));
    assert.match(diff.note ?? '', /masked/);
  }
});

test('two secrets that are masked alike are still a change', () => {
  const [old, now] = [token(1), token(2)];
  const diff = compare(`k=${old}\n`, `k=${now}\n`);
  const [removed, added] = textsOf(diff);
  assert.equal(removed, added);
  assert.deepEqual([diff.added, diff.removed], [1, 1]);
});

test('a file over 256 KiB, over 5,000 changed lines or with a long line is folded, and is shown when all of it is asked for', () => {
  const lines = (count: number, of: string) =>
    Array.from({ length: count }, (_, n) => `${of}${n}\n`).join('');
  const cases: readonly (readonly [string, string])[] = [
    [lines(30_000, 'filler '), `${lines(30_000, 'filler ')}end\n`],
    ['', lines(5_001, 'x')],
    ['a\n', `${'y'.repeat(5_001)}\n`],
  ];
  for (const [old, now] of cases) {
    const foldedDiff = compare(old, now);
    assert.equal(foldedDiff.is, 'large');
    assert.deepEqual(foldedDiff.hunks, []);
    const shown = compare(old, now, { whole: true });
    assert.equal(shown.is, 'text');
    assert.deepEqual(apply(old, shown), splitLines(now).lines);
  }
  assert.equal(compare('', 'z'.repeat(1024 * 1024 + 1), { whole: true }).is, 'large');
});

test('one line of 1 MiB is shown when it is asked for, and not before', () => {
  const line = 'q'.repeat(1024 * 1024);
  assert.equal(compare('', line).is, 'large');
  const diff = compare('', line, { whole: true, path: 'bundle.js' });
  assert.deepEqual(textsOf(diff), [line]);
});

test('an edit that is not found in bounds replaces everything between the first and the last difference', () => {
  const old = splitLines(`same\n${Array.from({ length: 50 }, (_, n) => `a${n}\n`).join('')}end\n`);
  const now = splitLines(`same\n${Array.from({ length: 50 }, (_, n) => `b${n}\n`).join('')}end\n`);
  assert.deepEqual(editLines(old, now, 10), {
    runs: [
      { is: 'same', count: 1 },
      { is: 'removed', count: 50 },
      { is: 'added', count: 50 },
      { is: 'same', count: 1 },
    ],
    added: 50,
    removed: 50,
    isCoarse: true,
  });
});

test('a pointer of Git LFS says what it is', () => {
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 12\n`;
  assert.match(compare(undefined, pointer).note ?? '', /Git LFS/);
});

test('colours are those of the language that the name says, also across lines', () => {
  const diff = compare('', '/* one\ntwo */ const x = 1;\n', { path: 'src/a.ts' });
  const kinds = diff.hunks[0]?.lines.map(({ tokens }) => tokens.map(({ kind }) => kind));
  assert.deepEqual(kinds?.[0], ['comment']);
  assert.equal(kinds?.[1]?.[0], 'comment');
  assert.ok(kinds?.[1]?.includes('keyword'));
});

test('a secret over several lines is masked on each of them, and the lines stay as many', () => {
  const multi = new Scanner([
    {
      id: 'block',
      family: 'test',
      title: 'block',
      tier: 'B',
      keywords: ['BEGIN-IT'],
      ignoreCase: false,
      matcher: {
        before: 1,
        after: 400,
        find: (bytes, _from, to, at) => {
          const end = bytes.indexOf('END-IT', at);
          return end < 0 || end > to ? undefined : { start: at, end: end + 6 };
        },
      },
    },
  ]);
  const body = ['BEGIN-IT', 'inner-one', '', 'inner-two', 'END-IT'].join('\n');
  const job = { path: 'k.pem', old: Buffer.from('top\n'), new: Buffer.from(`top\n${body}\nlast\n`) };
  const diff = diffFile(multi, { ...job, whole: false, plain: false });
  const texts = textsOf(diff);
  assert.equal(texts.length, 7);
  assert.equal(texts.at(-1), 'last');
  assert.ok(!texts.join('\n').includes('inner'));
});
