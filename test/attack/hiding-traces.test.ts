/**
 * Attack: to read a refused secret where the refusal left it.
 * 1. Somebody pushes a token by mistake, and is refused: the token has not leaked, as far as they know.
 * 2. Mallory reads what is around: the data folder of the server, its store, its quarantine and log, the ledger as
 *    JSON, what other people see of the session, and the upstream's objects.
 * The token is in none of them: neither as it is, nor in base64 or hex, nor in what the store keeps compressed.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { openLevelStore } from '../../src/store/level.ts';
import { endsWithFile } from '../fault/scene.ts';
import { sessionIn } from '../scenario/pushing.ts';
import { git, runGit } from '../support/git.ts';
import { data } from '../support/repos.ts';
import { base, type Hiding, has, hide, type Story, token, writeObject } from './hiding.ts';

const file = endsWithFile();
const secrets = [1, 2, 3, 4, 5, 6, 7, 8, 9].map(token);

/** The secret in the forms in which it is looked for; base64 at each of its three places in a run. */
function formsOf(secret: string): readonly string[] {
  const shifted = [0, 1, 2].map((pad) =>
    Buffer.from(`${' '.repeat(pad)}${secret}`)
      .toString('base64')
      .slice(pad === 0 ? 0 : 4, -4),
  );
  return [secret, ...shifted, Buffer.from(secret).toString('hex')];
}

/** The secrets, by their number, that the bytes hold in some form. */
function found(bytes: Buffer): readonly number[] {
  const text = bytes.toString('latin1');
  return secrets.flatMap((secret, n) => (formsOf(secret).some((form) => text.includes(form)) ? [n] : []));
}

function* filesIn(folder: string): Generator<string> {
  for (const one of readdirSync(folder, { withFileTypes: true, recursive: true }))
    if (one.isFile()) yield join(one.parentPath, one.name);
}

describe('a secret that was refused', () => {
  let hiding: Hiding;
  let story: Story;
  const said: string[] = [];
  before(async () => {
    hiding = await hide(file);
    const noise = randomBytes(200_000).toString('base64');
    story = await hiding.story('web', [
      base,
      { name: 'plain', parents: ['base'], files: { 'a.txt': `key: ${token(1)}\n` } },
      { name: 'large', parents: ['base'], files: { 'b.txt': `${noise}\n${token(2)}\n${noise}\n` } },
      {
        name: 'base64',
        parents: ['base'],
        files: { 'c.txt': Buffer.from(`k ${token(3)}\n`).toString('base64') },
      },
      { name: 'link', parents: ['base'], lines: `M 120000 inline link\n${data(token(4))}` },
      { name: 'message', parents: ['base'], files: { 'd.txt': 'd\n' }, message: `use ${token(6)}\n` },
      { name: 'author', parents: ['base'], files: { 'e.txt': 'e\n' }, author: token(7) },
      { name: 'path', parents: ['base'], files: { [`keys/${token(8)}/f.txt`]: 'f\n' } },
    ]);
    await git(['config', 'receive.advertisePushOptions', 'true'], { cwd: story.upstream });
    const head = `object ${story.oids['base']}\ntype commit\ntag v1\ntagger A <a@example.com> 1700000000 +0000\n\n${token(5)}\n`;
    const tag = await writeObject(story.source, 'tag', head);
    await git(['update-ref', 'refs/tags/v1', tag], { cwd: story.source });
    for (const [ref, door, ...options] of [
      ['refs/heads/message', 'http'],
      ['refs/heads/author', 'ssh'],
      ['refs/heads/path', 'http'],
      ['base:refs/heads/option', 'ssh', '-o', `deploy.key=${token(9)}`],
      ['refs/heads/plain', 'http'],
      ['refs/heads/large', 'ssh'],
      ['refs/heads/base64', 'http'],
      ['refs/heads/link', 'ssh'],
      ['refs/tags/v1', 'http'],
    ] as const) {
      const run = await hiding.push('web', [...options, ref], door);
      assert.match(run.stderr, /no-secrets: github-pat ghp_/, ref);
      said.push(run.stderr);
      const id = sessionIn(run);
      said.push(await hiding.bastion.refgate.ok(['session', 'show', id]));
      said.push(await hiding.bastion.refgate.ok(['session', 'show', id, '--json']));
      said.push((await hiding.bastion.refgate.cli(['policy', 'explain', id])).stdout);
    }
  });

  test('is not in what the client, the operator and the log are told', () => {
    for (const text of [...said, hiding.bastion.refgate.log()])
      assert.deepEqual(found(Buffer.from(text)), [], text);
  });

  test('is not on the upstream', async () => {
    for (const name of ['plain', 'large', 'base64', 'link', 'message', 'author', 'path'])
      assert.equal(await has(story.upstream, story.oids[name] ?? ''), false);
    const all = ['cat-file', '--batch-all-objects', '--batch', '--buffer'];
    assert.deepEqual(found((await runGit(all, { cwd: story.upstream })).stdoutBytes), []);
    // What is looked for is where it was made.
    assert.deepEqual(found((await runGit(all, { cwd: story.source })).stdoutBytes), [0, 1, 2, 3, 4, 5, 6, 7]);
  });

  test('is not in the data folder, nor in what the store keeps compressed', async () => {
    const folder = join(hiding.bastion.refgate.dir, 'data');
    await hiding.bastion.refgate.stop();
    const marker = join(folder, 'marker');
    writeFileSync(marker, Buffer.from(secrets[2] ?? '').toString('hex'));
    for (const path of filesIn(folder))
      assert.deepEqual(found(readFileSync(path)), path === marker ? [2] : [], path);
    const packs = [...filesIn(folder)].filter((path) => /\.(pack|idx)$/.test(path));
    assert.deepEqual(packs, []);
    const store = await openLevelStore(storeIn(folder));
    let facts = 0;
    for await (const [key, value] of store.range({ from: '', to: '\uffff' })) {
      const bytes = Buffer.from(value);
      const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
      if (isGzip) facts++;
      assert.deepEqual(found(Buffer.concat([Buffer.from(key), isGzip ? gunzipSync(bytes) : bytes])), [], key);
    }
    await store.close();
    assert.ok(facts >= 9, `${facts} facts`);
  });
});

/** The folder in which LevelDB keeps its CURRENT file. */
function storeIn(folder: string): string {
  const current = [...filesIn(folder)].find((path) => path.endsWith('/CURRENT'));
  if (current === undefined) throw new Error(`no store in ${folder}`);
  return join(current, '..');
}
