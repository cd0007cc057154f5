/**
 * Pushes that the policy refuses, whole or in part: what a person reads, what
 * git's exit status is, what the upstream has afterwards, and what the ledger says.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import type { SessionSummary } from '../../src/domain/record.ts';
import { type Bastion, doors, startBastion } from '../support/bastion.ts';
import { type GitRun, git } from '../support/git.ts';
import { suiteCleanup } from '../support/suite.ts';
import { addUser, applyPolicy, dataOf, makeForked, said, sessionIn, tip } from './pushing.ts';

const policy = `
access:
  - { who: { group: dev }, repo: ["ssh/*", "http/*", "path/*"], may: [read, write], pushOptions: "ci.*" }
  - { who: { group: readers }, repo: "path/*", may: read }
  - { who: { kind: service, name: "copilot-*" }, repo: "path/*", may: [read, write], only: "refs/heads/copilot/**" }
rules:
  - name: history-is-kept
    when: { ref: [refs/heads/main, "refs/heads/release/**"], change: [delete, non-fast-forward] }
    then: deny
    say: open a pull request, or revert
  - { name: tags-stay, when: { ref: "refs/tags/**", change: [update, delete] }, then: deny, say: make a new tag }
  - { name: releases-are-robs, when: { ref: "refs/heads/release/**", not: { who: { user: rob } } }, then: deny, say: ask rob }
  - { name: main-is-fine, when: { ref: refs/heads/main }, then: allow }
  - { name: no-robots, when: { who: { kind: service }, change: delete }, then: deny }
`;

describe('writes that are refused', { timeout: 120_000 }, () => {
  const t = suiteCleanup();
  let bastion: Bastion;
  let local: string;
  let version: string;
  let old: string;
  let runs = 0;

  before(async () => {
    bastion = await startBastion(t);
    local = join(bastion.dir, 'local.git');
    await makeForked(local);
    old = await git(['rev-parse', '--short=10', 'main'], { cwd: local });
    version = await applyPolicy(bastion, policy);
  });

  /** A new upstream repository with main, topic~1 as `topic`, and the tag v1. */
  async function upstream(): Promise<string> {
    const name = `web-${runs++}`;
    const gitDir = bastion.gitDir(name);
    await git(['init', '--quiet', '--bare', gitDir]);
    await git(['push', '--quiet', gitDir, 'main', 'topic~1:refs/heads/topic', 'main:refs/tags/v1'], {
      cwd: local,
    });
    return name;
  }

  const push = (args: readonly string[]): Promise<GitRun> => bastion.run(['push', ...args], { cwd: local });
  const oid = (name: string): Promise<string> => git(['rev-parse', name], { cwd: local });

  for (const door of doors) {
    test(`over ${door}, a push that would lose history is refused with the reason and what to do`, async () => {
      const name = await upstream();
      const url = bastion.url(door, 'path', name);
      const forced = await push(['--force', url, 'fork:main']);
      assert.equal(forced.status, 1);
      assert.deepEqual(said(forced), [
        'remote:',
        'remote: Refgate refused refs/heads/main:',
        `remote:   history-is-kept: not a fast-forward, commit ${old} would be lost from refs/heads/main; open a pull request, or revert`,
        'remote: (session SESSION, policy VERSION)',
        'remote:',
        `To path/${name}`,
        ' ! [remote rejected] fork -> main (refused: history-is-kept)',
        `error: failed to push some refs to 'path/${name}'`,
      ]);
      assert.equal(forced.stderr.includes(`policy ${version})`), true);
      const deleted = await push(['--quiet', url, '--delete', 'main']);
      assert.equal(deleted.status, 1);
      assert.deepEqual(said(deleted), [
        'remote:',
        'remote: Refgate refused refs/heads/main:',
        'remote:   history-is-kept: refs/heads/main must not be deleted; open a pull request, or revert',
        'remote: (session SESSION, policy VERSION)',
        'remote:',
        `To path/${name}`,
        ' ! [remote rejected] main (refused: history-is-kept)',
        `error: failed to push some refs to 'path/${name}'`,
      ]);
      assert.equal(await tip(bastion.gitDir(name), 'refs/heads/main'), await oid('main'));
    });

    test(`over ${door}, what is allowed of a push goes through, and the rest does not`, async () => {
      const name = await upstream();
      const url = bastion.url(door, 'path', name);
      const run = await push(['--porcelain', url, 'topic', '+fork:main', 'fork', '+topic:refs/tags/v1']);
      assert.equal(run.status, 1);
      assert.deepEqual(
        run.stdout.split('\n').slice(1).sort(),
        [
          '',
          `!\trefs/heads/fork:refs/heads/main\t[remote rejected] (refused: history-is-kept)`,
          `!\trefs/heads/topic:refs/tags/v1\t[remote rejected] (refused: tags-stay)`,
          ` \trefs/heads/topic:refs/heads/topic\t${await range('topic~1', 'topic')}`,
          '*\trefs/heads/fork:refs/heads/fork\t[new branch]',
          'Done',
        ].sort(),
      );
      const gitDir = bastion.gitDir(name);
      assert.equal(await tip(gitDir, 'refs/heads/topic'), await oid('topic'));
      assert.equal(await tip(gitDir, 'refs/heads/fork'), await oid('fork'));
      assert.equal(await tip(gitDir, 'refs/heads/main'), await oid('main'));
      assert.equal(await tip(gitDir, 'refs/tags/v1'), await oid('main'));
    });

    test(`over ${door}, objects that only a refused ref brings do not travel with the others`, async () => {
      const name = await upstream();
      const url = bastion.url(door, 'path', name);
      const run = await push([url, 'topic', '+fork:main', 'other']);
      assert.equal(run.status, 1);
      for (const branch of ['topic', 'other']) {
        assert.match(
          run.stderr,
          new RegExp(`! \\[remote rejected\\] ${branch} -> ${branch} \\(refused: shared-pack\\)`),
        );
        assert.ok(
          said(run)
            .join('\n')
            .includes(
              `remote: Refgate refused refs/heads/${branch}:\nremote:   the pack of this push also holds what refs/heads/main was refused for; push this one by itself`,
            ),
        );
      }
      const gitDir = bastion.gitDir(name);
      assert.equal(await tip(gitDir, 'refs/heads/topic'), await oid('topic~1'));
      await assert.rejects(git(['cat-file', '-e', await oid('fork')], { cwd: gitDir }));
      const alone = await push([url, 'topic', 'other']);
      assert.equal(alone.status, 0, alone.stderr);
    });

    test(`over ${door}, an atomic push is refused whole for one of its refs`, async () => {
      const name = await upstream();
      const url = bastion.url(door, 'path', name);
      const run = await push(['--atomic', url, 'topic', '+fork:main', 'other']);
      assert.equal(run.status, 1);
      assert.deepEqual(said(run), [
        'remote:',
        'remote: Refgate refused refs/heads/main:',
        `remote:   history-is-kept: not a fast-forward, commit ${old} would be lost from refs/heads/main; open a pull request, or revert`,
        ...['topic', 'other'].flatMap((branch) => [
          `remote: Refgate refused refs/heads/${branch}:`,
          'remote:   another ref of this atomic push was refused; push this one by itself, or without --atomic',
        ]),
        'remote: (session SESSION, policy VERSION)',
        'remote:',
        `To path/${name}`,
        ' ! [remote rejected] fork -> main (refused: history-is-kept)',
        ' ! [remote rejected] topic -> topic (refused: atomic)',
        ' ! [remote rejected] other -> other (refused: atomic)',
        `error: failed to push some refs to 'path/${name}'`,
      ]);
      const gitDir = bastion.gitDir(name);
      assert.equal(await tip(gitDir, 'refs/heads/topic'), await oid('topic~1'));
      assert.equal(await tip(gitDir, 'refs/heads/other'), '');
      const objects = await git(['cat-file', '--batch-check'], {
        cwd: gitDir,
        input: `${await oid('other')}\n`,
      });
      assert.match(objects, /missing$/, 'nothing was relayed');
    });

    test(`over ${door}, who may only read is told so, and who may not read learns nothing`, async () => {
      const name = await upstream();
      const reader = await bastion.run(
        ['push', bastion.url(door, 'path', name, 'rob'), 'topic'],
        { cwd: local },
        'rob',
      );
      assert.equal(reader.status, 128);
      assert.match(
        reader.stderr,
        new RegExp(`path/${name}: you may read it, not push to it; ask who keeps the policy`),
      );
      const stranger = await bastion.run(
        ['push', bastion.url(door, 'path', name, 'eve'), 'topic'],
        { cwd: local },
        'eve',
      );
      const nowhere = await bastion.run(
        ['push', bastion.url(door, 'path', 'none', 'eve'), 'topic'],
        { cwd: local },
        'eve',
      );
      assert.equal(stranger.status, 128);
      assert.deepEqual(said(stranger).join('\n').replaceAll(name, 'none'), said(nowhere).join('\n'));
      assert.match(stranger.stderr, /there is no such repository, or you may not see it/);
    });
  }

  async function range(from: string, to: string): Promise<string> {
    const short = (name: string) => git(['rev-parse', '--short', name], { cwd: local });
    return `${await short(from)}..${await short(to)}`;
  }

  test('every reason is told at once', async () => {
    const name = await upstream();
    const run = await push(['--porcelain', bastion.url('ssh', 'path', name), 'topic:refs/heads/release/1']);
    assert.equal(run.status, 1);
    await git(['push', '--quiet', bastion.gitDir(name), 'topic:refs/heads/release/1'], { cwd: local });
    const url = bastion.url('ssh', 'path', name);
    const both = await push(['--push-option=ci.skip', '--push-option=deploy now', url, '+fork:release/1']);
    assert.equal(both.status, 128, 'the upstream takes no push options');
    await git(['config', 'receive.advertisePushOptions', 'true'], { cwd: bastion.gitDir(name) });
    const all = await push(['--push-option=ci.skip', '--push-option=deploy now', url, '+fork:release/1']);
    assert.equal(all.status, 1);
    const oldTip = await git(['rev-parse', '--short=10', 'topic'], { cwd: local });
    assert.deepEqual(said(all).slice(1, 6), [
      'remote: Refgate refused refs/heads/release/1:',
      'remote:   the push option "deploy now" is not allowed; push again without it',
      `remote:   history-is-kept: not a fast-forward, commit ${oldTip} would be lost from refs/heads/release/1; open a pull request, or revert`,
      `remote:   releases-are-robs: not a fast-forward, commit ${oldTip} would be lost from refs/heads/release/1; ask rob`,
      'remote: (session SESSION, policy VERSION)',
    ]);
    assert.match(all.stderr, /\(refused: PUSH_OPTION_DENIED, history-is-kept, releases-are-robs\)/);
  });

  test('a service writes only where its access line says', async () => {
    const name = await upstream();
    const url = (await addUser(bastion, 'copilot-1', ['--service']))(`path/${name}`);
    const run = await push([url, 'topic:refs/heads/copilot/fix/1', 'topic', 'topic:refs/tags/copilot/v2']);
    assert.equal(run.status, 1);
    const text = (ref: string): string =>
      `remote:   ${ref} is not yours to write; push to refs/heads/copilot/**, or ask an administrator for access`;
    const lines = said(run);
    assert.ok(lines.includes(text('refs/heads/topic')));
    assert.ok(lines.includes(text('refs/tags/copilot/v2')));
    assert.ok(lines.includes(' * [new branch]      topic -> copilot/fix/1'));
    assert.ok(lines.includes(' ! [remote rejected] topic -> topic (refused: ACCESS_DENIED)'));
    const deleted = await push([url, '--delete', 'copilot/fix/1']);
    assert.match(
      deleted.stderr,
      /no-robots: refs\/heads\/copilot\/fix\/1 must not be deleted; ask an administrator of the policy/,
    );
    const fetched = await bastion.run(['ls-remote', url]);
    assert.equal(fetched.status, 0);
  });

  test('a name that deceives, and one outside branches and tags, is refused in words', async () => {
    const name = await upstream();
    const url = bastion.url('http', 'path', name);
    const cases: readonly [string, RegExp][] = [
      [
        'topic:refs/heads/Main',
        /refs\/heads\/Main would be taken for refs\/heads\/main; choose another name/,
      ],
      [
        'topic:refs/pull/7/head',
        /refs\/pull\/7\/head is neither a branch nor a tag; push to refs\/heads\/ or refs\/tags\//,
      ],
      [
        'topic:refs/heads/ma\u200bin',
        /Refgate refused this push: the ref name is not one that git accepts.*invisible/,
      ],
      ['topic:refs/heads/HEAD', /it looks like HEAD/],
    ];
    for (const [spec, words] of cases) {
      const run = await push([url, spec]);
      assert.equal(run.status, 1, spec);
      assert.match(run.stderr, words);
      for (const line of said(run).filter((one) => one.startsWith('remote:')))
        assert.doesNotMatch(line, /[\p{Cc}\p{Cf}]/u);
    }
  });

  test('many refusals are told in few lines', async () => {
    const name = await upstream();
    const specs = Array.from({ length: 60 }, (_, n) => `topic:refs/heads/release/${n}`);
    const run = await push([bastion.url('ssh', 'path', name), ...specs]);
    assert.equal(run.status, 1);
    assert.equal(run.stderr.match(/Refgate refused refs\//g)?.length, 20);
    assert.match(run.stderr, /Refgate refused 40 more refs; push fewer at a time to read why/);
    assert.equal(run.stderr.match(/\[remote rejected\]/g)?.length, 60);
    const [decided] = dataOf(await bastion.events(sessionIn(run)), 'push.decided');
    assert.equal(decided?.refs.filter((ref) => ref.reasons[0]?.text !== '').length, 60);
  });

  test('the ledger tells a push from its request to its end', async () => {
    const name = await upstream();
    const run = await push([bastion.url('ssh', 'path', name), 'topic', '+fork:main', 'fork']);
    const id = sessionIn(run);
    const events = await bastion.events(id);
    assert.deepEqual(
      events.map((event) => event.code),
      [
        'session.opened',
        'session.authenticated',
        'push.requested',
        'push.inspected',
        'push.decided',
        'push.relayed',
        'push.reported',
        'session.closed',
      ],
    );
    const [main, fork, before, topic] = await Promise.all(['main', 'fork', 'topic~1', 'topic'].map(oid));
    const moves = [
      { ref: 'refs/heads/fork', oldOid: '0'.repeat(40), newOid: fork },
      { ref: 'refs/heads/main', oldOid: main, newOid: fork },
      { ref: 'refs/heads/topic', oldOid: before, newOid: topic },
    ];
    const byRef = <T extends { ref: string }>(list: readonly T[] = []): T[] =>
      [...list].sort((a, b) => (a.ref < b.ref ? -1 : 1));
    assert.deepEqual(byRef(dataOf(events, 'push.requested')[0]?.updates), moves);
    assert.deepEqual(byRef(dataOf(events, 'push.inspected')[0]?.refs), [
      { ...moves[0], kind: 'create', namespace: 'branch' },
      { ...moves[1], kind: 'update', namespace: 'branch', fastForward: false },
      { ...moves[2], kind: 'update', namespace: 'branch', fastForward: true },
    ]);
    // What main loses by the rewind counts among its changes.
    const contents = dataOf(events, 'push.inspected')[0]?.contents ?? [];
    assert.deepEqual(
      contents.map(({ commits, changes }) => [commits, changes > 0]),
      [
        [1, true],
        [1, true],
        [1, true],
      ],
    );
    const [decided] = dataOf(events, 'push.decided');
    assert.equal(decided?.policyVersion, version);
    assert.deepEqual(
      byRef(decided?.refs).map(({ effect, reasons }) => [effect, reasons.map((one) => one.rule)]),
      [
        ['allow', []],
        ['deny', ['history-is-kept']],
        ['allow', []],
      ],
    );
    assert.deepEqual(byRef(decided?.relay), [moves[0], moves[2]]);
    assert.deepEqual(byRef(dataOf(events, 'push.relayed')[0]?.updates), [moves[0], moves[2]]);
    assert.deepEqual(byRef(dataOf(events, 'push.reported')[0]?.reports), [
      { ref: 'refs/heads/fork', ok: true },
      { ref: 'refs/heads/main', ok: false, reason: 'refused: history-is-kept' },
      { ref: 'refs/heads/topic', ok: true },
    ]);
    assert.equal(dataOf(events, 'session.closed')[0]?.outcome, 'partial');
  });

  test('sessions are found by user, repository, ref, time and outcome', async () => {
    const name = await upstream();
    const repo = `path/${name}`;
    const start = new Date().toISOString();
    await push([bastion.url('ssh', 'path', name), 'other']);
    await push([bastion.url('ssh', 'path', name), '+fork:main']);
    await push([bastion.url('ssh', 'path', name), '+fork:main', 'fork']);
    const list = async (...filter: string[]): Promise<readonly (readonly unknown[])[]> => {
      const rows = await bastion.refgate.ok(['session', 'list', '--repo', repo, ...filter, '--json']);
      return (JSON.parse(rows) as SessionSummary[]).map((row) => [
        row.outcome,
        [...row.refs].sort().join(' '),
      ]);
    };
    const created = ['ok', 'refs/heads/other'];
    const refused = ['refused', 'refs/heads/main'];
    const partial = ['partial', 'refs/heads/fork refs/heads/main'];
    assert.deepEqual(await list(), [partial, refused, created]);
    assert.deepEqual(await list('--ref', 'refs/heads/main'), [partial, refused]);
    assert.deepEqual(await list('--outcome', 'refused'), [refused]);
    assert.deepEqual(await list('--user', 'ann', '--since', start), [partial, refused, created]);
    assert.deepEqual(await list('--user', 'rob'), []);
    assert.deepEqual(await list('--until', start), []);
    assert.deepEqual(await list('--limit', '1'), [partial]);
  });
});
