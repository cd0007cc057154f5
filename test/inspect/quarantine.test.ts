import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { RefgateError } from '../../src/domain/error.ts';
import type { ObjectFormat, ObjectType } from '../../src/domain/git.ts';
import type { HeldPack } from '../../src/domain/ports.ts';
import { defaultPackLimits, Quarantine } from '../../src/inspect/quarantine.ts';
import { git, runGit, tempDir } from '../support/git.ts';
import { cut, testQuarantine } from '../support/held.ts';
import { appending, blob, commit, entry, ofsDelta, oidOf, pack } from '../support/pack-builder.ts';
import { QuietLog } from '../support/quiet-log.ts';
import { makeRepo, type RepoKind } from '../support/repos.ts';

const place = testQuarantine();

async function packOf(gitDir: string, args: readonly string[], input: string): Promise<Buffer> {
  const run = await runGit(['pack-objects', '--stdout', '-q', ...args], { cwd: gitDir, input });
  assert.equal(run.status, 0, run.stderr);
  return run.stdoutBytes;
}

const allObjects = (gitDir: string) =>
  git(['cat-file', '--batch-all-objects', '--batch-check=%(objectname) %(objecttype)'], { cwd: gitDir });

async function assertAgreesWithGit(held: HeldPack, gitDir: string): Promise<void> {
  const expected = await allObjects(gitDir);
  assert.equal(await allObjects(held.gitDir), expected);
  for (const line of expected.split('\n')) {
    const [oid, type] = line.split(' ') as [string, ObjectType];
    assert.equal(held.typeOf(oid), type);
    if (type === 'commit') {
      const parents = await git(['rev-parse', `${oid}^@`], { cwd: gitDir });
      assert.deepEqual(held.parentsOf(oid), parents === '' ? [] : parents.split('\n'));
    } else assert.equal(held.parentsOf(oid), undefined);
    if (type === 'tag') {
      const target = held.tagTarget(oid);
      const header = await git(['cat-file', 'tag', oid], { cwd: gitDir });
      assert.ok(header.startsWith(`object ${target?.oid}\ntype ${target?.type}\n`));
    } else assert.equal(held.tagTarget(oid), undefined);
  }
}

async function assertIdxIsGits(held: HeldPack, folder: string): Promise<void> {
  const dir = join(held.gitDir, 'objects', 'pack');
  const name = readdirSync(dir).find((file) => file.endsWith('.idx')) as string;
  const copy = join(folder, `${held.id}.pack`);
  writeFileSync(copy, readFileSync(join(dir, name.replace(/idx$/, 'pack'))));
  await git(['index-pack', `--object-format=${held.objectFormat}`, copy]);
  assert.deepEqual(readFileSync(join(dir, name)), readFileSync(copy.replace(/pack$/, 'idx')));
  await git(['verify-pack', join(dir, name)], { cwd: held.gitDir });
  const fsck = await runGit(['fsck', '--full'], { cwd: held.gitDir });
  assert.doesNotMatch(fsck.stdout + fsck.stderr, /^error|corrupt/m);
}

const kinds: readonly RepoKind[] = ['linear', 'merges', 'tags', 'sha256', 'submodule'];
for (const kind of kinds) {
  for (const args of [['--delta-base-offset'], [], ['--window=0']]) {
    test(`objects and idx of a ${kind} repository packed with [${args}] are those of git`, async (t) => {
      const folder = tempDir(t);
      const gitDir = join(folder, 'repo.git');
      await makeRepo(gitDir, kind);
      const format: ObjectFormat = kind === 'sha256' ? 'sha256' : 'sha1';
      const bytes = await packOf(gitDir, ['--all', '--revs', ...args], '');
      const held = await place.hold(cut(bytes, 1000), { objectFormat: format });
      assert.deepEqual(readFileSync(held.file), bytes);
      assert.equal(held.bytes, bytes.length);
      await assertIdxIsGits(held, folder);
      await assertAgreesWithGit(held, gitDir);
      await held.release();
      await held.release();
      assert.equal(existsSync(held.gitDir), false);
    });
  }
}

for (const kind of ['linear', 'sha256'] as const) {
  test(`a thin pack of a ${kind} repository is completed with borrowed bases, and kept as received`, async (t) => {
    const folder = tempDir(t);
    const gitDir = join(folder, 'repo.git');
    await makeRepo(gitDir, kind, { count: 30 });
    const bytes = await packOf(gitDir, ['--thin', '--revs'], 'main\n^main~1\n');
    const asked: string[] = [];
    const held = await place.hold(bytes, {
      objectFormat: kind === 'sha256' ? 'sha256' : 'sha1',
      borrow: async (oids) => {
        asked.push(...oids);
        return Promise.all(oids.map((oid) => readObject(gitDir, oid)));
      },
    });
    assert.ok(asked.length > 0, 'the pack is thin');
    assert.deepEqual(readFileSync(held.file), bytes);
    await assertIdxIsGits(held, folder);
    const there = new Set(
      (await allObjects(held.gitDir)).split('\n').map((line) => line.split(' ')[0] as string),
    );
    for (const oid of asked) {
      assert.ok(there.has(oid));
      assert.equal(held.typeOf(oid), undefined, 'a borrowed base is not an object of the push');
    }
    const pushed = (await git(['rev-list', '--objects', 'main', '^main~1'], { cwd: gitDir })).split('\n');
    for (const line of pushed) assert.notEqual(held.typeOf(line.split(' ')[0] as string), undefined);
    await held.release();
  });
}

async function readObject(gitDir: string, oid: string) {
  const type = (await git(['cat-file', '-t', oid], { cwd: gitDir })) as ObjectType;
  const { stdoutBytes } = await runGit(['cat-file', type, oid], { cwd: gitDir });
  return { oid, type, content: stdoutBytes };
}

test('large blobs and deltas upon them are held as git holds them', async (t) => {
  const folder = tempDir(t);
  const gitDir = join(folder, 'repo.git');
  await makeRepo(gitDir, 'empty');
  const content = Buffer.alloc(20 * 1024 * 1024, 'some text that repeats, ');
  for (let i = 0; i < 4; i++) {
    content.write(`version ${i}`, i * 1_000_000);
    await git(['hash-object', '-w', '--stdin'], {
      cwd: gitDir,
      input: content.subarray(0, content.length - i),
    });
  }
  const oids = (await allObjects(gitDir)).replaceAll(' blob', '');
  const bytes = await packOf(gitDir, ['--delta-base-offset', '--window=10'], `${oids}\n`);
  assert.ok(bytes.length < 1024 * 1024, 'they are deltas');
  const held = await place.hold(bytes);
  await assertIdxIsGits(held, folder);
  await assertAgreesWithGit(held, gitDir);
  assert.deepEqual(
    readdirSync(held.gitDir).filter((name) => name.startsWith('base-')),
    [],
  );
  await held.release();
});

test('an empty pack is held, and git reads the repository', async () => {
  const held = await place.hold(pack([]));
  assert.deepEqual(held.counts, { commit: 0, tree: 0, blob: 0, tag: 0 });
  assert.equal(await allObjects(held.gitDir), '');
  await held.release();
});

const base = Buffer.from('a base\n');
const first = entry('blob', base);
const sample = pack([
  first,
  ofsDelta(first.length, appending(base, 'more')),
  entry('commit', commit()),
  blob('c'),
]);

test('however the stream is cut, the same pack is held', async () => {
  const whole = await place.hold(sample);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 200 }),
      async (sizes) => {
        const pieces: Buffer[] = [];
        for (let at = 0, i = 0; at < sample.length; i++) {
          const size = sizes[i % sizes.length] as number;
          pieces.push(sample.subarray(at, at + size));
          at += size;
        }
        const held = await place.hold(pieces);
        assert.equal(held.sha256, whole.sha256);
        assert.deepEqual(held.counts, { commit: 1, tree: 0, blob: 3, tag: 0 });
        assert.equal(held.typeOf(oidOf('blob', Buffer.from('a base\nmore'))), 'blob');
        await held.release();
      },
    ),
    { numRuns: 40 },
  );
  await whole.release();
});

test('a pack with any bytes changed is held or refused with a code, and leaves nothing behind', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: sample.length - 1 }),
      fc.integer({ min: 1, max: 255 }),
      fc.boolean(),
      async (at, mask, repair) => {
        const changed = Buffer.from(sample);
        changed.writeUInt8(changed.readUInt8(at) ^ mask, at);
        // With the right trailer, what is inside is reached.
        const bytes = repair ? withTrailer(changed.subarray(0, -20)) : changed;
        const outcome = await place.outcome(bytes);
        assert.match(outcome, /^(?:held|(?:PACK|OBJECT)_[A-Z_]+\/client)$/);
      },
    ),
    { numRuns: 60 },
  );
  assert.deepEqual(place.left(), []);
});

function withTrailer(body: Buffer): Buffer {
  const remade = pack([body.subarray(12)]);
  body.copy(remade, 0, 0, 12);
  return pack([remade.subarray(12, -20)], {
    magic: remade.toString('latin1', 0, 4),
    version: remade.readUInt32BE(4),
    count: remade.readUInt32BE(8),
  });
}

test('the end of the pack is seen although the client keeps the stream open', async () => {
  const open = async function* () {
    yield sample;
    await new Promise(() => {});
  };
  const held = await place.quarantine.hold(open(), {
    id: 'open',
    objectFormat: 'sha1',
    borrow: async () => [],
  });
  assert.equal(held.counts.blob, 3);
  await held.release();
});

const options = { objectFormat: 'sha1', borrow: async () => [] } as const;

test('a client that hangs up within the pack leaves nothing on disk', async () => {
  const broken = async function* () {
    yield sample.subarray(0, 50);
    throw new Error('ECONNRESET');
  };
  await assert.rejects(
    place.quarantine.hold(broken(), { id: 'broken', ...options }),
    (error: RefgateError) => error.code === 'HUNG_UP' && error.blame === 'client',
  );
  assert.deepEqual(place.left(), []);
});

test('an abort ends the worker in the middle of its work and leaves nothing on disk', async () => {
  const controller = new AbortController();
  const endless = async function* () {
    yield sample.subarray(0, 12);
    for (let n = 0; ; n++) {
      if (n === 8) controller.abort();
      yield Buffer.alloc(1024 * 1024, 0x30);
    }
  };
  await assert.rejects(
    place.quarantine.hold(endless(), { id: 'aborted', ...options, signal: controller.signal }),
    RefgateError,
  );
  const silent = new AbortController();
  const waiting = async function* () {
    yield sample.subarray(0, 40);
    setImmediate(() => silent.abort(new RefgateError('IDLE_TIMEOUT', 'client')));
    await new Promise(() => {});
  };
  await assert.rejects(
    place.quarantine.hold(waiting(), { id: 'silent', ...options, signal: silent.signal }),
    (error: RefgateError) => error.code === 'IDLE_TIMEOUT',
  );
  assert.deepEqual(place.left(), []);
});

test('a failure of the upstream while bases are borrowed is passed on', async (t) => {
  const gitDir = join(tempDir(t), 'repo.git');
  await makeRepo(gitDir, 'linear', { count: 30 });
  const bytes = await packOf(gitDir, ['--thin', '--revs'], 'main\n^main~1\n');
  const borrow = async () => {
    throw new RefgateError('UPSTREAM_LOST', 'upstream');
  };
  assert.equal(await place.outcome(bytes, { borrow }), 'UPSTREAM_LOST/upstream');
  assert.deepEqual(place.left(), []);
});

test('what a crash left is swept away at start, and counted', async (t) => {
  const dir = join(tempDir(t), 'quarantine');
  const build = () => new Quarantine({ dir, limits: defaultPackLimits, log: new QuietLog() });
  const crashed = build();
  await crashed.hold(cutStream(sample), { id: 'left', ...options });
  await crashed.close();
  const next = build();
  assert.equal(await next.sweep(), 1);
  assert.equal(await next.sweep(), 0);
  await next.close();
  await assert.rejects(
    next.hold(cutStream(sample), { id: 'late', ...options }),
    (error: RefgateError) => error.code === 'SHUTTING_DOWN',
  );
});

async function* cutStream(bytes: Buffer): AsyncGenerator<Buffer> {
  yield* cut(bytes, 64);
}

test('packs beyond the number that is taken at a time wait, and are held in turn', async (t) => {
  const dir = tempDir(t);
  const quarantine = new Quarantine({ dir, limits: defaultPackLimits, log: new QuietLog(), maxHolds: 1 });
  t.after(() => quarantine.close());
  const all = await Promise.all(
    ['a', 'b', 'c'].map(async (id) => {
      const held = await quarantine.hold(cutStream(sample), { id, ...options });
      await held.release();
      return held;
    }),
  );
  assert.deepEqual(
    all.map((held) => held.counts.blob),
    [3, 3, 3],
  );
});

test('a name that is not a plain word, or that is taken, is not made a directory', async () => {
  const held = await place.quarantine.hold(cutStream(sample), { id: 'once', ...options });
  for (const id of ['once', '../x', '']) {
    await assert.rejects(place.quarantine.hold(cutStream(sample), { id, ...options }), RefgateError);
  }
  assert.ok(existsSync(held.file), 'the pack that had the name is untouched');
  await held.release();
});
