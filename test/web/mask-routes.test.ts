import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { RefgateError } from '../../src/domain/error.ts';
import type { OidTranslation, ReadMode } from '../../src/domain/mask.ts';
import type { Principal } from '../../src/domain/session.ts';
import { previewSentence, share } from '../../src/web/mask-words.ts';
import { samplePreview, sampleValue } from '../support/sample-masking.ts';
import { startSite } from '../support/web-site.ts';

async function api(
  t: TestContext,
  readModeOf?: (principal: Principal, repo: string) => ReadMode | undefined,
) {
  const site = await startSite(t, readModeOf === undefined ? {} : { readModeOf });
  const call = async (role: keyof typeof site.tokens, method: string, path: string, body?: unknown) => {
    const answer = await fetch(`${site.url}/-/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${site.tokens[role]}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, text: await answer.text() };
  };
  return { ...site, call };
}

const pair: OidTranslation = {
  repo: 'acme/web',
  type: 'commit',
  view: 'ab'.repeat(20),
  original: 'cd'.repeat(20),
  asked: 'view',
};

test('a preview is told as it goes on, and ends with one sentence and its values', async (t) => {
  const { call } = await api(t);
  const { text } = await call('admin', 'POST', '/mask/preview', { repo: 'acme/web.git' });
  const lines = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(lines[0], { progress: { step: 'scan', done: 40, total: 120, unit: 'objects' } });
  assert.equal(lines[1].preview.says, '1 value would change 11 of 15 commits (73 %)');
  assert.equal(lines[1].preview.values.length, 1);
  const last = await call('auditor', 'GET', '/mask/preview?repo=acme/web');
  assert.deepEqual(JSON.parse(last.text), lines[1].preview);
});

test('a preview that fails ends with its error, and one that was never made is not found', async (t) => {
  const { call } = await api(t);
  const lost = await call('admin', 'POST', '/mask/preview', { repo: 'other/web' });
  assert.equal(JSON.parse(lost.text).error.code, 'NOT_FOUND');
  const none = await call('auditor', 'GET', '/mask/preview?repo=acme/web');
  assert.equal(none.status, 404);
  assert.match(none.text, /preview it first/);
});

test('every change of masking is done in the name of who asks', async (t) => {
  const { call, mask } = await api(t);
  for (const verb of ['enable', 'stop', 'resume', 'rebuild', 'disable'])
    assert.equal((await call('admin', 'POST', `/mask/${verb}`, { repo: 'acme/web' })).status, 200, verb);
  const value = { fingerprint: 'f'.repeat(32), repo: 'acme/web' };
  assert.equal((await call('admin', 'POST', '/mask/allowed', { ...value, reason: 'no' })).status, 400);
  assert.equal((await call('admin', 'POST', '/mask/allowed', { ...value, reason: 'a sample' })).status, 200);
  assert.equal((await call('admin', 'DELETE', '/mask/allowed', value)).status, 200);
  assert.deepEqual(
    mask.done.map((line) => line.replace(/f{32}/, 'F')),
    [
      ...['enable', 'stop', 'resume', 'rebuild', 'disable'].map((verb) => `${verb} acme/web by admin`),
      'allow F by admin',
      'disallow F by admin',
    ],
  );
  mask.refuse = new RefgateError('CONFLICT', 'client', 'preview it first');
  assert.equal((await call('admin', 'POST', '/mask/enable', { repo: 'acme/web' })).status, 409);
});

test('an oid is translated for who sees all, and for who reads that repository in clear', async (t) => {
  let mode: ReadMode | undefined = 'clear';
  const { call, mask } = await api(t, () => mode);
  mask.translations = [pair];
  for (const role of ['admin', 'auditor', 'user'] as const)
    assert.deepEqual(JSON.parse((await call(role, 'GET', `/oid/${pair.view.slice(0, 12)}`)).text), [pair]);
  for (mode of ['masked', 'cut', 'deny-secrets', undefined] as const) {
    const known = await call('user', 'GET', `/oid/${pair.view}`);
    const unknown = await call('user', 'GET', `/oid/${'0'.repeat(39)}1`);
    assert.equal(known.status, 404);
    assert.equal(known.text.replace(pair.view, ''), unknown.text.replace(`${'0'.repeat(39)}1`, ''));
    assert.equal((await call('user', 'GET', `/oid/${pair.view}?repo=acme/web`)).status, 404);
    assert.equal((await call('auditor', 'GET', `/oid/${pair.view}?repo=acme/web`)).status, 200);
  }
});

test('a policy that fails translates nothing for who does not see all', async (t) => {
  const { call, mask } = await api(t, () => {
    throw new Error('no policy');
  });
  mask.translations = [pair];
  assert.equal((await call('reviewer', 'GET', `/oid/${pair.view}`)).status, 404);
});

test('what is no oid is refused with what is one', async (t) => {
  const { call } = await api(t);
  for (const id of ['abc123', 'main', 'g'.repeat(40), 'a'.repeat(65)]) {
    const { status, text } = await call('admin', 'GET', `/oid/${id}`);
    assert.equal(status, 400);
    assert.match(text, /7 to 64 hex digits/);
  }
});

test('allowed values are not counted as masked, and what is not nothing is never told as 0 %', () => {
  const allowed = { fingerprint: 'a', reason: 'sample', actor: 'ada', time: '2026-03-01T10:00:00.000Z' };
  const values = [sampleValue(), sampleValue({ fingerprint: 'a', allowed })];
  assert.equal(
    previewSentence(samplePreview({ values, valueCount: 5, commits: 85_361, changedCommits: 67_115 })),
    '4 values would change 67115 of 85361 commits (79 %)',
  );
  assert.equal(share(0, 10), '0 %');
  assert.equal(share(1, 100_000), 'less than 0.1 %');
  assert.equal(share(99_999, 100_000), 'more than 99.9 %');
  assert.equal(share(5, 5), '100 %');
});
