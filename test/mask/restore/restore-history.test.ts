import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { signatureHeader } from '../../support/history-writer.ts';
import { MaskedClone, type WorkTree } from '../../support/masked-clone.ts';
import { secretMaker } from '../../support/secret-history.ts';

const next = secretMaker(12);
const [token, second] = [next(), next()];

let clone: MaskedClone;
const closers: (() => unknown)[] = [];

/** The commit with a signature that nobody made. */
async function signed(tree: WorkTree, oid: string, seed: string): Promise<string> {
  const text = await tree.git('cat-file', 'commit', oid);
  const input = `${text.replace('\n\n', `\n${signatureHeader('sha1', seed)}\n`)}\n`;
  return tree.gitWith({ input }, 'hash-object', '-t', 'commit', '-w', '--stdin');
}

async function story(tree: WorkTree): Promise<void> {
  tree.write('README.md', 'A tool\n');
  await tree.commit('first');
  tree.write('app.env', `PORT=80\nTOKEN=${token}\nDEBUG=1\n`);
  tree.write(`names/${second}.txt`, 'x\n');
  await tree.commit('with secrets');
  tree.write('code.js', 'one();\n');
  await tree.commit('code');
  await tree.git('tag', '-a', '-m', 'one', 'v1');
  await tree.git('checkout', '--quiet', '-b', 'signed');
  tree.write('code.js', 'two();\n');
  await tree.git('reset', '--quiet', '--hard', await signed(tree, await tree.commit('signed'), 'one'));
  await tree.git('checkout', '--quiet', '-b', 'other', 'main');
  tree.write('other.js', 'other();\n');
  await tree.commit('other');
  await tree.git('checkout', '--quiet', 'main');
}

before(async () => {
  clone = await MaskedClone.of({ after: (close) => closers.push(close) }, story);
});
after(async () => {
  for (const close of closers.reverse()) await close();
});

test('a revert and a cherry-pick name the commits of the originals', async () => {
  const push = await clone.sameEdit('revert', async (tree) => {
    await tree.git('revert', '--no-edit', 'HEAD');
    await tree.git('cherry-pick', '-x', 'origin/other');
  });
  assert.deepEqual(push.restored.placeholders, []);
  const message = await clone.show(push.restored.updates[0]?.newOid as string);
  assert.ok(message.includes(await clone.person.git('rev-parse', 'origin/other')));
});

test('an amended commit that was signed leaves nothing of the view behind', async () => {
  const push = await clone.sameEdit(
    'amend',
    async (tree) => {
      await tree.git('commit', '--quiet', '--amend', '-m', 'signed no more');
    },
    'signed',
  );
  const text = await clone.agent.git('cat-file', 'commit', 'HEAD');
  assert.match(text, /^refgate-unsigned /m);
  assert.doesNotMatch(await clone.show(push.restored.updates[0]?.newOid as string), /refgate-unsigned/);
});

test('a commit that the client signed goes up without the signature, and stays in the view with it', async () => {
  const { agent, person } = clone;
  for (const tree of [agent, person]) {
    await tree.git('checkout', '--quiet', '--force', '-B', 'client', 'origin/main');
    tree.write('client.txt', 'c\n');
    await tree.commit('by the client');
  }
  const newOid = await signed(agent, await agent.tip(), 'client');
  const push = await clone.push({ ref: 'refs/heads/client', newOid });
  assert.equal(push.restored.updates[0]?.newOid, await person.tip());
  await clone.accept(push);
  assert.ok(clone.rows.pinOf(await person.tip()));
  agent.write('child.txt', 'c\n');
  await agent.git('reset', '--quiet', '--soft', newOid);
  await person.git('reset', '--quiet', '--soft', 'client');
  person.write('child.txt', 'c\n');
  const child = await clone.push({ ref: 'refs/heads/client', newOid: await agent.commit('child') });
  assert.equal(child.restored.updates[0]?.newOid, await person.commit('child'));
  await clone.accept(child);
});

test('commits that are made anew, with the one that brings a secret, put it back where it was', async () => {
  await clone.sameEdit('anew', async (tree) => {
    await tree.git('commit', '--quiet', '--allow-empty', '-m', 'more');
  });
  const oids: string[] = [];
  for (const tree of [clone.agent, clone.person]) {
    await tree.git('checkout', '--quiet', '--force', '-B', 'anew', 'anew~2');
    tree.edit('app.env', 'PORT=80', 'PORT=443');
    await tree.git('commit', '--quiet', '--all', '--amend', '-m', 'with secrets, better');
    await tree.git('cherry-pick', 'origin/main');
    oids.push(await tree.tip());
  }
  const push = await clone.push({ ref: 'refs/heads/anew', newOid: oids[0] as string });
  assert.deepEqual(push.restored.placeholders, []);
  assert.equal(push.restored.updates[0]?.newOid, oids[1]);
  await clone.accept(push);
});

test('a file that was deleted comes back where it was, and is told anywhere else', async () => {
  const push = await clone.sameEdit('again', async (tree) => {
    await tree.git('rm', '--quiet', 'app.env');
    await tree.commit('gone');
    await tree.git('commit', '--quiet', '--allow-empty', '-m', 'between');
    await tree.git('revert', '--no-edit', 'HEAD~1');
  });
  assert.deepEqual(push.restored.placeholders, []);
  const elsewhere = await clone.sameEdit('elsewhere', async (tree) => {
    await tree.git('rm', '--quiet', 'app.env');
    await tree.commit('gone');
    await tree.git('checkout', 'HEAD~1', '--', 'app.env');
    await tree.git('mv', 'app.env', 'other.env');
    await tree.commit('elsewhere');
  });
  const [use, ...rest] = elsewhere.restored.placeholders;
  assert.deepEqual(rest, []);
  assert.deepEqual([use?.how, use?.path, use?.line], ['new-file', 'other.env', 2]);
});

test('a branch at an old commit, a deleted ref and a tag of the view need no objects', async () => {
  const { agent, person } = clone;
  const [old, tag] = [await agent.git('rev-parse', 'origin/main~1'), await agent.git('rev-parse', 'v1')];
  const push = await clone.push(
    { ref: 'refs/heads/old', newOid: old },
    { ref: 'refs/tags/v1-again', newOid: tag },
  );
  assert.deepEqual(
    push.restored.updates.map(({ newOid }) => newOid),
    [await person.git('rev-parse', 'origin/main~1'), await person.git('rev-parse', 'v1')],
  );
  await clone.accept(push);
  const gone = await clone.push({ ref: 'refs/heads/old', newOid: '0'.repeat(40) });
  assert.equal(gone.restored.updates[0]?.oldOid, await person.git('rev-parse', 'origin/main~1'));
});

test('new tags, of tags too, name the originals', async () => {
  const { agent, person } = clone;
  const oids: string[] = [];
  for (const tree of [agent, person]) {
    await tree.git('tag', '-a', '-m', 'two', 'v2', 'origin/main');
    await tree.git('tag', '-a', '-m', 'nested', 'v3', 'v2');
    await tree.git('tag', '-a', '-m', 'clean', 'v0', 'origin/main~2');
    await tree.git('tag', '-a', '-m', 'a file', 'file', 'origin/main:app.env');
    for (const name of ['v3', 'v0', 'file']) oids.push(await tree.git('rev-parse', name));
  }
  const names = ['v3', 'v0', 'file'];
  const push = await clone.push(
    ...names.map((name, i) => ({ ref: `refs/tags/${name}`, newOid: oids[i] as string })),
  );
  assert.deepEqual(
    push.restored.updates.map(({ newOid }) => newOid),
    oids.slice(3),
  );
  await clone.accept(push);
});

test('a push that is the same on both sides goes as it was pushed', async () => {
  const push = await clone.sameEdit('clean', async (tree) => {
    await tree.git('reset', '--quiet', '--hard', 'origin/main~2');
    tree.write('clean.txt', 'clean\n');
    await tree.commit('clean');
  });
  assert.equal(push.restored.pack, undefined);
  assert.equal(push.restored.pairCount, 0);
});

test('text that looks like a placeholder stays as it is in a message, and the view keeps what was pushed', async () => {
  await clone.agent.git('checkout', '--quiet', '--force', 'origin/main');
  const placeholder = clone.placeholderIn('app.env');
  const push = await clone.sameEdit('message', async (tree) => {
    await tree.git('reset', '--quiet', '--hard', 'origin/main~2');
    await tree.commit(`about ${placeholder}`);
    await tree.git('merge', '--quiet', '-m', `of ${placeholder}`, 'origin/main');
  });
  assert.equal(push.restored.pairCount, 1);
});
