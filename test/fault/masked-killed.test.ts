/**
 * The server is killed in the middle of what makes a masked view: while originals are fetched, between the packs of a first build,
 * while another epoch is made, and in an increment. The next run goes on: no secret is shown, the refs are those of an
 * undisturbed view, and what was begun and not finished is gone.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { git, runGit } from '../support/git.ts';
import { findLeaks } from '../support/leaks.ts';
import type { Refgate } from '../support/refgate.ts';
import { makeSecretHistory, type SecretHistory } from '../support/secret-history.ts';
import { endsWithFile, makeScene, type Scene } from './scene.ts';

const name = 'app';
const file = endsWithFile();
let scene: Scene;
let history: SecretHistory;
let refgate: Refgate;
let clones = 0;
/** As an undisturbed build gives them. */
let refs: string;

before(async () => {
  scene = await makeScene(file, {
    config: { masking: { enable: 'auto', threads: 1, wait: '30s' } },
    policy: {
      access: [{ who: { group: 'dev' }, repo: 'acme/*', may: ['read', 'write'], read: 'masked' }],
    },
  });
  history = await makeSecretHistory(scene.gitDir(name), { filler: 120 });
  refgate = await scene.start();
});

const masking = (): string => join(scene.dir, 'data', 'masking');

function inFolder(...path: string[]): string[] {
  const [target] = existsSync(masking()) ? readdirSync(masking()) : [];
  const dir = join(masking(), target ?? 'none', ...path);
  return existsSync(dir) ? readdirSync(dir) : [];
}

const packsOf = (repository: string): number =>
  inFolder(repository, 'objects', 'pack').filter((file) => file.endsWith('.pack')).length;

/** Kills the server as soon as something is to be seen on disk that a reader, or the rebuild, brings about. */
async function killWhen(isSeen: () => boolean, cause: () => Promise<unknown>): Promise<void> {
  let isOver = false;
  const caused = cause().then(
    () => {
      isOver = true;
    },
    () => undefined,
  );
  while (!isSeen() && !isOver) await new Promise((resolve) => setTimeout(resolve, 1));
  await refgate.kill();
  await caused;
  refgate = await scene.start();
}

const lsRemote = () => runGit(['ls-remote', scene.url(refgate, name)]);

/** Clones what a masked reader sees, and looks into all of it; gives its refs. */
async function refsShown(): Promise<string> {
  const dir = join(scene.base, `seen-${clones++}`);
  await git(['clone', '--quiet', '--mirror', scene.url(refgate, name), dir]);
  assert.deepEqual(await findLeaks(dir, history.secrets), []);
  assert.ok(!inFolder('originals.git').some((entry) => entry.startsWith('incoming-')));
  return git(['for-each-ref'], { cwd: dir });
}

test('killed while the originals come, and between the packs of the first build, the view is made to its end', async () => {
  await killWhen(() => inFolder('originals.git').some((file) => file.startsWith('incoming-')), lsRemote);
  await killWhen(() => packsOf('view.1.git') > 0, lsRemote);
  const shown = await refsShown();
  await refgate.ok(['mask', 'rebuild', 'acme/app', '--wait']);
  refs = await refsShown();
  assert.equal(shown, refs);
});

test('killed while another epoch is made, the old one is served, the new one is finished, and is the same', async () => {
  await killWhen(
    () => packsOf('view.3.git') > 0,
    () => refgate.cli(['mask', 'rebuild', 'acme/app', '--wait']),
  );
  assert.equal(await refsShown(), refs);
  while (
    inFolder()
      .filter((file) => file.startsWith('view.'))
      .join() !== 'view.3.git'
  )
    await lsRemote();
  assert.equal(await refsShown(), refs);
});

test('killed in an increment, the next read has all of it', async () => {
  const packs = packsOf('view.3.git');
  const main = history.refs.get('refs/heads/main') as string;
  const tree = await git(['rev-parse', `${main}^{tree}`], { cwd: history.gitDir });
  const next = await git(['commit-tree', tree, '-p', main, '-m', 'one more'], { cwd: history.gitDir });
  await git(['update-ref', 'refs/heads/main', next], { cwd: history.gitDir });
  await killWhen(() => packsOf('view.3.git') > packs, lsRemote);
  const grown = await refsShown();
  assert.deepEqual(
    grown
      .split('\n')
      .filter((line) => !refs.includes(line))
      .map((line) => line.replace(/^\S+ /, '')),
    ['commit\trefs/heads/main'],
  );
});
