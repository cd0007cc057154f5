import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { paintFor } from '../../src/cli/paint.ts';
import { formatPush } from '../../src/cli/push-text.ts';
import { RefgateError } from '../../src/domain/error.ts';
import { type GitRun, runCommand } from '../support/git.ts';
import { samplePush, sampleReview } from '../support/held-pushes.ts';
import { alice, bob, type PushServer, startPushServer } from '../support/push-server.ts';
import { outDir } from '../support/refgate.ts';

/** Everything but line ends that a terminal does not print. */
const acts = /(?!\n)[\p{Cc}\p{Cf}]/u;

const main = join(outDir, 'src', 'cli', 'main.js');

interface Scene extends PushServer {
  cli(...args: readonly string[]): Promise<GitRun>;
}

async function start(t: TestContext): Promise<Scene> {
  const server = await startPushServer(t);
  server.held.add(samplePush());
  server.as({ ...bob, via: 'api' });
  const env = { PATH: process.env['PATH'], LC_ALL: 'C', REFGATE_URL: server.url, REFGATE_TOKEN: 'anything' };
  return { ...server, cli: (...args) => runCommand(process.execPath, [main, 'push', ...args], { env }) };
}

test('held pushes are listed, for people and for machines', async (t) => {
  const { cli, held } = await start(t);
  held.add(samplePush({ id: 'p-zzzzzzz', state: 'lapsed' }));
  const table = await cli('list');
  assert.equal(table.status, 0, table.stderr);
  assert.match(
    table.stdout,
    /^PUSH +STATE .*\np-abc1234 +pending .* alice +acme\/web +refs\/heads\/main +0 for +production-review\n$/,
  );
  const rows = JSON.parse(
    (await cli('list', '--state', 'all', '--mine', '--limit', '5', '--json')).stdout,
  ) as { id: string }[];
  assert.deepEqual(
    rows.map(({ id }) => id),
    ['p-abc1234'],
  );
});

test('show prints who, why, the votes and the difference, without a colour where nobody looks', async (t) => {
  const { cli } = await start(t);
  const { status, stdout, stderr } = await cli('show', 'p-abc1234');
  assert.equal(status, 0, stderr);
  const parts = [
    /push p-abc1234 {2}pending/,
    /by +alice, ssh-key SHA256:abcdefgh/,
    /refs\/heads\/main {2}aaaaaaaaaaaa -> cccccccccccc {2}update {2}ask/,
    /production-review: src\/main\.ts changes\n {4}ask reviewers/,
    /reviewers: 0 of 1/,
    /cccccccccccc Say hello {2}Alice <alice@example\.com>, signature: ssh/,
    /modify src\/main\.ts {2}\+1 -1\n@@ -1,3 \+1,3 @@\n const a = 1;\n-const b = 2;\n\+const b = 3;\n/,
  ];
  for (const part of parts) assert.match(stdout, part);
  assert.ok(!stdout.includes('\u001b'));
  assert.doesNotMatch((await cli('show', 'p-abc1234', '--no-diff')).stdout, /@@/);
});

test('a reason that begins with the name of its rule is shown as it is', () => {
  const push = samplePush();
  const reasons = [{ rule: 'a', code: 'APPROVAL_REQUIRED', text: 'a: src/main.ts changes' }] as const;
  const verdicts = push.verdicts.map((verdict) => ({ ...verdict, reasons }));
  const mayVote = { vote: true, force: false, cancel: false, needsReason: false };
  const detail = {
    push: { ...push, verdicts },
    tally: [],
    mayVote,
    isAttached: true,
    url: 'https://x.example',
  };
  assert.match(formatPush(detail, paintFor({}, {})), /^ {4}a: src\/main\.ts changes$/m);
});

test('show tells when, by whom and why a push ended', async (t) => {
  const { cli, held, as } = await start(t);
  const step = { time: '2026-03-01T11:00:00.000Z', by: 'refgate', text: 'TIP_MOVED: fetch, and push again' };
  const [first] = samplePush().steps;
  assert.ok(first);
  held.add(samplePush({ id: 'p-zzzzzzz', state: 'error', steps: [first, { state: 'error', ...step }] }));
  as('operator');
  const { stdout } = await cli('show', 'p-zzzzzzz');
  assert.match(stdout, /ended +2026-03-01T11:00:00\.000Z, TIP_MOVED: fetch, and push again\n/);
  assert.doesNotMatch(stdout, /until|not a person/);
});

test('show prints one file that is named, and says when the push does not change it', async (t) => {
  const { cli } = await start(t);
  const one = await cli('show', 'p-abc1234', '--file', 'src/main.ts');
  assert.match(one.stdout, /^\nmodify src\/main\.ts/);
  const none = await cli('show', 'p-abc1234', '--file', 'other.ts');
  assert.equal(none.status, 1);
  assert.match(none.stderr, /does not change other\.ts/);
});

test('show for machines holds everything, in one line', async (t) => {
  const { cli } = await start(t);
  const { stdout } = await cli('show', 'p-abc1234', '--json');
  const shown = JSON.parse(stdout) as {
    push: { id: string };
    review: unknown[];
    diffs: { diff: { added: number } }[];
  };
  assert.equal(shown.push.id, 'p-abc1234');
  assert.equal(shown.review.length, 1);
  assert.equal(shown.diffs[0]?.diff.added, 1);
});

test('what cannot be read is said after what is known, and the status tells', async (t) => {
  const { cli, reviews } = await start(t);
  reviews.reviewed = () => {
    throw new RefgateError('UPSTREAM_UNREACHABLE', 'upstream', 'here');
  };
  const { status, stdout, stderr } = await cli('show', 'p-abc1234');
  assert.equal(status, 1);
  assert.match(stdout, /production-review/);
  assert.match(stderr, /^refgate: the agent for this upstream.*\n$/);
});

test('a reviewer approves, and what is decided is a conflict afterwards', async (t) => {
  const { cli, held } = await start(t);
  const done = await cli('approve', 'p-abc1234', '--reason', 'read it');
  assert.equal(done.stdout, 'p-abc1234 is approved\n', done.stderr);
  assert.equal(held.pushes.get('p-abc1234')?.votes[0]?.reason, 'read it');
  const again = await cli('deny', 'p-abc1234', '--reason', 'no');
  assert.equal(again.status, 1);
  assert.equal(again.stderr, 'refgate: p-abc1234 is approved already; look at its page\n');
});

test('deny and force want a reason, and wrong words are wrong usage', async (t) => {
  const { cli } = await start(t);
  for (const args of [
    ['deny', 'p-abc1234'],
    ['force', 'p-abc1234'],
    ['list', '--state', 'lost'],
    ['list', '--limit', '0'],
    ['approve'],
  ]) {
    const { status, stderr } = await cli(...args);
    assert.equal(status, 2, `${args.join(' ')}: ${stderr}`);
  }
  assert.match((await cli('approve', '--help')).stdout, /Example:\n {2}\$ refgate push approve/);
});

test('who pushed cancels, and the operator hears how to vote', async (t) => {
  const { cli, as } = await start(t);
  as('operator');
  const vote = await cli('approve', 'p-abc1234');
  assert.equal(vote.status, 1);
  assert.match(vote.stderr, /votes are of persons; set REFGATE_URL, and REFGATE_TOKEN/);
  as({ ...alice, via: 'api' });
  assert.equal((await cli('cancel', 'p-abc1234')).stdout, 'p-abc1234 is canceled\n');
});

test('what would act on the terminal or hide from its reader is spelled out', async (t) => {
  const { cli, held, reviews } = await start(t);
  const nasty = 'a\u001b[2Jb\u202ec\u0007\rd';
  held.add(
    samplePush({
      id: 'p-nasty00',
      pushOptions: [nasty],
      verdicts: [
        {
          ref: 'refs/heads/main',
          effect: 'ask',
          reasons: [{ rule: nasty, code: 'APPROVAL_REQUIRED', text: nasty }],
        },
      ],
    }),
  );
  reviews.reviewed = (push) => {
    const review = sampleReview(push);
    const [file, commit] = [review.files[0], review.commits[0]];
    assert.ok(file && commit);
    return [
      sampleReview(push, {
        files: [{ ...file, path: nasty }],
        commits: [{ ...commit, message: nasty, author: { ...commit.author, name: nasty } }],
      }),
    ];
  };
  reviews.diffed = () => ({
    is: 'text',
    added: 1,
    removed: 0,
    hunks: [
      {
        oldStart: 0,
        oldLines: 0,
        newStart: 1,
        newLines: 1,
        lines: [{ is: 'added', new: 1, tokens: [{ text: nasty }] }],
      },
    ],
  });
  const { status, stdout, stderr } = await cli('show', 'p-nasty00');
  assert.equal(status, 0, stderr);
  assert.ok(stdout.includes('+a<U+001B>[2Jb<U+202E>c<U+0007><U+000D>d'));
  assert.doesNotMatch(stdout, acts);
  assert.doesNotMatch((await cli('list')).stdout, acts);
});

test('colours are for a terminal whose user did not refuse them', () => {
  assert.equal(paintFor({ isTTY: true }, {}).good('x'), '\u001b[32mx\u001b[0m');
  assert.equal(paintFor({ isTTY: true }, { NO_COLOR: '1' }).good('x'), 'x');
  assert.equal(paintFor({}, {}).good('x'), 'x');
});
