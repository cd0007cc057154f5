/**
 * One repository for readers in each mode: each sees its own and nothing of the others', and a policy that changes changes
 * what each may do from then on. Who cloned before a value was allowed can still push.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { MaskStatus } from '../../src/domain/mask.ts';
import { git } from '../support/git.ts';
import { findLeaks } from '../support/leaks.ts';
import { WorkTree } from '../support/masked-clone.ts';
import { type PlantedSecret, secretMaker } from '../support/secret-history.ts';
import { type MaskedScene, type Reader, startMaskedScene } from './masked-scene.ts';
import { tip } from './pushing.ts';

const next = secretMaker(23);
const secrets: readonly PlantedSecret[] = ['old', 'example'].map((where) => ({ where, text: next() }));
const [old, example] = secrets.map(({ text }) => text) as [string, string];

const closers: (() => unknown)[] = [];
let scene: MaskedScene;
let upstream = '';
let person: WorkTree;
let clones = 0;

before(async () => {
  const readers = ['bot', 'second', 'strict', 'short', 'trusted'] as const;
  scene = await startMaskedScene({ after: (close: () => unknown) => closers.push(close) }, { readers });
  upstream = scene.bastion.gitDir('app');
  person = new WorkTree(join(scene.bastion.dir, 'person'));
  await git(['init', '--quiet', person.dir]);
  person.write('README.md', 'A tool\n');
  await person.commit('first');
  await person.git('branch', 'clean');
  person.write('.env', `TOKEN=${old}\n`);
  await person.commit('with a secret');
  await person.git('rm', '--quiet', '.env');
  await person.commit('without');
  person.write('src.txt', 'new\n');
  await person.commit('later');
  await person.git('checkout', '--quiet', '-b', 'sample');
  person.write('sample.env', `A=1\nTOKEN=${example}\n`);
  await person.commit('an example');
  await person.git('checkout', '--quiet', 'main');
  await git(['clone', '--quiet', '--bare', person.dir, upstream]);
  await scene.enable('app');
});
after(async () => {
  for (const close of closers.reverse()) await close();
});

async function cloneAs(
  reader: Reader,
  door: 'ssh' | 'http' = 'ssh',
  ...args: readonly string[]
): Promise<WorkTree> {
  const tree = new WorkTree(join(scene.bastion.dir, `clone-${clones++}`));
  await scene.git(['clone', '--quiet', ...args, scene.url(door, 'app', reader), tree.dir], {}, reader);
  return tree;
}

const branchesOf = (tree: WorkTree): Promise<string> =>
  tree.git('for-each-ref', '--format=%(refname:lstrip=3)', 'refs/remotes/origin');
const upstreamTip = (branch: string): Promise<string> => tip(upstream, `refs/heads/${branch}`);

test('who reads only what holds no secrets sees the clean branch alone, as it is', async () => {
  const tree = await cloneAs('strict', 'ssh', '--branch=clean');
  assert.equal(await branchesOf(tree), 'clean');
  assert.equal(await tree.git('rev-parse', 'origin/clean'), await upstreamTip('clean'));
  assert.deepEqual(await findLeaks(tree.dir, secrets), []);
  tree.append('README.md', 'more\n');
  const pushed = await tree.commit('more');
  const run = await scene.run(['push', 'origin', 'HEAD:refs/heads/strict'], { cwd: tree.dir }, 'strict');
  assert.equal(run.status, 0, run.stderr);
  assert.equal(await upstreamTip('strict'), pushed);
});

test('who reads what is cut sees the newest history with its own oids, and no secret', async () => {
  for (const door of ['ssh', 'http'] as const) {
    const tree = await cloneAs('short', door);
    assert.equal(await tree.tip(), await upstreamTip('main'));
    assert.equal(await tree.git('rev-parse', '--is-shallow-repository'), 'true');
    assert.deepEqual(await findLeaks(tree.dir, secrets), []);
    const deeper = await scene.run(['fetch', '--unshallow'], { cwd: tree.dir }, 'short');
    assert.deepEqual([deeper.status, await findLeaks(tree.dir, secrets)], [0, []], deeper.stderr);
    tree.append('src.txt', `${door}\n`);
    const pushed = await tree.commit('more');
    const branch = `short-${door}`;
    const run = await scene.run(['push', 'origin', `HEAD:refs/heads/${branch}`], { cwd: tree.dir }, 'short');
    assert.equal(run.status, 0, run.stderr);
    assert.equal(await upstreamTip(branch), pushed);
  }
});

test('who reads in clear sees everything; two who read masked see the same', async () => {
  const clear = await cloneAs('trusted');
  assert.equal(await clear.tip(), await upstreamTip('main'));
  assert.equal((await findLeaks(clear.dir, secrets)).length > 0, true);
  const [one, other] = await Promise.all([cloneAs('bot'), cloneAs('second', 'http')]);
  assert.equal(await one.git('rev-parse', 'origin/sample'), await other.git('rev-parse', 'origin/sample'));
  assert.notEqual(await one.git('rev-parse', 'origin/sample'), await upstreamTip('sample'));
  for (const tree of [one, other]) assert.deepEqual(await findLeaks(tree.dir, secrets), []);
});

test('no reader gets an object of another mode by its oid', async () => {
  const masked = await cloneAs('bot');
  const original = await git(['rev-parse', 'main~2'], { cwd: upstream });
  const view = await masked.git('rev-parse', 'origin/main~2');
  assert.notEqual(original, view);
  const wanted: readonly (readonly [Reader, string])[] = [
    ['bot', original],
    ['second', original],
    ['strict', original],
    ['strict', view],
    ['short', original],
    ['short', view],
    ['trusted', view],
  ];
  for (const [reader, oid] of wanted)
    for (const door of ['ssh', 'http'] as const) {
      const tree = new WorkTree(join(scene.bastion.dir, `clone-${clones++}`));
      await git(['init', '--quiet', tree.dir]);
      const run = await scene.run(['fetch', scene.url(door, 'app', reader), oid], { cwd: tree.dir }, reader);
      assert.equal(run.status, 128, `${reader} ${door}`);
      assert.equal(
        await tree.git('cat-file', '--batch-all-objects', '--batch-check'),
        '',
        `${reader} ${door}`,
      );
    }
});

test('a policy that takes writing away counts for the next push of a masked reader', async () => {
  const tree = await cloneAs('bot');
  tree.append('README.md', 'again\n');
  await tree.commit('again');
  const rules = [{ name: 'frozen', when: { ref: 'refs/heads/**' }, then: 'deny' }];
  await scene.apply({ rules });
  const refused = await scene.run(['push', 'origin', 'HEAD:refs/heads/thawed'], { cwd: tree.dir });
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /refused: frozen/);
  await scene.apply();
  const run = await scene.run(['push', 'origin', 'HEAD:refs/heads/thawed'], { cwd: tree.dir });
  assert.equal(run.status, 0, run.stderr);
});

test('a clone from before a value was allowed fetches the new view, and can still push', async () => {
  const tree = await cloneAs('bot', 'ssh', '--branch=sample');
  assert.match(tree.read('sample.env').toString(), /^A=1\nTOKEN=REDACTED-github-pat-[0-9a-f]{16}\n$/);
  const { refgate } = scene.bastion;
  const preview = await scene.preview('app');
  const value = preview.values.find(({ path }) => path === 'sample.env');
  assert.ok(value);
  const { epoch } = JSON.parse(await refgate.ok(['mask', 'status', 'path/app', '--json'])) as MaskStatus;
  const allow = ['mask', 'allow', value.fingerprint, '--repo', 'path/app', '--reason', 'an example'];
  await refgate.ok(allow);
  for (;;) {
    const status = JSON.parse(await refgate.ok(['mask', 'status', 'path/app', '--json'])) as MaskStatus;
    assert.notEqual(status.state, 'failed', status.problem);
    if (status.state === 'ready' && status.epoch !== epoch && status.progress === undefined) break;
  }
  tree.edit('sample.env', 'A=1', 'A=2');
  const pushed = await tree.commit('from an old clone');
  const run = await scene.run(['push', 'origin', 'HEAD:refs/heads/from-old'], { cwd: tree.dir });
  assert.equal(run.status, 0, run.stderr);
  const file = await git(['cat-file', 'blob', 'from-old:sample.env'], { cwd: upstream });
  assert.equal(file, `A=2\nTOKEN=${example}`);
  assert.equal(await git(['rev-parse', 'from-old~1'], { cwd: upstream }), await upstreamTip('sample'));
  await scene.git(['fetch', '--quiet', '--prune'], { cwd: tree.dir });
  assert.notEqual(await tree.git('rev-parse', 'origin/from-old'), pushed);
  assert.equal(await tree.git('cat-file', 'blob', 'origin/from-old:sample.env'), file);
  assert.deepEqual(await findLeaks(tree.dir, secrets.slice(0, 1)), []);
});
