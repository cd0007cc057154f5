/** Pictures of the pages for docs/screenshots, light and dark. Run by scripts/screenshots.mjs. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { chromiumPath } from './browser.ts';
import { type Showcase, type Shown, startShowcase } from './showcase.ts';

interface Shot {
  readonly name: string;
  /** Who looks; nobody is signed in without. */
  readonly as?: Shown;
  path(showcase: Showcase): string;
  /** What is done on the page before the picture. */
  act?(page: Page): Promise<unknown>;
  /** CSS pixels; 800 when not said. */
  readonly height?: number;
}

const shots: readonly Shot[] = [
  { name: 'login', path: () => '/-/login', height: 480 },
  { name: 'inbox', as: 'carol', path: () => '/-/pushes', height: 600 },
  { name: 'push', as: 'carol', path: ({ shown }) => `/-/pushes/${shown}`, height: 1_060 },
  {
    name: 'push-split',
    as: 'carol',
    path: ({ shown }) => `/-/pushes/${shown}?view=split`,
    act: (page) => page.locator('details.file', { hasText: 'src/checkout.ts' }).scrollIntoViewIfNeeded(),
  },
  { name: 'sessions', as: 'aud', path: () => '/-/sessions', height: 640 },
  { name: 'session', as: 'aud', path: () => '/-/sessions', act: openDecided, height: 900 },
  { name: 'policy', as: 'aud', path: () => '/-/policy' },
  { name: 'policy-try', as: 'dana', path: () => '/-/policy/try', act: tryDraft },
  { name: 'overview', as: 'aud', path: () => '/-/overview?days=30', height: 1_000 },
  { name: 'people', as: 'dana', path: () => '/-/people', height: 640 },
  { name: 'repos', as: 'dana', path: () => '/-/repos', height: 640 },
  { name: 'masking', as: 'dana', path: () => '/-/masking/acme/billing', act: openReason, height: 900 },
  { name: 'agents', as: 'dana', path: () => '/-/agents', height: 640 },
];

async function openDecided(page: Page): Promise<void> {
  await page.goto(`${new URL(page.url()).origin}/-/sessions?user=alice&repo=acme/api&outcome=ok`);
  await page.locator('tbody a[href*="/sessions/"]').first().click();
  await page.locator('.look-timeline').waitFor();
}

async function openReason(page: Page): Promise<void> {
  const row = page.locator('tr', { hasText: 'docs/install.md' });
  await row.locator('summary').click();
  await row.getByLabel('Why it is no secret').fill('a database of the manual');
}

async function tryDraft(page: Page): Promise<void> {
  const text = await page.inputValue('#draft-text');
  await page.fill(
    '#draft-text',
    text.replace('path: ["deploy/**", ".github/workflows/**"]', 'path: "deploy/web.yaml"'),
  );
  await page.selectOption('#draft-pushes', '20');
  await page.getByRole('button', { name: 'Try', exact: true }).click();
  await page.locator('#trial-title').waitFor();
}

/** Writes every picture (or those whose names are given) into `folder`. */
export async function takeScreenshots(folder: string, only: readonly string[] = []): Promise<void> {
  const closers: (() => unknown)[] = [];
  const t = { after: (close: () => unknown) => void closers.push(close) };
  const dir = mkdtempSync(join(tmpdir(), 'refgate-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  mkdirSync(folder, { recursive: true });
  try {
    const showcase = await startShowcase(t, dir);
    const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    const browser = await chromium.launch({ executablePath: chromiumPath, args: ['--disable-gpu', ...args] });
    t.after(() => browser.close());
    for (const shot of shots)
      if (only.length === 0 || only.includes(shot.name))
        for (const scheme of ['light', 'dark'] as const) await take(browser, showcase, shot, scheme, folder);
  } finally {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
  }
}

async function take(
  browser: Browser,
  showcase: Showcase,
  shot: Shot,
  scheme: 'light' | 'dark',
  folder: string,
): Promise<void> {
  const { as: who, height = 800 } = shot;
  const context = await browser.newContext({
    viewport: { width: 1_280, height },
    colorScheme: scheme,
    reducedMotion: 'reduce',
    locale: 'en-GB',
    timezoneId: 'UTC',
  });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  const url = (path: string): string => `${showcase.refgate.http}${path}`;
  if (who !== undefined) {
    await page.goto(url('/-/login'));
    await page.fill('#token', showcase.tokenOf(who));
    await page.click('main button.primary');
    await page.waitForURL((at) => !at.pathname.endsWith('/login'));
  }
  await page.goto(url(shot.path(showcase)));
  // What was not ready in time is ready now.
  await page.reload();
  await shot.act?.(page);
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: join(folder, `${shot.name}-${scheme}.png`) });
  await context.close();
}
