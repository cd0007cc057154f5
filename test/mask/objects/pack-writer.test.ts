import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ObjectFormat, Oid } from '../../../src/domain/git.ts';
import { createGitDir } from '../../../src/inspect/gitdir.ts';
import { writePackFile } from '../../../src/mask/objects/pack-file.ts';
import { createPackWriter, type PackWriter } from '../../../src/mask/objects/pack-writer.ts';
import { git, runGit, tempDir } from '../../support/git.ts';
import { oidOf } from '../../support/pack-builder.ts';

interface Place {
  readonly gitDir: string;
  readonly temporary: string;
}

function place(t: { after(close: () => unknown): void }, format: ObjectFormat): Place {
  const dir = tempDir(t, 'pack');
  const gitDir = join(dir, 'view.git');
  createGitDir(gitDir, format);
  return { gitDir, temporary: join(dir, 'tmp') };
}

function lines(count: number, changed: number): Buffer {
  const text = Array.from({ length: count }, (_, i) => {
    const word = createHash('sha256')
      .update(`${i === changed ? `new ${i}` : i}`)
      .digest('hex');
    return `${word}\n`;
  });
  return Buffer.from(text.join(''));
}

/** A history of one file: every version a blob, a tree and a commit, each against the one before. */
function writeHistory(pack: PackWriter, format: ObjectFormat, versions: number): Oid {
  let parent: Oid | undefined;
  let before: { oid: Oid; content: Buffer } | undefined;
  for (let version = 0; version < versions; version++) {
    const content = lines(130, version);
    const blob = pack.add(
      'blob',
      content,
      before === undefined ? {} : { base: before.oid, baseContent: before.content },
    );
    assert.equal(blob, oidOf('blob', content, format));
    before = { oid: blob, content };
    const tree = pack.add(
      'tree',
      Buffer.concat([Buffer.from('100644 file.txt\0'), Buffer.from(blob, 'hex')]),
    );
    const parents = parent === undefined ? '' : `parent ${parent}\n`;
    const person = `A <a@example.com> ${1_700_000_000 + version} +0000`;
    const text = `tree ${tree}\n${parents}author ${person}\ncommitter ${person}\n\nversion ${version}\n`;
    parent = pack.add('commit', Buffer.from(text));
  }
  return parent as Oid;
}

for (const format of ['sha1', 'sha256'] as const) {
  test(`git accepts a ${format} pack with deltas, and reads every object of it`, async (t) => {
    const { gitDir, temporary } = place(t, format);
    const pack = createPackWriter({ gitDir, format, temporary });
    const tip = writeHistory(pack, format, 120);
    await pack.drain();
    assert.equal(pack.count, 360);
    assert.ok(pack.has(tip));
    assert.ok(!pack.has(oidOf('blob', Buffer.from('never added'), format)));
    const written = await pack.finish();
    assert.equal(written?.objects, 360);
    await git(['update-ref', 'refs/heads/main', tip], { cwd: gitDir });
    const fsck = await runGit(['fsck', '--full', '--strict'], { cwd: gitDir });
    assert.equal(fsck.status, 0, fsck.stderr);
    const idx = join(gitDir, 'objects', 'pack', `${written?.name}.idx`);
    const verified = await git(['verify-pack', '-v', idx], { cwd: gitDir });
    const deepest = Math.max(
      ...[...verified.matchAll(/chain length = (\d+)/g)].map((match) => Number(match[1])),
    );
    assert.equal(deepest, 50);
    assert.equal(await git(['show', 'main:file.txt'], { cwd: gitDir }), `${lines(130, 119)}`.trimEnd());
    assert.ok(statSync(idx.replace(/idx$/, 'pack')).size < 120 * 2000, 'versions are stored as deltas');
    assert.deepEqual(readdirSync(temporary), []);
  });
}

test('an object that was added before is not added again', async (t) => {
  const { gitDir, temporary } = place(t, 'sha1');
  const pack = createPackWriter({ gitDir, format: 'sha1', temporary });
  const oid = pack.add('blob', Buffer.from('once'));
  const { bytes } = pack;
  assert.equal(pack.add('blob', Buffer.from('once')), oid);
  assert.equal(pack.add('blob', Buffer.from('once'), { oid }), oid);
  assert.equal(pack.bytes, bytes);
  assert.equal((await pack.finish())?.objects, 1);
});

test('a base that is not in the pack, or of another type, gives a whole object', async (t) => {
  const { gitDir, temporary } = place(t, 'sha1');
  const pack = createPackWriter({ gitDir, format: 'sha1', temporary });
  const content = lines(20, 1);
  const base = pack.add('blob', content);
  const other = Buffer.concat([content, Buffer.from('more\n')]);
  pack.add('blob', other, { base: oidOf('blob', Buffer.from('elsewhere')), baseContent: content });
  pack.add('blob', Buffer.concat([other, other]), { base });
  // No valid tag: only its type counts here.
  const tag = pack.add('tag', other, { base, baseContent: content });
  await pack.finish();
  assert.equal(await git(['cat-file', '-t', tag], { cwd: gitDir }), 'tag');
  const names = readdirSync(join(gitDir, 'objects', 'pack')).filter((name) => name.endsWith('.idx'));
  const verified = await git(['verify-pack', '-v', join(gitDir, 'objects', 'pack', names[0] as string)]);
  assert.doesNotMatch(verified, /chain length/);
});

test('contents of every size around the buffer come back byte for byte', async (t) => {
  const { gitDir, temporary } = place(t, 'sha1');
  const pack = createPackWriter({ gitDir, format: 'sha1', temporary });
  const contents = [0, 1, 15, 16, 2047, 2048, 70_000, 1_048_575, 1_048_577, 3_000_000].map((size) =>
    createHash('shake256', { outputLength: size }).update(`${size}`).digest(),
  );
  const oids = contents.map((content) => pack.add('blob', content));
  await pack.finish();
  for (const [index, oid] of oids.entries()) {
    const run = await runGit(['cat-file', 'blob', oid], { cwd: gitDir });
    assert.ok(run.stdoutBytes.equals(contents[index] as Buffer));
  }
  assert.equal((await runGit(['fsck', '--full', '--strict'], { cwd: gitDir })).status, 0);
});

test('a pack without objects, and one that was given up, leave nothing', async (t) => {
  const { gitDir, temporary } = place(t, 'sha1');
  const empty = createPackWriter({ gitDir, format: 'sha1', temporary });
  assert.equal(await empty.finish(), undefined);
  const aborted = createPackWriter({ gitDir, format: 'sha1', temporary });
  aborted.add('blob', Buffer.from('given up'));
  aborted.abort();
  aborted.abort();
  assert.throws(() => aborted.add('blob', Buffer.from('too late')), { code: 'INTERNAL' });
  await assert.rejects(aborted.finish());
  assert.deepEqual(readdirSync(temporary), []);
  assert.deepEqual(readdirSync(join(gitDir, 'objects', 'pack')), []);
});

test('the same objects in the same order give the same pack', async (t) => {
  const names: (string | undefined)[] = [];
  for (let turn = 0; turn < 2; turn++) {
    const { gitDir, temporary } = place(t, 'sha1');
    const pack = createPackWriter({ gitDir, format: 'sha1', temporary });
    writeHistory(pack, 'sha1', 5);
    names.push((await pack.finish())?.name);
  }
  assert.equal(names[0], names[1]);
});

test('a plain pack file can be indexed by git, and is not there when nothing was added', async (t) => {
  const dir = tempDir(t, 'pack');
  const gitDir = join(dir, 'other.git');
  createGitDir(gitDir, 'sha1');
  const file = join(dir, 'held.pack');
  const pack = writePackFile(file, 'sha1');
  const oid = pack.add('blob', Buffer.from('held elsewhere'));
  const written = await pack.finish();
  assert.equal(written?.bytes, statSync(file).size);
  await git(['index-pack', '--strict', '-o', join(dir, 'held.idx'), file], { cwd: gitDir });
  assert.match(await git(['verify-pack', '-v', file], { cwd: gitDir }), new RegExp(oid));
  const empty = writePackFile(join(dir, 'empty.pack'), 'sha1');
  assert.equal(await empty.finish(), undefined);
  assert.ok(!existsSync(join(dir, 'empty.pack')));
});
