/**
 * Debian's chromium, without a window, through playwright-core: pages as people
 * see them. What a page says on its console as an error, throws, or is refused
 * by the content security policy fails the test.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

export const chromiumPath = '/usr/bin/chromium';

/** For `describe` and `test`: the reason to skip where there is no chromium, else false. */
export const noBrowser: string | false = existsSync(chromiumPath)
  ? false
  : `${chromiumPath} is missing; install the package chromium`;

export interface PageOptions extends BrowserContextOptions {
  /** Messages that are part of the test; everything else on the console that is an error fails it. */
  readonly expected?: readonly RegExp[];
}

export interface TestBrowser {
  /** A page with cookies of its own. Every navigation and locator waits at most 15 s. */
  newPage(options?: PageOptions): Promise<Page>;
  /** Fails when a page complained; done at the end of the test as well. */
  assertNoComplaints(): void;
}

interface Cleaner {
  after(close: () => unknown): void;
}

/** Starts a browser that ends with the test, or with the suite when given `suiteCleanup()`. */
export async function openBrowser(t: Cleaner): Promise<TestBrowser> {
  const browser = await launch();
  const complaints: string[] = [];
  const assertNoComplaints = () => assert.deepEqual(complaints.splice(0), []);
  t.after(async () => {
    await browser.close();
    assertNoComplaints();
  });
  return {
    assertNoComplaints,
    newPage: async ({ expected = [], ...options } = {}) => {
      const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'UTC', ...options });
      context.setDefaultTimeout(15_000);
      const page = await context.newPage();
      const complain = (text: string) => {
        if (!expected.some((pattern) => pattern.test(text))) complaints.push(`${page.url()}: ${text}`);
      };
      page.on('pageerror', (error) => complain(`thrown: ${error.message}`));
      page.on('console', (message) => {
        if (message.type() === 'error') complain(`console: ${message.text()}`);
      });
      page.on('crash', () => complain('crashed'));
      return page;
    },
  };
}

function launch(): Promise<Browser> {
  const isRoot = process.getuid?.() === 0;
  return chromium.launch({
    executablePath: chromiumPath,
    headless: true,
    chromiumSandbox: !isRoot,
    args: ['--disable-gpu', '--disable-dev-shm-usage', ...(isRoot ? ['--no-sandbox'] : [])],
  });
}
