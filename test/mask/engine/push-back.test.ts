import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { AdvertisedRef, Oid } from '../../../src/domain/git.ts';
import type { RestoredPush } from '../../../src/domain/mask.ts';
import { git } from '../../support/git.ts';
import { MaskScene, type SceneRepo, soon } from '../../support/mask-scene.ts';
import { secretMaker } from '../../support/secret-history.ts';

const secret = secretMaker(9)();
let scene: MaskScene;
let repo: SceneRepo;

before(async () => {
  scene = await MaskScene.open();
  repo = await scene.repo();
  await repo.commit('.env', `TOKEN=${secret}\n`);
  await repo.enable();
});

after(() => scene.close());

test('a push goes to the originals while others read, its texts name what was pushed, and the next fetch brings nothing new', async () => {
  const [view = ''] = await repo.viewDirs();
  const oldOid = (await repo.shownTip()) ?? '';
  const work = join(scene.dir, 'work');
  const held = join(scene.dir, 'held.git');
  await git(['clone', '--quiet', view, work]);
  await git(['commit', '--quiet', '--allow-empty', '-m', 'an edit'], { cwd: work });
  await git(['clone', '--quiet', '--bare', work, held]);
  const newOid = await git(['rev-parse', 'HEAD'], { cwd: work });
  const readers = Promise.all(Array.from({ length: 20 }, () => repo.shownTip()));
  const restored = await scene.views.restore({
    session: 's1',
    view: repo.key,
    request: {
      updates: [{ ref: 'refs/heads/main', oldOid, newOid }],
      pushOptions: [],
      atomic: false,
      quiet: false,
      report: 'v1',
      sideband: true,
      objectFormat: 'sha1',
      hasPack: true,
    },
    held: { gitDir: held, objectFormat: 'sha1' },
    signal: new AbortController().signal,
  });
  assert.deepEqual(new Set(await readers), new Set([oldOid]));
  const [update] = restored.updates;
  assert.ok(update !== undefined && restored.pack !== undefined);
  assert.equal(update.oldOid, await repo.tip());
  assert.notEqual(update.newOid, newOid);
  assert.equal(await scene.views.textFor(repo.key, `at ${update.newOid}`), `at ${newOid}`);
  await git(['index-pack', '--stdin', '--fix-thin'], {
    cwd: repo.gitDir,
    input: readFileSync(restored.pack.file),
  });
  await restored.release();
  await restored.release();
  await git(['update-ref', 'refs/heads/main', update.newOid], { cwd: repo.gitDir });
  scene.views.moved(repo.target);
  assert.equal(await repo.shownTip(), newOid);
  while (repo.asked === 0) await soon();
});

test('what a push advertises is the view of the refs that the upstream told just now, which is not asked again', async () => {
  const shown = await repo.lsRefs();
  const oid = (await repo.tip()) as Oid;
  const asked = repo.asked;
  assert.deepEqual(await scene.views.refs(repo.key, told(oid)), shown);
  assert.equal(repo.asked, asked);
  const next = await repo.commit('README.md', 'hello\n');
  const refs = await scene.views.refs(repo.key, told(next));
  assert.equal(repo.asked, asked + 1);
  assert.deepEqual(refs, await repo.lsRefs());
  assert.notDeepEqual(refs, shown);
});

test('a push is put back without a question to the upstream, but for one that names what the view does not know', async () => {
  const plain = await scene.repo();
  const oldOid = await plain.commit('README.md', 'hello\n');
  await plain.lsRefs();
  const asked = plain.asked;
  await (await branchAt(plain, oldOid)).release();
  assert.equal(plain.asked, asked);
  const next = await plain.commit('README.md', 'hello again\n');
  assert.equal((await branchAt(plain, next)).updates[0]?.newOid, next);
  assert.equal(plain.asked, asked + 1);
  await assert.rejects(branchAt(plain, '1'.repeat(40)), { code: 'VIEW_FOREIGN' });
});

const told = (oid: Oid): readonly AdvertisedRef[] => [{ ref: 'refs/heads/main', oid }];

/** A push of a new branch that brings nothing. */
function branchAt({ key }: SceneRepo, newOid: Oid): Promise<RestoredPush> {
  return scene.views.restore({
    session: 's2',
    view: key,
    request: {
      updates: [{ ref: 'refs/heads/topic', oldOid: '0'.repeat(40), newOid }],
      pushOptions: [],
      atomic: false,
      quiet: false,
      report: 'v1',
      sideband: true,
      objectFormat: 'sha1',
      hasPack: false,
    },
    signal: new AbortController().signal,
  });
}
