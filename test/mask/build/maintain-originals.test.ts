import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { maintainOriginals } from '../../../src/mask/build/maintain-originals.ts';
import { git, initBare, tempDir } from '../../support/git.ts';
import { data, fastImport } from '../../support/repos.ts';

const packsOf = (gitDir: string): string[] =>
  readdirSync(join(gitDir, 'objects', 'pack')).filter((name) => name.endsWith('.pack'));

const objectsOf = (gitDir: string): Promise<string> =>
  git(['cat-file', '--batch-all-objects', '--batch-check'], { cwd: gitDir });

/** As many fetches leave it, the last of them behind a force push. */
test('many packs of originals become few, and what no ref reaches any more stays', async (t) => {
  const gitDir = join(tempDir(t), 'originals.git');
  await initBare(gitDir, 'sha1');
  const commits = Array.from({ length: 52 }, (_, n) => {
    const who = `committer Ann <ann@example.com> ${1_700_000_000 + n} +0000\n`;
    return `commit refs/heads/main\n${who}${data(`change ${n}\n`)}M 100644 inline a.txt\n${data(`${n}\n`)}\n`;
  });
  await fastImport(gitDir, commits.join(''));
  const oids = (await git(['rev-list', '--objects', '--all', '--no-object-names'], { cwd: gitDir })).split(
    '\n',
  );
  for (const name of packsOf(gitDir)) {
    const pack = join(gitDir, 'objects', 'pack', name);
    writeFileSync(pack.replace(/\.pack$/, '.keep'), '');
  }
  const base = join(gitDir, 'objects', 'pack', 'pack');
  for (const oid of oids.slice(0, 52))
    await git(['pack-objects', '-q', base], { cwd: gitDir, input: `${oid}\n` });
  await git(['update-ref', 'refs/heads/main', oids[40] as string], { cwd: gitDir });
  const before = await objectsOf(gitDir);
  assert.ok(packsOf(gitDir).length > 50);
  await maintainOriginals(gitDir, new AbortController().signal);
  assert.ok(packsOf(gitDir).length < 10, `${packsOf(gitDir).length} packs`);
  assert.equal(await objectsOf(gitDir), before);
  await maintainOriginals(gitDir, new AbortController().signal);
});
