/**
 * The upstream's own hooks: what they say and refuse comes back as they put it,
 * and the push options that the policy lets through reach them.
 */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { type Bastion, doors, startBastion, upstreamKinds } from '../support/bastion.ts';
import { type GitRun, git } from '../support/git.ts';
import { suiteCleanup } from '../support/suite.ts';
import { applyPolicy, dataOf, makeForked, said, tip } from './pushing.ts';

const policy = `
access:
  - { who: { group: dev }, repo: ["ssh/*", "http/*", "path/*"], may: [read, write], pushOptions: ["ci.*", "topic=*"] }
  - { who: { group: readers }, repo: ["ssh/*", "http/*", "path/*"], may: [read, write] }
`;

describe("an upstream's hooks", { timeout: 120_000 }, () => {
  const t = suiteCleanup();
  let bastion: Bastion;
  let local: string;
  let runs = 0;

  before(async () => {
    bastion = await startBastion(t);
    local = join(bastion.dir, 'local.git');
    await makeForked(local);
    await applyPolicy(bastion, policy);
  });

  /** A new upstream repository with main and one hook, and with push options. */
  async function upstream(hook: string, script: string): Promise<string> {
    const name = `hooked-${runs++}`;
    const gitDir = bastion.gitDir(name);
    await git(['init', '--quiet', '--bare', gitDir]);
    await git(['push', '--quiet', gitDir, 'main'], { cwd: local });
    await git(['config', 'receive.advertisePushOptions', 'true'], { cwd: gitDir });
    const file = join(gitDir, 'hooks', hook);
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
    return name;
  }

  const push = (args: readonly string[], person: 'ann' | 'rob' = 'ann'): Promise<GitRun> =>
    bastion.run(['push', ...args], { cwd: local }, person);

  for (const door of doors)
    for (const kind of upstreamKinds)
      test(`over ${door} to an upstream over ${kind}, words and refusals come back as they are`, async () => {
        const name = await upstream(
          'update',
          [
            'echo "looking at $1"',
            'printf "red \\033[31m and a bell \\a\\n" >&2',
            'case $1 in refs/heads/fork) echo "no forks" >&2; exit 1;; esac',
          ].join('\n'),
        );
        const run = await push([bastion.url(door, kind, name), 'topic', 'fork']);
        assert.equal(run.status, 1);
        const lines = said(run);
        for (const line of [
          'remote: looking at refs/heads/topic',
          'remote: looking at refs/heads/fork',
          'remote: no forks',
          'remote: error: hook declined to update refs/heads/fork',
          ' * [new branch]      topic -> topic',
          ' ! [remote rejected] fork -> fork (hook declined)',
        ])
          assert.ok(lines.includes(line), `${line} in\n${lines.join('\n')}`);
        for (const line of lines) assert.doesNotMatch(line, /\p{Cc}/u);
        const [row] = await bastion.sessions(`${kind}/${name}`, 1);
        assert.equal(row?.outcome, 'partial');
        const all = await push([bastion.url(door, kind, name), 'fork']);
        assert.equal(all.status, 1);
        const [rejected] = await bastion.sessions(`${kind}/${name}`, 1);
        assert.equal(rejected?.outcome, 'rejected');
        assert.deepEqual(dataOf(await bastion.events(rejected?.id ?? ''), 'push.reported')[0]?.reports, [
          { ref: 'refs/heads/fork', ok: false, reason: 'hook declined' },
        ]);
      });

  for (const kind of upstreamKinds)
    test(`push options that the policy names reach an upstream over ${kind}, and others refuse the push`, async () => {
      const seen = join(bastion.dir, `options-${kind}`);
      const name = await upstream(
        'pre-receive',
        `printf '%s|' "$GIT_PUSH_OPTION_COUNT" "$GIT_PUSH_OPTION_0" "$GIT_PUSH_OPTION_1" > ${seen}`,
      );
      const url = bastion.url(kind === 'path' ? 'ssh' : 'http', kind, name);
      const options = ['--push-option=ci.skip', '--push-option=topic=a b;c'];
      const run = await push([...options, url, 'topic']);
      assert.equal(run.status, 0, run.stderr);
      assert.equal(readFileSync(seen, 'utf8'), '2|ci.skip|topic=a b;c|');
      const refused = await push([...options, '--push-option=deploy', url, 'fork']);
      assert.equal(refused.status, 1);
      assert.match(
        refused.stderr,
        /remote: {3}the push option "deploy" is not allowed; push again without it/,
      );
      assert.match(refused.stderr, /\(refused: PUSH_OPTION_DENIED\)/);
      assert.equal(await tip(bastion.gitDir(name), 'refs/heads/fork'), '');
      const [row] = await bastion.sessions(`${kind}/${name}`, 1);
      const [requested] = dataOf(await bastion.events(row?.id ?? ''), 'push.requested');
      assert.deepEqual(requested?.pushOptions, ['ci.skip', 'topic=a b;c', 'deploy']);
    });

  test('push options are not even offered to whom no access line lets send them', async () => {
    const seen = join(bastion.dir, 'options-none');
    const name = await upstream('pre-receive', `touch ${seen}`);
    const run = await push(
      ['--push-option=ci.skip', bastion.url('http', 'path', name, 'rob'), 'topic'],
      'rob',
    );
    assert.notEqual(run.status, 0);
    assert.match(run.stderr, /the receiving end does not support push options/);
    assert.equal(existsSync(seen), false);
  });

  test('an upstream that refuses a whole atomic push has done nothing', async () => {
    const name = await upstream('update', 'case $1 in refs/heads/fork) exit 1;; esac');
    const run = await push(['--atomic', bastion.url('ssh', 'ssh', name), 'topic', 'fork']);
    assert.equal(run.status, 1);
    assert.match(run.stderr, /topic -> topic \(atomic push failure\)/);
    assert.match(run.stderr, /fork -> fork \(hook declined\)/);
    assert.equal(await tip(bastion.gitDir(name), 'refs/heads/topic'), '');
  });
});
