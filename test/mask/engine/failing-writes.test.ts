import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findLeaks } from '../../support/leaks.ts';
import { MaskScene, soon } from '../../support/mask-scene.ts';
import { secretMaker } from '../../support/secret-history.ts';

const secret = secretMaker(5)();
let scene: MaskScene;

before(async () => {
  scene = await MaskScene.open();
});

after(() => scene.close());

/** From the first look to the first read of a view. */
async function onboard(name: string): Promise<void> {
  const { admin } = scene.views;
  await admin.preview(name, new AbortController().signal, () => {});
  await admin.enable(name, 'ann');
}

// Entering, the preview, enabling, entering again, the epoch, and the switch.
for (const at of [0, 1, 2, 3, 4, 5])
  for (const fault of ['failed', 'failed but persisted'] as const)
    test(`when write ${at} of a first view ${fault}, no secret is shown, and it is made all the same later`, async () => {
      const repo = await scene.repo();
      const original = await repo.commit('.env', `TOKEN=${secret}\n`);
      const seen = new Set<string | undefined>();
      const look = async (): Promise<void> => {
        seen.add(await repo.shownTip().catch(() => undefined));
      };
      scene.fault = fault;
      scene.failAt = scene.writes + at;
      await onboard(repo.name).catch(() => {});
      await look();
      scene.failAt = undefined;
      await look();
      while ((await repo.status()).state !== 'ready') {
        await onboard(repo.name).catch(() => {});
        await soon();
      }
      await look();
      assert.ok(!seen.has(original));
      for (const dir of await repo.viewDirs())
        assert.deepEqual(await findLeaks(dir, [{ where: 'file', text: secret }]), []);
    });
