import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { ReadMode } from '../../../src/domain/mask.ts';
import { archiveView } from '../../../src/mask/serve/archive.ts';
import { Readers } from '../../../src/mask/serve/readers.ts';
import { createViewSource } from '../../../src/mask/serve/view-source.ts';
import { git, runCommand, tempDir } from '../../support/git.ts';
import { makeRepo } from '../../support/repos.ts';
import { startViewServer } from '../../support/view-server.ts';

async function openScene(t: TestContext, mode: ReadMode = 'masked') {
  const dir = tempDir(t, 'arch');
  const view = join(dir, 'view.git');
  await makeRepo(view, 'tags');
  const readers = new Readers();
  const server = await startViewServer(
    t,
    dir,
    {
      source: () => createViewSource({ gitDir: view, format: 'sha1' }),
      archive: async (_view, args, signal) => archiveView({ gitDir: view, args, signal, readers }),
    },
    mode,
  );
  const archive = (...args: string[]) => server.run(['archive', `--remote=${server.url('ssh')}`, ...args]);
  return { dir, view, server, readers, archive };
}

test('git archive gives what it gives of the view itself, in each format', async (t) => {
  const { view, readers, archive } = await openScene(t);
  for (const args of [
    ['--format=tar', 'main'],
    ['--format=zip', '-9', '--prefix=web/', 'main', 'src'],
    ['--format=tgz', 'HEAD', 'src/dir-1'],
    ['--format=tar.gz', 'light-4', 'README.md'],
    ['--list'],
  ]) {
    const run = await archive(...args);
    assert.equal(run.status, 0, `${args.join(' ')}: ${run.stderr}`);
    const expected = await runCommand('git', ['archive', ...args], {
      cwd: view,
      env: { PATH: process.env['PATH'] },
    });
    assert.ok(run.stdoutBytes.equals(expected.stdoutBytes), args.join(' '));
  }
  await readers.whenFree(view);
});

test('the objects of an archive are those that refs name', async (t) => {
  const { view, readers, archive } = await openScene(t);
  const commit = await git(['rev-parse', 'main~1'], { cwd: view });
  for (const name of [commit, 'main~1', 'main@{1}', 'gone', `${commit}:src`]) {
    const run = await archive(name);
    assert.notEqual(run.status, 0, name);
    assert.equal(run.stdout, '', name);
  }
  assert.match((await archive('gone')).stderr, /no such ref: gone/);
  await readers.whenFree(view);
});

test('an argument that is not known to be harmless is refused in words', async (t) => {
  const { dir, archive } = await openScene(t);
  const file = join(dir, 'local.txt');
  writeFileSync(file, 'x\n');
  for (const arg of [
    `--add-file=${file}`,
    '--worktree-attributes',
    '--prefix=../up/',
    '--exec=id',
    '--format=sh',
  ]) {
    const run = await archive(arg, 'main');
    assert.notEqual(run.status, 0, arg);
  }
  const { stderr } = await archive('--worktree-attributes', 'main');
  assert.match(stderr, /NACK .*--worktree-attributes.*served are/);
  assert.match((await archive('main', ':(attr:x)')).stderr, /NACK/);
});

test('a signature that a file asks to be checked starts no program', async (t) => {
  const { dir, view, archive } = await openScene(t);
  const work = join(dir, 'work');
  await git(['clone', '--quiet', view, work]);
  writeFileSync(join(work, '.gitattributes'), 'sign.txt export-subst\n');
  writeFileSync(join(work, 'sign.txt'), '$Format:%G?$\n');
  await git(['add', '.'], { cwd: work });
  await git(['commit', '--quiet', '-m', 'sign'], { cwd: work });
  const text = await git(['cat-file', 'commit', 'HEAD'], { cwd: work });
  const mark = (word: string) => `-----${word} PGP SIGNATURE-----`;
  const input = text.replace('\n\n', `\ngpgsig ${mark('BEGIN')}\n \n xx\n ${mark('END')}\n\n`);
  const signed = await git(['hash-object', '-t', 'commit', '-w', '--stdin'], { cwd: work, input });
  await git(['push', '--quiet', 'origin', `${signed}:refs/heads/main`], { cwd: work });
  const [program, ran] = [join(dir, 'program'), join(dir, 'ran')];
  writeFileSync(program, `#!/bin/sh\n: > '${ran}'\n`, { mode: 0o755 });
  await git(['config', 'gpg.program', program], { cwd: view });
  const run = await archive('--format=tar', 'main', 'sign.txt');
  assert.equal(run.status, 0, run.stderr);
  assert.equal(existsSync(ran), false);
});

test('who reads in clear is told to clone', async (t) => {
  const { archive } = await openScene(t, 'clear');
  const run = await archive('main');
  assert.notEqual(run.status, 0);
  assert.match(run.stderr, /git archive --remote is not served; clone the repository instead/);
});
