/** What the tests in a browser share: a whole server with people of every role, pushes that wait, and pages of who is signed in. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Page } from 'playwright-core';
import { stringify } from 'yaml';
import { type Bastion, startBastion } from '../support/bastion.ts';
import { openBrowser, type PageOptions, type TestBrowser } from '../support/browser.ts';
import { type GitOptions, git } from '../support/git.ts';
import { makeRepo } from '../support/repos.ts';
import { addReviewer, type BackgroundGit, begin } from './approving.ts';
import { applyPolicy } from './pushing.ts';

interface Cleaner {
  after(close: () => unknown): void;
}

const roles = {
  carol: ['--group', 'reviewers', '--role', 'reviewer'],
  dave: ['--group', 'reviewers', '--role', 'reviewer'],
  erin: ['--group', 'on-call', '--role', 'reviewer'],
  root: ['--role', 'admin'],
  aud: ['--role', 'auditor'],
} as const;

export type Guest = keyof typeof roles | 'ann';

/** main waits for one reviewer with a reason, release for two; whoever is on call may force. */
export const deskPolicy = {
  access: [
    {
      who: { group: 'dev' },
      repo: ['ssh/*', 'http/*', 'path/*'],
      may: ['read', 'write'],
      pushOptions: ['note=*'],
    },
  ],
  rules: [
    {
      name: 'main-is-reviewed',
      when: { ref: 'refs/heads/main' },
      then: { ask: { group: 'reviewers', reason: true, breakGlass: 'on-call' } },
      say: 'say why in the review',
    },
    {
      name: 'releases-need-two',
      when: { ref: 'refs/heads/release/**' },
      then: { ask: { group: 'reviewers', approvals: 2 } },
    },
  ],
};

/** A clone of a repository of its own, as ann has it. */
export class Work {
  readonly name: string;
  readonly clone: string;
  readonly upstream: string;
  readonly #t: Cleaner;
  readonly #bastion: Bastion;

  constructor(t: Cleaner, bastion: Bastion, name: string) {
    this.#t = t;
    this.#bastion = bastion;
    this.name = name;
    this.clone = join(bastion.dir, name);
    this.upstream = bastion.gitDir(name);
  }

  /** Writes the files, and commits everything. */
  async commit(
    files: Readonly<Record<string, string | Uint8Array>>,
    message = 'change it',
    options: GitOptions = {},
  ): Promise<string> {
    for (const [path, content] of Object.entries(files)) {
      const file = join(this.clone, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
    }
    await git(['add', '-A'], { cwd: this.clone });
    await git(['commit', '-q', '--cleanup=verbatim', '-m', message], { cwd: this.clone, ...options });
    return git(['rev-parse', 'HEAD'], { cwd: this.clone });
  }

  /** Begins a push; its id is there once it is held. */
  async push(args: readonly string[] = ['origin', 'HEAD:main']): Promise<HeldGit> {
    const run = begin(this.#t, this.#bastion, ['push', ...args], this.clone);
    return { run, id: await run.heldId() };
  }
}

/** A git that waits in a process of its own for a decision. */
export interface HeldGit {
  readonly run: BackgroundGit;
  readonly id: string;
}

export interface Desk {
  readonly bastion: Bastion;
  readonly browser: TestBrowser;
  readonly tokens: Readonly<Record<Guest, string>>;
  /** A new repository with a clone of it; through SSH to the upstream over SSH when not said. */
  work(door?: 'ssh' | 'http'): Promise<Work>;
  /** The address of a page, from `/-/` on. */
  url(path: string): string;
  /** A browser context of its own, signed in through the form, at the page. */
  open(guest: Guest, path: string, options?: PageOptions): Promise<Page>;
}

/** Starts everything; it ends with the test or the suite. */
export async function startDesk(
  t: Cleaner,
  policy: object = deskPolicy,
  config: Readonly<Record<string, unknown>> = {},
): Promise<Desk> {
  const [bastion, browser] = await Promise.all([startBastion(t, { config }), openBrowser(t)]);
  const { refgate } = bastion;
  const made = await Promise.all(
    Object.entries(roles).map(async ([name, args]) => [name, await addReviewer(refgate, name, args)]),
  );
  await applyPolicy(bastion, stringify(policy));
  const tokens = { ...Object.fromEntries(made), ann: bastion.logins.ann.token } as Record<Guest, string>;
  const url = (path: string): string => `${refgate.http}${path}`;
  let count = 0;
  return {
    bastion,
    browser,
    tokens,
    url,
    work: async (door = 'ssh') => {
      count += 1;
      const work = new Work(t, bastion, `desk${count}`);
      await makeRepo(work.upstream, 'linear', { count: 2 });
      await git(['config', 'receive.advertisePushOptions', 'true'], { cwd: work.upstream });
      await bastion.git(['clone', '-q', bastion.url(door, door, work.name), work.clone]);
      return work;
    },
    open: async (guest, path, options) => {
      const page = await browser.newPage(options);
      await page.goto(url(path));
      await page.fill('#token', tokens[guest]);
      await page.click('main button.primary');
      await page.waitForURL(url(path));
      return page;
    },
  };
}

/** Tab by tab to the element with this text, name or id, as somebody without a mouse goes. */
export async function tabTo(page: Page, what: string): Promise<void> {
  for (let at = 0; at < 120; at++) {
    await page.keyboard.press('Tab');
    if ((await focused(page)).includes(what)) return;
  }
  throw new Error(`no way to ${what} with Tab`);
}

/** The id and the text of what has the focus; empty when nothing has. */
export function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement;
    if (element === null || element === document.body) return '';
    return `#${element.id} ${element.textContent?.trim() ?? ''}`;
  });
}
