import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { diffLines } from '../../src/cli/diff-lines.ts';
import { runCommand, tempDir } from '../support/git.ts';

const text = fc
  .array(fc.constantFrom('a', 'b', 'c', 'rules:', '  - name: x'), { maxLength: 30 })
  .map((lines) => lines.join('\n'));

test('equal texts have no difference', () => {
  fc.assert(fc.property(text, (one) => diffLines(one, one) === ''));
});

test('a change is shown with the lines around it and where it is', () => {
  const before = ['1', '2', '3', '4', '5', '6', '7', '8', '9'].join('\n');
  assert.equal(
    diffLines(before, before.replace('6', 'six')),
    '@@ -3 +3 @@\n 3\n 4\n 5\n-6\n+six\n 7\n 8\n 9\n',
  );
});

test('a text becomes the other when what is shown is taken out and put in', () => {
  fc.assert(
    fc.property(text, text, (before, after) => {
      assert.equal(apply(before, diffLines(before, after)), after);
    }),
  );
});

test('texts too different to compare line by line are shown as replaced', () => {
  const many = (name: string) => Array.from({ length: 3_000 }, (_, n) => `${name} ${n}`).join('\n');
  const shown = diffLines(many('a'), many('b'));
  assert.equal(shown.split('\n').filter((line) => line.startsWith('-a')).length, 3_000);
  assert.equal(apply(many('a'), shown), many('b'));
});

test('as few lines are shown as changed as diff(1) shows', async (t) => {
  const dir = tempDir(t, 'diff');
  const files = [join(dir, 'before'), join(dir, 'after')] as const;
  for (const [before, after] of fc.sample(fc.tuple(text, text), { numRuns: 10, seed: 7 })) {
    writeFileSync(files[0], `${before}\n`);
    writeFileSync(files[1], `${after}\n`);
    const run = await runCommand('diff', ['--minimal', ...files], { env: { PATH: process.env['PATH'] } });
    const theirs = run.stdout.split('\n').filter((line) => /^[<>]/.test(line)).length;
    const ours = diffLines(before, after)
      .split('\n')
      .filter((line) => /^[-+]/.test(line)).length;
    assert.equal(ours, theirs);
  }
});

/** What patch(1) does, with the line numbers of the heads. */
function apply(before: string, diff: string): string {
  const old = before.split('\n');
  const out: string[] = [];
  let at = 0;
  for (const line of diff.split('\n').slice(0, -1)) {
    const head = /^@@ -(\d+) /.exec(line);
    if (head) while (at < Number(head[1]) - 1) out.push(old[at++] as string);
    else if (line.startsWith('+')) out.push(line.slice(1));
    else {
      assert.equal(line.slice(1), old[at]);
      if (line.startsWith(' ')) out.push(line.slice(1));
      at += 1;
    }
  }
  return [...out, ...old.slice(at)].join('\n');
}
