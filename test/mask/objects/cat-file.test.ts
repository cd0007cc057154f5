import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ObjectFormat, Oid } from '../../../src/domain/git.ts';
import { createGitDir } from '../../../src/inspect/gitdir.ts';
import { type BatchAnswer, BatchReader } from '../../../src/mask/objects/batch-reader.ts';
import { openGitObjects, readObjects } from '../../../src/mask/objects/cat-file.ts';
import { createPackWriter } from '../../../src/mask/objects/pack-writer.ts';
import { tempDir } from '../../support/git.ts';
import { oidOf } from '../../support/pack-builder.ts';

type Test = { after(close: () => unknown): void };

function repository(
  t: Test,
  format: ObjectFormat = 'sha1',
): { gitDir: string; add(...texts: string[]): Promise<Oid[]> } {
  const dir = tempDir(t, 'cat');
  const gitDir = join(dir, 'repo.git');
  createGitDir(gitDir, format);
  return {
    gitDir,
    async add(...texts) {
      const pack = createPackWriter({ gitDir, format, temporary: join(dir, 'tmp') });
      const oids = texts.map((text) => pack.add('blob', Buffer.from(text)));
      await pack.finish();
      return oids;
    },
  };
}

const nowhere = oidOf('blob', Buffer.from('nowhere'));

for (const format of ['sha1', 'sha256'] as const) {
  test(`requests at once are answered in their order, ${format}`, async (t) => {
    const { gitDir, add } = repository(t, format);
    const texts = Array.from({ length: 50 }, (_, i) => `text ${i}\n`.repeat(i * 40));
    const oids = await add(...texts);
    const objects = openGitObjects(gitDir, format);
    t.after(() => objects.close());
    const missing = oidOf('blob', Buffer.from('nowhere'), format);
    const answers = await Promise.all([
      ...oids.map((oid) => objects.read(oid)),
      ...oids.map((oid) => objects.info(oid)),
      objects.read(missing),
      objects.info(missing),
    ]);
    texts.forEach((text, i) => {
      assert.deepEqual(answers[i], { oid: oids[i], type: 'blob', content: Buffer.from(text) });
      assert.deepEqual(answers[i + 50], { type: 'blob', size: Buffer.byteLength(text) });
    });
    assert.deepEqual(answers.slice(100), [undefined, undefined]);
  });
}

test('a pack that appears while git runs is seen', async (t) => {
  const { gitDir, add } = repository(t);
  const [first] = await add('first');
  const objects = openGitObjects(gitDir, 'sha1');
  t.after(() => objects.close());
  const second = oidOf('blob', Buffer.from('second'));
  assert.equal(`${(await objects.read(first as Oid))?.content}`, 'first');
  assert.equal(await objects.read(second), undefined);
  await add('second');
  assert.equal(`${(await objects.read(second))?.content}`, 'second');
});

test('what is no oid is refused, and reaches git as nothing', async (t) => {
  const { gitDir } = repository(t);
  const objects = openGitObjects(gitDir, 'sha1');
  t.after(() => objects.close());
  await assert.rejects(objects.read('HEAD'), { code: 'INTERNAL' });
  await assert.rejects(objects.info(`${nowhere}\ncontents ${nowhere}`), { code: 'INTERNAL' });
  await assert.rejects(objects.info('a'.repeat(64)), { code: 'INTERNAL' });
});

test('a larger object than allowed is refused, and those behind it are read', async (t) => {
  const { gitDir, add } = repository(t);
  const [large, small] = await add('x'.repeat(5000), 'small');
  const objects = openGitObjects(gitDir, 'sha1', { maxBytes: 4999 });
  t.after(() => objects.close());
  const reads = await Promise.allSettled([objects.read(large as Oid), objects.read(small as Oid)]);
  assert.equal(reads[0].status, 'rejected');
  assert.equal(reads[0].reason.code, 'LIMIT_EXCEEDED');
  assert.ok(reads[1].status === 'fulfilled' && `${reads[1].value?.content}` === 'small');
});

test('a repository that is not there is INTERNAL, and so is every later request', async (t) => {
  const objects = openGitObjects(join(tempDir(t), 'none.git'), 'sha1');
  t.after(() => objects.close());
  await assert.rejects(objects.read(nowhere), { code: 'INTERNAL' });
  await assert.rejects(objects.info(nowhere), { code: 'INTERNAL' });
});

test('a damaged object does not harm what is asked behind it', async (t) => {
  const { gitDir, add } = repository(t);
  const [bad] = await add('to be damaged '.repeat(40));
  const packs = join(gitDir, 'objects', 'pack');
  const pack = join(packs, readdirSync(packs).find((name) => name.endsWith('.pack')) as string);
  const bytes = readFileSync(pack);
  writeFileSync(pack, bytes.fill(0xff, 18, 26));
  const [good] = await add('good');
  const objects = openGitObjects(gitDir, 'sha1');
  t.after(() => objects.close());
  const [damaged, behind] = await Promise.allSettled([objects.read(bad as Oid), objects.read(good as Oid)]);
  assert.ok(damaged.status === 'rejected' || damaged.value === undefined);
  assert.ok(behind.status === 'fulfilled' && `${behind.value?.content}` === 'good');
  const stream = async (): Promise<void> => {
    for await (const one of readObjects(gitDir, [bad as Oid])) assert.ok('missing' in one);
  };
  await stream().catch((error: unknown) => assert.equal((error as { code: string }).code, 'INTERNAL'));
});

test('a git that was killed while nothing was asked is started anew', async (t) => {
  const { gitDir, add } = repository(t);
  const [oid] = await add('text');
  const objects = openGitObjects(gitDir, 'sha1');
  t.after(() => objects.close());
  await objects.read(oid as Oid);
  process.kill(childOf(gitDir), 'SIGKILL');
  assert.equal(`${(await objects.read(oid as Oid))?.content}`, 'text');
});

/** The pid of the git that reads this repository. */
function childOf(gitDir: string): number {
  for (const name of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
    try {
      if (readFileSync(`/proc/${name}/cmdline`, 'latin1').includes(`--git-dir=${gitDir}\0`))
        return Number(name);
    } catch {
      // It ended meanwhile.
    }
  }
  throw new Error('no git reads it');
}

test('after close, and after its signal, nothing is answered', async (t) => {
  const { gitDir, add } = repository(t);
  const [oid] = await add('text');
  const closed = openGitObjects(gitDir, 'sha1');
  const waiting = closed.read(oid as Oid);
  closed.close();
  await assert.rejects(waiting, { code: 'SHUTTING_DOWN' });
  await assert.rejects(closed.info(oid as Oid), { code: 'SHUTTING_DOWN' });
  const stop = new AbortController();
  const stopped = openGitObjects(gitDir, 'sha1', { signal: stop.signal });
  await stopped.read(oid as Oid);
  const pending = stopped.read(oid as Oid);
  stop.abort(new Error('enough'));
  await assert.rejects(pending, /enough/);
  await assert.rejects(stopped.read(oid as Oid), /enough/);
});

test('a process that only keeps the objects open ends by itself', async (t) => {
  const { gitDir, add } = repository(t);
  const [oid] = await add('text');
  const module = new URL('../../../src/mask/objects/cat-file.js', import.meta.url).href;
  const script = `const { openGitObjects } = await import(${JSON.stringify(module)});
    const objects = openGitObjects(${JSON.stringify(gitDir)}, 'sha1');
    const read = await objects.read(${JSON.stringify(oid)});
    const again = await objects.read(${JSON.stringify(oid)});
    process.stdout.write(read.content + ' ' + again.content);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (piece: Buffer) => {
    said += piece;
  });
  const [status] = await once(child, 'close');
  assert.equal(status, 0);
  assert.equal(said, 'text text');
});

test('many objects are read in the order of their oids; the missing and the large are told', async (t) => {
  const { gitDir, add } = repository(t);
  const texts = Array.from({ length: 3000 }, (_, i) => `${i}`.repeat(1 + (i % 70)));
  const oids = await add(...texts, 'x'.repeat(300));
  const asked = [nowhere, ...oids];
  const seen: string[] = [];
  for await (const one of readObjects(gitDir, asked, { maxBytes: 299 })) {
    if ('missing' in one) seen.push('missing');
    else if ('tooLarge' in one) seen.push(`${one.type} of ${one.size}`);
    else {
      assert.equal(one.oid, asked[seen.length]);
      seen.push(one.content.toString());
    }
  }
  assert.deepEqual(seen, ['missing', ...texts, 'blob of 300']);
});

test('reading many ends with its reader, with its signal and with its input', async (t) => {
  const { gitDir, add } = repository(t);
  const oids = await add(...Array.from({ length: 500 }, (_, i) => `${i} `.repeat(1000)));
  const endless = async function* (): AsyncGenerator<Oid> {
    for (;;) yield* oids;
  };
  let count = 0;
  for await (const one of readObjects(gitDir, endless())) {
    assert.ok('content' in one);
    if (++count === 1000) break;
  }
  const stop = new AbortController();
  const aborted = async (): Promise<void> => {
    for await (const _ of readObjects(gitDir, endless(), { signal: stop.signal }))
      stop.abort(new Error('enough'));
  };
  await assert.rejects(aborted, /enough/);
  const failing = async function* (): AsyncGenerator<Oid> {
    yield* oids;
    throw new Error('no more oids');
  };
  const failed = async (): Promise<void> => {
    for await (const one of readObjects(gitDir, failing())) assert.ok('content' in one);
  };
  await assert.rejects(failed, /no more oids/);
  const wrong = async (): Promise<void> => {
    for await (const _ of readObjects(gitDir, ['main'])) assert.fail();
  };
  await assert.rejects(wrong, { code: 'INTERNAL' });
});

test('an input that is stuck does not keep a stopped reading from ending', async (t) => {
  const { gitDir } = repository(t);
  const stop = new AbortController();
  const stuck = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) };
  const reading = readObjects(gitDir, stuck, { signal: stop.signal }).next();
  setImmediate(() => stop.abort(new Error('enough')));
  await assert.rejects(reading, /enough/);
});

test('answers are the same however the output is cut', () => {
  const contents = ['', 'a\n', `${nowhere} missing\n`, 'x'.repeat(100)];
  const output = Buffer.concat(
    contents.flatMap((text) => [
      Buffer.from(`${oidOf('blob', Buffer.from(text))} blob ${text.length}\n${text}\n`),
      Buffer.from(`${nowhere} missing\n`),
    ]),
  );
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (steps) => {
      const seen: BatchAnswer[] = [];
      const reader = new BatchReader(
        99,
        () => true,
        (answer) => seen.push(answer),
      );
      for (let at = 0, i = 0; at < output.length; i++) {
        const step = steps[i % steps.length] as number;
        reader.write(output.subarray(at, at + step));
        at += step;
      }
      assert.ok(reader.isBetween);
      const texts = seen.map((one) => ('missing' in one ? 'missing' : (one.content?.toString() ?? one.size)));
      assert.deepEqual(texts, ['', 'missing', 'a\n', 'missing', contents[2], 'missing', 100, 'missing']);
    }),
  );
  const reader = new BatchReader(
    99,
    () => true,
    () => assert.fail(),
  );
  assert.throws(() => reader.write(Buffer.from('fatal: what\n')), { code: 'INTERNAL' });
});
