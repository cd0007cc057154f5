import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { RefgateError } from '../../../src/domain/error.ts';
import { initBare } from '../../support/git.ts';
import { MaskedClone, type WorkTree } from '../../support/masked-clone.ts';
import { makeSecretHistory, secretMaker } from '../../support/secret-history.ts';

for (const format of ['sha1', 'sha256'] as const)
  test(`edits upon a history with secrets in every place come back, in ${format}`, async (t) => {
    const make = async (tree: WorkTree): Promise<void> => {
      const { gitDir } = await makeSecretHistory(join(tree.dir, 'history.git'), { format });
      await tree.git('fetch', '--quiet', '--update-head-ok', gitDir, '+refs/*:refs/*');
      await tree.git('reset', '--quiet', '--hard', 'main');
    };
    const clone = await MaskedClone.of(t, make, format);
    const push = await clone.sameEdit('edit', async (tree) => {
      for (const path of ['deploy.sh', 'conf/renamed.ini', 'edge.txt', 'keys/server.pem'])
        tree.append(path, '# the end\n');
      tree.append('wide/le-bom.txt', '\n\0');
      tree.append('wide/be.txt', '\0\n');
      tree.edit('secret.yaml', 'kind: Secret', 'kind: Config');
      tree.edit('data.bin', 'BIN', 'BOM');
      await tree.commit('files');
      await tree.git('mv', 'link', 'src/link');
      await tree.git('mv', 'notes', 'docs');
      await tree.git('mv', 'src/deep', 'deep');
      await tree.commit('moves');
      await tree.git('merge', '--quiet', '-m', 'merged', 'origin/merged', 'origin/side');
      await tree.git('revert', '--no-edit', 'HEAD~1');
    });
    assert.deepEqual(push.restored.placeholders, []);
  });

test('a clone of a view that was replaced pushes still, and gets the same originals', async (t) => {
  const next = secretMaker(21);
  const [allowed, kept] = [`token=${next()}\n`, `token=${next()}\n`];
  const clone = await MaskedClone.of(t, async (tree) => {
    tree.write('a.env', `${allowed}A=1\n`);
    tree.write('b.env', `${kept}B=1\n`);
    tree.write('c.txt', 'c\n');
    await tree.commit('with secrets');
  });
  await clone.showValues(clone.fingerprintOf(allowed));
  const oids: string[] = [];
  for (const tree of [clone.agent, clone.person]) {
    await tree.git('checkout', '--quiet', '-b', 'old');
    tree.edit('b.env', 'B=1', 'B=2');
    await tree.commit('one');
    // What it shows by now was a placeholder where this clone was made.
    tree.edit('a.env', 'A=1', 'A=2');
    await tree.commit('beside');
    tree.write('d/e.txt', 'e\n');
    await tree.git('mv', 'a.env', 'd/a.env');
    oids.push(await tree.commit('two'));
  }
  const { restored } = await clone.push({ ref: 'refs/heads/old', newOid: oids[0] as string });
  assert.equal(restored.updates[0]?.newOid, oids[1]);
  assert.deepEqual(restored.placeholders, []);
  assert.equal(clone.rows.pinOf(oids[1] as string), undefined);
});

test('a push whose client hung up is not restored', async (t) => {
  const clone = await MaskedClone.of(t, async (tree) => {
    tree.write('a.env', `token=${secretMaker(22)()}\n`);
    await tree.commit('with a secret');
  });
  const folder = mkdtempSync(join(clone.agent.dir, '..', 'held-'));
  await initBare(join(folder, 'held.git'));
  await clone.agent.git('push', '--quiet', join(folder, 'held.git'), 'HEAD:refs/heads/x');
  clone.agent.append('a.env', 'x\n');
  const newOid = await clone.agent.commit('x');
  await clone.agent.git('push', '--quiet', join(folder, 'held.git'), 'HEAD:refs/heads/x');
  const aborter = new AbortController();
  aborter.abort(new RefgateError('HUNG_UP', 'client'));
  const update = { ref: 'refs/heads/x', oldOid: '0'.repeat(40), newOid };
  await assert.rejects(clone.restore(join(folder, 'held.git'), [update], folder, aborter.signal), {
    code: 'HUNG_UP',
  });
  assert.equal((await clone.restore(join(folder, 'held.git'), [update], folder)).pairCount, 1);
});
