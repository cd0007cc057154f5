import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Oid } from '../../../src/domain/git.ts';
import { denySecrets } from '../../../src/mask/serve/deny-secrets.ts';
import { createViewSource } from '../../../src/mask/serve/view-source.ts';
import { git, tempDir } from '../../support/git.ts';
import { makeRepo } from '../../support/repos.ts';
import { startViewServer } from '../../support/view-server.ts';

const versions = [0, 1, 2] as const;
const doors = ['ssh', 'http'] as const;

/** A view in which all tips but those of these refs are the objects of the original. */
async function openScene(t: TestContext, rewritten: readonly string[]) {
  const dir = tempDir(t, 'deny');
  const view = join(dir, 'view.git');
  await makeRepo(view, 'merges');
  await git(['tag', '-a', '-m', 'one', 'v1', 'side-1'], { cwd: view });
  const oids = new Map<string, Oid>();
  for (const line of (await git(['for-each-ref', '--format=%(refname) %(objectname)'], { cwd: view })).split(
    '\n',
  )) {
    const [ref = '', oid = ''] = line.split(' ');
    oids.set(ref, oid);
  }
  const hidden = new Set(rewritten.length === 0 ? oids.values() : rewritten.map((ref) => oids.get(ref)));
  const server = await startViewServer(
    t,
    dir,
    {
      source: () =>
        denySecrets(
          createViewSource({ gitDir: view, format: 'sha1' }),
          async (all) => new Set(all.filter((oid) => !hidden.has(oid))),
        ),
    },
    'deny-secrets',
  );
  return { dir, view, server, oid: (ref: string) => oids.get(ref) ?? '' };
}

test('only refs without a secret in their history are shown, and HEAD only with its branch', async (t) => {
  const { server, oid } = await openScene(t, ['refs/heads/main', 'refs/heads/side-3']);
  for (const door of doors) {
    for (const version of versions) {
      const shown = await server.git(['ls-remote', server.url(door)], { version });
      assert.doesNotMatch(shown, /HEAD|refs\/heads\/(?:main|side-3)/, `${door} v${version}`);
      assert.match(shown, new RegExp(`${oid('refs/heads/side-1')}\trefs/heads/side-1`));
      assert.match(shown, /refs\/tags\/v1\^\{\}/);
    }
  }
});

test('a clean branch is cloned; a branch, a commit and an old commit that are not shown are refused', async (t) => {
  const { dir, server, oid, view } = await openScene(t, ['refs/heads/main']);
  let runs = 0;
  const inside = await git(['rev-parse', 'refs/heads/side-3~1'], { cwd: view });
  for (const door of doors) {
    for (const version of versions) {
      const into = join(dir, `clone-${runs++}`);
      await server.git(['clone', '--quiet', '--branch', 'side-3', server.url(door), into], { version });
      assert.equal(await git(['rev-parse', 'HEAD'], { cwd: into }), oid('refs/heads/side-3'));
      for (const want of [oid('refs/heads/main'), inside]) {
        const run = await server.run(['fetch', '--refetch', server.url(door), want], { cwd: into, version });
        assert.equal(run.status, 128, `${door} v${version}`);
        assert.match(run.stderr, /is not a branch or tag that you see/, `${door} v${version}`);
      }
    }
  }
});

test('there are no partial clones', async (t) => {
  const { dir, server } = await openScene(t, ['refs/heads/main']);
  const run = await server.run([
    'clone',
    '--filter=blob:none',
    '-b',
    'side-1',
    server.url('ssh'),
    join(dir, 'partial'),
  ]);
  assert.match(run.stderr, /filtering not recognized by server, ignoring/);
  await git(['fsck', '--connectivity-only'], { cwd: join(dir, 'partial') });
});

test('where every ref reaches a secret the client is told so in one sentence', async (t) => {
  const { dir, server } = await openScene(t, []);
  for (const door of doors) {
    for (const version of versions) {
      const run = await server.run(['clone', server.url(door), join(dir, 'none')], { version });
      assert.equal(run.status, 128, `${door} v${version}`);
      assert.match(
        run.stderr,
        /every branch and tag of this repository reaches a secret/,
        `${door} v${version}`,
      );
    }
  }
});
