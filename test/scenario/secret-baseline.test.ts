/** What a repository held before Refgate stood in front of it is found, accepted, and a finding no more. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { parse, stringify } from 'yaml';
import type { AcceptedSecret, RepoSecret } from '../../src/domain/admin.ts';
import { type Bastion, startBastion } from '../support/bastion.ts';
import { makeClientKey } from '../support/client.ts';
import { git } from '../support/git.ts';
import { makeRepo } from '../support/repos.ts';
import { suiteCleanup } from '../support/suite.ts';

describe('the baseline of a repository', () => {
  const suite = suiteCleanup();
  let bastion: Bastion;
  /** The private key that is in the history, in one branch only. */
  let key: string;
  let commit: string;

  before(async () => {
    bastion = await startBastion(suite);
    const gitDir = bastion.gitDir('old');
    await makeRepo(gitDir, 'merges', { count: 3 });
    const clone = join(bastion.dir, 'old');
    await git(['clone', '-q', gitDir, clone]);
    key = readFileSync((await makeClientKey(bastion.dir)).file, 'utf8');
    await git(['checkout', '-q', '-b', 'with-key', 'origin/side-1'], { cwd: clone });
    writeFileSync(join(clone, 'deploy.key'), key);
    await git(['add', 'deploy.key'], { cwd: clone });
    await git(['commit', '-q', '-m', 'a key'], { cwd: clone });
    commit = await git(['rev-parse', 'HEAD'], { cwd: clone });
    rmSync(join(clone, 'deploy.key'));
    await git(['commit', '-q', '-a', '-m', 'without it'], { cwd: clone });
    await git(['tag', '-a', '-m', 'a tag', 'v1'], { cwd: clone });
    await git(['push', '-q', 'origin', 'HEAD', 'v1'], { cwd: clone });
    await makeRepo(bastion.gitDir('empty'), 'empty');
  });

  const baseline = (...args: string[]): Promise<string> =>
    bastion.refgate.ok(['secret', 'baseline', ...args]);

  test('a secret that was added and removed long ago is found, once, and where it came in', async () => {
    const told = await baseline('ssh/old', '--json');
    const lines = told
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    assert.equal(lines.length, 2, told);
    const found = lines[0] as RepoSecret;
    assert.equal(found.path, 'deploy.key');
    assert.equal(found.commit, commit);
    assert.equal(found.accepted, false);
    const { done } = lines[1] as { done: Record<string, unknown> };
    assert.equal(done['count'], 1);
    assert.deepEqual(done['unknowns'], []);
    const body = key.split('\n')[2] ?? '';
    assert.ok(body.length > 20 && !told.includes(body), 'the key itself was shown');
  });

  test('what is accepted is listed with its reason, and removed again', async () => {
    const told = await baseline('path/old', '--write', '--reason', 'rotated long ago');
    assert.match(told, /^deploy\.key:1 in [0-9a-f]{10}\n {2}\S+ \(high\)/);
    assert.match(told, /1 accepted that were not before\n$/);
    const [accepted] = JSON.parse(await baseline('path/old', '--list', '--json')) as AcceptedSecret[];
    assert.equal(accepted?.reason, 'rotated long ago');
    assert.equal(accepted.path, 'deploy.key');
    assert.equal(await baseline('http/old', '--list'), 'none\n');
    assert.match(await baseline('path/old'), /, accepted\n/);
    assert.match(await baseline('path/old', '--write', '--reason', 'again'), /0 accepted/);
    await baseline('path/old', '--remove', accepted.fingerprint);
    assert.equal(await baseline('path/old', '--list'), 'none\n');
    const twice = await bastion.refgate.cli([
      'secret',
      'baseline',
      'path/old',
      '--remove',
      accepted.fingerprint,
    ]);
    assert.equal(twice.status, 1);
  });

  test('a push of a secret is refused until it is accepted, and again once it is not', async () => {
    const { refgate } = bastion;
    const strict = join(bastion.dir, 'strict.yaml');
    const policy = parse(readFileSync(join(refgate.dir, 'policy.yaml'), 'utf8')) as object;
    const rule = { name: 'no-secrets', when: { secret: 'any' }, then: 'deny', say: 'take it out' };
    writeFileSync(strict, stringify({ ...policy, rules: [rule] }));
    await refgate.ok(['policy', 'apply', strict]);
    const clone = join(bastion.dir, 'again');
    await bastion.git(['clone', '-q', bastion.url('http', 'http', 'old'), clone]);
    writeFileSync(join(clone, 'copy.key'), key);
    await git(['add', 'copy.key'], { cwd: clone });
    await git(['commit', '-q', '-m', 'the key again'], { cwd: clone });
    const push = (branch: string) =>
      bastion.run(['push', 'origin', `HEAD:refs/heads/${branch}`], { cwd: clone });
    const before = await push('first');
    assert.equal(before.status, 1);
    assert.match(before.stderr, /no-secrets/);
    await baseline('http/old', '--write', '--reason', 'a key of a test');
    const accepted = await push('second');
    assert.equal(accepted.status, 0, accepted.stderr);
    const [row] = JSON.parse(await baseline('http/old', '--list', '--json')) as AcceptedSecret[];
    await baseline('http/old', '--remove', row?.fingerprint ?? '');
    writeFileSync(join(clone, 'other.key'), `a note\n${key}`);
    await git(['add', 'other.key'], { cwd: clone });
    await git(['commit', '-q', '-m', 'and again'], { cwd: clone });
    assert.equal((await push('third')).status, 1);
  });

  test('an empty repository has nothing to find', async () => {
    assert.match(await baseline('path/empty'), /0 branches and tags, 0 objects, 0 secrets\n$/);
  });

  test('what cannot be scanned is refused in words, and wrong usage has status 2', async () => {
    const run = (...args: string[]) => bastion.refgate.cli(['secret', 'baseline', ...args]);
    const unmapped = await run('elsewhere/x');
    assert.equal(unmapped.status, 1);
    assert.match(unmapped.stderr, /no line of repos: matches it/);
    assert.equal((await run('path/none')).status, 1);
    assert.equal((await run('not a path')).status, 1);
    assert.equal((await run('path/old', '--write')).status, 2);
    assert.equal((await run('path/old', '--list', '--write')).status, 2);
  });
});
