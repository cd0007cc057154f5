import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Readers } from '../../../src/mask/serve/readers.ts';
import { createViewSource } from '../../../src/mask/serve/view-source.ts';
import { git, tempDir } from '../../support/git.ts';
import { makeRepo } from '../../support/repos.ts';
import { startViewServer, type ViewServer } from '../../support/view-server.ts';

const versions = [0, 1, 2] as const;
const doors = ['ssh', 'http'] as const;

interface Scene {
  readonly dir: string;
  readonly view: string;
  readonly server: ViewServer;
  readonly readers: Readers;
}

async function openScene(t: TestContext, kind: 'merges' | 'tags' = 'tags'): Promise<Scene> {
  const dir = tempDir(t, 'view');
  const view = join(dir, 'view.1.git');
  await makeRepo(view, kind);
  const readers = new Readers();
  const server = await startViewServer(t, dir, {
    source: () => createViewSource({ gitDir: view, format: 'sha1', readers }),
  });
  return { dir, view, server, readers };
}

const refsOf = (gitDir: string): Promise<string> =>
  git(['for-each-ref', '--format=%(objectname) %(refname)', 'refs/heads', 'refs/tags'], { cwd: gitDir });

test('a view is an ordinary repository to git', async (t) => {
  const { dir, view, server, readers } = await openScene(t);
  const expected = await refsOf(view);
  let runs = 0;
  for (const door of doors) {
    for (const version of versions) {
      await t.test(`v${version} over ${door}`, async () => {
        const into = join(dir, `clone-${runs++}`);
        const url = server.url(door);
        await server.git(['clone', '--quiet', '--mirror', url, into], { version });
        assert.equal(await refsOf(into), expected);
        const shallow = join(dir, `clone-${runs++}`);
        await server.git(['clone', '--quiet', '--depth=1', '--single-branch', url, shallow], { version });
        const count = () => git(['rev-list', '--count', 'HEAD'], { cwd: shallow });
        assert.equal(await count(), '1');
        await server.git(['fetch', '--quiet', '--deepen=1'], { cwd: shallow, version });
        assert.equal(await count(), '2');
        await server.git(['fetch', '--quiet', '--unshallow'], { cwd: shallow, version });
        assert.equal(existsSync(join(shallow, '.git', 'shallow')), false);
        const partial = join(dir, `clone-${runs++}`);
        await server.git(['clone', '--quiet', '--filter=blob:none', url, partial], { version });
        await server.git(['log', '-p', '--format=%H'], { cwd: partial, version });
        await git(['fsck', '--full', '--strict'], { cwd: into });
      });
    }
  }
  await readers.whenFree(view);
});

test('an oid that the view does not hold is refused', async (t) => {
  const { dir, server } = await openScene(t);
  const local = join(dir, 'local');
  await git(['init', '--quiet', local]);
  const oid = 'e'.repeat(40);
  for (const door of doors) {
    for (const version of versions) {
      const run = await server.run(['fetch', server.url(door), oid], { cwd: local, version });
      assert.equal(run.status, 128, `${door} v${version}: ${run.stderr}`);
      assert.match(run.stderr, new RegExp(`not our ref ${oid}`), `${door} v${version}`);
    }
  }
});

test('a repository that borrows objects is not served at all', async (t) => {
  const dir = tempDir(t);
  const view = join(dir, 'view.git');
  await makeRepo(view, 'linear');
  writeFileSync(join(view, 'objects', 'info', 'alternates'), `${dir}\n`);
  const source = createViewSource({ gitDir: view, format: 'sha1' });
  await assert.rejects(source.capabilities(), { code: 'INTERNAL' });
  source.close();
});

test('nothing but ls-refs and fetch is offered, whatever the repository says', async (t) => {
  const dir = tempDir(t);
  const view = join(dir, 'view.git');
  await makeRepo(view, 'linear');
  await git(['config', 'uploadpack.allowFilter', 'false'], { cwd: view });
  await git(['config', 'transfer.advertiseObjectInfo', 'true'], { cwd: view });
  const source = createViewSource({ gitDir: view, format: 'sha1' });
  assert.deepEqual(await source.capabilities(), {
    objectFormat: 'sha1',
    filter: true,
    shallow: true,
    unborn: true,
    waitForDone: true,
  });
  source.close();
  await assert.rejects(source.fetch({} as never), { code: 'HUNG_UP' });
});

test('a reader counts until its git is gone', async (t) => {
  const dir = tempDir(t);
  const view = join(dir, 'view.git');
  await makeRepo(view, 'linear');
  const readers = new Readers();
  const gone = new AbortController();
  const source = createViewSource({ gitDir: view, format: 'sha1', readers, signal: gone.signal });
  await source.capabilities();
  assert.equal(readers.count(view), 1);
  let isFree = false;
  const free = readers.whenFree(view).then(() => {
    isFree = true;
  });
  gone.abort();
  assert.equal(isFree, false);
  await free;
  assert.equal(readers.count(view), 0);
});
