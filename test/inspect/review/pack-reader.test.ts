import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import isomorphic from 'isomorphic-git';
import { RefgateError } from '../../../src/domain/error.ts';
import type { ObjectFormat, Oid } from '../../../src/domain/git.ts';
import type { HeldPack } from '../../../src/domain/ports.ts';
import { openHeldPacks } from '../../../src/inspect/review/open-held.ts';
import { HeldPackReader, type ReadObject } from '../../../src/inspect/review/pack-reader.ts';
import { git, runGit, tempDir } from '../../support/git.ts';
import { testQuarantine } from '../../support/held.ts';
import { appending, blob, ofsDelta, oidOf, pack, refDelta } from '../../support/pack-builder.ts';
import { makeRepo, type RepoKind } from '../../support/repos.ts';

const place = testQuarantine();
const mib = 1024 * 1024;

async function readerOf(
  t: { after(close: () => unknown): void },
  held: Pick<HeldPack, 'gitDir' | 'objectFormat'>,
): Promise<HeldPackReader> {
  const packs = await openHeldPacks(held.gitDir, held.objectFormat);
  assert.equal(packs?.length, 1);
  const reader = packs?.[0] as HeldPackReader;
  t.after(() => reader.close());
  return reader;
}

async function holdAll(
  gitDir: string,
  args: readonly string[],
  objectFormat: ObjectFormat,
): Promise<HeldPack> {
  const run = await runGit(['pack-objects', '--stdout', '-q', '--all', ...args], { cwd: gitDir, input: '' });
  return place.hold(run.stdoutBytes, { objectFormat });
}

/** Every object with its type and content, as `git cat-file` gives them. */
async function* gitsObjects(gitDir: string): AsyncGenerator<{ oid: Oid; type: string; content: Buffer }> {
  const args = ['cat-file', '--batch-all-objects', '--batch'];
  const { stdoutBytes: out } = await runGit(args, { cwd: gitDir });
  for (let at = 0; at < out.length; ) {
    const end = out.indexOf(10, at);
    const [oid = '', type = '', size] = out.toString('latin1', at, end).split(' ');
    yield { oid, type, content: out.subarray(end + 1, end + 1 + Number(size)) };
    at = end + 2 + Number(size);
  }
}

const kinds: readonly RepoKind[] = ['linear', 'merges', 'tags', 'sha256', 'submodule'];
for (const kind of kinds)
  for (const args of [['--delta-base-offset'], []])
    test(`objects of a ${kind} repository packed with [${args}] are those of git cat-file`, async (t) => {
      const gitDir = join(tempDir(t, 'reader'), 'r.git');
      await makeRepo(gitDir, kind, { count: 12 });
      const format = kind === 'sha256' ? 'sha256' : 'sha1';
      const held = await holdAll(gitDir, args, format);
      const reader = await readerOf(t, held);
      let count = 0;
      for await (const { oid, type, content } of gitsObjects(gitDir)) {
        const object = await reader.read(oid, mib);
        assert.equal(object?.type, type);
        assert.deepEqual(object?.content, content);
        assert.equal(object?.size, content.length);
        const short = await reader.read(oid, content.length - 1);
        assert.deepEqual([short?.size, short?.content], [content.length, undefined]);
        count++;
        if (format !== 'sha1') continue;
        const gitdir = held.gitDir;
        const theirs = await isomorphic.readObject({ fs, gitdir, oid, format: 'content' });
        assert.deepEqual(Buffer.from(theirs.object as Uint8Array), object?.content);
      }
      assert.ok(count >= 3);
      const absent = format === 'sha256' ? 'f'.repeat(64) : 'f'.repeat(40);
      assert.equal(await reader.read(absent, mib), undefined);
      assert.equal(await reader.read('0'.repeat(absent.length), mib), undefined);
    });

test('a chain of 4,000 deltas is followed to its end, whichever kind its deltas are', async (t) => {
  let content = Buffer.from('start\n');
  const entries = [blob(content.toString())];
  const oids = [oidOf('blob', content)];
  let last = entries[0] as Buffer;
  for (let n = 0; n < 4_000; n++) {
    const edit = appending(content, `${n}\n`);
    last = n % 2 === 0 ? ofsDelta(last.length, edit, 1) : refDelta(oids.at(-1) as Oid, edit);
    entries.push(last);
    content = Buffer.concat([content, Buffer.from(`${n}\n`)]);
    oids.push(oidOf('blob', content));
  }
  const held = await place.hold(pack(entries));
  const reader = await readerOf(t, held);
  assert.deepEqual((await reader.read(oids.at(-1) as Oid, mib))?.content, content);
  assert.equal((await reader.read(oids[1] as Oid, mib))?.content?.toString(), 'start\n0\n');
});

test('an object that is made from too much is not made, and its size is told', async (t) => {
  const base = Buffer.alloc(33 * mib, 'a');
  const baseOid = oidOf('blob', base);
  const small = Buffer.from('a'.repeat(10));
  const header = Buffer.from([0x80 | (base.length & 0x7f)]);
  const rest = [7, 14, 21].map((shift, i) => ((base.length >> shift) & 0x7f) | (i < 2 ? 0x80 : 0));
  const edit = Buffer.concat([header, Buffer.from(rest), Buffer.from([10, 0x90, 10])]);
  const bytes = pack([blob(base.toString()), refDelta(baseOid, edit)]);
  const reader = await readerOf(t, await place.hold(bytes));
  const object = await reader.read(oidOf('blob', small), mib);
  assert.deepEqual([object?.type, object?.size, object?.content], ['blob', 10, undefined]);
  assert.deepEqual((await reader.read(baseOid, mib))?.size, base.length);
});

test('any damage of pack or idx is an error with a code, or changes nothing that is read', async (t) => {
  const folder = tempDir(t, 'damage');
  const gitDir = join(folder, 'r.git');
  await makeRepo(gitDir, 'linear', { count: 4 });
  const held = await holdAll(gitDir, ['--delta-base-offset'], 'sha1');
  const dir = join(held.gitDir, 'objects', 'pack');
  const name = readdirSync(dir)
    .find((file) => file.endsWith('.idx'))
    ?.slice(0, -4) as string;
  const files = {
    pack: readFileSync(join(dir, `${name}.pack`)),
    idx: readFileSync(join(dir, `${name}.idx`)),
  };
  const objects: { oid: Oid; content: Buffer }[] = [];
  for await (const object of gitsObjects(gitDir)) objects.push(object);
  const copy = join(folder, 'copy');
  const damage = fc.record({
    file: fc.constantFrom('pack' as const, 'idx' as const),
    at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    to: fc.integer({ min: 1, max: 255 }),
    cut: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(damage, async ({ file, at, to, cut }) => {
      const place = Math.floor(at * files[file].length);
      for (const each of ['pack', 'idx'] as const)
        copyFileSync(join(dir, `${name}.${each}`), `${copy}.${each}`);
      const bytes = Buffer.from(files[file]);
      bytes.writeUInt8((bytes[place] as number) ^ to, place);
      writeFileSync(`${copy}.${file}`, cut ? bytes.subarray(0, place) : bytes);
      let reader: HeldPackReader | undefined;
      try {
        reader = await HeldPackReader.open(copy, 'sha1');
        for (const { oid, content } of objects) {
          const object: ReadObject | undefined = await reader.read(oid, mib).catch(isCoded);
          if (object?.content !== undefined) assert.deepEqual(object.content, content);
        }
      } catch (error) {
        isCoded(error);
      } finally {
        await reader?.close();
      }
    }),
    { numRuns: 150 },
  );
});

function isCoded(error: unknown): undefined {
  if (!(error instanceof RefgateError)) throw error;
  assert.deepEqual([error.code, error.blame], ['INTERNAL', 'refgate']);
  return undefined;
}

test('files are closed, also when what is there is not a pack, and a second close is none', async (t) => {
  const folder = tempDir(t, 'closed');
  const gitDir = join(folder, 'r.git');
  await makeRepo(gitDir, 'linear');
  const held = await holdAll(gitDir, [], 'sha1');
  const countOpen = () =>
    readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return fs.readlinkSync(`/proc/self/fd/${fd}`).includes(held.gitDir);
      } catch {
        return false;
      }
    }).length;
  // The thread that held the pack keeps it open until it is walked or released.
  const before = countOpen();
  const [reader] = (await openHeldPacks(held.gitDir, 'sha1')) ?? [];
  assert.equal(countOpen(), before + 2);
  const head = await git(['rev-parse', 'main'], { cwd: gitDir });
  const reading = reader?.read(head, mib);
  await reader?.close();
  await reader?.close();
  assert.equal((await reading)?.type, 'commit');
  await assert.rejects(reader?.read(head, mib) ?? Promise.resolve(), RefgateError);
  const idx = readdirSync(join(held.gitDir, 'objects', 'pack')).find((file) =>
    file.endsWith('.idx'),
  ) as string;
  fs.chmodSync(join(held.gitDir, 'objects', 'pack', idx), 0o600);
  writeFileSync(join(held.gitDir, 'objects', 'pack', idx), 'not an index');
  await assert.rejects(openHeldPacks(held.gitDir, 'sha1'), RefgateError);
  assert.equal(countOpen(), before);
  await held.release();
  assert.equal(await openHeldPacks(held.gitDir, 'sha1'), undefined);
});
