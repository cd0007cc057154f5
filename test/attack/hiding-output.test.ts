/**
 * Attack: text of a push that acts on the terminal of whoever reads why it was refused.
 * 1. Mallory puts escapes, carriage returns, newlines, bidi controls and C1 controls into paths, the message and the
 *    author of a commit, so that the rules which refuse it repeat them.
 * 2. The pusher reads `remote:` lines and the reason of `ng`; an operator `session show` and `policy explain`; a
 *    machine their JSON.
 * Everybody sees marks in their place, and one reason stays one line.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { endsWithFile } from '../fault/scene.ts';
import { requestOf, zero } from '../scenario/raw-push.ts';
import { initBare } from '../support/git.ts';
import { entry, oidOf, pack, tree, treeEntry } from '../support/pack-builder.ts';
import { type Hiding, hide, noSecrets, token } from './hiding.ts';

const file = endsWithFile();
const nasty = 'a\u001b[2J\rb\u009b31m\u202egnp.exe\u2066\u0007\u2028c';
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const acts = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/;

describe('what is told of a refused push', () => {
  let hiding: Hiding;
  before(async () => {
    hiding = await hide(file, {
      rules: [
        noSecrets,
        { name: 'kept', when: { path: 'kept/**' }, then: 'deny' },
        { name: 'wording', when: { commit: { message: 'gnp' } }, then: 'deny' },
        { name: 'names', when: { commit: { authorName: '*gnp*' } }, then: 'deny' },
        { name: 'looks', when: { path: 'kept/**' }, then: 'warn' },
      ],
    });
    await initBare(hiding.bastion.gitDir('web'));
  });

  test('has no character that acts, in any reason, for any reader', async () => {
    const content = Buffer.from(`${token(1)}\n`);
    const name = Buffer.from(`${nasty}\n- forged line`);
    const folder = tree(treeEntry('100644', name, oidOf('blob', content)));
    const root = tree(treeEntry('40000', 'kept', oidOf('tree', folder)));
    const author = `${nasty} <${nasty.replaceAll('\n', '')}@example.com> 1700000000 +0000`;
    const head = [
      `tree ${oidOf('tree', root)}`,
      `author ${author}`,
      'committer A <a@example.com> 1700000000 +0000',
    ];
    const made = Buffer.from(`${head.join('\n')}\n\nsubject ${nasty}\n\nbody ${token(2)}\n`);
    const entries = [
      entry('commit', made),
      ...[root, folder].map((one) => entry('tree', one)),
      entry('blob', content),
    ];
    const list = [[zero, oidOf('commit', made), 'refs/heads/x']] as const;
    const capabilities = 'report-status side-band-64k object-format=sha1';
    const lines = await hiding.send('web', requestOf(list, capabilities, pack(entries)));
    const said = lines.join('\n');
    assert.match(said, /ng refs\/heads\/x refused: no-secrets, kept, wording, names/);
    assert.match(said, /\\u\{1b\}\[2J/);
    assert.match(said, /\\u\{a\}- forged line/);
    assert.doesNotMatch(said, acts);
    assert.doesNotMatch(said, /^- forged line/m);
    const [session] = await hiding.bastion.sessions('path/web', 1);
    for (const args of [
      ['session', 'show', session?.id ?? ''],
      ['session', 'show', session?.id ?? '', '--json'],
      ['policy', 'explain', session?.id ?? ''],
      ['policy', 'explain', session?.id ?? '', '--json'],
    ]) {
      const run = await hiding.bastion.refgate.cli(args);
      assert.doesNotMatch(run.stdout + run.stderr, acts, args.join(' '));
      assert.doesNotMatch(run.stdout, /^- forged line/m);
      assert.ok(run.stdout.length > 100, `${args.join(' ')}: ${run.stderr}`);
    }
    assert.doesNotMatch(hiding.bastion.refgate.log(), acts);
  });
});
