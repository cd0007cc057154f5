/** A policy is tried on what was pushed, explained, applied and taken back, as an operator does it. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { parse, stringify } from 'yaml';
import type { LedgerEvent } from '../../src/domain/record.ts';
import { type Bastion, startBastion } from '../support/bastion.ts';
import { git } from '../support/git.ts';
import { makeRepo } from '../support/repos.ts';
import { suiteCleanup } from '../support/suite.ts';

describe('a policy on the desk of an operator', () => {
  const suite = suiteCleanup();
  let bastion: Bastion;
  let stricter: string;
  let version: string;
  /** Sessions of the pushes, the oldest first. */
  const pushed: string[] = [];

  before(async () => {
    bastion = await startBastion(suite);
    await makeRepo(bastion.gitDir('web'), 'linear');
    const clone = join(bastion.dir, 'clone');
    await bastion.git(['clone', '-q', bastion.url('ssh', 'path', 'web'), clone]);
    for (const [n, args] of [
      ['HEAD:refs/heads/topic'],
      ['HEAD:refs/heads/other'],
      ['--delete', 'topic'],
    ].entries()) {
      await git(['commit', '-q', '--allow-empty', '-m', `change ${n}`], { cwd: clone });
      await bastion.git(['push', '-q', 'origin', ...args], { cwd: clone });
    }
    const sessions = await bastion.sessions('path/web');
    pushed.push(
      ...sessions
        .filter((one) => one.service === 'receive-pack')
        .map((one) => one.id)
        .reverse(),
    );
    const policy = parse(readFileSync(join(bastion.refgate.dir, 'policy.yaml'), 'utf8')) as object;
    const rule = { name: 'branches-stay', when: { change: 'delete' }, then: 'deny', say: 'leave it' };
    const tests = [
      {
        name: 'nobody deletes',
        who: { user: 'ann', groups: ['dev'] },
        repo: 'path/web',
        updates: [{ ref: 'refs/heads/topic', change: 'delete' }],
        expect: 'deny',
        rule: 'branches-stay',
      },
    ];
    mkdirSync(join(bastion.dir, 'desk'));
    stricter = join(bastion.dir, 'desk', 'stricter.yaml');
    writeFileSync(stricter, stringify({ ...policy, rules: [rule], tests }));
    version = (JSON.parse(await bastion.refgate.ok(['policy', 'show', '--json'])) as { version: string })
      .version;
  });

  test('a backtest says which recorded push would have been refused, and by which rule', async () => {
    const told = await bastion.refgate.ok(['policy', 'backtest', stricter, '--since', '1h']);
    const lines = told.trimEnd().split('\n');
    assert.equal(lines.length, 2, told);
    assert.match(
      lines[0] ?? '',
      /ann {2}path\/web {2}refs\/heads\/topic {2}allow -> deny \(branches-stay\)$/,
    );
    assert.ok(lines[0]?.includes(pushed[2] ?? 'none'));
    assert.equal(lines[1], '3 pushes of 3 ref updates judged again; 1 would change: allow -> deny 1');
  });

  test('with --all and --json, each push is one line of JSON', async () => {
    const told = await bastion.refgate.ok(['policy', 'backtest', stricter, '--all', '--json']);
    const lines = told
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      lines.slice(0, 3).map((line) => line['session']),
      [...pushed].reverse(),
    );
    assert.deepEqual(lines[3], {
      summary: { judged: 3, notJudged: 0, refs: 3, changes: { 'allow -> deny': 1 } },
    });
  });

  test('what is wrong with the new policy, or with the time, is told before anything is judged', async () => {
    const bad = join(bastion.dir, 'desk', 'bad.yaml');
    writeFileSync(bad, 'access: 7\n');
    const wrong = await bastion.refgate.cli(['policy', 'backtest', bad]);
    assert.equal(wrong.status, 1);
    assert.match(wrong.stderr, /bad\.yaml:1:/);
    const when = await bastion.refgate.cli(['policy', 'backtest', stricter, '--since', 'whenever']);
    assert.equal(when.status, 2);
  });

  test('a recorded push is explained by the policy that judged it, and by another', async () => {
    const deletion = pushed[2] ?? '';
    const then = await bastion.refgate.ok(['policy', 'explain', deletion]);
    assert.match(then, new RegExp(`^ann to path/web at .* by policy ${version} \\(which judged it\\)`));
    assert.match(then, /refs\/heads\/topic: allow/);
    const now = await bastion.refgate.ok(['policy', 'explain', deletion, '--with', stricter]);
    assert.match(now, /refs\/heads\/topic: deny/);
    assert.match(now, /rule branches-stay \(deny\) {2}matches/);
    const none = await bastion.refgate.cli(['policy', 'explain', 's-0000000000000abcd']);
    assert.equal(none.status, 1);
    assert.match(none.stderr, /there is no session/);
    const half = await bastion.refgate.cli(['policy', 'explain', '--repo', 'path/web']);
    assert.equal(half.status, 2);
  });

  test('a dry run shows the difference and the tests, and applies nothing', async () => {
    const told = await bastion.refgate.ok(['policy', 'apply', stricter, '--dry-run']);
    assert.match(told, new RegExp(`^--- in force ${version}\n\\+\\+\\+ .*stricter\\.yaml [0-9a-f]{12}\n@@ `));
    assert.match(told, /^\+ {2}- name: branches-stay$/m);
    assert.match(told, /ok {6}nobody deletes/);
    assert.match(told, /nothing was applied\n$/);
    const shown = JSON.parse(await bastion.refgate.ok(['policy', 'show', '--json'])) as { version: string };
    assert.equal(shown.version, version);
  });

  test('a version that was replaced is put in force again', async () => {
    await bastion.refgate.ok(['policy', 'apply', stricter]);
    const unknown = await bastion.refgate.cli(['policy', 'rollback', `${version.slice(0, 8)}0000`]);
    assert.equal(unknown.status, 1);
    assert.match(unknown.stderr, new RegExp(`the nearest are ${version}`));
    assert.match(
      await bastion.refgate.ok(['policy', 'rollback', version]),
      new RegExp(`version ${version} is in force`),
    );
    const history = JSON.parse(await bastion.refgate.ok(['policy', 'history', '--json'])) as {
      version: string;
    }[];
    assert.equal(history.length, 3);
    assert.equal(history[0]?.version, version);
  });

  test('the event of a push says what it brings, and where its facts are kept', async () => {
    const events = await bastion.events(pushed[0] ?? '');
    const inspected = events.find(
      (event): event is LedgerEvent<'push.inspected'> => event.code === 'push.inspected',
    );
    assert.equal(inspected?.data.kept?.complete, true);
    assert.equal(inspected.data.contents?.length, 1);
    assert.match(inspected.data.kept.sha256, /^[0-9a-f]{64}$/);
  });
});
