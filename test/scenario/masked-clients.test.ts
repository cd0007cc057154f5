/** Git clients that are not git clone a masked view, edit beside a placeholder, and push: the upstream gets the edit alone. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, promises, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import isomorphic from 'isomorphic-git';
import http from 'isomorphic-git/http/node';
import { type Door, doors } from '../support/bastion.ts';
import { git, runCommand } from '../support/git.ts';
import { findLeaks } from '../support/leaks.ts';
import { WorkTree } from '../support/masked-clone.ts';
import { root } from '../support/root.ts';
import { type PlantedSecret, secretMaker } from '../support/secret-history.ts';
import { type MaskedScene, startMaskedScene } from './masked-scene.ts';

/** Debian's own Python, for which the packages are. */
const python = '/usr/bin/python3';
const jars = ['org.eclipse.jgit', 'slf4j-api', 'slf4j-nop', 'javaewah', 'jsch'].map(
  (name) => `/usr/share/java/${name}.jar`,
);
const program = (name: string): string => join(root, 'test', 'scenario', 'clients', name);
const author = { name: 'Ann Author', email: 'ann@example.com' };

const secret: PlantedSecret = { where: 'app.env', text: secretMaker(29)() };
const closers: (() => unknown)[] = [];
let scene: MaskedScene;
let upstream = '';

before(async () => {
  scene = await startMaskedScene({ after: (close: () => unknown) => closers.push(close) });
  upstream = scene.bastion.gitDir('app');
  const person = new WorkTree(join(scene.bastion.dir, 'person'));
  await git(['init', '--quiet', person.dir]);
  person.write('README.md', 'A tool\n');
  await person.commit('first');
  person.write('app.env', `PORT=80\nTOKEN=${secret.text}\nDEBUG=1\n`);
  await person.commit('with a secret');
  await git(['clone', '--quiet', '--bare', person.dir, upstream]);
  await scene.enable('app');
});
after(async () => {
  for (const close of closers.reverse()) await close();
});

interface Job {
  readonly url: string;
  readonly clone: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly branch: string;
}

const jobOf = (client: string, door: Door): Job => ({
  url: scene.url(door, 'app'),
  clone: join(scene.bastion.dir, `${client}-${door}`),
  file: 'app.env',
  from: 'PORT=80',
  to: 'PORT=81',
  branch: `${client}-${door}`,
});

/** The clone holds no secret, the upstream got one line, and the view has the commit as the client made it. */
async function check({ url, clone, branch }: Job, commit: string): Promise<void> {
  assert.deepEqual(await findLeaks(join(clone, '.git'), [secret]), []);
  const parent = await git(['rev-parse', `${branch}~1`], { cwd: upstream });
  assert.equal(parent, await git(['rev-parse', 'main'], { cwd: upstream }));
  const file = await git(['cat-file', 'blob', `${branch}:app.env`], { cwd: upstream });
  assert.equal(file, `PORT=81\nTOKEN=${secret.text}\nDEBUG=1`);
  const listed = await scene.git(['ls-remote', url, `refs/heads/${branch}`]);
  assert.equal(listed.split('\t')[0], commit);
}

/** Runs a program of the client's, and gives the first word of its answer to each line. */
async function talk(
  command: readonly [string, ...string[]],
  lines: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<readonly string[]> {
  const [file, ...args] = command;
  const shell = { PATH: process.env['PATH'], HOME: scene.bastion.dir, ...scene.env() };
  const input = lines.map((line) => `${line}\n`).join('');
  const run = await runCommand(file, args, { env: { ...shell, ...env }, input, timeout: 90_000 });
  assert.equal(run.status, 0, run.stderr);
  return run.stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' ')[0] as string);
}

async function hasModule(name: string): Promise<boolean> {
  const run = runCommand(python, ['-c', `import ${name}`], { env: {} });
  return (await run.catch(() => ({ status: 1 }))).status === 0;
}

test('isomorphic-git', async () => {
  const job = jobOf('isomorphic', 'http');
  const repo = { fs: { promises }, http, dir: job.clone };
  await isomorphic.clone({ ...repo, url: job.url });
  const path = join(job.clone, job.file);
  const text = await promises.readFile(path, 'utf8');
  assert.match(text, /TOKEN=REDACTED-github-pat-[0-9a-f]{16}\n/);
  await promises.writeFile(path, text.replace(job.from, job.to));
  await isomorphic.add({ ...repo, filepath: job.file });
  const commit = await isomorphic.commit({ ...repo, message: 'edited', author });
  const pushed = await isomorphic.push({
    ...repo,
    url: job.url,
    ref: 'main',
    remoteRef: `refs/heads/${job.branch}`,
  });
  assert.equal(pushed.ok, true);
  await check(job, commit);
});

const noDulwich = (await hasModule('dulwich')) ? false : 'dulwich is not installed';
test('dulwich, through both doors', { skip: noDulwich }, async () => {
  const jobs = doors.map((door) => jobOf('dulwich', door));
  const commits = await talk(
    [python, program('edit_dulwich.py')],
    jobs.map((job) => JSON.stringify(job)),
  );
  for (const [at, job] of jobs.entries()) await check(job, commits[at] as string);
});

// Debian's libssh2 has neither encrypt-then-MAC nor GCM, and the SSH door nothing older.
const noPygit2 = (await hasModule('pygit2')) ? false : 'pygit2 is not installed';
test('libgit2', { skip: noPygit2 }, async () => {
  const job = jobOf('pygit2', 'http');
  const [commit] = await talk([python, program('edit_pygit2.py')], [JSON.stringify(job)]);
  await check(job, commit as string);
});

const noJgit = jars.every((jar) => existsSync(jar)) ? false : 'libjgit-java is not installed';
test('JGit, through both doors', { skip: noJgit }, async () => {
  const ssh = join(scene.bastion.dir, 'ssh.sh');
  writeFileSync(ssh, `#!/bin/sh\nexec ${scene.env()['GIT_SSH_COMMAND']} "$@"\n`);
  chmodSync(ssh, 0o755);
  const jobs = doors.map((door) => jobOf('jgit', door));
  const lines = jobs.map(({ url, clone, file, from, to, branch }) => {
    const bare = new URL(url);
    const { username, password } = bare;
    if (bare.protocol === 'http:') [bare.username, bare.password] = ['', ''];
    return [bare.href, clone, username || 'bot', password || 'none', file, from, to, branch].join(' ');
  });
  const java = ['java', '-XX:TieredStopAtLevel=1', '-cp', jars.join(':'), program('EditJgit.java')] as const;
  const commits = await talk(java, lines, { GIT_SSH: ssh });
  for (const [at, job] of jobs.entries()) await check(job, commits[at] as string);
});
