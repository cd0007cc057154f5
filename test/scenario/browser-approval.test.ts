import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { noBrowser } from '../support/browser.ts';
import { suiteCleanup } from '../support/suite.ts';
import { becomes } from './approving.ts';
import { type Desk, focused, type HeldGit, startDesk, tabTo, type Work } from './browsing.ts';
import { tip } from './pushing.ts';

/** The state, as the page of a push says it. */
const state = (page: Page, text: string) =>
  page.locator('[data-live-region=state] h2 .tag', { hasText: text }).waitFor();

const row = (page: Page, id: string) => page.locator('table.pushes tbody tr', { hasText: id });

describe('held pushes in a browser', { skip: noBrowser }, () => {
  const t = suiteCleanup();
  let desk: Desk;
  before(async () => {
    desk = await startDesk(t);
  });

  async function held(
    args?: readonly string[],
    files = { 'a.txt': 'a\n' },
  ): Promise<HeldGit & { work: Work }> {
    const work = await desk.work();
    await work.commit(files);
    return { ...(await work.push(args)), work };
  }

  test('a push comes to the inbox by itself, is approved there, and git ends well while the page says so', async () => {
    const inbox = await desk.open('carol', '/-/pushes');
    await inbox.getByText('Nothing waits for you.').waitFor();
    const work = await desk.work('http');
    const made = await work.commit({ 'src/hello.ts': 'export const hello = "world";\n' }, 'Say hello');
    const { run, id } = await work.push();
    await row(inbox, id).waitFor();
    await inbox.locator('[data-waiting]', { hasText: '1' }).waitFor();
    const second = await desk.open('carol', '/-/pushes');
    await second.getByRole('link', { name: id }).click();
    await second.waitForURL(`**/-/pushes/${id}`);
    await second.reload();
    await second.locator('table.diff .added', { hasText: 'export const hello' }).waitFor();
    assert.match((await second.locator('.push-commits').textContent()) ?? '', /Say hello.*Ann Author/s);
    // What is missing is said by the browser before anything is sent.
    await second.getByRole('button', { name: 'Approve' }).click();
    assert.equal(await second.locator('#reason-vote').evaluate((e) => e.matches(':invalid')), true);
    await second.fill('#reason-vote', 'read it, it only says hello');
    await second.getByRole('button', { name: 'Approve' }).click();
    await second
      .getByRole('status')
      .filter({ hasText: `${id} is approved` })
      .waitFor();
    await state(second, 'forwarded');
    const done = await run.done;
    assert.equal(done.status, 0, done.stderr);
    assert.match(done.stderr, /carol approved/);
    assert.equal(await tip(work.upstream, 'refs/heads/main'), made);
    await inbox.getByText('Nothing waits for you.').waitFor();
    assert.equal(await inbox.locator('[data-waiting]').count(), 0);
    desk.browser.assertNoComplaints();
  });

  test('a denial with its reason is what git prints', async () => {
    const { run, id } = await held();
    const page = await desk.open('carol', `/-/pushes/${id}`);
    await page.fill('#reason-vote', 'not before the freeze ends');
    await page.getByRole('button', { name: 'Deny' }).click();
    await page.getByText(`${id} is refused.`).waitFor();
    await state(page, 'rejected');
    const done = await run.done;
    assert.equal(done.status, 1);
    assert.match(done.stderr, /carol refused p-\w+: not before the freeze ends/);
  });

  test('everything works without JavaScript as well', async () => {
    const { run, id } = await held();
    const page = await desk.open('carol', '/-/pushes', { javaScriptEnabled: false });
    await page.getByRole('link', { name: id }).click();
    await page.reload();
    await page.locator('table.diff .added', { hasText: 'a' }).first().waitFor();
    await page.fill('#reason-vote', 'fine without scripts');
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByText(`${id} is approved`).waitFor();
    assert.equal((await run.done).status, 0);
    await page.goto(desk.url('/-/pushes'));
    await page.getByText('Nothing waits for you.').waitFor();
    await page.goto(desk.url(`/-/pushes/${id}`));
    await state(page, 'forwarded');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL('**/-/login');
  });

  test('the keyboard alone is enough, and neither focus nor typed text is lost when the page changes by itself', async () => {
    const { run, id, work } = await held();
    const page = await desk.open('carol', '/-/pushes');
    await row(page, id).waitFor();
    await page.keyboard.press('Tab');
    assert.match(await focused(page), /Skip to the content/);
    assert.equal(await page.locator('.skip').evaluate((e) => e.getBoundingClientRect().top >= 0), true);
    await page.keyboard.press('Enter');
    assert.match(await focused(page), /^#main/);
    await page.keyboard.press('/');
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('name')), 'user');
    await page.locator('h1').click();
    await page.keyboard.press('j');
    assert.match(await focused(page), new RegExp(id));
    assert.equal(await focusIsSeen(page), true);
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    await page.keyboard.press('Escape');
    assert.match(await focused(page), new RegExp(id), 'the focus comes back after the dialog');
    // Another push comes in: the row is another one, and the focus stays on the link.
    await work.commit({ 'b.txt': 'b\n' });
    const other = await work.push(['origin', 'HEAD:release/1']);
    await row(page, other.id).waitFor();
    assert.match(await focused(page), new RegExp(id));
    await page.keyboard.press('Enter');
    await page.waitForURL(`**/-/pushes/${id}`);
    await tabTo(page, '#reason-vote');
    assert.equal(await focusIsSeen(page), true);
    await page.keyboard.type('typed slowly');
    // While the reason is typed, the pusher's client goes away and comes back.
    await run.kill();
    await page.getByText('The client does not wait.').waitFor();
    assert.match(await focused(page), /^#reason-vote/);
    await page.keyboard.type(', to its end');
    assert.equal(await page.inputValue('#reason-vote'), 'typed slowly, to its end');
    await page.keyboard.press('Tab');
    assert.match(await focused(page), /Approve/);
    await page.keyboard.press('Space');
    await page.getByText(`${id} is approved`).waitFor();
    // Nobody waits any more: it goes on when the same is pushed again.
    await state(page, 'approved');
    await other.run.kill();
    desk.browser.assertNoComplaints();
  });

  test('a second reviewer sees the vote of the first at once; a vote that comes too late is told so', async () => {
    const { run, id } = await held(['origin', 'HEAD:release/2']);
    const [carol, dave, late] = await Promise.all([
      desk.open('carol', `/-/pushes/${id}`),
      desk.open('dave', `/-/pushes/${id}`),
      desk.open('dave', `/-/pushes/${id}`, { javaScriptEnabled: false, expected: [/status of 409/] }),
    ]);
    await dave.fill('#reason-vote', 'I am reading it');
    await carol.fill('#reason-vote', 'looks right');
    await carol.getByRole('button', { name: 'Approve' }).click();
    await carol.getByText('more votes are needed').waitFor();
    await dave.locator('.push-votes', { hasText: 'carol approved' }).waitFor();
    await dave.getByText('1 of 2 (carol)').waitFor();
    assert.equal(await dave.inputValue('#reason-vote'), 'I am reading it');
    await dave.getByRole('button', { name: 'Approve' }).click();
    await state(dave, 'forwarded');
    await state(carol, 'forwarded');
    assert.equal(await carol.getByRole('button', { name: 'Approve' }).count(), 0);
    assert.equal((await run.done).status, 0);
    await late.fill('#reason-vote', 'too late');
    await late.getByRole('button', { name: 'Deny' }).click();
    const said = await late.getByRole('alert').textContent();
    assert.match(said ?? '', new RegExp(`^${id} went through`));
  });

  test('who is on call forces a push from its page, with a reason that is long enough', async () => {
    const { run, id } = await held();
    const page = await desk.open('erin', `/-/pushes/${id}`);
    await page.getByText('Force it without the votes').click();
    await page.fill('#reason-force', 'now');
    await page.getByRole('button', { name: 'Force the push' }).click();
    assert.equal(await page.locator('#reason-force').evaluate((e) => e.matches(':invalid')), true);
    await page.fill('#reason-force', '');
    await page.locator('#reason-force').pressSequentially('production is down, incident 4711');
    await page.getByRole('button', { name: 'Force the push' }).click();
    await page.getByText(`${id} is approved, by force.`).waitFor();
    await state(page, 'forwarded');
    const done = await run.done;
    assert.equal(done.status, 0, done.stderr);
    assert.match(done.stderr, /erin forced this push: production is down/);
    assert.match((await page.locator('.push-votes').textContent()) ?? '', /erin forced/);
  });

  test('the pusher sees the own push, may not vote, and takes it back', async () => {
    const { run, id, work } = await held();
    const before = await tip(work.upstream, 'refs/heads/main');
    const page = await desk.open('ann', '/-/pushes');
    await page.getByRole('link', { name: id }).click();
    assert.equal(await page.getByRole('button', { name: 'Approve' }).count(), 0);
    await page.locator('summary', { hasText: 'Cancel the push' }).click();
    await page.fill('#reason-cancel', 'forgot a file');
    await page.getByRole('button', { name: 'Cancel the push' }).click();
    await page.getByText(`${id} is canceled.`).waitFor();
    await state(page, 'canceled');
    const done = await run.done;
    assert.equal(done.status, 1);
    assert.match(done.stderr, /canceled.*forgot a file/);
    assert.equal(await tip(work.upstream, 'refs/heads/main'), before);
    await becomes(desk.bastion.refgate, id, ['canceled']);
    desk.browser.assertNoComplaints();
  });
});

/** Whether what has the focus shows an outline. */
function focusIsSeen(page: Page): Promise<boolean> {
  return page.evaluate(() => {
    const element = document.activeElement;
    if (element === null || element === document.body) return false;
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    return outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 1;
  });
}
