import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { RefgateError } from '../../src/domain/error.ts';
import { openLevelStore } from '../../src/store/level.ts';
import { storeContract } from '../contract/store.ts';

storeContract('LevelDB', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'refgate-level-'));
  return { open: () => openLevelStore(join(dir, 'db')), remove: () => rm(dir, { recursive: true }) };
});

const isRefgateError = (code: string, blame: string, text: RegExp) => (error: unknown) => {
  assert.ok(error instanceof RefgateError);
  assert.equal(error.code, code);
  assert.equal(error.blame, blame);
  assert.match(error.message, text);
  return true;
};

async function withFolder(run: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'refgate-level-'));
  try {
    await run(dir);
  } finally {
    await rm(dir, { recursive: true });
  }
}

test('the folder is made for the owner alone', () =>
  withFolder(async (dir) => {
    const store = await openLevelStore(join(dir, 'data', 'db'));
    await store.close();
    assert.equal((await stat(join(dir, 'data', 'db'))).mode & 0o777, 0o700);
  }));

test('a database that another process has open is a CONFLICT that says what to do', () =>
  withFolder(async (dir) => {
    const module = new URL('../../src/store/level.js', import.meta.url).href;
    const script = `const { openLevelStore } = await import(${JSON.stringify(module)});
      await openLevelStore(${JSON.stringify(dir)});
      process.stdout.write('open');
      process.stdin.resume();`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    try {
      await once(child.stdout, 'data');
      await assert.rejects(
        openLevelStore(dir),
        isRefgateError('CONFLICT', 'operator', /another process .* stop it/),
      );
    } finally {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
    await (await openLevelStore(dir)).close();
  }));

test('a path that cannot hold a database is CONFIG_INVALID', () =>
  withFolder(async (dir) => {
    const file = join(dir, 'file');
    await writeFile(file, '');
    await assert.rejects(
      openLevelStore(file),
      isRefgateError('CONFIG_INVALID', 'operator', /cannot be opened/),
    );
  }));

test('a database that lost its CURRENT is refused, and none of its files is touched', () =>
  withFolder(async (dir) => {
    const store = await openLevelStore(dir);
    await store.write([{ type: 'put', key: 'a', value: Buffer.from('1') }]);
    await store.close();
    await rm(join(dir, 'CURRENT'));
    const before = await readdir(dir);
    await assert.rejects(
      openLevelStore(dir),
      isRefgateError('CONFIG_INVALID', 'operator', /no CURRENT; restore the folder from a backup/),
    );
    assert.deepEqual(await readdir(dir), before);
  }));
