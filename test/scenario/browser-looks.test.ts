import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { checks } from '../../src/inspect/secrets/checks/index.ts';
import { generate, seededRandom } from '../../src/inspect/secrets/rules/token-sample.ts';
import { noBrowser } from '../support/browser.ts';
import { faintTexts, overflowOf } from '../support/page-looks.ts';
import { suiteCleanup } from '../support/suite.ts';
import { vote } from './approving.ts';
import { type Desk, type HeldGit, startDesk } from './browsing.ts';

const token = generate('ghp_{an:36}', seededRandom(4_010), checks['github-crc32']);

const files = {
  'src/code.ts': `/** Says it. */\nexport function say(name: string): string {\n  const n = 42; // many\n  return \`hi \${name} \${n} ${'x'.repeat(200)}\`;\n}\n`,
  'deploy/web.yaml': `replicas: 2\nenabled: true\nname: "web"\ntoken: ${token}\n`,
  '.github/workflows/ci.yml': 'on: push\n',
  'long.txt': 'line\n'.repeat(6_000),
  'logo.png': Buffer.from('89504e470d0a1a0a0000000d4948445200', 'hex'),
  'style.css': 'a:hover { color: #fff; margin: 1px !important; }\n',
  'page.html': '<!doctype html><a href="x" class=\'y\'>&amp;</a>\n',
};

describe('the looks of pages in a browser', { skip: noBrowser }, () => {
  const t = suiteCleanup();
  let desk: Desk;
  let held: HeldGit;
  let paths: readonly string[] = [];

  before(async () => {
    desk = await startDesk(t);
    const work = await desk.work();
    await work.commit({ 'README.md': 'changed\n', ...files }, 'A change of everything\n\nWith a body.');
    held = await work.push(['origin', 'HEAD:release/1']);
    await vote(desk.bastion.refgate, desk.tokens.carol, held.id, 'approve', 'fine');
    const [session] = await desk.bastion.sessions(`ssh/${work.name}`, 1);
    paths = [
      '/-/pushes?tab=open',
      '/-/pushes?tab=decided',
      `/-/pushes/${held.id}`,
      `/-/pushes/${held.id}?view=split`,
      `/-/pushes/${held.id}/file?ref=refs%2Fheads%2Frelease%2F1&path=src%2Fcode.ts`,
      '/-/sessions',
      '/-/sessions?since=never',
      `/-/sessions/${session?.id}`,
      '/-/policy',
      '/-/policy/history',
      '/-/policy/try',
      '/-/overview',
      '/-/people',
      '/-/people/ann',
      '/-/people/nobody',
      '/-/repos',
      '/-/agents',
      '/-/account',
      '/-/nothing/here',
    ];
  });

  async function open(colorScheme: 'light' | 'dark', width: number): Promise<Page> {
    const viewport = { width, height: 800 };
    return desk.open('root', '/-/account', { colorScheme, viewport, expected: [/status of 4\d\d/] });
  }

  for (const scheme of ['light', 'dark'] as const)
    test(`${scheme}, on a screen of 360 pixels no page is wider than it, and text is told from its ground`, async () => {
      const page = await open(scheme, 360);
      for (const path of paths) {
        await page.goto(desk.url(path));
        await page.evaluate(() => {
          for (const details of document.querySelectorAll('details')) details.open = true;
        });
        assert.deepEqual(await overflowOf(page), { pixels: 0, by: [] }, path);
        assert.deepEqual(await faintTexts(page), [], path);
      }
      await page.context().clearCookies();
      await page.goto(desk.url('/-/login'));
      assert.deepEqual(await overflowOf(page), { pixels: 0, by: [] });
      assert.deepEqual(await faintTexts(page), []);
    });

  test('a contrast that is too low is noticed', async () => {
    const page = await open('light', 360);
    await page.evaluate(() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync('h1 { color: #aaa } main { width: 500px }');
      document.adoptedStyleSheets = [sheet];
    });
    assert.deepEqual(
      (await faintTexts(page)).map(({ where }) => where),
      ['h1.'],
    );
    assert.ok((await overflowOf(page)).pixels > 0);
  });

  test('files are shown side by side, long and binary ones folded, secrets masked, sensitive ones marked', async () => {
    const page = await desk.open('dave', `/-/pushes/${held.id}`);
    await page.reload();
    const row = (path: string) => page.locator('table.files tr', { hasText: path });
    await row('.github/workflows/ci.yml').locator('.tag', { hasText: 'sensitive' }).waitFor();
    await row('deploy/web.yaml').locator('.tag', { hasText: '1 secret' }).waitFor();
    await row('logo.png').locator('.tag', { hasText: 'png' }).waitFor();
    assert.equal((await page.content()).includes(token), false);
    await page.locator('.findings mark.masked').waitFor();
    await page.locator('table.diff mark.masked', { hasText: '***' }).waitFor();
    await page.locator('.hl-keyword', { hasText: 'export' }).first().waitFor();
    assert.equal(await page.locator('table.diff', { hasText: 'Changes of long.txt' }).count(), 0);
    await page.getByRole('link', { name: 'Side by side' }).click();
    await page.locator('table.diff.split').first().waitFor();
    await page.goto(desk.url(`/-/pushes/${held.id}/file?ref=refs%2Fheads%2Frelease%2F1&path=long.txt`));
    await page.locator('table.diff .added').nth(5_000).waitFor();
    await page.goto(desk.url(`/-/pushes/${held.id}/file?ref=refs%2Fheads%2Frelease%2F1&path=logo.png`));
    assert.equal(await page.locator('table.diff').count(), 0);
    assert.match((await page.locator('main').textContent()) ?? '', /[Bb]inary/);
    desk.browser.assertNoComplaints();
  });
});
