import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MaskedClone, type WorkTree } from '../../support/masked-clone.ts';
import { secretMaker } from '../../support/secret-history.ts';

const next = secretMaker(11);
const [token, second, named, old, wide, packed] = [next(), next(), next(), next(), next(), next()];

let clone: MaskedClone;
const closers: (() => unknown)[] = [];

const utf16 = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le');

async function story(tree: WorkTree): Promise<void> {
  tree.write('README.md', 'A tool\n');
  tree.write('src/app.js', 'start();\n');
  await tree.commit('first');
  await tree.git('tag', 'v0');
  tree.write('gone.env', `A=1\nOLD=${old}\n`);
  await tree.commit('with an old one');
  await tree.git('rm', '--quiet', 'gone.env');
  await tree.commit('without it');
  tree.write('conf/app.env', `PORT=80\nTOKEN=${token}\nDEBUG=1\nOTHER=${second}\nEND=1\n`);
  tree.write('conf/crlf.env', `PORT=80\r\nTOKEN=${token}\r\nDEBUG=1\r\n`);
  tree.write('conf/wide.txt', utf16(`name\ntoken = "${wide}"\nend\n`));
  tree.write('data.bin', Buffer.concat([Buffer.alloc(30), Buffer.from(` ${packed} `), Buffer.alloc(30, 1)]));
  tree.write(`${named}/inner/file.txt`, 'inner\n');
  await tree.commit('with secrets');
  await tree.git('checkout', '--quiet', '-b', 'side', 'HEAD~1');
  tree.write('side.env', `SIDE=${next()}\n`);
  await tree.commit('a side branch');
  await tree.git('checkout', '--quiet', 'main');
  tree.append('README.md', 'more\n');
  await tree.commit('the last one');
}

before(async () => {
  clone = await MaskedClone.of({ after: (close) => closers.push(close) }, story);
});
after(async () => {
  for (const close of closers.reverse()) await close();
});

test('an edit beside a placeholder comes back as the edit and nothing else', async () => {
  const push = await clone.sameEdit('beside', async (tree) => {
    tree.edit('conf/app.env', 'DEBUG=1', 'DEBUG=2');
    tree.edit('conf/crlf.env', 'PORT=80', 'PORT=81');
    tree.append('src/app.js', 'stop();\n');
    await tree.commit('edit');
  });
  assert.deepEqual(push.restored.placeholders, []);
  assert.equal(push.restored.pairCount, 1);
});

test('edits of UTF-16 and of binary content come back', async () => {
  const push = await clone.sameEdit('encodings', async (tree) => {
    const text = tree.read('conf/wide.txt').toString('utf16le');
    tree.write('conf/wide.txt', Buffer.from(text.replace('end', 'the end'), 'utf16le'));
    const bytes = tree.read('data.bin');
    bytes[2] = 9;
    tree.write('data.bin', bytes);
    await tree.commit('edit');
  });
  assert.deepEqual(push.restored.placeholders, []);
});

test('secret lines that change their order or go away come back', async () => {
  const push = await clone.sameEdit('order', async (tree) => {
    const lines = tree.read('conf/app.env').toString().split('\n');
    const [port = '', one = '', debug = '', two = ''] = lines;
    tree.write('conf/app.env', [two, one, debug, port, ''].join('\n'));
    await tree.commit('sorted');
    tree.write('conf/app.env', [port, two, ''].join('\n'));
    await tree.commit('fewer');
  });
  assert.deepEqual(push.restored.placeholders, []);
});

test('a renamed file keeps its secrets, with an edit too, and so does a renamed folder', async () => {
  const push = await clone.sameEdit('rename', async (tree) => {
    await tree.git('mv', 'conf/app.env', 'conf/web.env');
    await tree.commit('plain');
    await tree.git('mv', 'conf/web.env', 'conf/api.env');
    tree.edit('conf/api.env', 'DEBUG=1', 'DEBUG=3');
    await tree.commit('with an edit');
    await tree.git('mv', 'conf', 'settings');
    await tree.commit('a folder');
  });
  assert.deepEqual(push.restored.placeholders, []);
});

test('edits below a folder whose name holds a secret come back, and so does its move', async () => {
  const push = await clone.sameEdit('names', async (tree) => {
    const [folder = ''] = (await tree.git('ls-files')).split('\n').filter((line) => line.includes('/inner/'));
    tree.append(folder, 'more\n');
    tree.write(folder.replace('file.txt', 'new.txt'), 'new\n');
    await tree.commit('below');
    await tree.git('mv', folder.split('/')[0] as string, 'src/');
    await tree.commit('moved');
  });
  assert.deepEqual(push.restored.placeholders, []);
});

test('merges take every side from where it is', async () => {
  const push = await clone.sameEdit('merge', async (tree) => {
    tree.edit('conf/app.env', 'PORT=80', 'PORT=8080');
    await tree.commit('ours');
    await tree.git('merge', '--quiet', '--no-edit', '-m', 'merge', 'origin/side');
    await tree.git('checkout', '--quiet', '-b', 'one', 'origin/main');
    tree.write('one.txt', '1\n');
    await tree.commit('one');
    await tree.git('checkout', '--quiet', '-b', 'two', 'origin/main');
    tree.edit('conf/app.env', 'END=1', 'END=2');
    await tree.commit('two');
    await tree.git('checkout', '--quiet', 'merge');
    await tree.git('merge', '--quiet', '-m', 'octopus', 'one', 'two');
    await tree.git('merge', '--quiet', '--no-commit', '-s', 'ours', 'v0');
    tree.edit('conf/app.env', 'DEBUG=1', 'DEBUG=evil');
    tree.edit('side.env', 'SIDE=', 'EAST=1\nSIDE=');
    await tree.commit('evil');
    await tree.git('branch', '--quiet', '-D', 'one', 'two');
  });
  assert.deepEqual(push.restored.placeholders, []);
});
