/**
 * Attack: to bring to a branch with rules, by a second push, what a first push could bring to a branch without.
 * 1. The rules are about `main` alone: no secret, no workflow. Mallory pushes both to `dev`, which is her right.
 * 2. She pushes the same commits to `main`, and sends them once more in the pack: nothing in it is new to the
 *    upstream, and nothing outside it lies between the old tip and the new one.
 * 3. Or she puts one commit of her own, which changes nothing, on top of `dev`, or merges it.
 * 4. Or that commit changes the file with the secret a little, so that its parent had the secret before.
 * 5. Or two of her paths are told alike, since their bytes are not UTF-8, and only one of them is harmless.
 * What `main` gets is judged as its whole difference, whoever has it on another branch.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { endsWithFile } from '../fault/scene.ts';
import { packOf, requestOf } from '../scenario/raw-push.ts';
import { git } from '../support/git.ts';
import { base, type Hiding, hide, type Story, token } from './hiding.ts';

const file = endsWithFile();
const capabilities = 'report-status side-band-64k object-format=sha1';

const onMain = { ref: 'refs/heads/main' };
const rules = [
  { name: 'no-secrets-on-main', when: { ...onMain, secret: 'any' }, then: 'deny' },
  { name: 'no-workflows-on-main', when: { ...onMain, path: '.github/workflows/**' }, then: 'deny' },
  { name: 'no-programs-on-main', when: { ...onMain, file: { type: 'elf' } }, then: 'deny' },
];

const commit = (name: string, ...parents: string[]) => ({ name, parents });
const secret = `key = ${token(1)}\n`;

describe('commits that another branch has', () => {
  let hiding: Hiding;
  let story: Story;
  before(async () => {
    hiding = await hide(file, { rules });
    story = await hiding.story(
      'web',
      [
        base,
        { ...commit('main', 'base'), files: { 'a.txt': 'a\n' } },
        { ...commit('first', 'main'), files: { 'key.txt': secret } },
        { ...commit('dev', 'first'), files: { '.github/workflows/ci.yml': 'on: push\n' } },
        commit('on-top', 'first'),
        { ...commit('merged', 'main', 'first'), files: { 'key.txt': secret } },
        { ...commit('changed', 'first'), files: { 'key.txt': `${secret}more\n` } },
        { ...commit('changing-merge', 'main', 'first'), files: { 'key.txt': `${secret}more\n` } },
        {
          ...commit('programs', 'main'),
          files: {},
          lines: 'M 100644 inline "p\\376"\ndata 5\n\x7fELF\n\nM 100644 inline "p\\377"\ndata 5\ntext\n\n',
        },
        { ...commit('harmless', 'main'), files: { 'b.txt': 'b\n' } },
        commit('on-harmless', 'harmless'),
      ],
      ['main'],
    );
    for (const name of ['dev', 'programs', 'harmless']) {
      const pushed = await hiding.push('web', [`refs/heads/${name}`]);
      assert.equal(pushed.status, 0, pushed.stderr);
    }
  });

  /** Pushes to `main` with the pack of these revisions; gives the lines of the report. */
  async function toMain(name: string, revisions: readonly string[]): Promise<string> {
    const { oids, source } = story;
    const [old, to] = [oids['main'] ?? '', oids[name] ?? ''];
    const sent = await packOf(
      source,
      revisions.map((one) => one.replace(/\w[\w-]*/, (ref) => oids[ref] ?? ref)),
    );
    return (await hiding.send('web', requestOf([[old, to, 'refs/heads/main']], capabilities, sent))).join(
      '\n',
    );
  }

  async function refused(
    name: string,
    revisions: readonly string[],
    ...why: readonly RegExp[]
  ): Promise<void> {
    const lines = await toMain(name, revisions);
    for (const one of why) assert.match(lines, one);
    assert.equal(await git(['rev-parse', 'refs/heads/main'], { cwd: story.upstream }), story.oids['main']);
  }

  test('are judged though the pack holds them once more', () =>
    refused('dev', ['dev', '^main'], /no-workflows-on-main/, /no-secrets-on-main: github-pat/));

  test('are judged below a commit that changes nothing', () =>
    refused('on-top', ['on-top', '^first'], /no-secrets-on-main: github-pat/));

  test('are judged in a merge', () =>
    refused('merged', ['merged', '^first', '^main'], /no-secrets-on-main: github-pat/));

  test('are judged though a new commit changes the same file', async () => {
    await refused('changed', ['changed', '^first'], /no-secrets-on-main: github-pat/);
    await refused('changing-merge', ['changing-merge', '^first', '^main'], /no-secrets-on-main: github-pat/);
  });

  test('are judged file by file, also where two paths are told alike', () =>
    refused('programs', [], /no-programs-on-main/));

  test('pass when no rule has anything against them', async () => {
    assert.match(await toMain('on-harmless', ['on-harmless', '^harmless']), /ok refs\/heads\/main/);
  });
});
