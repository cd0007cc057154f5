/**
 * Getting at a secret by what is pushed to its masked view.
 * 1. An agent reads a view, in which every secret is a placeholder, and knows that a push puts secrets back.
 * 2. It carries a placeholder to where the secret would be printed, sent or run: another line, another file, a workflow,
 *    a symbolic link, a name; or takes away what a rule finds the secret by, so that the next fetch would show it.
 * 3. Or it guesses a secret, and pushes what the original would be, to learn from the answer whether it guessed right.
 * 4. Or it pushes history that is not of the view, or gives a commit of others another view.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { RefgateError } from '../../src/domain/error.ts';
import type { PlaceholderUse } from '../../src/domain/mask.ts';
import { git, initBare } from '../support/git.ts';
import { MaskedClone, type WorkTree } from '../support/masked-clone.ts';
import { secretMaker } from '../support/secret-history.ts';

const next = secretMaker(13);
const [token, spare] = [next(), next()];
const word = [...spare.slice(-14)].reverse().join('');

let clone: MaskedClone;
let placeholder = '';
const closers: (() => unknown)[] = [];

async function story(tree: WorkTree): Promise<void> {
  tree.write('README.md', 'A tool\n');
  tree.write('.github/workflows/ci.yml', 'on: push\n');
  await tree.commit('first');
  tree.write('app.env', `PORT=80\nTOKEN=${token}\nDEBUG=1\n`);
  tree.write('db.ini', `[db]\nurl = postgres://app:${word}@db.example.com/x\n`);
  await tree.commit('with secrets');
}

before(async () => {
  clone = await MaskedClone.of({ after: (close) => closers.push(close) }, story);
  placeholder = clone.placeholderIn('app.env');
});
after(async () => {
  for (const close of closers.reverse()) await close();
});

let count = 0;

async function pushed(edit: (tree: WorkTree) => Promise<void> | void, message = 'edit') {
  const { agent } = clone;
  const branch = `attack-${count++}`;
  await agent.git('checkout', '--quiet', '--force', '-B', branch, 'origin/main');
  await edit(agent);
  return clone.push({ ref: `refs/heads/${branch}`, newOid: await agent.commit(message) });
}

async function usesOf(edit: (tree: WorkTree) => Promise<void> | void): Promise<readonly PlaceholderUse[]> {
  return (await pushed(edit)).restored.placeholders;
}

const places = (uses: readonly PlaceholderUse[]) => uses.map(({ how, path, line }) => [how, path, line]);

function refused(
  code: string,
  text: RegExp,
  edit: (tree: WorkTree) => Promise<void> | void,
  message?: string,
) {
  return assert.rejects(pushed(edit, message), (error) => {
    assert.ok(error instanceof RefgateError, String(error));
    assert.deepEqual([error.code, error.blame], [code, 'client']);
    assert.match(error.message, text);
    assert.ok(!error.message.includes(token), 'the secret is not told');
    assert.ok(!error.message.includes('\n'));
    return true;
  });
}

test('A1: a placeholder in a workflow is told', async () => {
  const uses = await usesOf((tree) => tree.append('.github/workflows/ci.yml', `# ${placeholder}\n`));
  assert.deepEqual(places(uses), [['sensitive-path', '.github/workflows/ci.yml', 2]]);
});

test('A2: a placeholder on a new line is told', async () => {
  const uses = await usesOf((tree) => tree.append('README.md', `see ${placeholder}\n`));
  assert.deepEqual(places(uses), [['new-line', 'README.md', 2]]);
});

test('A3: a placeholder on a changed line is told', async () => {
  const uses = await usesOf((tree) => tree.edit('app.env', 'TOKEN=', 'PUBLIC_TOKEN='));
  assert.deepEqual(places(uses), [['new-line', 'app.env', 2]]);
});

test('A4: a line with a placeholder that stands there twice is told once', async () => {
  const uses = await usesOf((tree) => tree.append('app.env', `TOKEN=${placeholder}\n`));
  assert.deepEqual(places(uses), [['new-line', 'app.env', 4]]);
});

test('A5: a copy of a file with secrets is told', async () => {
  const uses = await usesOf((tree) => tree.write('copy.env', tree.read('app.env')));
  assert.deepEqual(places(uses), [['new-file', 'copy.env', 2]]);
});

test('A6: a file with secrets that is moved to where the host runs things is told', async () => {
  const uses = await usesOf(async (tree) => {
    await tree.git('mv', 'app.env', '.github/workflows/app.yml');
  });
  assert.deepEqual(places(uses), [['sensitive-path', '.github/workflows/app.yml', undefined]]);
});

test('A6: and so are its lines, where the file is edited on its way', async () => {
  const uses = await usesOf(async (tree) => {
    await tree.git('mv', 'app.env', 'run.sh');
    tree.append('run.sh', 'curl host\n');
  });
  assert.deepEqual(places(uses), [['sensitive-path', 'run.sh', 2]]);
});

test('A6: one file that goes away gives its secrets to one file alone', async () => {
  const uses = await usesOf(async (tree) => {
    tree.write('b.env', tree.read('app.env'));
    await tree.git('mv', 'app.env', 'a.env');
  });
  assert.deepEqual(places(uses), [['new-file', 'b.env', 2]]);
});

test('A7: what a rule finds a secret by cannot be taken away', () =>
  refused('VIEW_NOT_RESTORED', /db\.ini:2: .*take the line/, (tree) =>
    tree.edit('db.ini', 'postgres://app:', 'the word '),
  ));

test('A8: a right guess and a wrong one get the same answer', async () => {
  const answers: string[] = [];
  for (const guess of [token, spare])
    await pushed((tree) => tree.edit('app.env', placeholder, guess)).catch((error: unknown) => {
      assert.ok(error instanceof RefgateError);
      answers.push(error.message.replace(/\b[0-9a-f]{12}\b/, 'OID').replace(/\(.*?\)/, '()'));
    });
  assert.equal(answers.length, 2);
  assert.equal(answers[0], answers[1]);
  assert.match(answers[0] as string, /OID, app\.env:2: github-pat \(\); take it out/);
});

test('A8: a tree of right guesses that is named and not pushed is as unknown as any', async () => {
  const { agent, person } = clone;
  for (const tree of [await person.git('rev-parse', 'origin/main^{tree}'), 'e'.repeat(40)]) {
    const head = await agent.git('rev-parse', 'origin/main');
    const text = (await agent.git('cat-file', 'commit', head)).replace(/^tree .*/, `tree ${tree}`);
    const input = `${text.replace(/^parent .*/m, `parent ${head}`)}\n`;
    const newOid = await agent.gitWith(
      { input },
      'hash-object',
      '-t',
      'commit',
      '-w',
      '--stdin',
      '--literally',
    );
    await assert.rejects(restoreAlone(newOid), { code: 'VIEW_FOREIGN' });
  }
});

/** Pushes one object without what it names. */
async function restoreAlone(newOid: string) {
  const folder = mkdtempSync(join(clone.agent.dir, '..', 'alone-'));
  const held = join(folder, 'held.git');
  await initBare(held);
  const pack = await clone.agent.gitWith({ input: `${newOid}\n` }, 'pack-objects', join(folder, 'p'));
  await git(['unpack-objects', '-q'], {
    cwd: held,
    input: readFileSync(join(folder, `p-${pack}.pack`)),
  });
  const update = { ref: 'refs/heads/alone', oldOid: '0'.repeat(40), newOid };
  return clone.restore(held, [update], folder);
}

test('A9: a placeholder in a new name is refused', async () => {
  await refused('VIEW_NOT_RESTORED', /choose another name/, (tree) =>
    tree.write(`${placeholder}.txt`, 'x\n'),
  );
  await refused('VIEW_NOT_RESTORED', /choose another name/, (tree) =>
    tree.write(`${placeholder}/x.txt`, 'x\n'),
  );
  const newOid = await clone.agent.git('rev-parse', 'origin/main');
  await assert.rejects(clone.push({ ref: `refs/heads/${placeholder}`, newOid }), {
    code: 'VIEW_NOT_RESTORED',
  });
});

test('A10: a symbolic link to a placeholder is told', async () => {
  const uses = await usesOf((tree) => symlinkSync(`/tmp/${placeholder}`, join(tree.dir, 'link')));
  assert.deepEqual(places(uses), [['symlink', 'link', 1]]);
});

test('A11: history that is not of the view is refused, whatever of it is pushed', async () => {
  const { agent, person } = clone;
  await agent.git('fetch', '--quiet', person.dir, 'refs/remotes/origin/main:refs/heads/foreign');
  const newOid = await agent.git('rev-parse', 'foreign');
  await assert.rejects(clone.push({ ref: 'refs/heads/foreign', newOid }), {
    code: 'VIEW_NEW_SECRET',
    message: /or clone again if you cloned before the repository was masked/,
  });
  await assert.rejects(clone.push({ ref: 'refs/heads/main', oldOid: newOid, newOid: '0'.repeat(40) }), {
    code: 'VIEW_FOREIGN',
    message: /clone again/,
  });
  await agent.git('checkout', '--quiet', '--force', '-B', 'foreign-child', 'foreign');
  await assert.rejects(restoreAlone(await agent.commit('child')), {
    code: 'VIEW_FOREIGN',
    message: /the parent/,
  });
  await agent.git('branch', '--quiet', '-D', 'foreign');
});

test('new secrets in contents, messages, names and tags are refused with their places', async () => {
  await refused('VIEW_NEW_SECRET', /new\.env:2: github-pat/, (tree) =>
    tree.write('new.env', `A=1\nB=${spare}\n`),
  );
  await refused('VIEW_NEW_SECRET', /the message:3: github-pat/, () => {}, `use\n\n${spare}`);
  await refused('VIEW_NEW_SECRET', /the name of a file/, (tree) => tree.write(`a/${spare}`, 'x\n'));
  const newOid = await clone.agent.git('rev-parse', 'origin/main');
  await assert.rejects(clone.push({ ref: `refs/heads/${spare}`, newOid }), { code: 'VIEW_NEW_SECRET' });
  await clone.agent.git('tag', '-f', '-a', '-m', `with ${spare}`, 'leaky', 'origin/main');
  const tag = await clone.agent.git('rev-parse', 'leaky');
  await assert.rejects(clone.push({ ref: 'refs/tags/leaky', newOid: tag }), { code: 'VIEW_NEW_SECRET' });
  await clone.agent.git('tag', '-d', 'leaky');
});

test('what looks like a placeholder and stands for nothing is refused', () =>
  refused('VIEW_NOT_RESTORED', /README\.md:2: .* stands for nothing/, (tree) =>
    tree.append('README.md', `${placeholder.slice(0, -16)}${'0123456789abcdef'}\n`),
  ));

test('a commit of others cannot be given another view', async () => {
  const { agent } = clone;
  const text = await agent.git('cat-file', 'commit', 'origin/main');
  const input = `${text.replace('\n\n', `\nrefgate-unsigned ${'0'.repeat(32)}\n\n`)}\n`;
  const newOid = await agent.gitWith({ input }, 'hash-object', '-t', 'commit', '-w', '--stdin');
  await assert.rejects(clone.push({ ref: 'refs/heads/twin', newOid }), {
    code: 'VIEW_NOT_RESTORED',
    message: /by its signature alone/,
  });
});

test('what is told of a use is what goes to the upstream', async () => {
  const push = await pushed((tree) => tree.append('README.md', `see ${placeholder}\n`));
  const [use] = push.restored.placeholders;
  assert.equal(use?.commit, push.restored.updates[0]?.newOid);
  assert.equal(use?.rule, 'github-pat');
  await clone.accept(push);
  assert.match(await clone.show(use?.commit as string), new RegExp(`\\+see ${token}`));
});
