/**
 * Attack: a secret that the last state of a branch does not show, or that looks as if it had always been there.
 * 1. One commit of a push adds it, and the next one removes it, or puts a folder in the place of the file.
 * 2. A merge has it, and none of its parents; or a merge of four branches; or of two hundred.
 * 3. A file is renamed and edited; copied from a path where a secret is accepted; made executable with an edit.
 * 4. The new branch starts in the middle of the history, and the client sends once more what the upstream has.
 * 5. The pack holds commits, trees and blobs that no ref of the push reaches: among a commit's parents of another ref,
 *    behind a submodule's oid, or alone.
 * 6. Of several refs only one brings it, the first, the middle or the last.
 * Each is told with its commit and path, and nothing of what was refused lies on the upstream afterwards.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { endsWithFile } from '../fault/scene.ts';
import type { CommitOf } from '../inspect/contents/walk-fixture.ts';
import { packOf, requestOf, zero } from '../scenario/raw-push.ts';
import { git, runGit } from '../support/git.ts';
import { commit, commitLines, entry, oidOf, pack, tree, treeEntry } from '../support/pack-builder.ts';
import { base, type Hiding, has, hide, type Story, token } from './hiding.ts';

const file = endsWithFile();
const capabilities = 'report-status side-band-64k object-format=sha1';
const secret = (n: number): string => `key: ${token(n)}\n`;
const many = Array.from({ length: 10 }, (_, n) => `line ${n} of a file that is renamed\n`).join('');

const commits: readonly CommitOf[] = [
  {
    ...base,
    files: { 'readme.txt': 'hello\n', 'old.txt': many, 'run.sh': 'echo\n', 'known/k.txt': secret(9) },
  },
  { name: 'added', parents: ['base'], files: { 'a.txt': secret(1) } },
  { name: 'removed', parents: ['added'], files: { 'a.txt': undefined } },
  { name: 'swapped', parents: ['added'], files: { 'a.txt': undefined, 'a.txt/b': 'x\n' } },
  { name: 'left', parents: ['base'], files: { 'l.txt': 'l\n' } },
  { name: 'right', parents: ['base'], files: { 'r.txt': 'r\n' } },
  { name: 'third', parents: ['base'], files: { 't.txt': 't\n' } },
  {
    name: 'merge',
    parents: ['left', 'right'],
    files: { 'r.txt': 'r\n', 'readme.txt': `hello\n${secret(2)}` },
  },
  {
    name: 'octopus',
    parents: ['left', 'right', 'third'],
    files: { 'r.txt': 'r\n', 't.txt': 't\n', 'new/o.txt': secret(3) },
  },
  { name: 'renamed', parents: ['base'], files: { 'old.txt': undefined, 'new.txt': `${many}${secret(4)}` } },
  { name: 'copied', parents: ['base'], files: { 'copy/k.txt': secret(9) } },
  {
    name: 'mode',
    parents: ['base'],
    lines: `M 100755 inline run.sh\ndata ${secret(5).length}\n${secret(5)}\n`,
  },
];

describe('what the last state of a branch does not show', () => {
  let hiding: Hiding;
  let story: Story;
  before(async () => {
    hiding = await hide(file);
    story = await hiding.story('web', commits);
  });

  const oid = (name: string): string => story.oids[name] ?? '';
  const refs = (): Promise<string> => git(['for-each-ref'], { cwd: story.upstream });

  const told: Readonly<Record<string, readonly [commit: string, path: string]>> = {
    removed: ['added', 'a.txt:1'],
    swapped: ['added', 'a.txt:1'],
    merge: ['merge', 'readme.txt:2'],
    octopus: ['octopus', 'new/o.txt:1'],
    renamed: ['renamed', 'new.txt:11'],
    copied: ['copied', 'copy/k.txt:1'],
    mode: ['mode', 'run.sh:1'],
  };

  test('each is found where it was brought in, and told once', async () => {
    const names = Object.keys(told);
    const run = await hiding.push(
      'web',
      names.map((name) => `refs/heads/${name}`),
      'ssh',
    );
    assert.equal(run.status, 1);
    const fates = await hiding.fates('web');
    for (const [name, [by, path]] of Object.entries(told)) {
      assert.deepEqual(fates[name]?.rules, ['no-secrets'], name);
      const text = fates[name]?.text ?? '';
      assert.ok(text.includes(`in ${path} of commit ${oid(by).slice(0, 10)}`), `${name}: ${text}`);
      assert.equal(text.match(/^no-secrets: /gm)?.length, 1, text);
    }
    for (const name of names) assert.equal(await has(story.upstream, oid(name)), false, name);
  });

  test('a file that only moves or changes its mode brings no secret', async () => {
    const moved = await git(['rev-parse', 'base:known/k.txt'], { cwd: story.source });
    const readme = await git(['rev-parse', 'base:readme.txt'], { cwd: story.source });
    const folder = tree(treeEntry('100755', 'k2.txt', moved));
    const root = tree(
      treeEntry('40000', 'known', oidOf('tree', folder)),
      treeEntry('100644', 'readme.txt', readme),
    );
    const made = commit(commitLines([oid('base')], oidOf('tree', root)));
    const bytes = pack([entry('commit', made), entry('tree', root), entry('tree', folder)]);
    const body = requestOf([[zero, oidOf('commit', made), 'refs/heads/moved']], capabilities, bytes);
    assert.ok((await hiding.send('web', body)).includes('ok refs/heads/moved'));
  });

  test('a merge of two hundred commits is judged', async () => {
    const root = await git(['rev-parse', 'base^{tree}'], { cwd: story.source });
    const parents = Array.from({ length: 200 }, (_, n) =>
      commit(commitLines([oid('base')], root), `side ${n}\n`),
    );
    const content = Buffer.from(secret(6));
    const folder = tree(treeEntry('100644', 'm.txt', oidOf('blob', content)));
    const merge = commit(
      commitLines(
        parents.map((parent) => oidOf('commit', parent)),
        oidOf('tree', folder),
      ),
    );
    const all = [...parents, merge].map((one) => entry('commit', one));
    const bytes = pack([...all, entry('tree', folder), entry('blob', content)]);
    const body = requestOf([[zero, oidOf('commit', merge), 'refs/heads/wide']], capabilities, bytes);
    const lines = (await hiding.send('web', body)).join('\n');
    assert.match(lines, /ng refs\/heads\/wide refused: no-secrets/);
    assert.match(lines, /in m\.txt:1 of commit/);
  });

  test('a branch from the middle, with commits sent that the upstream has, in any order', async () => {
    const objects = await git(['rev-list', '--objects', '--no-object-names', 'merge'], { cwd: story.source });
    const oids = objects.split('\n');
    for (const [n, order] of [oids, oids.toReversed()].entries()) {
      const bytes = await packed(story.source, order);
      const body = requestOf([[zero, oid('merge'), `refs/heads/middle-${n}`]], capabilities, bytes);
      const lines = (await hiding.send('web', body)).join('\n');
      assert.match(lines, new RegExp(`ng refs/heads/middle-${n} refused: no-secrets`));
      assert.match(lines, /in readme\.txt:2 of commit/);
      // What the upstream had of it is not this push's.
      assert.doesNotMatch(lines, /known/);
    }
  });

  test('objects that no ref of the push reaches are refused, whatever they are, and stay out', async () => {
    const both = await packOf(story.source, [oid('left'), oid('added'), `^${oid('base')}`]);
    const body = requestOf([[zero, oid('left'), 'refs/heads/left']], capabilities, both);
    const lines = (await hiding.send('web', body)).join('\n');
    assert.match(lines, /ng refs\/heads\/left refused: .*HIDDEN_OBJECTS/);
    assert.match(lines, /no-secrets: github-pat/);
    for (const name of ['left', 'added']) assert.equal(await has(story.upstream, oid(name)), false);
  });

  test('neither a lone blob, nor a tree, nor a blob behind the oid of a submodule, is overlooked', async () => {
    const content = Buffer.from(secret(7));
    const blob = oidOf('blob', content);
    const root = tree(treeEntry('160000', 'sub', blob));
    const plain = tree(
      treeEntry('100644', 'x', await git(['rev-parse', 'base:run.sh'], { cwd: story.source })),
    );
    const lone = tree(treeEntry('100644', token(8), blob));
    for (const [of, more] of [
      [root, [entry('blob', content)]],
      [plain, [entry('blob', content)]],
      [plain, [entry('tree', lone)]],
    ] as const) {
      const made = commit(commitLines([oid('base')], oidOf('tree', of)));
      const bytes = pack([entry('commit', made), entry('tree', of), ...more]);
      const body = requestOf([[zero, oidOf('commit', made), 'refs/heads/lone']], capabilities, bytes);
      assert.match(
        (await hiding.send('web', body)).join('\n'),
        /ng refs\/heads\/lone refused: .*HIDDEN_OBJECTS/,
      );
      assert.equal(await has(story.upstream, oidOf('commit', made)), false);
    }
  });

  test('wherever it stands among several refs, the others do not carry it to the upstream', async () => {
    const earlier = await refs();
    const order = ['left', 'added', 'third'];
    for (let n = 0; n < 3; n++) {
      const names = [...order.slice(n), ...order.slice(0, n)];
      const bytes = await packOf(story.source, [...names.map(oid), `^${oid('base')}`]);
      const list = names.map((name) => [zero, oid(name), `refs/heads/${name}`] as const);
      const lines = await hiding.send('web', requestOf(list, capabilities, bytes));
      for (const name of names)
        assert.ok(
          lines.some((line) => line.startsWith(`ng refs/heads/${name} refused`)),
          lines.join('\n'),
        );
      assert.equal(await has(story.upstream, oid('added')), false);
    }
    assert.equal(await refs(), earlier);
  });

  test('without the rule all of it goes through', async () => {
    await hiding.policy({ rules: [] });
    const run = await hiding.push(
      'web',
      [...Object.keys(told), 'added', 'left'].map((name) => `refs/heads/${name}`),
    );
    assert.equal(run.status, 0, run.stderr);
    for (const name of Object.keys(told)) assert.ok(await has(story.upstream, oid(name)));
  });
});

/** A pack of exactly these objects, in this order. */
async function packed(gitDir: string, oids: readonly string[]): Promise<Buffer> {
  const entries: Buffer[] = [];
  for (const oid of oids) {
    const type = await git(['cat-file', '-t', oid], { cwd: gitDir });
    const { stdoutBytes } = await runGit(['cat-file', type, oid], { cwd: gitDir });
    entries.push(entry(type as 'blob', stdoutBytes));
  }
  return pack(entries);
}
