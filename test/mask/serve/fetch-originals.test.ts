import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { FetchSource } from '../../../src/domain/ports.ts';
import type { Tips } from '../../../src/mask/build/contract.ts';
import { fetchOriginals } from '../../../src/mask/serve/fetch-originals.ts';
import { git, runGit, tempDir } from '../../support/git.ts';
import { LocalSource } from '../../support/local-source.ts';
import { makeRepo } from '../../support/repos.ts';

interface Scene {
  readonly upstream: string;
  readonly originals: string;
  tips(): Promise<Tips>;
  fetch(options?: {
    prune?: boolean;
    isSettled?: boolean;
    open?: () => FetchSource;
    tips?: Tips;
  }): Promise<void>;
}

async function openScene(t: TestContext, kind: 'tags' | 'sha256' = 'tags'): Promise<Scene> {
  const dir = tempDir(t, 'orig');
  const upstream = join(dir, 'upstream.git');
  const originals = join(dir, 'originals.git');
  await makeRepo(upstream, kind);
  const tips = async (): Promise<Tips> => ({
    refs: (await refsOf(upstream)).map((line) => ({
      oid: line.split(' ')[0] ?? '',
      ref: line.split(' ')[1] ?? '',
    })),
  });
  return {
    upstream,
    originals,
    tips,
    fetch: async ({ prune, isSettled, open, tips: given } = {}) =>
      fetchOriginals(open ?? (() => new LocalSource(upstream)), originals, {
        tips: given ?? (await tips()),
        format: kind === 'sha256' ? 'sha256' : 'sha1',
        signal: new AbortController().signal,
        onProgress: () => {},
        ...(prune === undefined ? {} : { prune }),
        ...(isSettled === undefined ? {} : { isSettled }),
      }),
  };
}

async function refsOf(gitDir: string): Promise<string[]> {
  const text = await git(['for-each-ref', '--format=%(objectname) %(refname)'], { cwd: gitDir });
  return text === '' ? [] : text.split('\n');
}

for (const kind of ['tags', 'sha256'] as const) {
  test(`everything that the refs reach is there afterwards, and again after more commits (${kind})`, async (t) => {
    const scene = await openScene(t, kind);
    await scene.fetch();
    assert.deepEqual(await refsOf(scene.originals), await refsOf(scene.upstream));
    await commitOnMain(scene.upstream, 'more');
    await scene.fetch();
    await scene.fetch();
    assert.deepEqual(await refsOf(scene.originals), await refsOf(scene.upstream));
    await git(['fsck', '--full', '--connectivity-only'], { cwd: scene.originals });
    assert.deepEqual(leftovers(scene.originals), []);
  });
}

test('refs that are gone stay until they are to be removed, or until they are in the way', async (t) => {
  const scene = await openScene(t);
  await git(['branch', 'topic', 'main'], { cwd: scene.upstream });
  await git(['branch', 'other', 'main'], { cwd: scene.upstream });
  await scene.fetch();
  await git(['branch', '-D', 'topic', 'other'], { cwd: scene.upstream });
  await git(['branch', 'topic/one', 'main'], { cwd: scene.upstream });
  await scene.fetch();
  const names = async () => (await refsOf(scene.originals)).map((line) => line.split(' ')[1]);
  assert.ok((await names()).includes('refs/heads/other'));
  assert.ok(!(await names()).includes('refs/heads/topic'));
  await scene.fetch({ prune: true });
  assert.deepEqual(await refsOf(scene.originals), await refsOf(scene.upstream));
});

test('a branch on a commit that is there already needs no pack', async (t) => {
  const scene = await openScene(t);
  await scene.fetch();
  await git(['branch', 'old', 'main~2'], { cwd: scene.upstream });
  const open = (): FetchSource => {
    throw new Error('asked for a pack');
  };
  await scene.fetch({ open });
  assert.deepEqual(await refsOf(scene.originals), await refsOf(scene.upstream));
});

test('where an earlier call came to its end, a branch on a commit that is there already comes without a look', async (t) => {
  const scene = await openScene(t);
  await scene.fetch();
  await git(['branch', 'old', 'main~2'], { cwd: scene.upstream });
  await scene.fetch({ isSettled: true });
  assert.deepEqual(await refsOf(scene.originals), await refsOf(scene.upstream));
  await git(['branch', 'older', 'main~3'], { cwd: scene.upstream });
  await scene.fetch({ isSettled: true });
  assert.deepEqual(await refsOf(scene.originals), await refsOf(scene.upstream));
});

test('what an upstream sends without all of its objects never becomes part of the originals', async (t) => {
  const scene = await openScene(t);
  const before = scene.tips();
  await commitOnMain(scene.upstream, 'lost');
  const lost = (await git(['rev-parse', 'main:lost.txt'], { cwd: scene.upstream })).trim();
  // It offers the commit and its tree, and says that the file's content was left out by a filter.
  const lying = (): FetchSource => {
    const source = new LocalSource(scene.upstream);
    return {
      capabilities: () => source.capabilities(),
      lsRefs: (request) => source.lsRefs(request),
      fetch: (request) => source.fetch({ ...request, filter: 'blob:none' }),
      close: () => source.close(),
    };
  };
  await assert.rejects(scene.fetch({ open: lying }), { code: 'UPSTREAM_PROTOCOL', blame: 'upstream' });
  assert.deepEqual(await refsOf(scene.originals), []);
  assert.deepEqual(readdirSync(join(scene.originals, 'objects', 'pack')), []);
  assert.deepEqual(leftovers(scene.originals), []);
  await scene.fetch({ tips: await before });
  await scene.fetch();
  assert.equal((await runGit(['cat-file', '-e', lost], { cwd: scene.originals })).status, 0);
});

test('a pack that breaks off, and one that is none, are errors with a code', async (t) => {
  const scene = await openScene(t);
  const cut = (): FetchSource => broken(scene.upstream, (bytes) => bytes.subarray(0, bytes.length >> 1));
  await assert.rejects(scene.fetch({ open: cut }), { blame: 'upstream' });
  const bent = (): FetchSource =>
    broken(scene.upstream, (bytes) => {
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 0x55;
      return bytes;
    });
  await assert.rejects(scene.fetch({ open: bent }), { code: 'UPSTREAM_PROTOCOL' });
  assert.deepEqual(await refsOf(scene.originals), []);
  assert.deepEqual(leftovers(scene.originals), []);
});

test('a fetch that is called off ends, and what a killed one left is removed by the next', async (t) => {
  const scene = await openScene(t);
  const gone = new AbortController();
  const waits = (): FetchSource => {
    const source = new LocalSource(scene.upstream);
    return {
      capabilities: () => source.capabilities(),
      lsRefs: (request) => source.lsRefs(request),
      fetch: (request) => {
        setImmediate(() => gone.abort());
        return source
          .fetch({ ...request, done: false, waitForDone: true, haves: ['1'.repeat(40)] })
          .then(() => source.fetch(request));
      },
      close: () => source.close(),
    };
  };
  const order = {
    tips: await scene.tips(),
    format: 'sha1',
    signal: gone.signal,
    onProgress: () => {},
  } as const;
  await assert.rejects(fetchOriginals(waits, scene.originals, order), { code: 'HUNG_UP' });
  await git(['init', '--quiet', join(scene.originals, 'incoming-old')]);
  const lock = join(scene.originals, 'refs', 'heads', 'main.lock');
  mkdirSync(dirname(lock), { recursive: true });
  writeFileSync(lock, '');
  await scene.fetch();
  assert.deepEqual(await refsOf(scene.originals), await refsOf(scene.upstream));
  assert.deepEqual([...leftovers(scene.originals), existsSync(lock)], [false]);
});

test('a thousand refs at once are all there', async (t) => {
  const scene = await openScene(t);
  const main = await git(['rev-parse', 'main'], { cwd: scene.upstream });
  const input = Array.from({ length: 1_200 }, (_, n) => `create refs/heads/topic/${n} ${main}\n`).join('');
  await git(['update-ref', '--stdin'], { cwd: scene.upstream, input });
  await scene.fetch();
  assert.deepEqual(await refsOf(scene.originals), await refsOf(scene.upstream));
});

async function commitOnMain(gitDir: string, name: string): Promise<void> {
  const work = `${gitDir}-work`;
  rmSync(work, { recursive: true, force: true });
  await git(['clone', '--quiet', gitDir, work]);
  writeFileSync(join(work, `${name}.txt`), `${name}\n`);
  await git(['add', '.'], { cwd: work });
  await git(['commit', '--quiet', '-m', name], { cwd: work });
  await git(['push', '--quiet', 'origin', 'HEAD:main'], { cwd: work });
}

/** What is neither a repository's own nor its locks. */
function leftovers(gitDir: string): string[] {
  return readdirSync(gitDir).filter((name) => name.startsWith('incoming-') || name.endsWith('.lock'));
}

/** A source whose pack is changed on its way. */
function broken(gitDir: string, change: (bytes: Buffer) => Buffer): FetchSource {
  const source = new LocalSource(gitDir);
  return {
    capabilities: () => source.capabilities(),
    lsRefs: (request) => source.lsRefs(request),
    async fetch(request) {
      const response = await source.fetch(request);
      if (response.pack === undefined) return response;
      const pieces: Buffer[] = [];
      for await (const piece of response.pack) pieces.push(piece);
      const pack = (async function* () {
        yield change(Buffer.concat(pieces));
      })();
      return { ...response, pack };
    },
    close: () => source.close(),
  };
}
