/**
 * Spoiling a masked view for others by pushes that come to nothing.
 * 1. An agent reads a view. What it pushes is put back onto the originals, and where the view of the result would not be
 *    what it pushed, a pin says so; a pin stays also where the push is refused afterwards.
 * 2. It pushes what another agent is about to push, with a signature or a header that the way back drops, to a ref
 *    where it is refused: the pin is to give the other's commit a view of the attacker's making.
 * 3. Or it pins a commit that a person then pushes as it is: whoever works on top of it is to be told that it is foreign.
 * 4. And a crash may have left objects in the view of which the rows know nothing: they are nobody's originals.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { git } from '../support/git.ts';
import { MaskedClone, type WorkTree } from '../support/masked-clone.ts';
import { secretMaker } from '../support/secret-history.ts';

const token = secretMaker(31)();
let clone: MaskedClone;
const closers: (() => unknown)[] = [];

async function story(tree: WorkTree): Promise<void> {
  tree.write('README.md', 'A tool\n');
  await tree.commit('first');
  await tree.git('branch', 'clean');
  tree.write('app.env', `PORT=80\nTOKEN=${token}\nDEBUG=1\n`);
  await tree.commit('with a secret');
}

before(async () => {
  clone = await MaskedClone.of({ after: (close) => closers.push(close) }, story);
});
after(async () => {
  for (const close of closers.reverse()) await close();
});

/** The agent's commit of another text. */
async function rewritten(commit: string, change: (text: string) => string): Promise<string> {
  const text = await clone.agent.git('cat-file', 'commit', commit);
  return clone.agent.gitWith({ input: `${change(text)}\n` }, 'hash-object', '-t', 'commit', '-w', '--stdin');
}

const header = (line: string) => (text: string) => text.replace('\n\n', `\n${line}\n\n`);

test('a push that came to nothing does not decide how what another one pushes is shown', async () => {
  const { agent } = clone;
  await agent.git('checkout', '--quiet', '-B', 'mine', 'origin/main');
  agent.append('app.env', 'MINE=1\n');
  const mine = await agent.commit('mine');
  const theirs = await rewritten(mine, header(`refgate-unsigned ${'0'.repeat(32)}`));
  const refused = await clone.push({ ref: 'refs/heads/theirs', newOid: theirs });
  const push = await clone.push({ ref: 'refs/heads/mine', newOid: mine });
  assert.equal(push.restored.updates[0]?.newOid, refused.restored.updates[0]?.newOid);
  await clone.accept(push);
});

test('a commit that was pinned for nothing is what it is when a person pushes it', async () => {
  const { agent, originals } = clone;
  await agent.git('checkout', '--quiet', '-B', 'plain', 'origin/clean');
  agent.append('README.md', 'more\n');
  const plain = await agent.commit(`see ${await agent.git('rev-parse', 'origin/main')}`);
  const refused = await clone.push({ ref: 'refs/heads/refused', newOid: plain });
  assert.notEqual(refused.restored.updates[0]?.newOid, plain);
  await git(['fetch', '--quiet', agent.dir, 'refs/heads/plain:refs/heads/plain'], { cwd: originals });
  await clone.follow();
  assert.equal(await clone.viewRef('refs/heads/plain'), plain);
  agent.append('README.md', 'and more\n');
  await clone.accept(await clone.push({ ref: 'refs/heads/plain', newOid: await agent.commit('on top') }));
});

test('what a crash left in the view is restored like anything that is pushed', async () => {
  const { agent, originals, view } = clone;
  await agent.git('checkout', '--quiet', '-B', 'crashed', 'origin/main');
  agent.append('app.env', 'CRASHED=1\n');
  const newOid = await agent.commit('crashed');
  await git(['fetch', '--quiet', agent.dir, 'crashed'], { cwd: view });
  const push = await clone.push({ ref: 'refs/heads/crashed', newOid });
  assert.notEqual(push.restored.updates[0]?.newOid, newOid);
  await clone.accept(push);
  assert.match(await git(['show', 'crashed:app.env'], { cwd: originals }), new RegExp(token));
});
