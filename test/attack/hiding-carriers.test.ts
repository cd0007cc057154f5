/**
 * Attack: a secret that is in no file.
 * 1. Mallory puts a token into the message of a commit or tag, the name or address of an author, committer or tagger,
 *    a signature, an embedded tag or any other line of a commit's head, a path, the name of a ref, a push option.
 * 2. Or into what is a file to git and to nobody else: the target of a symlink, a URL in .gitmodules.
 * 3. Or pushes no objects at all: a deletion, with the token in a push option.
 * Each of them is found and says where it is, and without the rule each of them would have gone through.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { encodePkt, flushPkt } from '../../src/git/pkt-line.ts';
import { endsWithFile } from '../fault/scene.ts';
import { requestOf, zero } from '../scenario/raw-push.ts';
import { git } from '../support/git.ts';
import { data } from '../support/repos.ts';
import { base, type Hiding, hide, type Story, token, writeObject } from './hiding.ts';
import { emptyPack } from './siege.ts';

const file = endsWithFile();
const person = 'Ann <a@example.com> 1700000000 +0000';

describe('a token in what is no file', () => {
  let hiding: Hiding;
  let story: Story;
  let root = '';
  before(async () => {
    hiding = await hide(file);
    story = await hiding.story('web', [
      base,
      { name: 'message', parents: ['base'], message: `deploy\n\nwith ${token(1)}\n` },
      { name: 'author', parents: ['base'], author: token(2) },
      { name: 'symlink', parents: ['base'], lines: `M 120000 inline link\n${data(`/srv/${token(3)}`)}` },
      { name: 'path', parents: ['base'], files: { [`keys/${token(4)}/readme.txt`]: 'x\n' } },
      {
        name: 'modules',
        parents: ['base'],
        lines: `M 100644 inline .gitmodules\n${data(`[submodule "a"]\n\tpath = a\n\turl = https://bot:${token(5)}@git.example.com/a.git\n`)}M 160000 ${'1'.repeat(40)} a\n`,
      },
    ]);
    root = await git(['rev-parse', 'base^{tree}'], { cwd: story.source });
    await git(['config', 'receive.advertisePushOptions', 'true'], { cwd: story.upstream });
  });

  /** A commit on top of base with these lines below its tree and parent, under refs/heads/NAME. */
  async function rawCommit(name: string, lines: readonly string[], message = 'm\n'): Promise<void> {
    const head = [`tree ${root}`, `parent ${story.oids['base']}`, ...lines, '', message].join('\n');
    const oid = await writeObject(story.source, 'commit', head);
    await git(['update-ref', `refs/heads/${name}`, oid], { cwd: story.source });
  }

  const from = [`author ${person}`, `committer ${person}`];

  const rawCommits: readonly [string, number, readonly string[]][] = [
    ['committer', 10, [`author ${person}`, `committer Bot <${token(10)}@example.com> 1700000000 +0000`]],
    [
      'signature',
      11,
      [...from, 'gpgsig -----BEGIN PGP SIGNATURE-----', ' ', ` ${token(11)}`, ' -----END PGP SIGNATURE-----'],
    ],
    [
      'embedded-tag',
      12,
      [
        ...from,
        `mergetag object ${'1'.repeat(40)}`,
        ' type commit',
        ' tag v0',
        ` tagger ${person}`,
        ' ',
        ` ${token(12)}`,
      ],
    ],
    ['extra-line', 13, [...from, `x-build ${token(13)}`]],
    ['encoding', 14, [...from, `encoding ${token(14)}`]],
  ];

  test('commits and files', async () => {
    for (const [name, , lines] of rawCommits) await rawCommit(name, lines);
    const names = ['message', 'author', 'symlink', 'path', 'modules', ...rawCommits.map(([name]) => name)];
    const run = await hiding.push(
      'web',
      names.map((name) => `refs/heads/${name}`),
      'ssh',
    );
    assert.equal(run.status, 1);
    const fates = await hiding.fates('web');
    assert.deepEqual(Object.keys(fates).sort(), [...names].sort());
    const where: Readonly<Record<string, RegExp>> = {
      message: /in the message of commit/,
      author: /in the author line of commit/,
      committer: /in the committer line of commit/,
      symlink: /in link:1 of commit/,
      path: /in keys\/\S+ of commit/,
      modules: /in \.gitmodules:3 of commit/,
    };
    for (const name of names) {
      assert.ok(fates[name]?.rules.includes('no-secrets'), `${name}: ${run.stderr}`);
      assert.match(
        fates[name]?.text ?? '',
        where[name] ?? /github-pat ghp_\S+ in the message of commit/,
        name,
      );
    }
    assert.equal(
      await git(['for-each-ref', '--format=%(refname)'], { cwd: story.upstream }),
      'refs/heads/base',
    );
  });

  test('tags, and tags of tags', async () => {
    const target = story.oids['base'] ?? '';
    const tagOf = (oid: string, type: string, tagger: string, message: string) =>
      writeObject(
        story.source,
        'tag',
        `object ${oid}\ntype ${type}\ntag v\ntagger ${tagger}\n\n${message}\n`,
      );
    const inner = await tagOf(target, 'commit', person, `inner ${token(20)}`);
    const tags: Readonly<Record<string, string>> = {
      message: inner,
      nested: await tagOf(inner, 'tag', person, 'outer'),
      tagger: await tagOf(target, 'commit', `${token(21)} <a@example.com> 1700000000 +0000`, 'm'),
      signed: await tagOf(target, 'commit', person, `m\n-----BEGIN PGP SIGNATURE-----\n${token(22)}\n`),
    };
    for (const [name, oid] of Object.entries(tags))
      await git(['update-ref', `refs/tags/${name}`, oid], { cwd: story.source });
    for (const name of Object.keys(tags)) {
      const run = await hiding.push('web', [`refs/tags/${name}`]);
      assert.match(run.stderr, name === 'tagger' ? /in the tagger line/ : /in the message of the tag/, name);
      assert.match(run.stderr, /\[remote rejected\].*no-secrets/);
    }
  });

  test('names of refs', async () => {
    const run = await hiding.push('web', [`refs/heads/base:refs/heads/deploy/${token(30)}`]);
    assert.match(run.stderr, /github-pat ghp_\S+\*\*\*\S+ in the ref name; choose another name/);
  });

  test('push options, also of a push that only deletes', async () => {
    await hiding.policy({ rules: [] });
    const made = await hiding.push('web', ['base:refs/heads/gone']);
    assert.equal(made.status, 0, made.stderr);
    await hiding.policy({});
    const option = `deploy.key=${token(31)}`;
    const created = await hiding.push('web', ['-o', option, 'base:refs/heads/x']);
    assert.match(created.stderr, /github-pat \S+ in a push option; push again without that option/);
    const deleted = await hiding.push('web', ['-o', option, ':refs/heads/gone'], 'ssh');
    assert.match(deleted.stderr, /\[remote rejected\].*no-secrets/);
    assert.match(await git(['for-each-ref'], { cwd: story.upstream }), /refs\/heads\/gone/);
    assert.equal((await hiding.push('web', ['-o', 'ci.skip', ':refs/heads/gone'], 'ssh')).status, 0);
  });

  test('an option by hand that says PACK does not begin the pack', async () => {
    const option = `PACK\0\0\0\u0002 ${token(32)}`;
    const capabilities = 'report-status side-band-64k push-options object-format=sha1';
    const list = requestOf([[zero, story.oids['base'] ?? '', 'refs/heads/p']], capabilities);
    const body = Buffer.concat([list, encodePkt(option), flushPkt, emptyPack]);
    const lines = await hiding.send('web', body).catch((error: Error) => [error.message]);
    assert.doesNotMatch(lines.join('\n'), /^ok /m);
    assert.doesNotMatch(await git(['for-each-ref'], { cwd: story.upstream }), /heads\/p$/m);
  });

  test('without the rule all of it goes through', async () => {
    await hiding.policy({ rules: [] });
    const run = await hiding.push('web', [
      '-o',
      `k=${token(31)}`,
      'refs/heads/*:refs/heads/*',
      'refs/tags/*:refs/tags/*',
    ]);
    assert.equal(run.status, 0, run.stderr);
  });
});
