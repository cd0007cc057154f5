/**
 * Attack: to change a protected ref by naming something else.
 * 1. The policy keeps refs/heads/main: no deletion, no rewriting. Mallory may push everything else.
 * 2. In one push Mallory deletes main and makes it anew; or makes `Main`, `ｍain` or `mai\u0307n` beside it;
 *    or two new names that look alike.
 * 3. Or she names HEAD, refs/replace/..., refs/pull/1/head, refs/remotes/origin/HEAD.
 * 4. Or the upstream knows main by a second name, a symbolic ref such as `master`: git follows it, and
 *    a forced push to master rewrites main, and a deletion of master deletes main.
 * 5. Or one push deletes `topic` and makes `topic/new`, so that the outcome of one depends on the other.
 * The refs of the upstream stay as they were, and each ref of the push is told why.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { endsWithFile, eventsOf, find, pushesOf } from '../fault/scene.ts';
import { git } from '../support/git.ts';
import { makeRepo } from '../support/repos.ts';
import { bandsOf, emptyPack, laySiege, pushBody, type Siege, zero } from './siege.ts';

const denials = [
  { name: 'history-is-kept', when: { ref: 'refs/heads/main', change: ['delete', 'non-fast-forward'] } },
  { name: 'no-main', when: { ref: 'refs/heads/main', change: ['create'] } },
];

const file = endsWithFile();

describe('whoever names a protected ref otherwise', () => {
  let siege: Siege;
  let old = '';
  let older = '';
  before(async () => {
    siege = await laySiege(file, { denials });
    await makeRepo(siege.gitDir('web'), 'linear', { count: 4 });
    old = await git(['rev-parse', 'main'], { cwd: siege.gitDir('web') });
    older = await git(['rev-parse', 'main~2'], { cwd: siege.gitDir('web') });
  });

  const refs = (): Promise<string> =>
    git(['for-each-ref', '--format=%(refname) %(objectname)'], { cwd: siege.gitDir('web') });

  async function push(lines: readonly string[]): Promise<Readonly<Record<1 | 2 | 3, string>>> {
    const deletes = lines.every((line) => line.split(' ')[1] === zero);
    const body = pushBody(lines, deletes ? Buffer.alloc(0) : emptyPack);
    const answer = await siege.ask({ repo: 'acme/web', service: 'receive-pack', body });
    assert.equal(answer.status, 200, answer.text);
    return bandsOf(answer.body);
  }

  const refused: readonly [string, () => readonly string[], RegExp][] = [
    [
      'a deletion and a creation of one ref',
      () => [`${old} ${zero} refs/heads/main`, `${zero} ${older} refs/heads/main`],
      /REF_TWICE/,
    ],
    ['a creation of a ref that is there', () => [`${zero} ${older} refs/heads/main`], /no-main/],
    ['another case', () => [`${zero} ${old} refs/heads/Main`], /no-main, ref-name|ref-name/],
    ['full-width letters', () => [`${zero} ${old} refs/heads/\uff4dain`], /refused/],
    ['a zero-width space', () => [`${zero} ${old} refs/heads/ma\u200bin`], /REF_NAME_INVALID/],
    ['HEAD', () => [`${old} ${older} HEAD`], /REF_NAME_INVALID|REF_NAMESPACE/],
    ['a branch called HEAD', () => [`${zero} ${old} refs/heads/HEAD`], /REF_NAME_INVALID/],
    ['a replacement', () => [`${zero} ${older} refs/replace/${old}`], /REF_NAMESPACE/],
    ['a pull request', () => [`${zero} ${older} refs/pull/1/head`], /REF_NAMESPACE/],
    ['a remote HEAD', () => [`${zero} ${older} refs/remotes/origin/HEAD`], /REF_NAMESPACE/],
    ['a full name once more', () => [`${zero} ${older} refs/heads/refs/heads/main`], /REF_NAME_INVALID/],
  ];
  for (const [what, lines, reason] of refused) {
    test(`${what} is refused, and nothing has moved`, async () => {
      const before = await refs();
      const { 1: report } = await push(lines());
      assert.match(report, reason);
      assert.doesNotMatch(report, /^....ok /m);
      assert.equal(await refs(), before);
    });
  }

  test('of two new names that look alike only the first is made', async () => {
    const { 1: report } = await push([`${zero} ${old} refs/heads/twin`, `${zero} ${old} refs/heads/Twin`]);
    assert.match(report, /ok refs\/heads\/twin/);
    assert.match(report, /ng refs\/heads\/Twin refused: ref-name/);
    assert.doesNotMatch(await refs(), /Twin/);
  });

  test('a second name of a protected branch neither rewrites nor deletes it', async () => {
    const alias = ['symbolic-ref', 'refs/heads/master', 'refs/heads/main'];
    await git(alias, { cwd: siege.gitDir('web') });
    const before = await refs();
    for (const [from, to] of [
      [old, older],
      [old, zero],
    ] as const) {
      const { 1: report, 2: said } = await push([`${from} ${to} refs/heads/master`]);
      assert.match(report, /ng refs\/heads\/master refused: ref-name/);
      assert.match(said, /another name for refs\/heads\/main on the upstream; push to refs\/heads\/main/);
      assert.equal(await refs(), before);
    }
    await git(['symbolic-ref', '--delete', 'refs/heads/master'], { cwd: siege.gitDir('web') });
  });

  test('a deletion and a creation that stand in each other’s way are told as they ended', async () => {
    await git(['branch', 'topic', old], { cwd: siege.gitDir('web') });
    const { 1: report } = await push([
      `${old} ${zero} refs/heads/topic`,
      `${zero} ${old} refs/heads/topic/new`,
    ]);
    const now = await refs();
    for (const ref of ['refs/heads/topic', 'refs/heads/topic/new']) {
      const isThere = now.includes(`${ref} `);
      const isOk = report.includes(`ok ${ref}\n`);
      assert.equal(isThere, ref === 'refs/heads/topic' ? !isOk : isOk, `${ref}: ${report}`);
    }
    const [newest] = await pushesOf(siege.refgate, 'web');
    const reported = find(await eventsOf(siege.refgate, newest?.id ?? ''), 'push.reported');
    assert.deepEqual(
      reported?.data.reports.map(({ ref, ok }) => [ref, ok]),
      ['refs/heads/topic', 'refs/heads/topic/new'].map((ref) => [ref, report.includes(`ok ${ref}\n`)]),
    );
  });
});
