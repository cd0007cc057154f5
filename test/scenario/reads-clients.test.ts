/**
 * Git clients that are not git: isomorphic-git, dulwich, libgit2 and JGit clone
 * and fetch through the doors that they can use. git itself then looks at what they have.
 */
import assert from 'node:assert/strict';
import { chmodSync, cpSync, existsSync, mkdirSync, promises, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import isomorphic from 'isomorphic-git';
import http from 'isomorphic-git/http/node';
import { type Bastion, type Door, doors, startBastion, upstreamKinds } from '../support/bastion.ts';
import { git, runCommand } from '../support/git.ts';
import { makeRepo } from '../support/repos.ts';
import { root } from '../support/root.ts';
import { makeBusyClone } from './read-scenarios.ts';

/** Debian's own Python, for which the packages are. */
const python = '/usr/bin/python3';

const jars = ['org.eclipse.jgit', 'slf4j-api', 'slf4j-nop', 'javaewah', 'jsch'].map(
  (name) => `/usr/share/java/${name}.jar`,
);

const program = (name: string): string => join(root, 'test', 'scenario', 'clients', name);

/** Another process's clone of `tags`, and its fetch of main into a repository with hundreds of commits of its own. */
interface Job {
  readonly url: string;
  /** To be made, bare. */
  readonly clone: string;
  readonly busy: string;
}

function jobsOf(bastion: Bastion, client: string, through: readonly Door[]): Job[] {
  return through.flatMap((door) =>
    upstreamKinds.map((upstream) => {
      const dir = join(bastion.dir, `${client}-${door}-${upstream}`);
      mkdirSync(dir);
      const busy = join(dir, 'busy.git');
      cpSync(bastion.gitDir('busy'), busy, { recursive: true });
      return { url: bastion.url(door, upstream, 'tags'), clone: join(dir, 'clone.git'), busy };
    }),
  );
}

/** Every branch and tag is there as it is upstream, and the fetched branch too; nothing is broken or missing. */
async function checkJob(bastion: Bastion, job: Job): Promise<void> {
  const tip = await git(['rev-parse', 'main'], { cwd: bastion.gitDir('tags') });
  const fetched = { cwd: job.busy };
  assert.equal(await git(['rev-parse', 'refs/remotes/up/main'], fetched), tip);
  await git(['fsck', '--full', '--no-dangling'], fetched);
  await git(['rev-list', '--objects', '--all', '--quiet'], fetched);
  const cloned = { cwd: job.clone };
  await git(['fsck', '--full', '--no-dangling'], cloned);
  await git(['rev-list', '--objects', '--all', '--quiet'], cloned);
  const tags = ['for-each-ref', '--format=%(objectname) %(refname)', 'refs/tags'];
  assert.equal(await git(tags, cloned), await git(tags, { cwd: bastion.gitDir('tags') }));
  assert.equal(await git(['rev-parse', 'HEAD'], cloned), tip);
}

async function hasModule(name: string): Promise<boolean> {
  return (
    (await runCommand(python, ['-c', `import ${name}`], { env: {} }).catch(() => ({ status: 1 }))).status ===
    0
  );
}

const shell = (bastion: Bastion): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'],
  HOME: bastion.dir,
  ...bastion.logins.ann.env,
});

async function runClient(
  bastion: Bastion,
  command: readonly [string, ...string[]],
  lines: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<void> {
  const [file, ...args] = command;
  const input = lines.map((line) => `${line}\n`).join('');
  const run = await runCommand(file, args, { env: { ...shell(bastion), ...env }, input, timeout: 120_000 });
  assert.equal(run.status, 0, run.stderr);
}

async function withIsomorphicGit({ url, clone: gitdir, busy }: Job): Promise<void> {
  const common = { fs: { promises }, http };
  await isomorphic.clone({ ...common, url, gitdir, dir: `${gitdir}-work`, noCheckout: true });
  await isomorphic.addRemote({ ...common, gitdir: busy, remote: 'up', url });
  await isomorphic.fetch({ ...common, gitdir: busy, remote: 'up', ref: 'main', singleBranch: true });
}

async function startWithRepos(t: TestContext): Promise<Bastion> {
  const bastion = await startBastion(t);
  await makeRepo(bastion.gitDir('tags'), 'tags', { count: 12 });
  await makeBusyClone(bastion.gitDir('tags'), bastion.gitDir('busy'));
  return bastion;
}

test('reads with other clients', { timeout: 300_000 }, async (t) => {
  const bastion = await startWithRepos(t);

  await t.test('isomorphic-git fetches whole and with haves over HTTP, from every upstream', async () => {
    for (const job of jobsOf(bastion, 'isomorphic', ['http'])) {
      await withIsomorphicGit(job);
      await checkJob(bastion, job);
    }
  });

  await t.test('isomorphic-git makes a shallow clone', async () => {
    const dir = join(bastion.dir, 'isomorphic-shallow');
    const url = bastion.url('http', 'path', 'tags');
    await isomorphic.clone({ fs: { promises }, http, url, dir, depth: 2, singleBranch: true });
    assert.equal(await git(['rev-list', '--count', 'HEAD'], { cwd: dir }), '2');
    await git(['fsck', '--full'], { cwd: dir });
  });

  const noDulwich = (await hasModule('dulwich')) ? false : 'dulwich is not installed';
  await t.test(
    'dulwich clones and fetches through both doors, from every upstream',
    { skip: noDulwich },
    async () => {
      const jobs = jobsOf(bastion, 'dulwich', doors);
      await runClient(
        bastion,
        [python, program('read_dulwich.py')],
        jobs.map((job) => JSON.stringify(job)),
      );
      for (const job of jobs) await checkJob(bastion, job);
    },
  );

  // Debian's libssh2 has neither encrypt-then-MAC nor GCM, and the SSH door nothing older.
  const noPygit2 = (await hasModule('pygit2')) ? false : 'pygit2 is not installed';
  await t.test('libgit2 clones and fetches over HTTP, from every upstream', { skip: noPygit2 }, async () => {
    const jobs = jobsOf(bastion, 'libgit2', ['http']);
    const lines = jobs.map((job) => JSON.stringify(job));
    await runClient(bastion, [python, program('read_pygit2.py')], lines);
    for (const job of jobs) await checkJob(bastion, job);
  });

  const noJgit = jars.every((jar) => existsSync(jar)) ? false : 'libjgit-java is not installed';
  await t.test(
    'JGit clones and fetches through both doors, from every upstream',
    { skip: noJgit },
    async () => {
      const jobs = jobsOf(bastion, 'jgit', doors);
      const ssh = join(bastion.dir, 'ssh.sh');
      const { env, token } = bastion.logins.ann;
      writeFileSync(ssh, `#!/bin/sh\nexec ${env.GIT_SSH_COMMAND} "$@"\n`);
      chmodSync(ssh, 0o755);
      const lines = jobs.map(({ url, clone, busy }) => {
        const bare = new URL(url);
        if (bare.protocol === 'http:') [bare.username, bare.password] = ['', ''];
        return [bare.href, clone, busy, 'ann', token].join(' ');
      });
      const java = ['-XX:TieredStopAtLevel=1', '-cp', jars.join(':'), program('ReadJgit.java')];
      await runClient(bastion, ['java', ...java], lines, { GIT_SSH: ssh });
      for (const job of jobs) await checkJob(bastion, job);
    },
  );
});
