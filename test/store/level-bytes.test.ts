import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openLevelBytes } from '../../src/store/level-bytes.ts';
import { bytesStoreContract } from '../contract/bytes-store.ts';
import { tempDir } from '../support/git.ts';

bytesStoreContract('LevelDB', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'refgate-bytes-'));
  return { open: () => openLevelBytes(join(dir, 'db')), remove: () => rm(dir, { recursive: true }) };
});

test('the folder of bytes is made for the owner alone', async (t) => {
  const dir = join(tempDir(t), 'rows', 'db');
  await (await openLevelBytes(dir)).close();
  assert.equal((await stat(dir)).mode & 0o777, 0o700);
});

test('a database of bytes that is open already is a CONFLICT', async (t) => {
  const dir = tempDir(t);
  const store = await openLevelBytes(dir);
  await assert.rejects(openLevelBytes(dir), { code: 'CONFLICT', blame: 'operator' });
  await store.close();
});

test('a path that cannot hold a database of bytes is CONFIG_INVALID', async (t) => {
  const file = join(tempDir(t), 'file');
  await writeFile(file, '');
  await assert.rejects(openLevelBytes(file), { code: 'CONFIG_INVALID', blame: 'operator' });
});

test('a database of bytes that lost its CURRENT is refused, and none of its files is touched', async (t) => {
  const dir = tempDir(t);
  const store = await openLevelBytes(dir);
  await store.write([{ type: 'put', key: Buffer.from('a'), value: Buffer.from('1') }]);
  await store.close();
  await rm(join(dir, 'CURRENT'));
  const before = await readdir(dir);
  await assert.rejects(openLevelBytes(dir), { code: 'CONFIG_INVALID' });
  assert.deepEqual(await readdir(dir), before);
});
