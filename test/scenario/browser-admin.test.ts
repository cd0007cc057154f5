import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { noBrowser } from '../support/browser.ts';
import { makeClientKey } from '../support/client.ts';
import { git, runGit, tempDir } from '../support/git.ts';
import { suiteCleanup } from '../support/suite.ts';
import { type Desk, startDesk } from './browsing.ts';

const said = (page: Page, text: RegExp) => page.getByRole('status').filter({ hasText: text }).waitFor();

const opened = async (page: Page, summary: string) =>
  page.locator('summary', { hasText: summary }).first().click();

describe('an administrator in a browser', { skip: noBrowser }, () => {
  const t = suiteCleanup();
  let desk: Desk;
  let page: Page;
  before(async () => {
    desk = await startDesk(t);
    page = await desk.open('root', '/-/people', { expected: [/status of 400/] });
  });

  test('adds somebody, who then comes in with the key and the token, until those are revoked', async () => {
    await opened(page, 'Add a person');
    await page.fill('#name', 'nora');
    await page.fill('#new-groups', 'dev');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.waitForURL('**/-/people/nora');
    const key = await makeClientKey(tempDir(t, 'nora'));
    await opened(page, 'Add a key');
    await page.fill('#line', key.publicLine);
    await page.getByRole('button', { name: 'Add the key' }).click();
    await page.locator('tbody th code', { hasText: 'SHA256:' }).waitFor();
    const work = await desk.work();
    const ssh = desk.bastion.url('ssh', 'ssh', work.name);
    await git(['ls-remote', ssh], { env: key.env });
    await opened(page, 'Make a token');
    await page.fill('#ttl', '30m');
    await page.getByRole('button', { name: 'Make the token' }).click();
    await page.getByText('it is shown this once').waitFor();
    const token = (await page.locator('main pre code').textContent()) ?? '';
    assert.notEqual(token, '');
    const http = new URL(desk.bastion.url('http', 'http', work.name));
    http.username = 'nora';
    http.password = token;
    await git(['ls-remote', http.href]);
    await page.goto(desk.url('/-/people/nora'));
    assert.equal((await page.content()).includes(token), false, 'a token is shown once');
    await opened(page, 'Change role');
    await page.selectOption('#role', 'reviewer');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.locator('dl.facts', { hasText: 'reviewer' }).waitFor();
    const revoke = page.locator('section', { has: page.locator('#tokens') });
    await revoke.locator('summary', { hasText: 'Revoke' }).click();
    await revoke.getByRole('button', { name: 'Revoke the token' }).click();
    await said(page, /The token .* has ended/);
    assert.notEqual((await runGit(['ls-remote', http.href])).status, 0);
    const keys = page.locator('section', { has: page.locator('#keys') });
    await keys.locator('td summary').click();
    await keys.locator('td form button').click();
    await said(page, /The key SHA256:.* has ended/);
    assert.notEqual((await runGit(['ls-remote', ssh], { env: key.env })).status, 0);
    desk.browser.assertNoComplaints();
  });

  test('tries a draft of the policy, sees what is wrong with it, and applies it after a second look', async () => {
    const work = await desk.work();
    await work.commit({ 'a.txt': 'a\n' });
    await desk.bastion.git(['push', '-q', 'origin', 'HEAD:topic'], { cwd: work.clone });
    const drafts = await desk.open('root', '/-/policy/try', { expected: [/status of 422/] });
    const text = await drafts.inputValue('#draft-text');
    const attempt = async (draft: string, button: string): Promise<void> => {
      await drafts.fill('#draft-text', draft);
      await drafts.getByRole('button', { name: button }).click();
    };
    await attempt(text.replace('refs/heads/main', '[refs/heads/main'), 'Try');
    await drafts.getByRole('heading', { name: /It cannot be applied/ }).waitFor();
    const denies = `${text}  - name: no-topics\n    when: { ref: refs/heads/topic }\n    then: deny\n`;
    await attempt(denies, 'Try');
    await drafts.getByRole('heading', { name: /1 of \d+ refs would be judged otherwise/ }).waitFor();
    await drafts.locator('.look-changed tr', { hasText: 'no-topics' }).waitFor();
    await drafts.getByRole('button', { name: 'Apply…' }).click();
    await drafts.locator('table.diff, pre', { hasText: 'no-topics' }).first().waitFor();
    await drafts.locator('main form button.primary, main form button.danger').first().click();
    await said(drafts, /Version \w+ is in force/);
    await work.commit({ 'b.txt': 'b\n' });
    const refused = await desk.bastion.run(['push', 'origin', 'HEAD:topic'], { cwd: work.clone });
    assert.match(refused.stderr, /no-topics/);
  });

  test('finds the refused session by its outcome, and reads what happened in it', async () => {
    await page.goto(desk.url('/-/sessions'));
    await page.getByLabel('User').fill('ann');
    await page.getByLabel('Outcome').selectOption('refused');
    await page.getByRole('button', { name: 'Search' }).click();
    const rows = page.locator('main tbody tr');
    assert.equal(await rows.count(), 1);
    await rows.first().locator('a').first().click();
    await page.locator('.look-timeline', { hasText: 'no-topics' }).waitFor();
    await page.goto(desk.url('/-/sessions?user=nobody'));
    await page.locator('.empty').waitFor();
    await page.goto(desk.url('/-/sessions?since=yesterday'));
    await page.getByText('A date such as 2026-01-31').waitFor();
  });

  test('an auditor reads the same and finds nothing to change', async () => {
    const auditor = await desk.open('aud', '/-/people/ann');
    for (const path of [
      '/-/people/ann',
      '/-/people',
      '/-/repos',
      '/-/agents',
      '/-/policy',
      '/-/policy/history',
    ]) {
      await auditor.goto(desk.url(path));
      const forms = await auditor
        .locator('main form')
        .evaluateAll((all) => all.filter((form) => (form as HTMLFormElement).method === 'post').length);
      assert.equal(forms, 0, path);
    }
    desk.browser.assertNoComplaints();
  });
});
