/**
 * A masked reader looks for the oid of an original whose secret is weak: with it, and with all the rest of the object, the
 * secret could be guessed without limit and without anybody seeing it.
 * 1. They read what people wrote: `cherry picked from commit ...` of another branch, `Fixes: ...`, in capitals too, a tag that
 *    names a tree or a blob, an ident, an odd header, an embedded tag; before the named branch comes in the order of history, and behind it.
 * 2. They amend such a message, or write its alias elsewhere, to see what it stands for.
 * 3. They quote commits of their view, so that the way back writes originals where the next reader finds them.
 * No original oid of an affected object is anywhere in a clone, but where its bytes were shown before it was affected.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { buildView } from '../../src/mask/build/build-view.ts';
import type { Tips } from '../../src/mask/build/contract.ts';
import { extendView } from '../../src/mask/build/extend-view.ts';
import { scanOriginals } from '../../src/mask/build/scan-originals.ts';
import { git, initBare, runGit, tempDir } from '../support/git.ts';
import { Folder, HistoryWriter, setRefs } from '../support/history-writer.ts';
import { openMaskFolder, tipsOf } from '../support/mask-folder.ts';
import { MaskedClone, type WorkTree } from '../support/masked-clone.ts';
import { secretMaker } from '../support/secret-history.ts';

const main = 'refs/heads/main';
const next = secretMaker(31);
const alias = /REDACTED-oid-[0-9a-f]{16}/;

const oidsOf = async (gitDir: string): Promise<readonly string[]> =>
  (await git(['cat-file', '--batch-all-objects', '--batch-check=%(objectname)'], { cwd: gitDir })).split(
    '\n',
  );

/** Affected originals whose whole oids are in any object that the repository holds, as hex or as bytes. */
async function shownOids(gitDir: string, originals: string): Promise<readonly string[]> {
  const all = await runGit(['cat-file', '--batch-all-objects', '--batch'], { cwd: gitDir });
  const bytes = all.stdoutBytes.toString('latin1');
  const text = bytes.toLowerCase();
  const served = new Set(await oidsOf(gitDir));
  const hidden = (await oidsOf(originals)).filter((oid) => !served.has(oid));
  assert.ok(hidden.length > 3);
  const raw = (oid: string) => Buffer.from(oid, 'hex').toString('latin1');
  return hidden.filter((oid) => text.includes(oid) || bytes.includes(raw(oid)));
}

for (const format of ['sha1', 'sha256'] as const)
  test(`however a text names an affected object, no clone holds its oid (${format})`, async (t) => {
    const gitDir = join(tempDir(t), 'up.git');
    await initBare(gitDir, format);
    const writer = new HistoryWriter(format);
    const plain = new Folder().with('a', writer.file('a\n'));
    const leaky = plain.with('.env', writer.file(`key=${next()}\n`));
    const root = writer.commit({ tree: plain, message: 'root\n' });
    const secret = writer.commit({ tree: leaky, parents: [root], message: 'secret\n' });
    const behind = writer.commit({ tree: plain, parents: [secret], message: 'behind\n' });
    const tag = writer.tag('v1', 'commit', behind, 'v1\n');
    const blob = leaky.at('.env')?.oid as string;
    const tree = leaky.write(writer);
    const refs = new Map([['refs/heads/m-side', behind]]);
    const named: string[] = [];
    const commit = (text: Partial<Parameters<HistoryWriter['commit']>[0]>): string => {
      const oid = writer.commit({ tree: plain, parents: [root], message: 'x\n', ...text });
      named.push(oid);
      // Some before the branch that they name, some behind it.
      refs.set(`refs/heads/${named.length % 2 === 0 ? 'a' : 'z'}-${named.length}`, oid);
      return oid;
    };
    for (const oid of [secret, behind, tag, blob, tree])
      commit({ message: `pick\n\n(cherry picked from commit ${oid})\n` });
    commit({ message: `Fixes: ${secret.toUpperCase()}` });
    commit({ author: `of ${behind} <${secret}@example.com>` });
    commit({ headers: `x-from ${secret}\nx-more\n and ${behind}\n` });
    commit({ headers: `parent ${secret}\n` });
    const merged = writer.tagText('m', 'commit', secret, 'merged');
    commit({ headers: `mergetag ${merged.replaceAll('\n', '\n ')}\n` });
    // Affected by its text alone: who names it is, too.
    const first = commit({ message: `see ${secret}\n` });
    commit({ message: `see ${first}\n` });
    commit({ parents: [first], message: `an ancestor ${first}, and ${behind}\n` });
    const below = commit({ parents: [behind], message: `an ancestor ${secret}\n`, headers: `x ${secret}\n` });
    const free = writer.commit({
      tree: plain,
      parents: [root],
      message: `${root} ${'ab'.repeat(secret.length >> 1)}\n`,
    });
    refs.set(main, free);
    refs.set('refs/tags/tree', writer.tag('tree', 'tree', plain.write(writer), `see ${tree}, ${blob}\n`));
    refs.set('refs/tags/v1', tag);
    refs.set(`refs/tags/v2`, writer.tag('v2', 'commit', root, `see ${tag}\n`));
    await writer.flush(gitDir);
    await setRefs(gitDir, refs);
    const folder = await openMaskFolder(gitDir, format);
    t.after(() => folder.close());
    const tips = await tipsOf(gitDir);
    const built = await buildView(folder.context(), tips);
    const report = await scanOriginals(folder.context(), tips);
    assert.deepEqual(
      [built.commits, built.changedCommits, built.values, report.changedCommits],
      [4 + named.length, 2 + named.length, 1, 2 + named.length],
    );
    const some: Tips = { ...tips, refs: tips.refs.filter(({ ref }) => ref.includes('side')) };
    await extendView(folder.context({ epoch: 2 }), some);
    assert.deepEqual(await extendView(folder.context({ epoch: 2 }), tips), built);
    assert.deepEqual(await extendView(folder.context({ epoch: 3 }), tips), built);
    const clone = join(tempDir(t), 'clone.git');
    await git(['clone', '--quiet', '--mirror', folder.view(), clone]);
    for (const place of [clone, folder.view(1), folder.view(2), folder.view(3)])
      assert.deepEqual(await shownOids(place, gitDir), []);
    const viewOf = (oid: string) => folder.rows.viewOf(oid, 1)?.oid as string;
    const show = (oid: string) => git(['cat-file', '-p', viewOf(oid)], { cwd: folder.view() });
    assert.match(await show(first), alias);
    assert.match(await show(below), new RegExp(`x ${viewOf(secret)}[^]*an ancestor ${viewOf(secret)}`));
    assert.equal(await git(['rev-parse', main], { cwd: folder.view() }), free);
  });

test('what was shown stays as it was when an object that it names comes later; a view that is made anew differs', async (t) => {
  const gitDir = join(tempDir(t), 'up.git');
  await initBare(gitDir);
  const writer = new HistoryWriter();
  const plain = new Folder().with('a', writer.file('a\n'));
  const root = writer.commit({ tree: plain, message: 'root\n' });
  const leaky = plain.with('.env', writer.file(`key=${next()}\n`));
  const secret = writer.commit({ tree: leaky, parents: [root], message: 'secret\n' });
  const early = writer.commit({ tree: plain, parents: [root], message: `see ${secret}\n` });
  const late = writer.commit({ tree: plain, parents: [early], message: `see ${secret} again\n` });
  await writer.flush(gitDir);
  const folder = await openMaskFolder(gitDir);
  t.after(() => folder.close());
  const tips = (oid: string, ...side: string[]): Tips => ({
    refs: [{ ref: main, oid }, ...side.map((one) => ({ ref: 'refs/heads/side', oid: one }))],
    head: main,
  });
  assert.equal((await buildView(folder.context(), tips(early))).tips.refs[0]?.oid, early);
  assert.equal((await extendView(folder.context(), tips(early, secret))).tips.refs[0]?.oid, early);
  const extended = await extendView(folder.context(), tips(late, secret));
  assert.notEqual(extended.tips.refs[0]?.oid, late);
  assert.equal(await git(['rev-parse', `${main}^`], { cwd: folder.view() }), early);
  const anew = await buildView(folder.context({ epoch: 2 }), tips(late, secret));
  assert.deepEqual([extended.changedCommits, anew.changedCommits], [2, 3]);
  assert.deepEqual(await shownOids(folder.view(2), gitDir), []);
});

test('ids that name nothing change nothing, however many there are', async (t) => {
  const gitDir = join(tempDir(t), 'up.git');
  await initBare(gitDir);
  const writer = new HistoryWriter();
  const id = (n: number) => n.toString(16).padStart(40, 'c');
  const ids = Array.from({ length: 20_000 }, (_, n) => id(n)).join('\n');
  const tree = new Folder().with('.env', writer.file(`key=${next()}\n`));
  const free = writer.commit({ tree: new Folder().with('a', writer.file('a\n')), message: `${ids}\n` });
  const secret = writer.commit({ tree, parents: [free], message: `${ids}\n` });
  await writer.flush(gitDir);
  await setRefs(gitDir, [[main, secret]]);
  const folder = await openMaskFolder(gitDir);
  t.after(() => folder.close());
  const tips = await tipsOf(gitDir);
  const built = await buildView(folder.context(), tips);
  assert.deepEqual(await extendView(folder.context({ epoch: 2 }), tips), built);
  const shown = await git(['cat-file', 'commit', main], { cwd: folder.view() });
  assert.ok(shown.includes(ids));
  assert.equal(await git(['rev-parse', `${main}^`], { cwd: folder.view() }), free);
});

let clone: MaskedClone;
const closers: (() => unknown)[] = [];

async function story(tree: WorkTree): Promise<void> {
  tree.write('a.txt', 'a\n');
  await tree.commit('root');
  await tree.git('branch', 'side');
  await tree.git('checkout', '--quiet', 'side');
  tree.write('.env', `key=${next()}\n`);
  await tree.commit('secret');
  for (const name of ['b', 'c']) {
    tree.write(`${name}.txt`, `${name}\n`);
    await tree.commit(name);
  }
  await tree.git('checkout', '--quiet', 'main');
  await tree.git('cherry-pick', '-x', 'side~1');
  await tree.git('tag', '-a', '-m', `of ${await tree.git('rev-parse', 'side')}`, 'v1');
}

before(async () => {
  clone = await MaskedClone.of({ after: (close) => closers.push(close) }, story);
});
after(async () => {
  for (const close of closers.reverse()) await close();
});

test('an alias that stays in an amended message or a tag made anew is the oid of the original again', async () => {
  const amend = async (tree: WorkTree): Promise<void> => {
    const message = await tree.git('log', '-1', '--format=%B');
    await tree.git('commit', '--quiet', '--amend', '-m', `better ${message}`);
  };
  const push = await clone.sameEdit('main', amend);
  const original = await clone.person.git('rev-parse', 'origin/side~1');
  const amended = push.restored.updates[0]?.newOid as string;
  assert.ok((await clone.show(amended)).includes(`(cherry picked from commit ${original})`));
  assert.equal(clone.rows.pinOf(amended), undefined);
  assert.match(await clone.agent.git('log', '-1', '--format=%B'), alias);
  const { agent } = clone;
  const words = await agent.git('tag', '-l', '--format=%(contents)', 'v1');
  assert.match(words, alias);
  const old = await agent.git('rev-parse', 'v1');
  await agent.git('tag', '-f', '-a', '-m', `anew ${words}`, 'v1');
  const retagged = await clone.push({
    ref: 'refs/tags/v1',
    newOid: await agent.git('rev-parse', 'v1'),
    oldOid: old,
  });
  await clone.accept(retagged);
  const shown = await git(['cat-file', '-p', retagged.restored.updates[0]?.newOid as string], {
    cwd: clone.originals,
  });
  assert.ok(shown.includes(`anew of ${await clone.person.git('rev-parse', 'origin/side')}`));
});

test('an alias that is written where it did not stand stays what it is', async () => {
  const { agent } = clone;
  const found = alias.exec(await agent.git('log', '-1', '--format=%B', 'origin/main'))?.[0] as string;
  await agent.git('checkout', '--quiet', '--force', '-B', 'elsewhere', 'origin/side');
  const newOid = await agent.commit(`what is ${found}, and REDACTED-oid-${'0'.repeat(16)}?`);
  const push = await clone.push({ ref: 'refs/heads/elsewhere', newOid });
  await clone.accept(push);
  assert.ok((await clone.show(push.restored.updates[0]?.newOid as string)).includes(found));
  assert.deepEqual(await shownOids(clone.view, clone.originals), []);
});

test('a commit of the view that is quoted is the original upstream, and in every view what was pushed', async () => {
  const { agent, person } = clone;
  const oids: string[] = [];
  for (const tree of [agent, person]) {
    await tree.git('checkout', '--quiet', '--force', '-B', 'quoting', 'origin/main');
    await tree.git('cherry-pick', '-x', 'origin/side');
    oids.push(await tree.tip());
  }
  const push = await clone.push({ ref: 'refs/heads/quoting', newOid: oids[0] as string });
  assert.equal(push.restored.updates[0]?.newOid, oids[1]);
  await clone.accept(push);
  assert.ok(clone.rows.pinOf(oids[1] as string));
  await clone.showValues();
  assert.equal(await clone.viewRef('refs/heads/quoting'), oids[0]);
  assert.deepEqual(await shownOids(clone.view, clone.originals), []);
});
