/**
 * Attack: to give a name to what the upstream already holds and nobody has reviewed.
 * 1. A leaked commit, tag, tree or blob lies on the upstream without a ref: its branch was deleted, and git keeps it.
 * 2. Mallory pushes no content at all: an empty pack, and a ref that names the commit, the tag, the tree or the blob.
 * 3. Or a new tag, or a tag of a tag, that names it, and says what it is, or lies about that.
 * 4. Or a new commit of which only the commit itself is in the pack: its tree, or a file of it, is what lies there.
 * 5. Or a branch is moved onto what another branch has.
 * What the pack leaves out is read from the upstream and judged like content of the push, and what cannot be judged is refused.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { endsWithFile } from '../fault/scene.ts';
import { requestOf, zero } from '../scenario/raw-push.ts';
import { git } from '../support/git.ts';
import { commit, commitLines, entry, oidOf, pack, tree, treeEntry } from '../support/pack-builder.ts';
import { base, type Hiding, hide, type Story, token, writeObject } from './hiding.ts';
import { emptyPack } from './siege.ts';

const file = endsWithFile();
const capabilities = 'report-status side-band-64k object-format=sha1';
const tagger = 'Ann <a@example.com> 1700000000 +0000';
const tagOf = (oid: string, type: string, message = 'a release'): Buffer =>
  Buffer.from(`object ${oid}\ntype ${type}\ntag v1\ntagger ${tagger}\n\n${message}\n`);

describe('what lies on the upstream without a ref', () => {
  let hiding: Hiding;
  let story: Story;
  let leak = '';
  let blob = '';
  let folder = '';
  before(async () => {
    hiding = await hide(file);
    story = await hiding.story('web', [
      base,
      { name: 'leak', parents: ['base'], files: { 'a.txt': `${token(1)}\n` } },
      { name: 'other', parents: ['base'], files: { 'b.txt': `${token(2)}\n` } },
    ]);
    await git(['push', '--quiet', story.upstream, 'refs/heads/leak', 'refs/heads/other'], {
      cwd: story.source,
    });
    await git(['update-ref', '-d', 'refs/heads/leak'], { cwd: story.upstream });
    leak = story.oids['leak'] ?? '';
    blob = await writeObject(story.upstream, 'blob', `${token(3)}\n`);
    folder = await writeObject(story.upstream, 'tree', tree(treeEntry('100644', 'c.txt', blob)));
  });

  const refs = (): Promise<string> => git(['for-each-ref'], { cwd: story.upstream });

  /** Pushes the objects, and one new ref that names the last of them, or else `oid`. */
  async function refused(ref: string, oid: string, entries: readonly Buffer[], why: RegExp): Promise<void> {
    const earlier = await refs();
    const body = entries.length === 0 ? emptyPack : pack(entries);
    const lines = await hiding.send('web', requestOf([[zero, oid, ref]], capabilities, body));
    assert.match(lines.join('\n'), new RegExp(`ng ${ref} refused`));
    assert.match(lines.join('\n'), why);
    assert.equal(await refs(), earlier);
  }

  const secret = /no-secrets: github-pat/;
  const unread = /HISTORY_UNKNOWN/;

  test('a ref that names a commit is refused for the secret in it', () =>
    refused('refs/heads/x', leak, [], secret));

  test('a ref that names a tag, a tree or a blob is refused', async () => {
    const toLeak = await writeObject(story.upstream, 'tag', tagOf(leak, 'commit'));
    const ofSecret = await writeObject(
      story.upstream,
      'tag',
      tagOf(story.oids['base'] ?? '', 'commit', token(4)),
    );
    for (const oid of [toLeak, ofSecret]) await refused('refs/tags/x', oid, [], unread);
    for (const oid of [folder, blob]) await refused('refs/tags/x', oid, [], secret);
  });

  test('a new tag does not give a name to it', async () => {
    const inner = await writeObject(story.upstream, 'tag', tagOf(leak, 'commit', 'inner'));
    const cases: readonly [string, string, RegExp][] = [
      [leak, 'commit', secret],
      [inner, 'tag', unread],
      [folder, 'tree', secret],
      [blob, 'blob', secret],
      [leak, 'tree', unread],
      [leak, 'blob', unread],
      [inner, 'commit', /refused/],
    ];
    for (const [oid, type, why] of cases) {
      const content = tagOf(oid, type);
      await refused('refs/tags/x', oidOf('tag', content), [entry('tag', content)], why);
      const outer = tagOf(oidOf('tag', content), 'tag');
      const both = [entry('tag', outer), entry('tag', content)];
      await refused('refs/tags/x', oidOf('tag', outer), both, why);
    }
  });

  test('a new commit whose tree, or whose file, is not in the pack is refused for the secret in it', async () => {
    const parents = [story.oids['base'] ?? ''];
    const bare = commit(commitLines(parents, folder));
    await refused('refs/heads/x', oidOf('commit', bare), [entry('commit', bare)], /in c\.txt:1 of commit/);
    const own = tree(treeEntry('100644', 'd.txt', blob));
    const thin = commit(commitLines(parents, oidOf('tree', own)));
    const both = [entry('tree', own), entry('commit', thin)];
    await refused('refs/heads/x', oidOf('commit', thin), both, /in d\.txt:1 of commit/);
  });

  test('a branch that moves onto another branch is refused for what it would bring', async () => {
    const to = story.oids['other'] ?? '';
    const moved = [[story.oids['base'] ?? '', to, 'refs/heads/base']] as const;
    const lines = await hiding.send('web', requestOf(moved, capabilities, emptyPack));
    assert.match(lines.join('\n'), /ng refs\/heads\/base refused: no-secrets/);
    assert.match(lines.join('\n'), /in b\.txt:1/);
  });

  test('a branch from the middle of a history, and a second name of a branch, are no secret of anybody', async () => {
    const { oids, upstream } = story;
    for (const [ref, oid] of [
      ['refs/heads/same', oids['other'] ?? ''],
      ['refs/heads/middle', oids['base'] ?? ''],
    ] as const) {
      const lines = await hiding.send('web', requestOf([[zero, oid, ref]], capabilities, emptyPack));
      assert.ok(lines.includes(`ok ${ref}`), lines.join('\n'));
      assert.equal(await git(['rev-parse', ref], { cwd: upstream }), oid);
    }
  });
});
