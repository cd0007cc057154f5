/** What is kept of masked views is lost or damaged: it is found, told and made again, and nothing is shown meanwhile that a view would not show. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { type ErrorCode, RefgateError } from '../../src/domain/error.ts';
import { findLeaks } from '../support/leaks.ts';
import { MaskScene, type SceneRepo, soon } from '../support/mask-scene.ts';
import { secretMaker } from '../support/secret-history.ts';

const secret = secretMaker(11)();
const code = (expected: ErrorCode) => (error: unknown) =>
  error instanceof RefgateError && error.code === expected;

let scene: MaskScene;
let repo: SceneRepo;
let tip: string | undefined;

before(async () => {
  scene = await MaskScene.open();
});

beforeEach(async () => {
  repo = await scene.repo();
  await repo.commit('README.md', 'hello\n');
  await repo.commit('.env', `TOKEN=${secret}\n`);
  await repo.commit('later.txt', 'later\n');
  await repo.enable();
  tip = await repo.shownTip();
});

after(() => scene.close());

/** The server is down meanwhile. */
async function offline(change: () => void): Promise<void> {
  await scene.stop();
  change();
  await scene.start();
}

async function leaks() {
  const found = [];
  for (const dir of await repo.viewDirs())
    found.push(...(await findLeaks(dir, [{ where: '.env', text: secret }])));
  return found;
}

/** The bytes of a clone. */
async function cloned(): Promise<number> {
  const source = scene.views.source(repo.key);
  try {
    const wants = (await repo.lsRefs()).flatMap(({ oid }) => oid ?? []);
    const request = {
      ...{ wants, haves: [], done: true, shallow: [], deepenNot: [], deepenRelative: false, thinPack: false },
      ...{ noProgress: true, includeTag: false, ofsDelta: true, waitForDone: false },
    };
    let bytes = 0;
    for await (const piece of (await source.fetch(request)).pack ?? []) bytes += piece.length;
    return bytes;
  } finally {
    source.close();
  }
}

const packsOf = (gitDir: string): string[] => readdirSync(join(gitDir, 'objects', 'pack'));

function flipBytes(file: string): void {
  const bytes = readFileSync(file);
  for (let at = 30; at < bytes.length; at += 97) bytes[at] = (bytes[at] ?? 0) ^ 0x55;
  rmSync(file);
  writeFileSync(file, bytes);
}

test('keep is the backup: with nothing else, the view has the same refs again', async () => {
  await offline(() => {
    for (const name of readdirSync(repo.folder))
      if (name !== 'keep') rmSync(join(repo.folder, name), { recursive: true });
  });
  assert.equal(await repo.shownTip(), tip);
  assert.ok((await cloned()) > 0);
  assert.deepEqual(await leaks(), []);
});

test('a folder that is gone is made again, with the same oids', async () => {
  await offline(() => rmSync(join(repo.folder, 'view.1.git'), { recursive: true }));
  assert.equal(await repo.shownTip(), tip);
  assert.equal((await repo.status()).epoch, 2);
  rmSync(join(repo.folder, 'view.2.git'), { recursive: true });
  await repo.commit('more.txt', 'more\n');
  assert.notEqual(await repo.shownTip(), undefined);
  assert.equal((await repo.status()).epoch, 3);
  rmSync(join(repo.folder, 'originals.git'), { recursive: true });
  await repo.commit('more.txt', 'even more\n');
  assert.notEqual(await repo.shownTip(), undefined);
  assert.ok((await cloned()) > 0);
  assert.deepEqual(await leaks(), []);
});

test('a pack that a view has lost fails the clone that needs it, and the view is made anew', async () => {
  const view = join(repo.folder, 'view.1.git');
  for (const name of packsOf(view).slice(0, 2)) rmSync(join(view, 'objects', 'pack', name));
  await assert.rejects(cloned());
  while ((await repo.status()).epoch !== 2) await soon();
  assert.equal(await repo.shownTip(), tip);
  assert.ok((await cloned()) > 0);
  assert.match(scene.log.lines.join(), /a masked view is damaged, and made anew/);
});

test('originals that lost a pack are fetched again', async () => {
  const gitDir = join(repo.folder, 'originals.git');
  for (const name of packsOf(gitDir)) rmSync(join(gitDir, 'objects', 'pack', name));
  await repo.commit('later.txt', 'changed\n');
  assert.notEqual(await repo.shownTip(), tip);
  assert.deepEqual(await leaks(), []);
  assert.ok((await cloned()) > 0);
});

for (const [what, damage] of Object.entries({
  'their CURRENT is gone': (rows: string) => rmSync(join(rows, 'CURRENT')),
  'bytes of them are others': (rows: string) => {
    for (const name of readdirSync(rows))
      if (/\.(log|ldb)$|^MANIFEST/.test(name)) flipBytes(join(rows, name));
  },
}))
  test(`rows are damaged, ${what}: nothing is served, one line says so, and a rebuild mends it`, async () => {
    await offline(() => damage(join(repo.folder, 'rows')));
    await assert.rejects(repo.shownTip(), code('VIEW_DAMAGED'));
    await repo.until('failed');
    assert.match((await repo.status()).problem ?? '', /^[^\n]* run `refgate mask rebuild acme\/\d+`$/);
    await assert.rejects(cloned());
    await scene.views.admin.rebuild(repo.name, 'ann');
    await repo.until('ready');
    assert.equal(await repo.shownTip(), tip);
    assert.deepEqual(await leaks(), []);
  });

test('with another key, or none, nothing is served, and the line says what to restore', async () => {
  const keep = join(repo.folder, 'keep');
  const saved = join(scene.dir, 'saved');
  cpSync(keep, saved, { recursive: true });
  for (const damage of [
    () => writeFileSync(join(keep, 'key'), Buffer.alloc(32, 1)),
    () => rmSync(keep, { recursive: true }),
  ]) {
    await offline(damage);
    await assert.rejects(repo.shownTip(), code('CONFIG_INVALID'));
    await assert.rejects(scene.views.textFor(repo.key, `at ${await repo.tip()}`));
    assert.match((await repo.status()).problem ?? '', /^[^\n]*restore [^\n]* from a backup[^\n]*$/);
    await assert.rejects(scene.views.admin.rebuild(repo.name, 'ann'), code('CONFIG_INVALID'));
    assert.ok(existsSync(join(repo.folder, 'rows', 'CURRENT')));
    rmSync(keep, { recursive: true, force: true });
    cpSync(saved, keep, { recursive: true });
  }
  await offline(() => undefined);
  assert.equal(await repo.shownTip(), tip);
  assert.equal((await repo.status()).problem, undefined);
});
