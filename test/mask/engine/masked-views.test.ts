import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { RefgateError } from '../../../src/domain/error.ts';
import { findLeaks } from '../../support/leaks.ts';
import { MaskScene, type SceneRepo, soon } from '../../support/mask-scene.ts';
import { data, fastImport } from '../../support/repos.ts';
import { secretMaker } from '../../support/secret-history.ts';

const never = new AbortController().signal;
const code = (expected: string) => (error: unknown) =>
  error instanceof RefgateError && error.code === expected;

describe('a masked view', () => {
  let scene: MaskScene;
  let repo: SceneRepo;
  const secret = secretMaker(3)();

  before(async () => {
    scene = await MaskScene.open();
  });

  beforeEach(async () => {
    repo = await scene.repo();
  });

  after(() => scene.close());

  test('of a repository without secrets is ready with the first read, with its own oids', async () => {
    const oid = await repo.commit('README.md', 'hello\n');
    assert.equal(await repo.shownTip(), oid);
    const status = await repo.status();
    assert.equal(status.state, 'ready');
    assert.equal(status.epoch, 1);
    assert.equal(status.changedCommits, 0);
  });

  test('of a repository with secrets waits for an administrator, and shows none then', async () => {
    const clean = await repo.commit('README.md', 'hello\n');
    const oid = await repo.commit('.env', `TOKEN=${secret}\n`);
    await assert.rejects(repo.shownTip(), code('VIEW_NOT_READY'));
    assert.equal((await repo.status()).state, 'review');
    const preview = await scene.views.admin.lastPreview(repo.name);
    assert.equal(preview?.changedCommits, 1);
    await scene.views.admin.enable(repo.name, 'ann');
    const tip = await repo.shownTip();
    assert.notEqual(tip, oid);
    assert.notEqual(tip, clean);
    for (const dir of await repo.viewDirs())
      assert.deepEqual(await findLeaks(dir, [{ where: 'file', text: secret }]), []);
  });

  test('of a long history is packed for clones when it is made', async () => {
    const commit = (second: number): string =>
      `commit refs/heads/main\ncommitter Ann Author <ann@example.com> ${1_700_000_000 + second} +0000\n${data('x\n')}`;
    await fastImport(repo.gitDir, Array.from({ length: 1_000 }, (_, second) => commit(second)).join(''));
    await repo.shownTip();
    const [dir = ''] = await repo.viewDirs();
    const files = readdirSync(join(dir, 'objects', 'pack'));
    assert.deepEqual(
      ['.pack', '.bitmap'].map((end) => files.filter((name) => name.endsWith(end)).length),
      [1, 1],
    );
  });

  test('follows the upstream with the next read, and only what is new costs anything', async () => {
    await repo.commit('README.md', 'hello\n');
    await repo.lsRefs();
    const next = await repo.commit('README.md', 'hello again\n');
    assert.equal(await repo.shownTip(), next);
    const masked = await repo.commit('.env', `TOKEN=${secret}\n`);
    const shown = await repo.shownTip();
    assert.notEqual(shown, masked);
    for (const dir of await repo.viewDirs())
      assert.deepEqual(await findLeaks(dir, [{ where: 'file', text: secret }]), []);
    const asked = repo.asked;
    assert.equal(await repo.shownTip(), shown);
    assert.equal(repo.asked, asked + 1);
  });

  test('is told as it is now by a session that looked at it before, whatever was asked in between', async () => {
    await repo.commit('README.md', 'hello\n');
    await repo.lsRefs();
    const source = scene.views.source(repo.key);
    const tip = async (): Promise<unknown> => {
      const request = { prefixes: ['refs/heads/'], symrefs: false, peel: false, unborn: false };
      const batches = [];
      for await (const batch of source.lsRefs(request)) batches.push(...batch);
      return batches[0]?.oid;
    };
    await source.capabilities();
    const next = await repo.commit('README.md', 'hello again\n');
    assert.equal(await tip(), next);
    const last = await repo.commit('README.md', 'hello for good\n');
    assert.equal(await tip(), last);
    source.close();
  });

  test('is told to twenty readers at once by few syncs', async () => {
    await repo.commit('README.md', 'hello\n');
    await repo.lsRefs();
    const next = await repo.commit('README.md', 'hello again\n');
    const asked = repo.asked;
    const tips = await Promise.all(Array.from({ length: 20 }, () => repo.shownTip()));
    assert.deepEqual(new Set(tips), new Set([next]));
    assert.ok(repo.asked - asked <= 2, `${repo.asked - asked} syncs`);
  });

  test('a reader gets what the upstream had when the reader asked, not what a sync before had read', async () => {
    await repo.commit('README.md', 'hello\n');
    await repo.lsRefs();
    let reached = (): void => {};
    let letGo = (): void => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const isHeld = new Promise<void>((resolve) => {
      reached = resolve;
    });
    // The first sync has its refs from before the commit, and is slow to tell them.
    const old = await repo.tip();
    repo.beforeRefs = async () => {
      repo.beforeRefs = async () => {};
      reached();
      await held;
    };
    const first = repo.shownTip();
    await isHeld;
    const next = await repo.commit('README.md', 'hello again\n');
    const second = repo.shownTip();
    letGo();
    assert.ok([old, next].includes((await first) ?? ''));
    assert.equal(await second, next);
  });

  test('an upstream that is away is told, instead of what may be old', async () => {
    await repo.commit('README.md', 'hello\n');
    await repo.lsRefs();
    repo.isAway = true;
    await assert.rejects(repo.lsRefs(), code('UPSTREAM_UNREACHABLE'));
    repo.isAway = false;
    await repo.lsRefs();
  });

  test('a repository that the upstream does not show leaves no trace', async () => {
    repo.isAway = true;
    await assert.rejects(repo.lsRefs(), code('UPSTREAM_UNREACHABLE'));
    const known = (await scene.views.admin.list()).map(({ repo: name }) => name);
    assert.ok(!known.includes(repo.name));
    assert.ok(!existsSync(repo.folder));
  });

  test('is there after a restart, without another scan', async () => {
    const oid = await repo.commit('.env', `TOKEN=${secret}\n`);
    await repo.enable();
    const shown = await repo.shownTip();
    await scene.stop();
    await scene.start({ settings: { enable: 'auto' } });
    assert.equal(await repo.shownTip(), shown);
    assert.notEqual(shown, oid);
    assert.equal((await repo.status()).epoch, 1);
  });

  test('is made without an administrator where the configuration says so', async () => {
    const oid = await repo.commit('.env', `TOKEN=${secret}\n`);
    assert.notEqual(await repo.shownTip(), oid);
  });

  test('that cannot be made in time says how far it is, and is there later', async () => {
    await scene.stop();
    await scene.start({ settings: { wait: 1 } });
    const oid = await repo.commit('README.md', 'hello\n');
    await assert.rejects(repo.lsRefs(), /try again in \d+ seconds/);
    await repo.until('ready');
    assert.equal(await repo.shownTip(), oid);
    await scene.stop();
    await scene.start();
  });

  test('an administrator reads what went wrong, and the next sync that goes well forgets it', async () => {
    await repo.commit('README.md', 'hello\n');
    await repo.lsRefs();
    await repo.commit('README.md', 'again\n');
    scene.fault = 'failed';
    scene.failAt = scene.writes;
    await assert.rejects(repo.lsRefs());
    scene.failAt = undefined;
    assert.match((await repo.status()).problem ?? '', /input\/output error/);
    const oid = await repo.tip();
    assert.equal(await repo.shownTip(), oid);
    assert.equal((await repo.status()).problem, undefined);
  });

  test('that could not be made goes on when it is resumed', async () => {
    await repo.commit('README.md', 'hello\n');
    scene.fault = 'failed';
    scene.failAt = scene.writes + 1;
    await assert.rejects(repo.lsRefs());
    scene.failAt = undefined;
    assert.equal((await repo.status()).state, 'failed');
    await scene.views.admin.resume(repo.name, 'ann');
    await repo.until('ready');
    assert.equal(await repo.shownTip(), await repo.tip());
  });

  test('texts name the objects of the view, whole and abbreviated, and telling them twice changes nothing', async () => {
    const oid = await repo.commit('.env', `TOKEN=${secret}\n`);
    await repo.enable();
    const shown = (await repo.shownTip()) ?? '';
    const said = `${oid} v1-3-g${oid.slice(0, 7)} ${oid.slice(0, 12).toUpperCase()} deadbeefdeadbeef`;
    const told = await scene.views.textFor(repo.key, said);
    assert.equal(told, `${shown} v1-3-g${shown.slice(0, 7)} ${shown.slice(0, 12)} deadbeefdeadbeef`);
    assert.equal(await scene.views.textFor(repo.key, told), told);
  });

  test('texts of a repository whose view is not there name no oid', async () => {
    const oid = await repo.commit('.env', `TOKEN=${secret}\n`);
    await assert.rejects(repo.lsRefs(), code('VIEW_NOT_READY'));
    assert.equal(await scene.views.textFor(repo.key, `at ${oid}.`), 'at [oid].');
  });

  test('oids are translated both ways for administrators', async () => {
    const oid = await repo.commit('.env', `TOKEN=${secret}\nOF=oids\n`);
    await repo.enable();
    const shown = (await repo.shownTip()) ?? '';
    const row = { repo: repo.name, type: 'commit', view: shown, original: oid } as const;
    assert.deepEqual(await scene.views.admin.oid(oid.slice(0, 9)), [{ ...row, asked: 'original' }]);
    assert.deepEqual(await scene.views.admin.oid(shown, repo.name), [{ ...row, asked: 'view' }]);
    await assert.rejects(scene.views.admin.oid('xyz'), code('USAGE'));
  });

  test('made anew, it is the same under another epoch, and the old folder goes', async () => {
    await repo.commit('.env', `TOKEN=${secret}\n`);
    await repo.enable();
    const before = await repo.lsRefs();
    await scene.views.admin.rebuild(repo.name, 'ann');
    await repo.until('ready');
    assert.equal((await repo.status()).epoch, 2);
    assert.deepEqual(await repo.lsRefs(), before);
    while ((await repo.viewDirs()).length > 1) await soon();
  });

  test('an allowed value is shown once the view was made anew, and disallowed it is masked again', async () => {
    const oid = await repo.commit('.env', `TOKEN=${secret}\n`);
    await repo.enable();
    const masked = await repo.shownTip();
    const fingerprint = (await scene.views.admin.lastPreview(repo.name))?.values[0]?.fingerprint ?? '';
    const other = { fingerprint: 'ab'.repeat(16), repo: repo.name, reason: 'mistyped' };
    await assert.rejects(scene.views.admin.allow(other, 'ann'), code('NOT_FOUND'));
    await scene.views.admin.allow({ fingerprint, repo: repo.name, reason: 'published' }, 'ann');
    await repo.until('ready');
    assert.equal(await repo.shownTip(), oid);
    const [value] = (await scene.views.admin.preview(repo.name, never, () => {})).values;
    assert.equal(value?.allowed?.reason, 'published');
    await scene.views.admin.disallow({ fingerprint, repo: repo.name }, 'ann');
    await repo.until('ready');
    assert.equal(await repo.shownTip(), masked);
  });

  test('of other rules is made beside the one that is served, which stays as it was', async () => {
    await repo.commit('.env', `TOKEN=${secret}\n`);
    await repo.enable();
    const shown = await repo.lsRefs();
    await scene.stop();
    await scene.start({ rulesVersion: 'rules-2' });
    await repo.commit('README.md', 'later\n');
    assert.deepEqual(await repo.lsRefs(), shown);
    await repo.until('ready');
    assert.notDeepEqual(await repo.lsRefs(), shown);
    assert.equal((await repo.status()).epoch, 2);
  });

  test('is removed when it is disabled, and only an administrator brings it back', async () => {
    const oid = await repo.commit('README.md', 'hello\n');
    await repo.lsRefs();
    const [dir = ''] = await repo.viewDirs();
    await scene.views.admin.disable(repo.name, 'ann');
    await assert.rejects(repo.lsRefs(), code('VIEW_NOT_READY'));
    while (existsSync(dir)) await soon();
    await scene.views.admin.enable(repo.name, 'ann');
    assert.equal(await repo.shownTip(), oid);
    assert.equal((await repo.status()).epoch, 2);
  });

  test('what is stopped while it is made goes on when it is resumed', async () => {
    const oid = await repo.commit('.env', `TOKEN=${secret}\n`);
    await repo.enable();
    const shown = await repo.shownTip();
    let letGo = (): void => {};
    repo.beforeRefs = () =>
      new Promise((resolve) => {
        letGo = resolve;
      });
    await scene.views.admin.rebuild(repo.name, 'ann');
    const stopping = scene.views.admin.stop(repo.name, 'ann');
    await soon();
    letGo();
    repo.beforeRefs = async () => {};
    assert.equal((await stopping).state, 'stopped');
    assert.equal(await repo.shownTip(), shown);
    await assert.rejects(scene.views.admin.stop(repo.name, 'ann'), code('CONFLICT'));
    await scene.views.admin.resume(repo.name, 'ann');
    await repo.until('ready');
    assert.equal((await repo.status()).epoch, 2);
    assert.equal(await repo.shownTip(), shown);
    assert.notEqual(shown, oid);
  });

  test('cut shows the newest commits with their own oids', async () => {
    await repo.commit('.env', `TOKEN=${secret}\n`);
    const oid = await repo.commit('.env', 'TOKEN=\n');
    await repo.enable();
    const key = { ...repo.key, mode: 'cut' } as const;
    assert.equal(await repo.shownTip('main', key), oid);
    const next = await repo.commit('.env', 'TOKEN=none\n');
    assert.equal(await repo.shownTip('main', key), next);
    assert.deepEqual(
      (await scene.views.refs(key, [])).map(({ oid: tip }) => tip),
      [next, next],
    );
  });

  test('enabling what was never looked at is refused', async () => {
    await assert.rejects(scene.views.admin.enable(repo.name, 'ann'), code('CONFLICT'));
    await assert.rejects(scene.views.admin.enable('acme/other', 'ann'), code('NOT_FOUND'));
  });

  test('deny-secrets shows the branches whose history holds none, and nothing where there is none', async () => {
    const clean = await repo.commit('README.md', 'hello\n', 'clean');
    await repo.commit('.env', `TOKEN=${secret}\n`);
    await repo.enable();
    const key = { ...repo.key, mode: 'deny-secrets' } as const;
    assert.deepEqual(
      (await repo.lsRefs(key)).map(({ ref, oid }) => [ref, oid]),
      [['refs/heads/clean', clean]],
    );
    assert.deepEqual(
      (await scene.views.refs(key, [])).map(({ ref }) => ref),
      ['refs/heads/clean'],
    );
  });
});
