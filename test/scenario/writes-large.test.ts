/**
 * Pushes that take their time: tens of megabytes through each door, a client
 * that is slower than the keep-alive, and an upstream that is. And thin packs,
 * where the configuration lets them in.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { type Bastion, doors, startBastion } from '../support/bastion.ts';
import { git, gitEnv, runCommand } from '../support/git.ts';
import { suiteCleanup } from '../support/suite.ts';
import { dataOf, makeForked, said, tip } from './pushing.ts';
import { linesOf, oids, packOf, requestOf, sendOverSsh, zero } from './raw-push.ts';

const megabytes = 64;

/** A bare repository with one commit of files of a megabyte each, which nothing makes smaller; `half` has half of them. */
async function makeBig(gitDir: string): Promise<void> {
  await git(['init', '--quiet', '--bare', gitDir]);
  const parts: Buffer[] = [];
  for (const [branch, count] of [
    ['half', megabytes / 2],
    ['whole', megabytes],
  ] as const) {
    parts.push(
      Buffer.from(
        `commit refs/heads/${branch}\ncommitter Ann <ann@example.com> 1700000000 +0000\ndata 1\nx\n`,
      ),
    );
    for (let n = 0; n < count; n++)
      parts.push(
        Buffer.from(`M 100644 inline file-${n}\ndata ${2 ** 20}\n`),
        randomBytes(2 ** 20),
        Buffer.from('\n'),
      );
    parts.push(Buffer.from('\n'));
  }
  const args = [
    '-c',
    'core.compression=0',
    '-c',
    'fastimport.unpackLimit=0',
    'fast-import',
    '--quiet',
    '--date-format=raw',
  ];
  const run = await runCommand('git', args, { cwd: gitDir, env: gitEnv(), input: Buffer.concat(parts) });
  assert.equal(run.status, 0, run.stderr);
}

describe('pushes that take their time', { timeout: 180_000 }, () => {
  const t = suiteCleanup();
  let bastion: Bastion;
  let big: string;
  let local: string;
  let runs = 0;

  before(async () => {
    bastion = await startBastion(t, { config: { noThin: false } });
    big = join(bastion.dir, 'big.git');
    local = join(bastion.dir, 'local.git');
    await makeBig(big);
    await makeForked(local);
  });

  async function upstream(hook?: string): Promise<string> {
    const name = `slow-${runs++}`;
    const gitDir = bastion.gitDir(name);
    await git(['init', '--quiet', '--bare', gitDir]);
    if (hook !== undefined) {
      writeFileSync(join(gitDir, 'hooks', 'pre-receive'), `#!/bin/sh\n${hook}\n`);
      chmodSync(join(gitDir, 'hooks', 'pre-receive'), 0o755);
    }
    return name;
  }

  for (const [door, kind] of [
    ['ssh', 'ssh'],
    ['http', 'http'],
  ] as const)
    test(`${megabytes} MiB go through over ${door}`, async () => {
      const name = await upstream();
      const url = bastion.url(door, kind, name);
      const run = await bastion.run(['push', url, 'whole'], { cwd: big, timeout: 120_000 });
      assert.equal(run.status, 0, run.stderr);
      assert.deepEqual(said(run), [`To ${kind}/${name}`, ' * [new branch]      whole -> whole']);
      const [row] = await bastion.sessions(`${kind}/${name}`, 1);
      const [inspected] = dataOf(await bastion.events(row?.id ?? ''), 'push.inspected');
      assert.ok((inspected?.bytes ?? 0) > megabytes * 2 ** 20);
      assert.ok((row?.bytesIn ?? 0) > megabytes * 2 ** 20);
    });

  test('a slow client is shown how far its pack is, and gets signs of life', async () => {
    const name = await upstream();
    const [topic = ''] = await oids(local, ['topic']);
    const pack = await packOf(local, ['topic']);
    const request = requestOf([[zero, topic, 'refs/heads/topic']], 'report-status side-band-64k', pack);
    const cut = request.length - 40;
    const pieces = [
      [0, request.subarray(0, cut)],
      [6_000, request.subarray(cut)],
    ] as const;
    const quietly = requestOf([[zero, topic, 'refs/heads/topic']], 'report-status side-band-64k quiet', pack);
    const quietCut = quietly.length - 40;
    const quietPieces = [
      [0, quietly.subarray(0, quietCut)],
      [6_000, quietly.subarray(quietCut)],
    ] as const;
    const [loud, quiet] = await Promise.all([
      sendOverSsh(bastion, `path/${name}`, pieces),
      sendOverSsh(bastion, `path/${await upstream()}`, quietPieces),
    ]);
    const lines = linesOf(loud.body, true);
    assert.match(lines.join('\n'), /^2 Refgate: receiving the pack, 0\.\d\d MiB\r$/m);
    assert.match(lines.join('\n'), /^2 Refgate: received \d+ objects, 0\.\d\d MiB, done\.$/m);
    assert.deepEqual(
      lines.filter((line) => line.startsWith('ok ')),
      ['ok refs/heads/topic'],
    );
    assert.ok(quiet.body.includes('0005\u0001'), 'an empty line of band 1');
    assert.doesNotMatch(quiet.body.toString('latin1'), /Refgate:/);
    assert.match(quiet.body.toString('latin1'), /ok refs\/heads\/topic/);
  });

  test('an upstream that is slower than the keep-alive is waited for', async () => {
    const results = doors.map(async (door) => {
      const name = await upstream('sleep 6; echo "at last"');
      const run = await bastion.run(['push', bastion.url(door, 'path', name), 'topic'], { cwd: local });
      assert.equal(run.status, 0, run.stderr);
      assert.ok(said(run).includes('remote: at last'));
      assert.equal(
        await tip(bastion.gitDir(name), 'refs/heads/topic'),
        await git(['rev-parse', 'topic'], { cwd: local }),
      );
    });
    await Promise.all(results);
  });

  test('with noThin: false git sends thin packs, which are completed from the upstream', async () => {
    for (const [door, kind] of [
      ['ssh', 'http'],
      ['http', 'ssh'],
      ['http', 'path'],
    ] as const) {
      const name = await upstream();
      const gitDir = bastion.gitDir(name);
      const text = Array.from({ length: 20_000 }, (_, n) => `line ${n * n}\n`).join('');
      const old = await commitOf(text, 'main');
      const next = await commitOf(`${text}one more line\n`, old);
      await git(['push', '--quiet', gitDir, `${old}:refs/heads/main`], { cwd: local });
      const run = await bastion.run(
        ['push', '--force', bastion.url(door, kind, name), `${next}:refs/heads/main`],
        { cwd: local },
      );
      assert.equal(run.status, 0, run.stderr);
      const [row] = await bastion.sessions(`${kind}/${name}`, 1);
      assert.ok((row?.bytesIn ?? 0) < 5_000, `${row?.bytesIn} bytes are not a thin pack`);
      await git(['fsck', '--strict', '--no-dangling'], { cwd: gitDir });
    }
  });

  async function commitOf(text: string, parent: string): Promise<string> {
    const oid = await git(['hash-object', '-w', '--stdin'], { cwd: local, input: text });
    const tree = await git(['mktree'], { cwd: local, input: `100644 blob ${oid}\tlong.txt\n` });
    return git(['commit-tree', tree, '-p', parent, '-m', 'long'], { cwd: local });
  }
});
