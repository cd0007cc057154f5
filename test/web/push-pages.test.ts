import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RefgateError } from '../../src/domain/error.ts';
import { sampleDiff, samplePush, sampleReview } from '../support/held-pushes.ts';
import { alice, bob, sampleViewer, startPushServer } from '../support/push-server.ts';

const admin = sampleViewer('root', 'admin', ['reviewers', 'oncall']);
const auditor = sampleViewer('audit', 'auditor');
const carol = sampleViewer('carol', 'user', ['dev']);

test('the inbox of a reviewer shows what waits for them, and why it is held', async (t) => {
  const server = await startPushServer(t);
  server.held.add(samplePush());
  server.held.attached.add('p-abc1234');
  const { status, text } = await server.page('/pushes');
  assert.equal(status, 200);
  assert.match(text, /href="\/-\/pushes\/p-abc1234"/);
  assert.match(text, /aria-current="page">Waiting for you</);
  assert.match(text, /production-review<\/b>: src\/main\.ts changes</);
  assert.match(text, /refs\/heads\/main/);
  assert.match(text, /1 commit, 1 file, 2\.0 KiB/);
  assert.match(text, /client waits/);
  assert.match(text, /<body data-live="held">/);
  assert.match(text, /data-live-region/);
});

test('every empty list says what to do next', async (t) => {
  const server = await startPushServer(t);
  const says = {
    waiting: 'Nothing waits for you',
    yours: 'No push of yours',
    open: 'waits for anybody',
    decided: 'Nothing has been decided',
  };
  for (const [tab, words] of Object.entries(says)) {
    const { text } = await server.page(`/pushes?tab=${tab}`);
    assert.ok(text.includes(words), tab);
  }
  assert.match((await server.page('/pushes?tab=open&user=nobody')).text, /Show the whole list/);
});

test('a user sees own pushes alone, in every tab and whatever is searched for', async (t) => {
  const server = await startPushServer(t);
  server.held.add(samplePush());
  server.as(carol);
  for (const query of ['', '?tab=open', '?tab=decided', '?tab=waiting', '?tab=open&user=alice'])
    assert.doesNotMatch((await server.page(`/pushes${query}`)).text, /p-abc1234/, query);
  server.as(alice);
  assert.match((await server.page('/pushes')).text, /p-abc1234/);
});

test('who may not see a push hears that there is none, on every address of it', async (t) => {
  const server = await startPushServer(t);
  server.held.add(samplePush());
  server.as(carol);
  const paths = [
    '/pushes/p-abc1234',
    '/pushes/p-abc1234/file?ref=refs/heads/main&path=a',
    '/pushes/p-0000000',
  ];
  for (const path of paths) assert.equal((await server.page(path)).status, 404, path);
  for (const path of ['/pushes/p-abc1234/vote', '/pushes/p-abc1234/cancel'])
    assert.equal((await server.post(path, { kind: 'approve' })).status, 404, path);
  assert.equal(server.held.pushes.get('p-abc1234')?.state, 'pending');
});

test('a list of many pushes is cut into pages, and each push is on one of them', async (t) => {
  const server = await startPushServer(t);
  for (let at = 0; at < 120; at++) server.held.add(samplePush({ id: `p-${String(at).padStart(7, '0')}` }));
  server.as(auditor);
  const seen: string[] = [];
  let path: string | undefined = '/pushes';
  let pages = 0;
  while (path !== undefined) {
    const { text } = await server.page(path);
    seen.push(...[...text.matchAll(/href="\/-\/pushes\/(p-\d{7})"/g)].map(([, id = '']) => id));
    path = /rel="next" href="\/-([^"]*)"/.exec(text)?.[1]?.replaceAll('&amp;', '&');
    pages += 1;
  }
  assert.equal(pages, 3);
  assert.equal(seen.length, 120);
  assert.equal(new Set(seen).size, 120);
});

test('the search keeps what was typed, and finds by user, repository, ref and state', async (t) => {
  const server = await startPushServer(t);
  server.held.add(samplePush());
  server.held.add(samplePush({ id: 'p-zzzzzzz', repo: 'acme/other', state: 'lapsed' }));
  server.as(admin);
  const byRepo = (await server.page('/pushes?tab=open&user=&repo=acme/web&ref=&state=')).text;
  assert.match(byRepo, /p-abc1234/);
  assert.match(byRepo, /name="repo" value="acme\/web"/);
  const lapsed = (await server.page('/pushes?tab=decided&state=lapsed')).text;
  assert.match(lapsed, /p-zzzzzzz/);
  assert.doesNotMatch(lapsed, /p-abc1234/);
});

test('a push is shown with who, what, why, the votes and the difference', async (t) => {
  const server = await startPushServer(t);
  server.held.add(samplePush({ pushOptions: ['ci.skip'] }));
  const { status, text } = await server.page('/pushes/p-abc1234');
  assert.equal(status, 200);
  const shown = [
    '192.0.2.7',
    'SHA256:abcdefgh',
    '3f2a9c81d0e7',
    'production-review',
    'update, fast-forward',
    'reviewers: 0 of 1, 1 missing',
    'Say hello',
    'ssh signature (not verified)',
    'src/main.ts',
    'const b = 3;',
    'ci.skip',
    'The client does not wait.',
  ];
  for (const words of shown) assert.ok(text.includes(words), words);
  assert.match(
    text,
    /<tr class="removed"><td class="no">2<\/td><td class="no"><\/td><td class="sign">-<\/td>/,
  );
});

test('only who may vote finds the forms, and everybody else the reason', async (t) => {
  const server = await startPushServer(t);
  server.held.add(samplePush());
  const forms = async () =>
    [...(await server.page('/pushes/p-abc1234')).text.matchAll(/action="\/-\/pushes\/[^"]*\/(\w+)"/g)].map(
      ([, form]) => form,
    );
  assert.deepEqual(await forms(), ['vote']);
  server.as(admin);
  assert.deepEqual(await forms(), ['vote', 'vote', 'cancel']);
  server.as(alice);
  assert.deepEqual(await forms(), ['cancel']);
  server.as(auditor);
  assert.deepEqual(await forms(), []);
  assert.match((await server.page('/pushes/p-abc1234')).text, /you do not vote here; ask reviewers/);
});

test('a vote is cast with its reason, and the push tells it on the next page', async (t) => {
  const server = await startPushServer(t);
  server.held.add(samplePush());
  const answer = await server.post('/pushes/p-abc1234/vote', { kind: 'approve', reason: 'looks right' });
  assert.equal(answer.status, 303);
  assert.equal(answer.headers.get('location'), '/-/pushes/p-abc1234');
  const { text } = await server.page('/pushes/p-abc1234');
  assert.match(text, /role="status">p-abc1234 is approved\.</);
  assert.match(text, /looks right/);
  assert.doesNotMatch((await server.page('/pushes/p-abc1234')).text, /role="status">p-abc1234 is approved/);
});

test('a push is canceled by its user', async (t) => {
  const server = await startPushServer(t);
  server.held.add(samplePush());
  server.as(alice);
  assert.equal((await server.post('/pushes/p-abc1234/cancel', { reason: '' })).status, 303);
  assert.equal(server.held.pushes.get('p-abc1234')?.state, 'canceled');
});

for (const [code, status] of [
  ['CONFLICT', 409],
  ['VOTE_REFUSED', 403],
  ['USAGE', 400],
] as const)
  test(`what the domain refuses with ${code} is said on the page, and what was typed stays`, async (t) => {
    const server = await startPushServer(t);
    server.held.add(samplePush());
    server.held.refuse = new RefgateError(code, 'client', 'so it is; do <b>that</b>');
    const answer = await server.post('/pushes/p-abc1234/vote', { kind: 'deny', reason: 'my long "reason"' });
    assert.equal(answer.status, status);
    const text = await answer.text();
    assert.match(
      text,
      /role="alert">so it is; do &lt;b>that&lt;\/b>|role="alert">so it is; do &lt;b&gt;that&lt;\/b&gt;/,
    );
    assert.match(text, /<textarea[^>]*>my long ("|&quot;)reason("|&quot;)<\/textarea>/);
  });

test('a push whose content cannot be read is shown with everything else, and can be decided', async (t) => {
  const server = await startPushServer(t);
  server.held.add(samplePush());
  server.reviews.reviewed = () => {
    throw new RefgateError('UPSTREAM_UNREACHABLE', 'upstream', 'here');
  };
  const { status, text } = await server.page('/pushes/p-abc1234');
  assert.equal(status, 200);
  assert.match(text, /could not be read: the agent for this upstream/);
  assert.match(text, /production-review/);
  assert.match(text, /name="kind" value="approve"/);
});

test('what fails inside is not shown to people', async (t) => {
  const server = await startPushServer(t);
  server.held.add(samplePush());
  server.reviews.reviewed = () => {
    throw new Error('the inner secret');
  };
  assert.doesNotMatch((await server.page('/pushes/p-abc1234')).text, /inner secret/);
});

test('a diff that is not ready in time is linked, and the page does not wait for it', async (t) => {
  const server = await startPushServer(t);
  server.held.add(samplePush());
  server.reviews.diffed = () => new Promise(() => {});
  const { text } = await server.page('/pushes/p-abc1234');
  assert.match(text, /href="\/-\/pushes\/p-abc1234\/file\?ref=refs%2Fheads%2Fmain&amp;path=src%2Fmain\.ts"/);
  assert.doesNotMatch(text, /<table class="diff/);
});

test('of very many files the first are shown, and the page stays bounded', async (t) => {
  const server = await startPushServer(t);
  server.held.add(samplePush());
  server.reviews.reviewed = (push) => {
    const [file] = sampleReview(push).files;
    assert.ok(file);
    const files = Array.from({ length: 5_000 }, (_, at) => ({ ...file, path: `src/f${at}.ts` }));
    return [sampleReview(push, { files, fileCount: 90_000 })];
  };
  server.reviews.diffed = () => sampleDiff(Array.from({ length: 1_000 }, (_, at) => `+line ${at}`));
  const { text } = await server.page('/pushes/p-abc1234');
  assert.equal([...text.matchAll(/<table class="diff/g)].length, 3);
  assert.equal([...text.matchAll(/<td>modify<\/td>/g)].length, 200);
  assert.match(text, /89800 more files are not listed/);
  assert.ok(text.length < 2_000_000);
});

test('side by side is kept in the links of files, and shows the same lines', async (t) => {
  const server = await startPushServer(t);
  server.held.add(samplePush());
  const { text } = await server.page('/pushes/p-abc1234?view=split');
  assert.match(text, /<table class="diff split">/);
  assert.match(text, /file\?ref=refs%2Fheads%2Fmain&amp;path=src%2Fmain\.ts&amp;view=split/);
  const file = await server.page('/pushes/p-abc1234/file?ref=refs/heads/main&path=src/main.ts&view=split');
  assert.equal(file.status, 200);
  assert.match(file.text, /const b = 2;.*const b = 3;/s);
});

test('sensitive files and files with secrets are marked', async (t) => {
  const server = await startPushServer(t);
  server.held.add(samplePush({ findings: 1 }));
  server.reviews.reviewed = (push) => {
    const [file] = sampleReview(push).files;
    assert.ok(file);
    return [
      sampleReview(push, {
        files: [{ ...file, path: '.github/workflows/ci.yml', sensitive: true, findings: 1 }],
        unknowns: [{ what: 'content', text: 'x.zip was not opened' }],
        findings: [
          {
            rule: 'github-token',
            family: 'github',
            tier: 'A',
            confidence: 'high',
            place: 'file',
            path: '.github/workflows/ci.yml',
            line: 3,
            sample: 'gh***x1',
            fingerprint: 'f'.repeat(32),
            state: 'new',
          },
        ],
      }),
    ];
  };
  const { text } = await server.page('/pushes/p-abc1234');
  assert.match(text, /<span class="tag wait">sensitive<\/span> <span class="tag bad">1 secret<\/span>/);
  assert.match(
    text,
    /github-token in <code>\.github\/workflows\/ci\.yml<\/code>, line 3: <mark class="masked">gh\*\*\*x1</,
  );
  assert.match(text, /x\.zip was not opened/);
});

test('the API gives a reviewer list, push, review and diff, without saying where the pack lies', async (t) => {
  const server = await startPushServer(t);
  server.held.add(samplePush());
  server.as({ ...bob, via: 'api' });
  const list = await server.api('/pushes?waitsFor=me');
  assert.equal(list.status, 200);
  const one = await server.api('/pushes/p-abc1234');
  const { push, mayVote, url } = one.body as { push: object; mayVote: object; url: string };
  assert.ok('id' in push && push.id === 'p-abc1234');
  assert.ok('vote' in mayVote && mayVote.vote === true);
  assert.equal(url, 'https://git.example.com/-/pushes/p-abc1234');
  assert.doesNotMatch(JSON.stringify([list.body, one.body]), /\/held\//);
  assert.equal((await server.api('/pushes/p-abc1234/review')).status, 200);
  assert.equal((await server.api('/pushes/p-abc1234/diff?ref=refs/heads/main&path=src/main.ts')).status, 200);
  const voted = await server.api('/pushes/p-abc1234/votes', { kind: 'approve', reason: 'fine' });
  assert.ok((voted.body as { state: string }).state === 'approved');
});

test('the API hides a push from who may not see it', async (t) => {
  const server = await startPushServer(t);
  server.held.add(samplePush());
  server.as(carol);
  assert.deepEqual((await server.api('/pushes?state=all')).body, []);
  for (const path of ['', '/review', '/diff?ref=refs/heads/main&path=a'])
    assert.equal((await server.api(`/pushes/p-abc1234${path}`)).status, 404, path);
  assert.equal((await server.api('/pushes/p-abc1234/votes', { kind: 'approve' })).status, 404);
});

test('the operator reads and cancels, and hears where to vote', async (t) => {
  const server = await startPushServer(t);
  server.held.add(samplePush());
  server.as('operator');
  assert.equal(((await server.api('/pushes')).body as unknown[]).length, 1);
  const vote = await server.api('/pushes/p-abc1234/votes', { kind: 'approve' });
  assert.deepEqual((vote.body as { code: string }).code, 'VOTE_REFUSED');
  assert.match(JSON.stringify(vote.body), /REFGATE_URL.*REFGATE_TOKEN/);
  const done = await server.api('/pushes/p-abc1234/cancel', { reason: 'old' });
  assert.equal((done.body as { state: string }).state, 'canceled');
  assert.equal((await server.api('/pushes?waitsFor=me')).status, 400);
});
