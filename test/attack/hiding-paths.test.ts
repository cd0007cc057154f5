/**
 * Attack: to change a file that a rule keeps, under a path that the rule does not name.
 * 1. The policy keeps .github/workflows, deploy and café, and takes no executables.
 * 2. Mallory writes the path in another case, in full-width letters, decomposed, with characters that nobody sees;
 *    with a slash, a dot or a backslash in a name, or a name twice.
 * 3. Or puts a symlink or a submodule in the place of the folder; or swaps a file for a folder.
 * 4. Or moves a kept file away, or an innocent one to the kept place; or calls an executable .txt.
 * 5. Or changes 100,000 files, so that nobody looks at the last one, with a message made for patterns that backtrack.
 * The rules speak of each, and the server answers.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { endsWithFile } from '../fault/scene.ts';
import { requestOf, zero } from '../scenario/raw-push.ts';
import { git, initBare } from '../support/git.ts';
import { commit, commitLines, entry, oidOf, pack, tree, treeEntry } from '../support/pack-builder.ts';
import { base, type Hiding, type HidingPolicy, has, hide } from './hiding.ts';
import { pushOfFiles } from './hiding-packs.ts';

const file = endsWithFile();
const policy: HidingPolicy = {
  rules: [
    { name: 'kept', when: { path: ['.github/workflows/**', '/deploy/**', 'caf\u00e9/**'] }, then: 'deny' },
    { name: 'no-programs', when: { file: { type: ['elf', 'pe'] } }, then: 'deny' },
    { name: 'messages', when: { commit: { message: '^(a+)+$' } }, then: 'deny' },
  ],
};
const wide = (text: string): string =>
  [...text].map((char) => String.fromCodePoint((char.codePointAt(0) ?? 0) + 0xfee0)).join('');

/** Paths that a rule means. */
const meant: Readonly<Record<string, string>> = {
  plain: '.github/workflows/x.yml',
  case: '.GitHub/Workflows/x.yml',
  wide: `.github/${wide('workflows')}/x.yml`,
  invisible: '.github/work\u200bflows/x.yml',
  joiner: '.git\u2060hub/workflows/x.yml',
  soft: '.github/workflows\u00ad/x.yml',
  deep: '.github/workflows/a/b/c/x.yml',
  decomposed: 'cafe\u0301/menu.txt',
  composed: 'CAF\u00c9/menu.txt',
};

/** What no tree may hold. */
const malformed: Readonly<Record<string, string>> = {
  'slash in a name': 'deploy/',
  'empty name': '',
  dots: '..',
  dot: '.',
};

describe('a path that a rule does not name', () => {
  let hiding: Hiding;
  before(async () => {
    hiding = await hide(file, policy);
    await initBare(hiding.bastion.gitDir('web'));
  });

  test('whatever reads like a kept path is kept', async () => {
    const files = Object.entries(meant).map(([ref, path]) => [ref, { path, content: 'on: push\n' }] as const);
    const innocent = { path: 'docs/.github-workflows.md', content: 'x\n' };
    const { body, oids } = pushOfFiles({ ...Object.fromEntries(files), innocent });
    await hiding.send('web', body);
    const fates = await hiding.fates('web');
    for (const ref of Object.keys(meant)) assert.deepEqual(fates[ref]?.rules, ['kept'], `${ref}`);
    assert.deepEqual(fates['innocent']?.rules, ['shared-pack']);
    assert.equal(await has(hiding.bastion.gitDir('web'), oids['plain'] ?? ''), false);
    const alone = await hiding.send('web', pushOfFiles({ innocent }).body);
    assert.ok(alone.includes('ok refs/heads/innocent'), alone.join('\n'));
  });

  for (const [what, name] of Object.entries(malformed))
    test(`a tree with ${what} is refused`, async () => {
      const content = Buffer.from('x\n');
      const root = tree(treeEntry('100644', name, oidOf('blob', content)));
      const made = commit(commitLines([], oidOf('tree', root)));
      const bytes = pack([entry('commit', made), entry('tree', root), entry('blob', content)]);
      const list = requestOf(
        [[zero, oidOf('commit', made), 'refs/heads/bad']],
        'report-status side-band-64k object-format=sha1',
        bytes,
      );
      assert.match((await hiding.send('web', list)).join('\n'), /ng refs\/heads\/bad refused: OBJECT_/);
    });

  test('a symlink or a submodule in the place of a kept folder is that folder', async () => {
    const { body } = pushOfFiles({
      link: { path: 'deploy', content: 'elsewhere', mode: '120000' },
      module: { path: 'deploy', content: '', mode: '160000' },
      inner: { path: '.github/workflows', content: '../ci', mode: '120000' },
      upper: { path: '.github', content: 'ci', mode: '120000' },
      cased: { path: 'Deploy', content: 'elsewhere', mode: '120000' },
    });
    await hiding.send('web', body);
    const fates = await hiding.fates('web');
    for (const ref of ['link', 'module', 'inner', 'upper', 'cased'])
      assert.deepEqual(fates[ref]?.rules, ['kept'], `${ref}: ${JSON.stringify(fates[ref])}`);
  });

  test('a program is one whatever its name, its mode or what is before it in the push', async () => {
    const { body } = pushOfFiles({
      'elf-txt': { path: 'notes.txt', content: Buffer.from('\x7fELF\x02\x01\x01\0\0\0\0', 'latin1') },
      'pe-md': {
        path: 'README.md',
        content: Buffer.concat([
          Buffer.from('MZ'),
          Buffer.alloc(58),
          Buffer.from([64, 0, 0, 0]),
          Buffer.from('PE\0\0'),
        ]),
      },
      'text-exe': { path: 'tool.exe', content: 'only a text\n' },
    });
    await hiding.send('web', body);
    const fates = await hiding.fates('web');
    assert.deepEqual(fates['elf-txt']?.rules, ['no-programs']);
    assert.deepEqual(fates['pe-md']?.rules, ['no-programs']);
    assert.deepEqual(fates['text-exe']?.rules, ['shared-pack']);
  });

  test('moves to and from a kept place, and a file that becomes a kept folder, are changes of it', async () => {
    await hiding.policy({ rules: [] });
    await hiding.story('moves', [
      {
        ...base,
        files: { 'readme.txt': 'hello\n', 'deploy/run.sh': 'echo run\n', '.github/workflows': 'a file\n' },
      },
      { name: 'away', parents: ['base'], files: { 'deploy/run.sh': undefined, 'run.sh': 'echo run\n' } },
      { name: 'there', parents: ['base'], files: { 'readme.txt': undefined, 'deploy/b.sh': 'hello\n' } },
      { name: 'gone', parents: ['base'], files: { 'deploy/run.sh': undefined } },
      {
        name: 'folder',
        parents: ['base'],
        files: { '.github/workflows': undefined, '.github/workflows/x.yml': 'on: push\n' },
      },
      { name: 'mode', parents: ['base'], lines: 'M 100755 inline deploy/run.sh\ndata 9\necho run\n\n' },
    ]);
    await hiding.policy(policy);
    const names = ['away', 'there', 'gone', 'folder', 'mode'];
    await hiding.push(
      'moves',
      names.map((name) => `refs/heads/${name}`),
      'ssh',
    );
    const fates = await hiding.fates('moves');
    for (const name of names) assert.deepEqual(fates[name]?.rules, ['kept'], name);
  });

  test('the last of 100,000 files is seen, and a message that makes patterns backtrack is answered', async () => {
    const content = Buffer.from('x\n');
    const oid = oidOf('blob', content);
    const entries = Array.from({ length: 100_000 }, (_, n) =>
      treeEntry('100644', `aaaaaaaaaaaaaaaa-${String(n).padStart(6, '0')}`, oid),
    );
    const folder = tree(treeEntry('100644', 'run.sh', oid));
    const root = tree(...entries, treeEntry('40000', 'deploy', oidOf('tree', folder)));
    const made = commit(commitLines([], oidOf('tree', root)), `${'a'.repeat(5_000)}!\n`);
    const bytes = pack([
      entry('commit', made),
      ...[root, folder].map((one) => entry('tree', one)),
      entry('blob', content),
    ]);
    await hiding.policy({
      rules: [
        ...(policy.rules ?? []),
        { name: 'stars', when: { path: '*a*a*a*a*a*a*a*a*b*' }, then: 'deny' },
      ],
    });
    const list = requestOf(
      [[zero, oidOf('commit', made), 'refs/heads/large']],
      'report-status side-band-64k object-format=sha1',
      bytes,
    );
    await hiding.send('web', list);
    const fates = await hiding.fates('web');
    assert.deepEqual(fates['large']?.rules, ['kept']);
    assert.match(fates['large']?.text ?? '', /deploy\/run\.sh in /);
  });

  test('without the rules all of it goes through', async () => {
    await hiding.policy({ rules: [] });
    const files = Object.entries(meant).map(([ref, path]) => [ref, { path, content: 'on: push\n' }] as const);
    const lines = await hiding.send('web', pushOfFiles(Object.fromEntries(files)).body);
    for (const ref of Object.keys(meant)) assert.ok(lines.includes(`ok refs/heads/${ref}`), lines.join('\n'));
    assert.match(await git(['for-each-ref'], { cwd: hiding.bastion.gitDir('web') }), /refs\/heads\/plain/);
  });
});
