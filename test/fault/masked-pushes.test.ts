/**
 * What becomes of a masked push, and of the view, when something ends or goes on in the middle: the gateway is killed while
 * the upstream is at work, the upstream is lost, two agents push at once, the upstream has forgotten what the view
 * knows. The agent's refs are the view's afterwards, and what is told is what is so.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { type GitRun, git, runGit } from '../support/git.ts';
import { WorkTree } from '../support/masked-clone.ts';
import type { Refgate } from '../support/refgate.ts';
import { secretMaker } from '../support/secret-history.ts';
import {
  endsWithFile,
  find,
  lastPush,
  makeScene,
  type Scene,
  settledAs,
  untilSettled,
  verifyLedger,
  writeHook,
} from './scene.ts';

const name = 'app';
const token = secretMaker(47)();
const file = endsWithFile();
let scene: Scene;
let refgate: Refgate;
let upstream = '';
/** The clones of two agents that read the view, and one of the originals. */
let agent: WorkTree;
let second: WorkTree;
let person: WorkTree;

before(async () => {
  scene = await makeScene(file, {
    config: { masking: { enable: 'auto', threads: 1 } },
    policy: {
      access: [{ who: { group: 'dev' }, repo: 'acme/*', may: ['read', 'write'], read: 'masked' }],
      rules: [{ name: 'no-secrets', when: { secret: 'any' }, then: 'deny' }],
    },
  });
  upstream = scene.gitDir(name);
  person = new WorkTree(join(scene.base, 'person'));
  agent = new WorkTree(join(scene.base, 'agent'));
  second = new WorkTree(join(scene.base, 'second'));
  await git(['init', '--quiet', person.dir]);
  person.write('README.md', 'A tool\n');
  await person.commit('first');
  person.write('app.env', `PORT=80\nTOKEN=${token}\nDEBUG=1\n`);
  await person.commit('with a secret');
  await git(['clone', '--quiet', '--bare', person.dir, upstream]);
  await person.git('remote', 'add', 'origin', upstream);
  await person.git('fetch', '--quiet');
  refgate = await scene.start();
  for (const tree of [agent, second]) await git(['clone', '--quiet', scene.url(refgate, name), tree.dir]);
});

const push = (tree: WorkTree, ...refs: readonly string[]): Promise<GitRun> =>
  runGit(['push', scene.url(refgate, name), ...refs], { cwd: tree.dir });

async function shown(branch: string): Promise<string> {
  const line = await git(['ls-remote', scene.url(refgate, name), `refs/heads/${branch}`]);
  return line.split('\t')[0] ?? '';
}

const has = (branch: string): Promise<string> =>
  git(['for-each-ref', '--format=%(objectname)', `refs/heads/${branch}`], { cwd: upstream });

/** An edit beside the secret on a branch of its own. */
async function edit(tree: WorkTree, branch: string, line = branch): Promise<string> {
  await tree.git('checkout', '--quiet', '--force', '-B', branch, 'origin/main');
  tree.append('app.env', `${line}=1\n`);
  return tree.commit(`edit ${line}`);
}

/** The commit with a signature that nobody checks. */
async function signed(commit: string): Promise<string> {
  const text = await agent.git('cat-file', 'commit', commit);
  const signature = 'gpgsig -----BEGIN PGP SIGNATURE-----\n \n aGVsbG8=\n -----END PGP SIGNATURE-----';
  const input = `${text.replace('\n\n', `\n${signature}\n\n`)}\n`;
  return agent.gitWith({ input }, 'hash-object', '-t', 'commit', '-w', '--stdin');
}

test('killed while the upstream is at work: what it took is shown as it was pushed, signature and all', async () => {
  const commit = await signed(await edit(agent, 'killed'));
  const gate = scene.waitingHook(name, 'pre-receive');
  const pushing = push(agent, `${commit}:refs/heads/killed`);
  await gate.reached();
  await refgate.kill();
  assert.notEqual((await pushing).status, 0);
  gate.open();
  refgate = await scene.start();
  await untilSettled(refgate, name);
  assert.deepEqual(settledAs(await lastPush(refgate, name)), { 'refs/heads/killed': 'applied' });
  assert.notEqual(await has('killed'), commit);
  assert.equal(await shown('killed'), commit);
  writeHook(upstream, 'pre-receive', 'exit 0');
  await verifyLedger(refgate);
});

test('an upstream that is lost in the middle is told as what it is, and the same push succeeds later', async () => {
  const commit = await edit(agent, 'lost');
  writeHook(upstream, 'pre-receive', 'kill -9 $PPID');
  const lost = await push(agent, 'lost');
  assert.notEqual(lost.status, 0);
  assert.doesNotMatch(lost.stderr, /\[new branch\]/);
  await untilSettled(refgate, name);
  assert.equal(await has('lost'), '');
  assert.equal(await shown('lost'), '');
  writeHook(upstream, 'pre-receive', 'exit 0');
  const again = await push(agent, 'lost');
  assert.equal(again.status, 0, again.stderr);
  assert.equal(await shown('lost'), commit);
});

test('of two agents that push to one ref at once one wins; to refs of their own both do', async () => {
  const [mine, theirs] = [await edit(agent, 'one', 'mine'), await edit(second, 'one', 'theirs')];
  const [own, other] = [await edit(agent, 'own'), await edit(second, 'other')];
  const runs = await Promise.all([
    push(agent, 'one'),
    push(second, 'one'),
    push(agent, 'own'),
    push(second, 'other'),
  ]);
  assert.deepEqual(
    runs
      .slice(0, 2)
      .map(({ status }) => status)
      .sort(),
    [0, 1],
    runs[0].stderr + runs[1].stderr,
  );
  assert.deepEqual(
    runs.slice(2).map(({ status }) => status),
    [0, 0],
    runs[2].stderr + runs[3].stderr,
  );
  assert.equal(await shown('one'), runs[0].status === 0 ? mine : theirs);
  assert.deepEqual([await shown('own'), await shown('other')], [own, other]);
  for (const branch of ['one', 'own', 'other'])
    assert.match(await git(['show', `${branch}:app.env`], { cwd: upstream }), new RegExp(token));
});

test('history that the upstream has forgotten since is pushed with what is built on it', async () => {
  await edit(agent, 'forgotten');
  assert.equal((await push(agent, 'forgotten')).status, 0);
  assert.equal(await shown('forgotten'), await agent.tip());
  await git(['update-ref', '-d', 'refs/heads/forgotten'], { cwd: upstream });
  await git(['reflog', 'expire', '--expire=now', '--all'], { cwd: upstream });
  await git(['gc', '--quiet', '--prune=now'], { cwd: upstream });
  assert.equal(await shown('forgotten'), '');
  agent.append('app.env', 'MORE=1\n');
  const commit = await agent.commit('on top');
  const run = await push(agent, 'forgotten');
  assert.equal(run.status, 0, run.stderr);
  assert.equal(await shown('forgotten'), commit);
  await git(['fsck', '--connectivity-only', '--no-dangling'], { cwd: upstream });
});

test('no message of these pushes and no event of theirs is left open', async () => {
  const events = await lastPush(refgate, name);
  assert.ok(find(events, 'push.restored'));
  assert.ok(find(events, 'push.reported'));
  assert.ok(scene.isQuarantineEmpty());
  await verifyLedger(refgate);
});
