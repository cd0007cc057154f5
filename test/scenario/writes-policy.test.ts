/** A policy's life: checked, tried, applied, replaced, broken, and still there after a restart. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type GitRun, git, runGit, tempDir } from '../support/git.ts';
import { type Refgate, startRefgate } from '../support/refgate.ts';
import { makeForked, said } from './pushing.ts';

const access = 'access: [{ who: { user: ann }, repo: "acme/*", may: [read, write] }]\n';
const open = `${access}rules: []\n`;
const kept = `${access}rules:
  - { name: history-is-kept, when: { ref: refs/heads/main, change: [delete, non-fast-forward] }, then: deny, say: revert instead }
tests:
  - { name: main stays, user: ann, repo: acme/web, updates: [{ ref: refs/heads/main, change: delete }], expect: deny, rule: history-is-kept }
`;
const broken = `${access}rules:
  - { name: history-is-kept, when: { reff: refs/heads/main }, then: deny }
  - { name: misspelt, when: { pth: "src/**" }, then: deny }
`;

test('a policy from its first check to a restart', { timeout: 120_000 }, async (t) => {
  const dir = tempDir(t, 'policy');
  const root = join(dir, 'srv');
  const local = join(dir, 'local.git');
  await makeForked(local);
  mkdirSync(join(root, 'acme'), { recursive: true });
  await git([
    'clone',
    '--quiet',
    '--bare',
    '--single-branch',
    '--branch',
    'main',
    local,
    join(root, 'acme', 'web.git'),
  ]);
  const file = (name: string, text: string): string => {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  };
  const config = {
    upstreams: { disk: { path: { root } } },
    repos: [{ path: 'acme/*', upstream: 'disk' }],
  };
  let refgate: Refgate = await startRefgate(t, { dir, config, policy: open });
  await refgate.ok(['user', 'add', 'ann']);
  const made = await refgate.ok(['token', 'create', 'ann', '--ttl', '1h', '--json']);
  const { token } = JSON.parse(made) as { token: string };
  const push = (...refs: readonly string[]): Promise<GitRun> => {
    const url = `${refgate.http.replace('//', `//ann:${token}@`)}/acme/web.git`;
    return runGit(['push', url, ...refs], { cwd: local });
  };
  const inForce = async (): Promise<string> =>
    (JSON.parse(await refgate.ok(['policy', 'show', '--json'])) as { version: string }).version;
  const first = await inForce();
  let second = '';

  await t.test('check says all that is wrong, with its place', async () => {
    assert.match(
      await refgate.ok(['policy', 'check', file('kept.yaml', kept)]),
      /kept\.yaml is valid; version [0-9a-f]{12}/,
    );
    const run = await refgate.cli(['policy', 'check', file('broken.yaml', broken)]);
    assert.equal(run.status, 1);
    assert.match(run.stderr, /broken\.yaml:3:\d+: /);
    assert.match(run.stderr, /broken\.yaml:4:\d+: the key "pth" is unknown; did you mean "path"\?/);
  });

  await t.test('check warns of what has run out', async () => {
    const old = `${kept}secrets:\n  allow: [{ path: "test/**", reason: fixtures, until: 2025-01-31 }]\n`;
    const run = await refgate.cli(['policy', 'check', file('old.yaml', old)]);
    assert.equal(run.status, 0);
    assert.match(
      run.stderr,
      /old\.yaml:\d+:\d+: warning: the line has not counted since 2025-01-31; remove it/,
    );
  });

  await t.test('test runs the cases in the file, and explain says which rule speaks', async () => {
    assert.match(await refgate.ok(['policy', 'test', join(dir, 'kept.yaml')]), /^ok +main stays/);
    const change = ['--user', 'ann', '--repo', 'acme/web', '--ref', 'refs/heads/main', '--change', 'delete'];
    const told = await refgate.ok(['policy', 'explain', join(dir, 'kept.yaml'), ...change]);
    assert.match(told, /^refs\/heads\/main: deny$/m);
    assert.match(told, /because history-is-kept: refs\/heads\/main must not be deleted; revert instead/);
    assert.match(await refgate.ok(['policy', 'explain', ...change]), /^refs\/heads\/main: allow$/m);
  });

  await t.test('what is applied judges the next push, and names itself', async () => {
    assert.equal((await push('+main~1:main')).status, 0);
    second = (
      JSON.parse(await refgate.ok(['policy', 'apply', join(dir, 'kept.yaml'), '--json'])) as {
        version: string;
      }
    ).version;
    assert.notEqual(second, first);
    const refused = await push('+main~2:main');
    assert.equal(refused.status, 1);
    assert.ok(
      said(refused).some((line) => line.endsWith('would be lost from refs/heads/main; revert instead')),
    );
    assert.match(refused.stderr, new RegExp(`policy ${second}\\)`));
  });

  await t.test('a bad policy does not replace a good one', async () => {
    const run = await refgate.cli(['policy', 'apply', join(dir, 'broken.yaml')]);
    assert.equal(run.status, 1);
    assert.match(run.stderr, /broken\.yaml:3:/);
    assert.equal(await inForce(), second);
    assert.equal((await push('+main~2:main')).status, 1);
  });

  await t.test('every version is kept and can be read again', async () => {
    const history = JSON.parse(await refgate.ok(['policy', 'history', '--json'])) as {
      version: string;
      actor: string;
    }[];
    assert.deepEqual(
      history.map(({ version, actor }) => [version, actor]),
      [
        [second, 'operator'],
        [first, 'refgate'],
      ],
    );
    assert.equal(await refgate.ok(['policy', 'show', first]), open);
    assert.equal(await refgate.ok(['policy', 'show']), kept);
  });

  await t.test('after a restart with a broken file the last good one is still in force', async () => {
    assert.equal(await refgate.stop(), 0);
    refgate = await startRefgate(t, { dir, config, policy: broken });
    assert.equal(await inForce(), second);
    assert.match(refgate.log(), /policy file refused, last version stays/);
    const refused = await push('+main~2:main');
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, new RegExp(`policy ${second}\\)`));
    assert.equal((await push('main:refs/heads/new')).status, 0);
  });

  await t.test('a server that never had a good policy does not start', async () => {
    const other = join(dir, 'other');
    mkdirSync(other);
    await assert.rejects(startRefgate(t, { dir: other, config, policy: broken }), /broken|policy\.yaml:3:/);
  });
});
