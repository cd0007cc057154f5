import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { noBrowser, openBrowser, type TestBrowser } from '../support/browser.ts';
import { samplePush } from '../support/held-pushes.ts';
import { suiteCleanup } from '../support/suite.ts';
import { startSite, type WebSite } from '../support/web-site.ts';

describe('pages in a browser', { skip: noBrowser }, () => {
  const t = suiteCleanup();
  let site: WebSite;
  let browser: TestBrowser;
  before(async () => {
    [site, browser] = await Promise.all([startSite(t), openBrowser(t)]);
  });

  async function signedIn(role: 'admin' | 'user', path = '/-/account'): Promise<Page> {
    const page = await browser.newPage();
    await page.goto(`${site.url}${path}`);
    await page.fill('#token', site.tokens[role]);
    await page.press('#token', 'Enter');
    await page.waitForURL(`${site.url}${path}`);
    return page;
  }

  test('somebody signs in and out with the keyboard alone, after a wrong token', async () => {
    const page = await browser.newPage({ expected: [/status of 401/] });
    await page.goto(`${site.url}/-/account`);
    await page.keyboard.press('Tab');
    assert.equal(await focused(page), 'Skip to the content');
    await tabTo(page, 'user');
    await page.keyboard.type('user');
    await page.keyboard.press('Tab');
    await page.keyboard.type('not a token');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').waitFor();
    assert.match((await page.getByRole('alert').textContent()) ?? '', /did not work/);
    await tabTo(page, 'token');
    await page.keyboard.type(site.tokens.user);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${site.url}/-/account`);
    await tabTo(page, 'Sign out');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${site.url}/-/login`);
    await page.goto(`${site.url}/-/account`);
    assert.match(page.url(), /\/-\/login\?next=/);
    browser.assertNoComplaints();
  });

  test('who follows a link from another site stays signed in', async () => {
    const page = await signedIn('user');
    const elsewhere = `data:text/html,<a href="${site.url}/-/account?from=mail">look</a>`;
    await page.goto(elsewhere);
    await page.click('a');
    await page.waitForURL(`${site.url}/-/account?from=mail`);
    await page.getByRole('heading', { level: 1, name: 'Your account' }).waitFor();
    browser.assertNoComplaints();
  });

  test('pages work without JavaScript', async () => {
    const page = await browser.newPage({ javaScriptEnabled: false });
    await page.goto(`${site.url}/-/login`);
    await page.fill('#token', site.tokens.user);
    await page.click('button.primary');
    await page.goto(`${site.url}/-/account`);
    await page.getByText('user (person)').waitFor();
    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await page.waitForURL(`${site.url}/-/login`);
  });

  test('an injected script or style does not run', async () => {
    const page = await browser.newPage({ expected: [/Content Security Policy|status of 40[14]/] });
    await page.goto(`${site.url}/-/login`);
    const ran = await page.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'document.title = "taken over"';
      document.body.append(script);
      document.body.setAttribute('onclick', 'document.title = "taken over"');
      document.body.click();
      return document.title;
    });
    assert.equal(ran, 'Sign in · Refgate');
  });

  test('what is held changes on the page while it is open, and what is typed there stays', async () => {
    site.held.add(samplePush({ id: 'p-live001', repo: 'acme/live' }));
    const page = await signedIn('admin', '/-/pushes');
    await page.getByText('acme/live').first().waitFor();
    site.held.add(samplePush({ id: 'p-live002', repo: 'acme/later' }));
    await site.held.cancel('p-live001', undefined, 'operator');
    await page.getByText('acme/later').first().waitFor();
    browser.assertNoComplaints();
  });

  for (const path of [
    '/-/login',
    '/-/account',
    '/-/pushes',
    '/-/sessions',
    '/-/policy',
    '/-/overview',
    '/-/nothing',
  ]) {
    test(`${path} has a language, one heading of the first level, labels, and fits a narrow window`, async () => {
      const page = await browser.newPage({
        viewport: { width: 360, height: 740 },
        expected: [/status of 404/],
      });
      await page.goto(`${site.url}/-/login`);
      if (path !== '/-/login') {
        await page.fill('#token', site.tokens.admin);
        await page.click('button.primary');
        await page.goto(`${site.url}${path}`);
      }
      assert.deepEqual(await page.evaluate(faults), []);
      browser.assertNoComplaints();
    });
  }

  for (const colorScheme of ['light', 'dark'] as const) {
    test(`text can be read in ${colorScheme} colours: a contrast of 4.5 and more`, async () => {
      const page = await browser.newPage({ colorScheme, expected: [/status of 401/] });
      await page.goto(`${site.url}/-/login`);
      await page.fill('#token', 'x');
      await page.press('#token', 'Enter');
      await page.getByRole('alert').waitFor();
      await page.evaluate(addSamples);
      assert.deepEqual(await page.evaluate(pale), []);
    });
  }

  test('keys lead to the search field, through the rows and to the list of keys', async () => {
    const page = await signedIn('admin', '/-/sessions');
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.keyboard.press('/');
    assert.equal(await page.evaluate(() => document.activeElement?.tagName), 'INPUT');
    browser.assertNoComplaints();
  });
});

function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement;
    return element?.id || (element?.textContent ?? '').trim();
  });
}

/** By its id or its text; fails when the keyboard does not reach it. */
async function tabTo(page: Page, wanted: string): Promise<void> {
  for (let turn = 0; turn < 40; turn++) {
    if ((await focused(page)) === wanted) return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`the keyboard does not reach ${wanted}`);
}

/** Runs in the page: what somebody with a screen reader or a narrow window would miss. */
function faults(): string[] {
  const found: string[] = [];
  const all = (selector: string) => [...document.querySelectorAll<HTMLElement>(selector)];
  if (document.documentElement.lang !== 'en') found.push('no language');
  if (all('h1').length !== 1) found.push(`${all('h1').length} h1`);
  if (all('main').length !== 1) found.push('not one main');
  for (const field of all('input:not([type=hidden]), select, textarea')) {
    const labels = (field as HTMLInputElement).labels ?? [];
    if (labels.length === 0 && !field.getAttribute('aria-label')) found.push(`no label: ${field.outerHTML}`);
  }
  for (const control of all('a[href], button'))
    if (!control.textContent?.trim() && !control.getAttribute('aria-label'))
      found.push(`no name: ${control.outerHTML}`);
  for (const table of all('table'))
    if (!table.querySelector('caption')) found.push('a table without caption');
  for (const cell of all('th'))
    if (!cell.hasAttribute('scope')) found.push(`th without scope: ${cell.outerHTML}`);
  const ids = all('[id]').map(({ id }) => id);
  for (const id of new Set(ids)) if (ids.indexOf(id) !== ids.lastIndexOf(id)) found.push(`id twice: ${id}`);
  const levels = all('h1, h2, h3, h4').map(({ tagName }) => Number(tagName[1]));
  levels.forEach((level, at) => {
    if (level > (levels[at - 1] ?? 0) + 1) found.push(`h${level} after h${levels[at - 1]}`);
  });
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) found.push(`${scrollWidth} px wide in ${clientWidth}`);
  return found;
}

/** Runs in the page: one of everything that has a colour. */
function addSamples(): void {
  const main = document.querySelector('main');
  const add = (tag: string, className: string, text: string) => {
    const element = document.createElement(tag);
    element.className = className;
    element.textContent = text;
    main?.append(element);
  };
  for (const tone of ['good', 'bad', 'wait', 'mild']) {
    add('span', `tag ${tone}`, `tag ${tone}`);
    add('p', `message ${tone}`, `message ${tone}`);
  }
  for (const kind of ['', 'primary', 'danger', 'plain']) add('button', kind, `button ${kind}`);
  add('span', 'count', '7');
  add('div', 'empty', 'empty');
  add('p', 'muted', 'muted');
  add('code', '', 'code');
  add('pre', '', 'pre');
}

/** Runs in the page: texts whose contrast to what is behind them is below 4.5, WCAG 2.2 section 1.4.3. */
function pale(): string[] {
  const parse = (color: string) => (color.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (color: readonly number[]) => {
    const [red = 0, green = 0, blue = 0] = color
      .slice(0, 3)
      .map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (element: Element | null): number[] => {
    for (let at = element; at !== null; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if ((color[3] ?? 1) === 1) return color;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll('body *')]
    .filter((element) =>
      [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent?.trim()),
    )
    .flatMap((element) => {
      const [front, back] = [luminance(parse(getComputedStyle(element).color)), luminance(behind(element))];
      const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
      return ratio < 4.5 ? [`${element.tagName}.${element.className} ${ratio.toFixed(2)}`] : [];
    });
}
