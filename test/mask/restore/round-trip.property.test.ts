import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { MaskedClone, type WorkTree } from '../../support/masked-clone.ts';
import { secretMaker } from '../../support/secret-history.ts';

const closers: (() => unknown)[] = [];
after(async () => {
  for (const close of closers.reverse()) await close();
});

/** Something that is done to files and lines by their numbers, so that it is the same whatever is in them. */
interface Step {
  readonly verb: 'insert' | 'delete' | 'swap' | 'copy' | 'move' | 'remove' | 'add' | 'double' | 'secret';
  readonly file: number;
  readonly line: number;
  readonly other: number;
}

const verbs: readonly Step['verb'][] = [
  'insert',
  'delete',
  'swap',
  'copy',
  'move',
  'remove',
  'add',
  'double',
];
const step = (also: readonly Step['verb'][] = []) =>
  fc.record({
    verb: fc.constantFrom(...verbs, ...also),
    file: fc.nat(50),
    line: fc.nat(50),
    other: fc.nat(50),
  });
const commitOf = (arbitrary: fc.Arbitrary<Step>) => fc.array(arbitrary, { minLength: 1, maxLength: 4 });

async function apply(tree: WorkTree, steps: readonly Step[], secret: () => string): Promise<void> {
  for (const { verb, file, line, other } of steps) {
    const files = (await tree.git('ls-files', '-co', '--exclude-standard', '--deduplicate'))
      .split('\n')
      .filter((path) => path !== '');
    const name = (n: number) => `${n % 3 === 0 ? '' : `dir-${n % 3}/`}file-${n}.txt`;
    const path = files[file % files.length] ?? name(file);
    const lines = files.length === 0 ? ['none', ''] : tree.read(path).toString('latin1').split('\n');
    const [at, to] = [line % lines.length, other % lines.length];
    if (verb === 'insert') lines.splice(at, 0, `word ${line} ${other}`);
    else if (verb === 'secret') lines.splice(at, 0, `key = ${secret()}`);
    else if (verb === 'delete') lines.splice(at, 1);
    else if (verb === 'swap') [lines[at], lines[to]] = [lines[to] as string, lines[at] as string];
    else if (verb === 'copy') lines.splice(to, 0, lines[at] as string);
    if (verb === 'move' || verb === 'remove') rmSync(join(tree.dir, path), { force: true });
    else if (verb === 'add') tree.write(name(other), `new ${line}\n`);
    else tree.write(path, Buffer.from(lines.join('\n'), 'latin1'));
    if (verb === 'move' || verb === 'double')
      tree.write(name(other), Buffer.from(lines.join('\n'), 'latin1'));
    await tree.git('add', '--all');
  }
}

async function commits(
  tree: WorkTree,
  history: readonly (readonly Step[])[],
  secret = () => 'none',
): Promise<void> {
  for (const [n, steps] of history.entries()) {
    await apply(tree, steps, secret);
    await tree.commit(`commit ${n}`);
  }
}

for (const format of ['sha1', 'sha256'] as const)
  test(`whatever is edited in a view of ${format} becomes the same edit of the original`, async () => {
    const story = fc.array(commitOf(step(['secret', 'secret', 'secret'])), { minLength: 3, maxLength: 5 });
    const edits = fc.array(fc.array(commitOf(step()), { minLength: 1, maxLength: 3 }), {
      minLength: 2,
      maxLength: 3,
    });
    await fc.assert(
      fc.asyncProperty(story, edits, async (history, branches) => {
        const make = (tree: WorkTree) => commits(tree, history, secretMaker(history.length));
        const clone = await MaskedClone.of({ after: (close) => closers.push(close) }, make, format);
        for (const [n, edit] of branches.entries()) {
          await clone.sameEdit(`edit-${n}`, (tree) => commits(tree, edit));
          if (n === 0) continue;
          await clone.sameEdit(`merge-${n}`, async (tree) => {
            await tree.git('merge', '--quiet', '--no-edit', '-s', 'ours', `edit-${n - 1}`, '-m', 'merge');
            await commits(tree, edit.slice(0, 1));
          });
        }
      }),
      { numRuns: 2, seed: 7, endOnFailure: true },
    );
  });
