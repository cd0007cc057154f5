/**
 * Attack: to bring to a guarded folder, by a rename, what could not be pushed there.
 * 1. The rules are about `deploy/` alone: no program, no secret. Mallory pushes both under `tmp/`, which is her right.
 * 2. In a second push she moves them: no blob is in the pack, and nothing about them is new but the path.
 * What is moved to a path that a rule tells from others is read like what is added there.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { endsWithFile } from '../fault/scene.ts';
import { base, type Hiding, hide, type Story, token } from './hiding.ts';

const file = endsWithFile();
const inDeploy = { path: 'deploy/**' };
const rules = [
  { name: 'no-secrets-in-deploy', when: { ...inDeploy, secret: 'any' }, then: 'deny' },
  { name: 'no-programs-in-deploy', when: { ...inDeploy, file: { type: 'elf' } }, then: 'deny' },
];
const key = `key = ${token(1)}\n`;
const program = '\x7fELF\x02\x01\x01';

describe('a file that is moved', () => {
  let hiding: Hiding;
  let story: Story;
  before(async () => {
    hiding = await hide(file, { rules });
    story = await hiding.story('web', [
      base,
      {
        name: 'kept',
        parents: ['base'],
        files: { 'tmp/key.txt': key, 'tmp/x': program, 'tmp/n.txt': 'n\n' },
      },
      { name: 'key', parents: ['kept'], files: { 'tmp/key.txt': undefined, 'deploy/key.txt': key } },
      { name: 'program', parents: ['kept'], files: { 'tmp/x': undefined, 'deploy/x': program } },
      { name: 'harmless', parents: ['kept'], files: { 'tmp/n.txt': undefined, 'deploy/n.txt': 'n\n' } },
      { name: 'out', parents: ['kept'], files: { 'tmp/x': undefined, 'lib/x': program } },
    ]);
    const run = await hiding.push('web', ['refs/heads/kept:refs/heads/main']);
    assert.equal(run.status, 0, run.stderr);
  });

  for (const [name, why] of [
    ['key', /no-secrets-in-deploy: github-pat ghp_\S+ in deploy\/key\.txt:1/],
    ['program', /no-programs-in-deploy: tmp\/x -> deploy\/x/],
  ] as const)
    test(`to a guarded folder is judged for its content there: ${name}`, async () => {
      const run = await hiding.push('web', [`refs/heads/${name}:refs/heads/main`]);
      assert.equal(run.status, 1);
      assert.match(run.stderr, why);
    });

  test('passes where no rule has anything against it', async () => {
    for (const name of ['harmless', 'out']) {
      const run = await hiding.push('web', [`refs/heads/${name}`]);
      assert.equal(run.status, 0, run.stderr);
    }
    assert.ok(story.upstream);
  });
});
