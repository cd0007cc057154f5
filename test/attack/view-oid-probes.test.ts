/**
 * Somebody who reads a view knows oids of originals, from an old clone, a chat or a web page.
 * 1. They want such an oid; protocol v2 gives whatever the served object store holds, reachable or not.
 * 2. They say that they have it: an ACK would tell that it exists, and thus whether a guess of a secret is right.
 * 3. They name it where a ref belongs, in `deepen-not`, or through git archive.
 * The view is an object store of its own, without alternates: it does not know them.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { FetchRequest, FetchResponse } from '../../src/domain/ports.ts';
import { buildView } from '../../src/mask/build/build-view.ts';
import { archiveView } from '../../src/mask/serve/archive.ts';
import { createViewSource } from '../../src/mask/serve/view-source.ts';
import { git, tempDir } from '../support/git.ts';
import { openMaskFolder, tipsOf } from '../support/mask-folder.ts';
import { makeSecretHistory } from '../support/secret-history.ts';

const plain: FetchRequest = {
  wants: [],
  haves: [],
  done: true,
  shallow: [],
  deepenNot: [],
  deepenRelative: false,
  thinPack: true,
  noProgress: true,
  includeTag: true,
  ofsDelta: true,
  waitForDone: false,
};

const listAll = async (gitDir: string): Promise<readonly string[]> =>
  (await git(['cat-file', '--batch-all-objects', '--batch-check=%(objectname)'], { cwd: gitDir })).split(
    '\n',
  );

test('a view does not know the originals of what it masks', async (t) => {
  const { gitDir, refs } = await makeSecretHistory(join(tempDir(t), 'up.git'));
  const folder = await openMaskFolder(gitDir);
  t.after(() => folder.close());
  const { tips } = await buildView(folder.context(), await tipsOf(gitDir));
  const view = folder.view();
  const shown = new Set(await listAll(view));
  const hidden = (await listAll(gitDir)).filter((oid) => !shown.has(oid));
  assert.ok(hidden.length > 50, `${hidden.length}`);

  async function ask<T>(request: FetchRequest, take: (response: FetchResponse) => T): Promise<T> {
    const source = createViewSource({ gitDir: view, format: 'sha1' });
    try {
      return take(await source.fetch(request));
    } finally {
      source.close();
    }
  }

  await t.test('it gives none of them', async () => {
    for (const oid of hidden.filter((_, n) => n % 2 === 0))
      await assert.rejects(
        ask({ ...plain, wants: [oid] }, () => undefined),
        { code: 'VIEW_REFUSED', blame: 'client', detail: `not our ref ${oid}` },
      );
  });

  await t.test('it acknowledges none of them', async () => {
    const wants = [tips.refs.find(({ ref }) => ref === 'refs/heads/main')?.oid ?? ''];
    const acks = await ask({ ...plain, wants, haves: hidden, done: false }, (response) => response.acks);
    assert.deepEqual(acks, []);
  });

  await t.test('they are no names of refs either', async () => {
    const wants = tips.refs.map(({ oid }) => oid).slice(0, 1);
    const original = refs.get('refs/heads/main') ?? '';
    await assert.rejects(
      ask({ ...plain, wants, deepenNot: [original] }, () => undefined),
      { code: 'VIEW_REFUSED', blame: 'client' },
    );
    const { signal } = new AbortController();
    const pieces: Buffer[] = [];
    await assert.rejects(async () => {
      for await (const piece of archiveView({ gitDir: view, args: [original], signal })) pieces.push(piece);
    });
    assert.match(Buffer.concat(pieces).toString('latin1'), /no such ref/);
  });
});
