import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { noBrowser, openBrowser, type TestBrowser } from '../support/browser.ts';
import { faintTexts, overflowOf } from '../support/page-looks.ts';
import { samplePreview, sampleValue } from '../support/sample-masking.ts';
import { suiteCleanup } from '../support/suite.ts';
import { startSite, type WebSite } from '../support/web-site.ts';

describe('the pages of masking in a browser', { skip: noBrowser }, () => {
  const t = suiteCleanup();
  let site: WebSite;
  let browser: TestBrowser;
  before(async () => {
    site = await startSite(t);
    browser = await openBrowser(t);
    const [view, original] = ['ab'.repeat(32), 'cd'.repeat(32)];
    site.mask.translations = [{ repo: 'acme/web', type: 'commit', view, original, asked: 'view' }];
    const allowed = {
      ...{ fingerprint: 'a'.repeat(32), repo: 'acme/web', reason: 'an example' },
      ...{ actor: 'ada', time: '2026-03-01T10:00:00.000Z' },
    };
    site.mask.values = [allowed];
    site.mask.previewed = samplePreview({
      values: [
        sampleValue({ path: `${'deep/'.repeat(30)}file` }),
        sampleValue({ fingerprint: 'a', allowed }),
      ],
      unscanned: [`assets/${'x'.repeat(200)}.zip: nested too deeply`],
      unscannedCount: 1,
      hiddenRefs: 2,
    });
    const progress = { step: 'scan', done: 40, total: 120, unit: 'objects' } as const;
    const problem = `the disk is full: ${'y'.repeat(120)}; make room, and resume`;
    site.mask.set('acme/web', {
      state: 'failed',
      enabled: true,
      problem,
      bytes: 48e6,
      commits: 15,
      values: 1,
    });
    site.mask.set(`acme/${'z'.repeat(80)}`, { state: 'scanning', progress });
  });

  for (const colorScheme of ['light', 'dark'] as const)
    test(`${colorScheme}, on a screen of 360 pixels they fit, and text is told from its ground`, async () => {
      const page = await browser.newPage({ colorScheme, viewport: { width: 360, height: 800 } });
      await page.goto(`${site.url}/-/login`);
      await page.fill('[name=token]', site.tokens.admin);
      await page.keyboard.press('Enter');
      await page.waitForURL(/pushes/);
      for (const path of ['/-/masking', '/-/masking/acme/web', `/-/oid?id=${'ab'.repeat(8)}`]) {
        await page.goto(site.url + path);
        await page.evaluate(() => {
          for (const details of document.querySelectorAll('details')) details.open = true;
        });
        assert.deepEqual(await overflowOf(page), { pixels: 0, by: [] }, path);
        assert.deepEqual(await faintTexts(page), [], path);
        const unnamed = await page
          .locator('input:not([type=hidden])')
          .evaluateAll((inputs) =>
            inputs.filter((one) => ((one as HTMLInputElement).labels?.length ?? 0) === 0).map(({ id }) => id),
          );
        assert.deepEqual(unnamed, [], path);
      }
    });

  test('while something is made the page follows it, and keeps what somebody is typing', async () => {
    const progress = { step: 'rewrite', done: 3, total: 15, unit: 'commits' } as const;
    site.mask.looks = 9;
    site.mask.set('acme/new', { state: 'building', enabled: true, progress });
    const page = await browser.newPage();
    await page.goto(`${site.url}/-/login`);
    await page.fill('[name=token]', site.tokens.admin);
    await page.keyboard.press('Enter');
    await page.waitForURL(/pushes/);
    await page.goto(`${site.url}/-/masking/acme/new`);
    await page.locator('main', { hasText: 'rewrite: 3 of 15' }).waitFor();
    await page.locator('summary', { hasText: 'Show in clear' }).first().click();
    await page.getByLabel('Why it is no secret').first().fill('half a rea');
    site.mask.looks = 0;
    await page.locator('main .tag', { hasText: 'ready' }).waitFor();
    assert.equal(await page.getByLabel('Why it is no secret').first().inputValue(), 'half a rea');
    await page.keyboard.type('son');
    assert.equal(await page.getByLabel('Why it is no secret').first().inputValue(), 'half a reason');
    assert.equal(await page.locator('progress').count(), 0);
    await page.close();
  });

  test('an administrator who types a reason shows a value in clear without a script', async () => {
    const page = await browser.newPage({ javaScriptEnabled: false });
    await page.goto(`${site.url}/-/login`);
    await page.fill('[name=token]', site.tokens.admin);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.goto(`${site.url}/-/masking/acme/web`);
    await page.getByText('Show in clear', { exact: true }).click();
    await page.getByLabel('Why it is no secret').fill('an example of the manual');
    await page.getByRole('button', { name: 'Show it in clear' }).click();
    await page.getByText('It is shown in clear from now on').waitFor();
    assert.equal(site.mask.values.at(-1)?.reason, 'an example of the manual');
  });
});
