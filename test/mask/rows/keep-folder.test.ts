import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openKeepFolder } from '../../../src/mask/rows/keep-folder.ts';
import type { Pin } from '../../../src/mask/rows/view-rows.ts';
import { tempDir } from '../../support/git.ts';

const oid = (name: string): string => createHash('sha1').update(name).digest('hex');
const pinOf = (name: string): { original: string; pin: Pin } => ({
  original: oid(name),
  pin: { view: oid(`view of ${name}`), type: 'commit', content: Buffer.from(`tree of ${name}\n\0`) },
});

test('a new folder has a key of 32 bytes for the owner alone, and keeps it', (t) => {
  const dir = join(tempDir(t), 'keep');
  const keep = openKeepFolder(dir);
  assert.equal(keep.key.length, 32);
  keep.close();
  assert.equal(statSync(dir).mode & 0o777, 0o700);
  assert.equal(statSync(join(dir, 'key')).mode & 0o777, 0o600);
  assert.equal(statSync(join(dir, 'pins')).mode & 0o777, 0o600);
  const again = openKeepFolder(dir);
  assert.deepEqual(again.key, keep.key);
  again.close();
});

test('a key of another length is refused, and so is a lost one', (t) => {
  const dir = tempDir(t);
  openKeepFolder(dir).close();
  writeFileSync(join(dir, 'key'), Buffer.alloc(31));
  assert.throws(() => openKeepFolder(dir), { code: 'CONFIG_INVALID', blame: 'operator' });
  rmSync(join(dir, 'key'));
  assert.throws(() => openKeepFolder(dir), { code: 'CONFIG_INVALID', blame: 'operator' });
});

test('pins are there after it is opened anew, and the last one of an original counts', (t) => {
  const dir = tempDir(t);
  const keep = openKeepFolder(dir);
  const first = pinOf('a');
  const second = { original: first.original, pin: { ...pinOf('b').pin, type: 'tag' as const } };
  keep.addPins([first, pinOf('c')]);
  keep.addPins([second]);
  const size = statSync(join(dir, 'pins')).size;
  keep.addPins([second, pinOf('c')]);
  assert.equal(statSync(join(dir, 'pins')).size, size, 'what is pinned so already is not written again');
  const check = (folder: typeof keep): void => {
    assert.equal(folder.pinCount, 2);
    assert.deepEqual(folder.pinOf(first.original), second.pin);
    assert.deepEqual(folder.pinOf(oid('c')), pinOf('c').pin);
    assert.equal(folder.pinOf(oid('none')), undefined);
    assert.equal(folder.pinnedView(first.original)?.view, second.pin.view);
    assert.equal(folder.pinnedOriginal(first.pin.view)?.original, first.original);
    assert.equal(folder.pinnedOriginal(second.pin.view)?.original, first.original);
    assert.deepEqual([...folder.pinnedOriginals()].sort(), [first.original, oid('c')].sort());
  };
  check(keep);
  keep.close();
  const again = openKeepFolder(dir);
  check(again);
  again.close();
});

test('wherever the last pin was torn, it is cut off, and those before it are there', (t) => {
  const dir = tempDir(t);
  const file = join(dir, 'pins');
  const keep = openKeepFolder(dir);
  keep.addPins([pinOf('a')]);
  const whole = statSync(file).size;
  keep.addPins([pinOf('b')]);
  keep.close();
  const bytes = readFileSync(file);
  for (let size = whole; size < bytes.length; size++) {
    for (const zeros of [0, bytes.length - size, 5000]) {
      writeFileSync(file, Buffer.concat([bytes.subarray(0, size), Buffer.alloc(zeros)]));
      const torn = openKeepFolder(dir);
      assert.equal(torn.pinCount, 1, `${size} and ${zeros}`);
      assert.equal(statSync(file).size, whole);
      torn.addPins([pinOf('b')]);
      torn.close();
      assert.deepEqual(readFileSync(file), bytes);
    }
  }
});

test('any other damage is refused, and nothing of the file is touched', (t) => {
  const dir = tempDir(t);
  const file = join(dir, 'pins');
  const keep = openKeepFolder(dir);
  keep.addPins([pinOf('a'), pinOf('b')]);
  keep.close();
  const bytes = readFileSync(file);
  for (let at = 0; at < bytes.length; at++) {
    const damaged = Buffer.from(bytes);
    damaged[at] = (damaged[at] as number) ^ 0x41;
    writeFileSync(file, damaged);
    assert.throws(() => openKeepFolder(dir), { code: 'CONFIG_INVALID' }, `byte ${at}`);
    assert.deepEqual(readFileSync(file), damaged);
  }
  writeFileSync(file, bytes);
  appendFileSync(file, 'something that is no pin');
  assert.throws(() => openKeepFolder(dir), { code: 'CONFIG_INVALID' });
});

test('a file that became shorter while it is open is told, not read past its end', (t) => {
  const dir = tempDir(t);
  const keep = openKeepFolder(dir);
  keep.addPins([pinOf('a')]);
  truncateSync(join(dir, 'pins'), 10);
  assert.throws(() => keep.pinOf(oid('a')), { code: 'CONFIG_INVALID' });
  keep.close();
});
