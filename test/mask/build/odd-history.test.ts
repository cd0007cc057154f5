import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { seededRandom } from '../../../src/inspect/secrets/rules/token-sample.ts';
import { buildView } from '../../../src/mask/build/build-view.ts';
import type { Tips } from '../../../src/mask/build/contract.ts';
import { extendView } from '../../../src/mask/build/extend-view.ts';
import { scanOriginals } from '../../../src/mask/build/scan-originals.ts';
import { git, initBare, runGit, tempDir } from '../../support/git.ts';
import { Folder, HistoryWriter, setRefs } from '../../support/history-writer.ts';
import { findLeaks } from '../../support/leaks.ts';
import { openMaskFolder, tipsOf } from '../../support/mask-folder.ts';
import { treeEntry } from '../../support/pack-builder.ts';
import { type PlantedSecret, secretMaker } from '../../support/secret-history.ts';

const main = 'refs/heads/main';

/** A history of so many commits in which files, folders and names come, go, and come again, with merges of any of them. */
async function randomHistory(gitDir: string, seed: number, size: number) {
  const random = seededRandom(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const next = secretMaker(seed);
  const secrets: PlantedSecret[] = Array.from({ length: 3 }, (_, n) => ({ where: `${n}`, text: next() }));
  const texts = ['a\n', 'b\n', 'c\n', '', ...secrets.map(({ text }) => `key=${text}\n`)];
  const names = ['a', 'b', 'a.txt', 'a-b', `of-${secrets[0]?.text}`];
  const writer = new HistoryWriter();
  const made: { readonly oid: string; readonly tree: Folder }[] = [];
  const tags: { readonly oid: string; readonly behind: number }[] = [];
  while (made.length < size) {
    const parents = made.length === 0 || random() < 0.05 ? [] : [pick(made)];
    while (parents.length > 0 && random() < 0.3) parents.push(pick(made));
    let tree = parents[0]?.tree ?? new Folder();
    for (let edits = random() * 3; edits > 0; edits--) {
      const path = Array.from({ length: 1 + Math.floor(random() * 3) }, () => pick(names)).join('/');
      tree = tree.with(path, random() < 0.4 ? undefined : writer.file(pick(texts)));
    }
    const about = random() < 0.2 && made.length > 0 ? pick(made) : undefined;
    const named =
      about === undefined
        ? 'nothing'
        : pick([about.oid, about.tree.write(writer), ...tags.map(({ oid }) => oid)]);
    const oids = [...new Set(parents.map(({ oid }) => oid))];
    const message = `about ${random() < 0.2 ? named.toUpperCase() : named}\n`;
    made.push({ oid: writer.commit({ tree, parents: oids, message }), tree });
    if (random() < 0.2) {
      const oid = writer.tag(`${tags.length}`, 'commit', pick(made).oid, message);
      tags.push({ oid, behind: made.length });
    }
  }
  await initBare(gitDir);
  await writer.flush(gitDir);
  return { oids: made.map(({ oid }) => oid), tags, secrets };
}

test('for any history: a build, its preview and any order of increments agree, and nothing leaks', async (t) => {
  const dir = tempDir(t);
  let count = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 100_000 }),
      fc.integer({ min: 1, max: 30 }),
      async (seed, size) => {
        const gitDir = join(dir, `${count++}.git`);
        const { oids, tags, secrets } = await randomHistory(gitDir, seed, size);
        const branches = oids.map((oid, n) => [n === 0 ? main : `refs/heads/at-${n}`, oid] as const);
        await setRefs(gitDir, [...branches, ...tags.map(({ oid }, n) => [`refs/tags/${n}`, oid] as const)]);
        const folder = await openMaskFolder(gitDir);
        try {
          const tips = await tipsOf(gitDir);
          const built = await buildView(folder.context(), tips);
          const report = await scanOriginals(folder.context(), tips);
          assert.deepEqual([report.commits, report.changedCommits], [built.commits, built.changedCommits]);
          const random = seededRandom(seed);
          const grown = folder.context({ epoch: 2 });
          // What a text names is there when it comes, as in a repository that is followed from its beginning.
          for (let steps = 3, known = 0; steps > 0; steps--) {
            known += Math.floor(random() * (oids.length - known));
            const tagged = tags.filter(({ behind }) => behind <= known).map(({ oid }) => oid);
            const there = new Set([...oids.slice(0, known), ...tagged]);
            const some: Tips = { refs: tips.refs.filter(({ oid }) => there.has(oid)), head: main };
            await extendView(grown, some);
          }
          assert.deepEqual(await extendView(grown, tips), built);
          for (const epoch of [1, 2]) {
            assert.deepEqual(await findLeaks(folder.view(epoch), secrets), []);
            const fsck = await runGit(['fsck', '--full', '--strict'], { cwd: folder.view(epoch) });
            assert.equal(`${fsck.status} ${fsck.stderr} ${fsck.stdout}`.replace(/^notice.*\n/gm, ''), '0  ');
          }
        } finally {
          await folder.close();
        }
      },
    ),
    { numRuns: 4, examples: [[47_642, 1]], includeErrorInReport: true },
  );
});

async function viewsOf(t: TestContext, writer: HistoryWriter, refs: readonly (readonly [string, string])[]) {
  const gitDir = join(tempDir(t), 'up.git');
  await initBare(gitDir);
  await writer.flush(gitDir);
  await setRefs(gitDir, refs);
  const folder = await openMaskFolder(gitDir);
  t.after(() => folder.close());
  const tips = await tipsOf(gitDir);
  const built = await buildView(folder.context(), tips);
  assert.deepEqual(await extendView(folder.context({ epoch: 2 }), tips), built);
  return { folder, built, gitDir };
}

test('trees that git would not write today are shown with the modes and the order that they have', async (t) => {
  const writer = new HistoryWriter();
  const secret = secretMaker(11)();
  const blob = writer.blob(`key=${secret}\n`);
  const plain = writer.blob('plain\n');
  const inner = writer.raw('tree', treeEntry('100664', 'leak', blob));
  const tree = writer.raw(
    'tree',
    Buffer.concat([
      treeEntry('100644', 'z', plain),
      treeEntry('040000', 'dir', inner),
      treeEntry('160000', 'sub'),
    ]),
  );
  const commit = writer.commit({ tree, message: 'odd' });
  const { folder } = await viewsOf(t, writer, [[main, commit]]);
  for (const epoch of [1, 2]) {
    const shown = await runGit(['cat-file', 'tree', `${main}^{tree}`], { cwd: folder.view(epoch) });
    const modes = shown.stdoutBytes.toString('latin1').match(/\d{6} [a-z]+\0/g);
    assert.deepEqual(modes, ['100644 z\0', '040000 dir\0', '160000 sub\0']);
    assert.deepEqual(await findLeaks(folder.view(epoch), [{ where: 'odd', text: secret }]), []);
  }
});

test('a name that stands twice in a tree hides nothing', async (t) => {
  const writer = new HistoryWriter();
  const next = secretMaker(12);
  const secrets = [next(), next()].map((text, n) => ({ where: `${n}`, text }));
  const [one, two] = secrets.map(({ text }) => writer.blob(`key=${text}\n`)) as [string, string];
  const plain = writer.blob('plain\n');
  const commits: string[] = [];
  for (const pair of [
    [plain, plain],
    [one, plain],
    [plain, two],
    [two, one],
    [plain, plain],
  ] as const) {
    const tree = writer.raw('tree', Buffer.concat(pair.map((oid) => treeEntry('100644', 'same', oid))));
    commits.push(writer.commit({ tree, parents: commits.slice(-1), message: 'twice\n' }));
  }
  const { folder } = await viewsOf(t, writer, [[main, commits.at(-1) as string]]);
  for (const epoch of [1, 2]) assert.deepEqual(await findLeaks(folder.view(epoch), secrets), []);
});

test('a repository without anything, and one with tags alone, have views', async (t) => {
  const writer = new HistoryWriter();
  const secret = secretMaker(13)();
  const empty = await viewsOf(t, writer, []);
  assert.deepEqual([empty.built.tips.refs, empty.built.commits], [[], 0]);
  const tree = new Folder().with('a/b', writer.file(`key=${secret}\n`)).write(writer);
  const tag = writer.tag('t', 'tree', tree, 'a tree\n');
  const { folder, built } = await viewsOf(t, writer, [
    ['refs/tags/t', tag],
    ['refs/tags/u', writer.tag('u', 'tag', tag, 'of a tag\n')],
    ['refs/tags/v', writer.blob(`key=${secret}\n`)],
  ]);
  assert.deepEqual([built.commits, built.values], [0, 1]);
  assert.deepEqual(await findLeaks(folder.view(), [{ where: 'tags', text: secret }]), []);
  assert.match(await git(['cat-file', '-p', 'refs/tags/t:a/b'], { cwd: folder.view() }), /^key=REDACTED-/);
});

test('a file that is too large to be searched is one placeholder as a whole', async (t) => {
  const writer = new HistoryWriter();
  const secret = secretMaker(14)();
  const large = Buffer.concat([Buffer.alloc(64 * 1024 * 1024, 'large '), Buffer.from(secret)]);
  const tree = new Folder().with('large.txt', writer.file(large)).with('small.txt', writer.file('small\n'));
  const { folder, built } = await viewsOf(t, writer, [[main, writer.commit({ tree, message: 'large\n' })]]);
  assert.deepEqual([built.changedCommits, built.values], [1, 1]);
  const shown = await git(['cat-file', '-p', `${main}:large.txt`], { cwd: folder.view() });
  assert.match(shown, /^REDACTED-unscanned-[0-9a-f]{16}$/);
  const report = await scanOriginals(folder.context(), await tipsOf(folder.originals));
  assert.deepEqual(report.unscanned, ['large.txt: too large']);
  assert.deepEqual([report.changedCommits, report.valueCount], [1, 0]);
});
