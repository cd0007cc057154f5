import assert from 'node:assert/strict';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildView } from '../../../src/mask/build/build-view.ts';
import type { BuildContext } from '../../../src/mask/build/contract.ts';
import { extendView } from '../../../src/mask/build/extend-view.ts';
import { maintainView } from '../../../src/mask/build/maintain-view.ts';
import type { RowBatch, ViewRows } from '../../../src/mask/rows/view-rows.ts';
import { git, runGit, tempDir } from '../../support/git.ts';
import { findLeaks } from '../../support/leaks.ts';
import { type MaskFolder, openMaskFolder, tipsOf } from '../../support/mask-folder.ts';
import { makeSecretHistory } from '../../support/secret-history.ts';

/** Rows that fail at the write of that number, before or after it is on disk. */
function failingRows(
  rows: ViewRows,
  at: number,
  persisted: boolean,
): { rows: ViewRows; failed: () => boolean } {
  let left = at;
  const failing = (batch: RowBatch): RowBatch => ({
    pair: (...args) => batch.pair(...args),
    pin: (...args) => batch.pin(...args),
    secret: (...args) => batch.secret(...args),
    spans: (...args) => batch.spans(...args),
    meta: (...args) => batch.meta(...args),
    async write() {
      const isLast = left-- === 0;
      if (!isLast || persisted) await batch.write();
      if (isLast) throw new Error('the disk is gone');
    },
  });
  const proxy: ViewRows = {
    viewOf: (...args) => rows.viewOf(...args),
    originalOf: (...args) => rows.originalOf(...args),
    originalsFrom: (...args) => rows.originalsFrom(...args),
    viewsFrom: (...args) => rows.viewsFrom(...args),
    pinOf: (...args) => rows.pinOf(...args),
    secretOf: (...args) => rows.secretOf(...args),
    spansOf: (...args) => rows.spansOf(...args),
    meta: (...args) => rows.meta(...args),
    isAnyAffected: (...args) => rows.isAnyAffected(...args),
    batch: (...args) => failing(rows.batch(...args)),
    dropEpoch: (...args) => rows.dropEpoch(...args),
    check: () => rows.check(),
    close: () => rows.close(),
  };
  return { rows: proxy, failed: () => left < 0 };
}

async function checkWhole(folder: MaskFolder, epoch: number): Promise<void> {
  const fsck = await runGit(['fsck', '--full', '--strict'], { cwd: folder.view(epoch) });
  assert.equal(`${fsck.status} ${fsck.stderr}`, '0 ');
  assert.deepEqual(readdirSync(join(folder.dir, 'tmp')), []);
}

test('a build that fails at any write of rows goes on, and gives what one without a fault gives', async (t) => {
  const history = await makeSecretHistory(join(tempDir(t), 'up.git'));
  const folder = await openMaskFolder(history.gitDir);
  t.after(() => folder.close());
  const tips = await tipsOf(history.gitDir);
  const built = await buildView(folder.context(), tips);
  let epoch = 2;
  for (const make of [buildView, extendView])
    for (const persisted of [false, true])
      for (let at = 0; ; at++, epoch++) {
        const { rows, failed } = failingRows(folder.rows, at, persisted);
        await make(folder.context({ epoch, rows }), tips).catch(() => {});
        if (!failed()) break;
        assert.deepEqual(await make(folder.context({ epoch }), tips), built, `${make.name} at ${at}`);
        assert.deepEqual(await tipsOf(folder.view(epoch)), built.tips);
      }
  await checkWhole(folder, epoch - 1);
});

test('a build that is stopped at any step goes on, and scans nothing twice that was scanned whole', async (t) => {
  const history = await makeSecretHistory(join(tempDir(t), 'up.git'), { filler: 20 });
  const folder = await openMaskFolder(history.gitDir);
  t.after(() => folder.close());
  const tips = await tipsOf(history.gitDir);
  const built = await buildView(folder.context(), tips);
  const steps = ['scan objects', 'copy objects', 'compare commits', 'rewrite objects', 'rewrite commits'];
  for (const [index, step] of steps.entries()) {
    const epoch = index + 2;
    const stopper = new AbortController();
    const told: string[] = [];
    const onProgress: BuildContext['onProgress'] = ({ step: now, unit, total }) => {
      told.push(`${now} ${unit} ${total ?? ''}`);
      if (`${now} ${unit}` === step) stopper.abort(new Error('stopped'));
    };
    const stopped = buildView(folder.context({ epoch, onProgress, signal: stopper.signal }), tips);
    await assert.rejects(stopped, /stopped/, step);
    const again: string[] = [];
    const seen: BuildContext['onProgress'] = ({ step: now, unit, total }) =>
      again.push(`${now} ${unit} ${total}`);
    assert.deepEqual(await buildView(folder.context({ epoch, onProgress: seen }), tips), built);
    if (index > 1) assert.equal(again[0], 'scan objects 0', step);
    await checkWhole(folder, epoch);
  }
});

test('a view whose folder is gone is made again, whatever the rows say', async (t) => {
  const history = await makeSecretHistory(join(tempDir(t), 'up.git'));
  const folder = await openMaskFolder(history.gitDir);
  t.after(() => folder.close());
  const tips = await tipsOf(history.gitDir);
  const built = await buildView(folder.context(), tips);
  rmSync(folder.view(), { recursive: true });
  assert.deepEqual(await buildView(folder.context(), tips), built);
  assert.deepEqual(await findLeaks(folder.view(), history.secrets), []);
  await checkWhole(folder, 1);
});

test('packing a view loses nothing, and the next packing finds nothing to do', async (t) => {
  const history = await makeSecretHistory(join(tempDir(t), 'up.git'), { filler: 20 });
  const folder = await openMaskFolder(history.gitDir);
  t.after(() => folder.close());
  const context = folder.context();
  const tips = await tipsOf(history.gitDir);
  await buildView(context, tips);
  const objects = () => git(['cat-file', '--batch-check', '--batch-all-objects'], { cwd: folder.view() });
  const before = await objects();
  writeFileSync(join(folder.view(), 'objects', 'pack', '.tmp-1-pack-killed.pack'), 'cut off');
  await maintainView(folder.view(), context.signal);
  assert.equal(await objects(), before);
  const packs = readdirSync(join(folder.view(), 'objects', 'pack')).sort();
  assert.equal(packs.filter((name) => name.endsWith('.bitmap')).length, 1);
  assert.ok(!packs.some((name) => name.startsWith('.')));
  await maintainView(folder.view(), context.signal);
  assert.deepEqual(readdirSync(join(folder.view(), 'objects', 'pack')).sort(), packs);
  const main = 'refs/heads/main';
  for (const oid of [...history.commits.values()].slice(0, 20)) {
    await extendView(context, { refs: [...tips.refs, { ref: `refs/heads/at-${oid}`, oid }], head: main });
  }
  await checkWhole(folder, 1);
});
