import assert from 'node:assert/strict';
import { before, beforeEach, describe, test } from 'node:test';
import { RefgateError } from '../../src/domain/error.ts';
import { hostile } from '../support/look-server.ts';
import { samplePreview, sampleValue } from '../support/sample-masking.ts';
import { suiteCleanup } from '../support/suite.ts';
import { startSite, type WebSite } from '../support/web-site.ts';

const page = '/-/masking/acme/web';

describe('the pages of masking', () => {
  const t = suiteCleanup();
  let site: WebSite;
  before(async () => {
    site = await startSite(t);
  });
  beforeEach(() => {
    site.mask.states.clear();
    site.mask.values = [];
    site.mask.previewed = samplePreview();
    site.mask.refuse = undefined;
    site.mask.done.length = 0;
  });

  test('every repository is listed with how far it is, and the page is looked at again while something is made', async () => {
    const browser = await site.browser('auditor');
    assert.match((await browser.get('/-/masking')).text, /No repository was looked at yet/);
    const progress = { step: 'rewrite', done: 3, total: 15, unit: 'commits' } as const;
    site.mask.set('acme/web', { state: 'building', enabled: true, progress });
    site.mask.set('acme/old', { state: 'failed', problem: 'the disk is full; make room, and resume' });
    const { text } = await browser.get('/-/masking');
    assert.match(text, /href="\/-\/masking\/acme\/web">acme\/web</);
    assert.match(text, /<progress aria-label="rewrite: 3 of 15 commits \(20 %\)" value="3" max="15">/);
    assert.match(text, /the disk is full; make room, and resume/);
    assert.match(text, /<body data-again="5">/);
    assert.doesNotMatch(text, /style=/);
    site.mask.states.clear();
    assert.doesNotMatch((await browser.get('/-/masking')).text, /data-again/);
  });

  test('without a script a page loads itself while something is made, and never where somebody may be typing', async () => {
    const progress = { step: 'fetch', done: 62_914_560, unit: 'bytes' } as const;
    const reload = /<noscript><meta http-equiv="refresh" content="5"\/><\/noscript>/;
    const browser = await site.browser('admin');
    site.mask.looks = 9;
    site.mask.set('acme/web', { state: 'scanning', progress });
    const { text } = await browser.get(page);
    assert.match(text, /data-again="5"/);
    assert.match(text, /fetch: 60\.0 MiB/);
    assert.doesNotMatch(text, /http-equiv/, 'there are reasons to type');
    site.mask.previewed = samplePreview({ values: [], valueCount: 0 });
    assert.match((await browser.get(page)).text, reload);
    assert.doesNotMatch((await browser.get('/-/masking')).text, /http-equiv/);
    site.mask.looks = 0;
  });

  test('an administrator searches, shows a value in clear, masks it again, and enables', async () => {
    const browser = await site.browser('admin');
    assert.match((await browser.get(page)).text, /nobody knows what a view would change/);
    const post = async (action: string, form: Record<string, string>) => {
      const answer = await browser.post(`/-/masking/${action}`, { repo: 'acme/web', ...form });
      assert.equal(answer.headers.get('location'), page, answer.text);
      return (await browser.get(page)).text;
    };
    const found = await post('preview', {});
    assert.match(found, /<strong>1 value would change 11 of 15 commits \(73 %\)\.<\/strong>/);
    assert.match(found, /docs\/install\.md<\/code> @ <code class="oid" title="e{40}">e{12}</);
    const fingerprint = sampleValue().fingerprint;
    assert.match(await post('allow', { fingerprint, reason: '' }), /role="alert">say in a few words/);
    const allowed = await post('allow', { fingerprint, reason: 'an example', where: 'here' });
    assert.match(allowed, /shown in clear<\/span>/);
    assert.deepEqual(site.mask.values[0]?.repo, 'acme/web');
    assert.match(await post('disallow', { fingerprint, allowedIn: 'acme/web' }), /It is masked again/);
    assert.match(await post('enable', {}), /The view is being made/);
    assert.match(await post('stop', {}), /nothing of it is lost/);
    await post('resume', {});
    assert.match(await post('rebuild', {}), /until then the one that is there is served/);
    assert.match(await post('disable', {}), /it is removed/);
    assert.equal(site.mask.done.at(-1), 'disable acme/web by admin');
    site.mask.refuse = new RefgateError('CONFLICT', 'client', 'preview it first');
    assert.match(await post('enable', {}), /role="alert">preview it first</);
  });

  test('an auditor looks and finds no form that changes anything, and others see nothing', async () => {
    site.mask.set('acme/web', { state: 'review' });
    const { text } = await (await site.browser('auditor')).get(page);
    assert.match(text, /1 value would change/);
    assert.doesNotMatch(text, /action="\/-\/masking/);
    const auditor = await site.browser('auditor');
    for (const action of ['allow', 'disallow', 'preview', 'enable', 'disable', 'rebuild', 'stop', 'resume'])
      assert.equal((await auditor.post(`/-/masking/${action}`, { repo: 'acme/web' })).status, 403, action);
    for (const role of ['reviewer', 'user'] as const)
      for (const path of ['/-/masking', page])
        assert.equal((await (await site.browser(role)).get(path)).status, 403);
    assert.deepEqual(site.mask.done, []);
  });

  test('what repositories hold does not act on the page', async () => {
    const value = sampleValue({ sample: hostile, path: hostile });
    site.mask.previewed = samplePreview({ values: [value], unscanned: [hostile], unscannedCount: 1 });
    site.mask.set('acme/web', { state: 'failed', problem: hostile });
    const { text } = await (await site.browser('admin')).get(page);
    assert.ok(!text.includes('<img') && !text.includes('\u202e') && !text.includes('\u0007'));
  });

  test('a repository that is not mapped is not found, and the form leads to one that is typed', async () => {
    const browser = await site.browser('auditor');
    assert.equal((await browser.get('/-/masking/other/web')).status, 404);
    const led = await browser.get('/-/masking?repo=acme%2Fweb.git');
    assert.equal(led.headers.get('location'), page);
  });

  test('an oid is looked up, marked where it was asked for, and told as unknown to who may not know', async () => {
    const [view, original] = ['ab'.repeat(20), 'cd'.repeat(20)];
    site.mask.translations = [{ repo: 'acme/web', type: 'commit', view, original, asked: 'view' }];
    const { text } = await (await site.browser('auditor')).get(`/-/oid?id=${view.slice(0, 10)}`);
    assert.match(text, new RegExp(`<mark>${view}</mark>`));
    assert.ok(text.includes(original));
    assert.match(text, /href="\/-\/sessions\?repo=acme%2Fweb"/);
    const odd = await (await site.browser('auditor')).get('/-/oid?id=main');
    assert.match(odd.text, /7 to 64 hex digits/);
    assert.equal((await (await site.browser('user')).get('/-/oid')).status, 200);
  });
});
