/**
 * Git clients that are not git push through the doors that they can use: new
 * commits, a new branch, a deletion, and a move that is refused with its reason.
 */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, promises, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import isomorphic from 'isomorphic-git';
import http from 'isomorphic-git/http/node';
import { type Bastion, type Door, doors, startBastion, upstreamKinds } from '../support/bastion.ts';
import { git, runCommand } from '../support/git.ts';
import { root } from '../support/root.ts';
import { applyPolicy, makeForked, tip } from './pushing.ts';

/** Debian's own Python, for which the packages are. */
const python = '/usr/bin/python3';

const jars = ['org.eclipse.jgit', 'slf4j-api', 'slf4j-nop', 'javaewah', 'jsch'].map(
  (name) => `/usr/share/java/${name}.jar`,
);

const program = (name: string): string => join(root, 'test', 'scenario', 'clients', name);

const policy = `
access: [{ who: { group: dev }, repo: ["ssh/*", "http/*", "path/*"], may: [read, write] }]
rules: [{ name: history-is-kept, when: { ref: refs/heads/main, change: [delete, non-fast-forward] }, then: deny }]
`;

const refusal = 'refused: history-is-kept';

/** One upstream repository as one client reaches it; `main` is at topic~2 there, and `gone` too. */
interface Place {
  readonly url: string;
  readonly gitDir: string;
}

class Pushes {
  readonly bastion: Bastion;
  readonly local: string;
  #runs = 0;

  constructor(bastion: Bastion) {
    this.bastion = bastion;
    this.local = join(bastion.dir, 'local.git');
  }

  async places(through: readonly Door[]): Promise<readonly Place[]> {
    const ways = through.flatMap((door) => upstreamKinds.map((kind) => [door, kind] as const));
    const places: Place[] = [];
    for (const [door, kind] of ways) {
      const name = `client-${this.#runs++}`;
      const gitDir = this.bastion.gitDir(name);
      await git(['init', '--quiet', '--bare', gitDir]);
      const refs = ['topic~2:refs/heads/main', 'topic~2:refs/heads/gone'];
      await git(['push', '--quiet', gitDir, ...refs], { cwd: this.local });
      places.push({ url: this.bastion.url(door, kind, name), gitDir });
    }
    return places;
  }

  oid(name: string): Promise<string> {
    return git(['rev-parse', name], { cwd: this.local });
  }

  /** After all the moves: main moved on once, and then not back; `new` is there, and `gone` is not. */
  async check({ gitDir }: Place): Promise<void> {
    assert.equal(await tip(gitDir, 'refs/heads/main'), await this.oid('topic'));
    assert.equal(await tip(gitDir, 'refs/heads/new'), await this.oid('other'));
    assert.equal(await tip(gitDir, 'refs/heads/gone'), '');
    await git(['fsck', '--full', '--strict', '--no-dangling'], { cwd: gitDir });
  }

  /** Runs a program of the client's, and gives what it says for each line of its input. */
  async talk(
    command: readonly [string, ...string[]],
    lines: readonly string[],
    env: NodeJS.ProcessEnv = {},
  ): Promise<string> {
    const [file, ...args] = command;
    const shell = { PATH: process.env['PATH'], HOME: this.bastion.dir, ...this.bastion.logins.ann.env };
    const input = lines.map((line) => `${line}\n`).join('');
    const run = await runCommand(file, args, { env: { ...shell, ...env }, input, timeout: 90_000 });
    assert.equal(run.status, 0, run.stderr);
    return run.stdout;
  }
}

async function hasModule(name: string): Promise<boolean> {
  const run = runCommand(python, ['-c', `import ${name}`], { env: {} });
  return (await run.catch(() => ({ status: 1 }))).status === 0;
}

async function start(t: TestContext): Promise<Pushes> {
  const bastion = await startBastion(t);
  await applyPolicy(bastion, policy);
  const pushes = new Pushes(bastion);
  await makeForked(pushes.local);
  return pushes;
}

test('writes with other clients', { timeout: 240_000 }, async (t) => {
  const pushes = await start(t);

  await t.test('isomorphic-git pushes over HTTP, to every upstream', async () => {
    for (const place of await pushes.places(['http'])) {
      const push = (ref: string, remoteRef: string, extra: object = {}) =>
        isomorphic.push({
          fs: { promises },
          http,
          gitdir: pushes.local,
          url: place.url,
          ref,
          remoteRef,
          ...extra,
        });
      assert.equal((await push('topic', 'refs/heads/main')).ok, true);
      assert.equal((await push('other', 'refs/heads/new')).ok, true);
      assert.equal((await push('topic', 'refs/heads/gone', { delete: true })).ok, true);
      await assert.rejects(push('fork', 'refs/heads/main', { force: true }), new RegExp(refusal));
      await pushes.check(place);
    }
  });

  const noDulwich = (await hasModule('dulwich')) ? false : 'dulwich is not installed';
  await t.test('dulwich pushes through both doors, to every upstream', { skip: noDulwich }, async () => {
    const places = await pushes.places(doors);
    const [topic, other, fork] = await Promise.all(
      ['topic', 'other', 'fork'].map((name) => pushes.oid(name)),
    );
    const jobs = places.flatMap(({ url }) => [
      { url, local: pushes.local, moves: { 'refs/heads/main': topic, 'refs/heads/new': other } },
      { url, local: pushes.local, moves: { 'refs/heads/gone': null, 'refs/heads/main': fork } },
    ]);
    const told = await pushes.talk(
      [python, program('write_dulwich.py')],
      jobs.map((job) => JSON.stringify(job)),
    );
    for (const [at, line] of told.trim().split('\n').entries()) {
      const refs = JSON.parse(line) as Record<string, string | null>;
      if (at % 2 === 0) assert.deepEqual(refs, { 'refs/heads/main': null, 'refs/heads/new': null });
      else assert.deepEqual(refs, { 'refs/heads/gone': null, 'refs/heads/main': refusal });
    }
    for (const place of places) await pushes.check(place);
  });

  // Debian's libssh2 has neither encrypt-then-MAC nor GCM, and the SSH door nothing older.
  const noPygit2 = (await hasModule('pygit2')) ? false : 'pygit2 is not installed';
  await t.test('libgit2 pushes over HTTP, to every upstream', { skip: noPygit2 }, async () => {
    const places = await pushes.places(['http']);
    const jobs = places.flatMap(({ url }) => [
      {
        url,
        local: pushes.local,
        specs: ['refs/heads/topic:refs/heads/main', 'refs/heads/other:refs/heads/new'],
      },
      { url, local: pushes.local, specs: [':refs/heads/gone', '+refs/heads/fork:refs/heads/main'] },
    ]);
    const told = await pushes.talk(
      [python, program('write_pygit2.py')],
      jobs.map((job) => JSON.stringify(job)),
    );
    for (const [at, line] of told.trim().split('\n').entries()) {
      const refs = JSON.parse(line) as Record<string, string | null>;
      assert.equal(refs['refs/heads/main'], at % 2 === 0 ? null : refusal);
    }
    for (const place of places) await pushes.check(place);
  });

  const noJgit = jars.every((jar) => existsSync(jar)) ? false : 'libjgit-java is not installed';
  await t.test('JGit pushes through both doors, with thin packs too', { skip: noJgit }, async () => {
    const places = await pushes.places(doors);
    const ssh = join(pushes.bastion.dir, 'ssh.sh');
    const { env, token } = pushes.bastion.logins.ann;
    writeFileSync(ssh, `#!/bin/sh\nexec ${env.GIT_SSH_COMMAND} "$@"\n`);
    chmodSync(ssh, 0o755);
    const lines = places.flatMap(({ url }, at) => {
      const bare = new URL(url);
      if (bare.protocol === 'http:') [bare.username, bare.password] = ['', ''];
      const job = [bare.href, pushes.local, 'ann', token, at % 2 === 0 ? 'thin' : 'whole'];
      return [
        [...job, 'refs/heads/topic:refs/heads/main', 'refs/heads/other:refs/heads/new'].join(' '),
        [...job, ':refs/heads/gone', '+refs/heads/fork:refs/heads/main'].join(' '),
      ];
    });
    const java = ['-XX:TieredStopAtLevel=1', '-cp', jars.join(':'), program('WriteJgit.java')] as const;
    const told = await pushes.talk(['java', ...java], lines, { GIT_SSH: ssh });
    for (const [at, answer] of told.trim().split('\n\n').entries()) {
      const main = answer.split('\n').find((line) => line.startsWith('refs/heads/main '));
      if (at % 2 === 0) assert.equal(main, 'refs/heads/main OK null');
      else assert.equal(main, `refs/heads/main REJECTED_OTHER_REASON ${refusal}`);
    }
    for (const place of places) await pushes.check(place);
  });
});
