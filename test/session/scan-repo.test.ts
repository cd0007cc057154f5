import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Upstreams } from '../../src/domain/ports.ts';
import { scanRepo } from '../../src/session/scan-repo.ts';
import { makeClientKey } from '../support/client.ts';
import { git } from '../support/git.ts';
import { testQuarantine } from '../support/held.ts';
import { LocalSource } from '../support/local-source.ts';
import { data, fastImport, makeRepo } from '../support/repos.ts';

const dir = mkdtempSync(join(tmpdir(), 'refgate-scan-'));
after(() => rmSync(dir, { recursive: true, force: true }));
const held = testQuarantine();
const small = testQuarantine({ maxObjects: 5 });

mkdirSync(join(dir, 'keys'));
const key = readFileSync((await makeClientKey(join(dir, 'keys'))).file, 'utf8');

let number = 0;
const newDir = (): string => join(dir, `repo-${number++}.git`);

function scan(
  gitDir: string,
  options: { baseline?: readonly string[]; gone?: AbortController } = {},
  by = held,
) {
  const upstreams: Upstreams = {
    fetchSource: () => new LocalSource(gitDir),
    pushTarget: () => {
      throw new Error('nothing is pushed');
    },
  };
  const { baseline = [], gone } = options;
  const order = {
    target: { upstream: 'disk', path: 'acme/web' },
    id: `baseline-${number++}`,
    baseline,
    signal: gone?.signal ?? new AbortController().signal,
    onProgress: () => gone?.abort(),
  };
  return scanRepo({ upstreams, quarantine: by.quarantine }, order);
}

/** A branch of its own with one file. */
const branch = (name: string, path: string, content: string): string =>
  `commit refs/heads/${name}\ncommitter A <a@example.com> 1700000000 +0000\n${data('a commit\n')}M 100644 inline ${path}\n${data(content)}\n`;

test('every branch is read, however many there are, and a secret in several places is one', async () => {
  const gitDir = newDir();
  await makeRepo(gitDir, 'tags', { count: 4 });
  const branches = Array.from({ length: 40 }, (_, n) => branch(`b${n}`, 'file.txt', `file ${n}\n`));
  await fastImport(
    gitDir,
    [...branches, branch('x1', 'one.pem', key), branch('x2', 'deep/two.pem', `text before\n\n${key}`)].join(
      '',
    ),
  );
  const found = await scan(gitDir);
  assert.equal(found.refs, 1 + 40 + 2 + 8);
  assert.deepEqual(found.unknowns, []);
  assert.equal(found.secrets.length, 1);
  assert.equal(found.secrets[0]?.count, 2);
  assert.ok(['one.pem', 'deep/two.pem'].includes(found.secrets[0].path ?? ''));
  const count = await git(['count-objects', '-v'], { cwd: gitDir });
  const total = /in-pack: (\d+)/.exec(count)?.[1];
  assert.equal(found.objects, Number(total) + Number(/^count: (\d+)/m.exec(count)?.[1]));
  const accepted = await scan(gitDir, { baseline: [found.secrets[0].fingerprint] });
  assert.equal(accepted.secrets[0]?.accepted, true);
  assert.deepEqual(held.left(), []);
});

test('more places than a push would list are all found', async () => {
  const gitDir = newDir();
  await makeRepo(gitDir, 'empty');
  const files = Array.from(
    { length: 1_200 },
    (_, n) => `M 100644 inline f${n}.pem\n${data(`file ${n}\n\n${key}`)}`,
  );
  await fastImport(
    gitDir,
    `commit refs/heads/x\ncommitter A <a@example.com> 1700000000 +0000\n${data('all\n')}${files.join('')}\n`,
  );
  const found = await scan(gitDir);
  assert.equal(found.secrets[0]?.count, 1_200);
  assert.deepEqual(found.unknowns, []);
});

test('repositories of SHA-256 are scanned alike', async () => {
  const gitDir = newDir();
  await makeRepo(gitDir, 'sha256');
  await fastImport(gitDir, branch('x', 'one.pem', key));
  const found = await scan(gitDir);
  assert.equal(found.secrets.length, 1);
  assert.equal(found.secrets[0]?.path, 'one.pem');
  assert.equal(found.secrets[0].commit?.length, 64);
});

test('what only a tag names is searched too: its message, and a file without a commit', async () => {
  const gitDir = newDir();
  await makeRepo(gitDir, 'linear');
  const oid = await git(['hash-object', '-w', '--stdin'], { cwd: gitDir, input: key });
  await git(['tag', 'a-blob', oid], { cwd: gitDir });
  const other = readFileSync((await makeClientKey(mkFolder(), 'ecdsa')).file, 'utf8');
  await git(['tag', '-a', '-F', '-', 'signed-off', 'main'], { cwd: gitDir, input: `a message\n\n${other}` });
  const found = await scan(gitDir);
  assert.equal(found.secrets.length, 2);
});

function mkFolder(): string {
  return mkdtempSync(join(dir, 'k-'));
}

test('a repository with nothing but a tag of a file has no history, and its file is searched', async () => {
  const gitDir = newDir();
  await makeRepo(gitDir, 'empty');
  const oid = await git(['hash-object', '-w', '--stdin'], { cwd: gitDir, input: key });
  await git(['tag', 'a-blob', oid], { cwd: gitDir });
  assert.equal((await scan(gitDir)).secrets.length, 1);
});

test('a repository over a limit says which, and whose it is to change', async () => {
  const gitDir = newDir();
  await makeRepo(gitDir, 'linear');
  await assert.rejects(scan(gitDir, {}, small), (error: Error) => {
    assert.match(error.message, /more objects than the configured limit.*refgate\.yaml/);
    return 'blame' in error && error.blame === 'operator';
  });
  assert.deepEqual(small.left(), []);
});

test('a scan that nobody waits for any more ends, and leaves nothing behind', async () => {
  const gitDir = newDir();
  await makeRepo(gitDir, 'linear', { count: 50 });
  await assert.rejects(scan(gitDir, { gone: new AbortController() }), { code: 'HUNG_UP' });
  assert.deepEqual(held.left(), []);
});
