/** What a person's history of secrets is to who reads it masked, by every way in which git reads. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Door, doors } from '../support/bastion.ts';
import { git, runGit } from '../support/git.ts';
import { findLeaks, leaksIn } from '../support/leaks.ts';
import { makeRepo } from '../support/repos.ts';
import {
  makeSecretHistory,
  type PlantedSecret,
  type SecretHistory,
  secretMaker,
} from '../support/secret-history.ts';
import { commitFiles, type MaskedScene, startMaskedScene } from './masked-scene.ts';

const closers: (() => unknown)[] = [];
const next = secretMaker(71);

let scene: MaskedScene;
let web: SecretHistory;
let wide: SecretHistory;
let said = '';
let clones = 0;

before(async () => {
  scene = await startMaskedScene({ after: (close: () => unknown) => closers.push(close) });
  const { bastion } = scene;
  const at = (name: string) => bastion.gitDir(name);
  [web, wide] = await Promise.all([
    makeSecretHistory(at('web'), { filler: 60 }),
    makeSecretHistory(at('wide'), { format: 'sha256' }),
    makeSecretHistory(at('unready')),
    makeRepo(at('plain'), 'tags'),
  ]);
  said = await bastion.refgate.ok(['mask', 'preview', 'path/web']);
  await Promise.all(['web', 'wide'].map((name) => scene.enable(name)));
});
after(async () => {
  for (const close of closers.reverse()) await close();
});

const folder = (): string => join(scene.bastion.dir, `clone-${clones++}`);

/** Clones and gives the folder. */
async function clone(door: Door, name: string, ...args: readonly string[]): Promise<string> {
  const dir = folder();
  await scene.git(['clone', '--quiet', ...args, scene.url(door, name), dir]);
  return dir;
}

async function expectMasked(dir: string, secrets: readonly PlantedSecret[] = web.secrets): Promise<void> {
  assert.deepEqual(await findLeaks(dir, secrets), []);
}

async function expectSound(dir: string): Promise<void> {
  const fsck = await runGit(['fsck', '--full', '--strict', '--no-dangling'], { cwd: dir });
  assert.deepEqual([fsck.status, fsck.stdout, fsck.stderr.replace(/^Checking .*\n/gm, '')], [0, '', '']);
}

/** A commit of the upstream's own. */
async function upstreamCommit(name: string, branch: string, path: string, content: string): Promise<string> {
  const work = folder();
  await git(['clone', '--quiet', '--branch', branch, scene.bastion.gitDir(name), work]);
  const oid = await commitFiles(work, { [path]: content });
  await git(['push', '--quiet', 'origin', branch], { cwd: work });
  return oid;
}

test('the preview says how many values would change how many commits', () => {
  assert.match(said, /path\/web: .*\b\d+ (?:distinct )?values\b.*\b\d+ of \d+ commits/s);
});

describe('a clone holds no secret, is sound, and has the clean history as it was signed', () => {
  for (const door of doors)
    for (const version of [0, 1, 2])
      test(`${door}, protocol version ${version}`, async () => {
        const dir = folder();
        const url = scene.url(door, 'web');
        await scene.git(['-c', `protocol.version=${version}`, 'clone', '--quiet', '--mirror', url, dir]);
        await expectMasked(dir);
        await expectSound(dir);
        for (const label of web.clean) {
          const oid = web.commits.get(label) as string;
          const text = await git(['cat-file', 'commit', oid], { cwd: dir });
          assert.equal(text, await git(['cat-file', 'commit', oid], { cwd: web.gitDir }));
          assert.equal(text.includes('gpgsig'), ['root', 'second', 'side'].includes(label));
        }
        const branch = await git(['for-each-ref', '--format=%(refname)', 'refs/heads'], { cwd: dir });
        assert.deepEqual(branch.split('\n'), [
          'refs/heads/clean-first',
          'refs/heads/main',
          'refs/heads/merged',
          'refs/heads/side',
        ]);
      });
});

test('every way of having a part of the repository gives masked parts', async () => {
  const shallow = await clone('ssh', 'web', '--depth=2', '--no-single-branch');
  await expectMasked(shallow);
  await scene.git(['fetch', '--quiet', '--deepen=3'], { cwd: shallow });
  await expectMasked(shallow);
  await scene.git(['fetch', '--quiet', '--unshallow', '--tags'], { cwd: shallow });
  await expectMasked(shallow);
  await expectSound(shallow);
  const partial = await clone('http', 'web', '--filter=blob:none');
  // Blobs come one by one as git shows them.
  const patches = await scene.run(['log', '--all', '-p', '--text', '--no-renames'], { cwd: partial });
  assert.equal(patches.status, 0, patches.stderr);
  assert.deepEqual(leaksIn(patches.stdoutBytes, web.secrets), []);
  assert.match(patches.stdout, /TOKEN=REDACTED-github-pat-[0-9a-f]{16}/);
  await expectMasked(partial);
  const single = await clone('ssh', 'web', '--bare', '--single-branch', '--branch=merged');
  await expectMasked(single);
  await expectSound(single);
});

test('the refs are those of the clone, and one whose name holds a secret is not among them', async () => {
  const [ssh, http] = await Promise.all(
    doors.map((door) => scene.git(['ls-remote', scene.url(door, 'web')])),
  );
  assert.equal(ssh, http);
  assert.deepEqual(leaksIn(Buffer.from(ssh as string), web.secrets), []);
  const upstream = await git(['ls-remote', web.gitDir]);
  const named = (text: string) => text.split('\n').map((line) => line.slice(41));
  const hidden = named(upstream).filter((ref) => !named(ssh as string).includes(ref));
  assert.deepEqual(
    hidden,
    [...web.refs.keys()].filter((ref) => ref.startsWith('refs/heads/of-')),
  );
});

test('git archive gives the masked files, and refuses what no ref names', async () => {
  const url = `--remote=${scene.url('ssh', 'web')}`;
  const tar = await scene.run(['archive', '--format=tar', url, 'main']);
  assert.equal(tar.status, 0, tar.stderr);
  assert.deepEqual(leaksIn(tar.stdoutBytes, web.secrets), []);
  assert.match(tar.stdoutBytes.toString('latin1'), /curl -u x:REDACTED-github-pat-[0-9a-f]{16} host/);
  const refused = await scene.run(['archive', url, web.commits.get('old') as string]);
  assert.notEqual(refused.status, 0);
  assert.equal(refused.stdout, '');
});

test('the oid of an original is not known, through either door', async () => {
  const dir = folder();
  await git(['init', '--quiet', dir]);
  const tree = await git(['rev-parse', `${web.commits.get('old')}^{tree}`], { cwd: web.gitDir });
  const blob = await git(['rev-parse', `${tree}:src/deep/in/.env`], { cwd: web.gitDir });
  for (const door of doors)
    for (const oid of [web.commits.get('old') as string, tree, blob]) {
      const fetched = await scene.run(['fetch', '--quiet', scene.url(door, 'web'), oid], { cwd: dir });
      assert.equal(fetched.status, 128);
      assert.match(fetched.stderr, /not our ref|upload-pack: not our ref|VIEW_REFUSED|not found/);
    }
  assert.equal(await git(['cat-file', '--batch-all-objects', '--batch-check'], { cwd: dir }), '');
});

test('a repository of SHA-256 is masked as well', async () => {
  const dir = await clone('ssh', 'wide', '--mirror');
  assert.equal(await git(['rev-parse', '--show-object-format'], { cwd: dir }), 'sha256');
  await expectMasked(dir, wide.secrets);
  await expectSound(dir);
});

test('a repository without secrets is served at once, as it is', async () => {
  for (const door of doors) {
    const dir = await clone(door, 'plain', '--mirror');
    const refs = (cwd: string) => git(['for-each-ref', '--format=%(objectname) %(refname)'], { cwd });
    assert.equal(await refs(dir), await refs(scene.bastion.gitDir('plain')));
  }
  const status = await scene.bastion.refgate.ok(['mask', 'status', 'path/plain']);
  assert.match(status, /ready/);
});

test('a repository that nobody has enabled is not served, and says what to do', async () => {
  const todo = /path\/unready holds what would be masked.*`refgate mask enable path\/unready`/;
  const url = new URL(scene.url('http', 'unready'));
  const login = `Basic ${Buffer.from(`${url.username}:${url.password}`).toString('base64')}`;
  [url.username, url.password] = ['', ''];
  const response = await fetch(`${url.href}/info/refs?service=git-upload-pack`, {
    headers: { authorization: login, 'git-protocol': 'version=2' },
  });
  const text = await response.text();
  assert.deepEqual([response.status, response.headers.get('retry-after')], [503, '10'], text);
  assert.match(text, todo);
  for (const door of doors)
    for (const version of [0, 2]) {
      const args = ['-c', `protocol.version=${version}`, 'clone', scene.url(door, 'unready'), folder()];
      const run = await scene.run(args);
      assert.equal(run.status, 128);
      assert.match(run.stderr, door === 'ssh' ? todo : /503/);
    }
});

test('a clone follows new secrets, tags, forced and deleted branches of the upstream', async () => {
  const dir = await clone('ssh', 'web');
  const secret = { where: 'new', text: next() };
  const secrets = [...web.secrets, secret];
  await upstreamCommit('web', 'main', 'new.env', `A=1\nTOKEN=${secret.text}\n`);
  await git(['tag', '-a', '-m', `of ${secret.text}`, 'v9', 'main'], { cwd: web.gitDir });
  await git(['update-ref', 'refs/heads/merged', web.commits.get('removed') as string], {
    cwd: web.gitDir,
  });
  await git(['update-ref', '-d', 'refs/heads/clean-first'], { cwd: web.gitDir });
  const fetched = await scene.run(['fetch', '--prune', '--tags'], { cwd: dir });
  assert.equal(fetched.status, 0, fetched.stderr);
  assert.match(fetched.stderr, /\+ \w+\.\.\.\w+ +merged .*\(forced update\)/);
  assert.match(fetched.stderr, /- \[deleted\] .*origin\/clean-first/);
  assert.match(fetched.stderr, /\[new tag\] +v9 +-> v9/);
  const file = await git(['cat-file', 'blob', 'origin/main:new.env'], { cwd: dir });
  assert.match(file, /^A=1\nTOKEN=REDACTED-github-pat-[0-9a-f]{16}$/);
  await expectMasked(dir, secrets);
  await expectSound(dir);
  const again = await scene.run(['fetch', '--prune', '--tags'], { cwd: dir });
  assert.deepEqual([again.status, again.stderr], [0, '']);
  await expectMasked(await clone('http', 'web', '--mirror'), secrets);
});
