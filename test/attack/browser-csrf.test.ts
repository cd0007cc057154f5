/**
 * Another site acts with the sign-in of a reviewer, in a real browser:
 *
 * 1. The reviewer is signed in, a push waits for their vote, and they open a
 *    page of the attacker: of another host, and of another port of the same host.
 * 2. That page sends forms by itself, asks with fetch and credentials, loads
 *    addresses of votes as pictures, and overrides the method.
 * 3. It puts Refgate into a frame, to have the reviewer click there unawares.
 *
 * Held when no vote is cast, nothing is read, the frame stays empty, the reviewer is still signed in,
 * and the cookie is one that scripts and other sites never have.
 */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import type { HeldPush } from '../../src/domain/approval.ts';
import { api } from '../scenario/approving.ts';
import { type Desk, type HeldGit, startDesk } from '../scenario/browsing.ts';
import { noBrowser } from '../support/browser.ts';
import { suiteCleanup } from '../support/suite.ts';

describe('other sites in a browser', { skip: noBrowser }, () => {
  const t = suiteCleanup();
  let desk: Desk;
  let held: HeldGit;
  let port = 0;
  let html = '';

  before(async () => {
    desk = await startDesk(t);
    const work = await desk.work();
    await work.commit({ 'a.txt': 'a\n' });
    held = await work.push();
    const evil = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html');
      response.end(`<!doctype html><title>evil</title>${html}`);
    });
    await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve));
    port = (evil.address() as AddressInfo).port;
    t.after(() => new Promise((resolve) => evil.close(resolve)));
  });

  const reviewers = new Map<string, Page>();

  /** The reviewer, signed in, on the page of the attacker; each host lures one of their browsers. */
  async function lured(host: string, page: string): Promise<Page> {
    const reviewer =
      reviewers.get(host) ?? (await desk.open('carol', `/-/pushes/${held.id}`, { expected: [/./] }));
    reviewers.set(host, reviewer);
    html = page;
    await reviewer.goto(`http://${host}:${port}/`);
    return reviewer;
  }

  async function nothingHappened(page: Page): Promise<void> {
    const { body } = await api<{ push: HeldPush }>(
      desk.bastion.refgate,
      desk.tokens.dave,
      `/pushes/${held.id}`,
    );
    assert.equal(body.push.state, 'pending');
    assert.deepEqual(body.push.votes, []);
    await page.goto(desk.url('/-/account'));
    assert.equal(new URL(page.url()).pathname, '/-/account', 'still signed in');
    assert.equal(held.run.isRunning, true);
  }

  const field = (name: string, value: string): string => `<input name="${name}" value="${value}">`;

  for (const host of ['localhost', '127.0.0.1'] as const) {
    const where = host === 'localhost' ? 'another site' : 'another port of the same host';

    for (const enctype of ['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data'])
      test(`a form of ${where} that is sent by itself as ${enctype} casts no vote`, async () => {
        const action = desk.url(`/-/pushes/${held.id}/vote`);
        const fields = field('kind', 'approve') + field('reason', 'looks fine') + field('_method', 'POST');
        const page = await lured(
          host,
          `<form method="post" action="${action}" enctype="${enctype}">${fields}</form>`,
        );
        const [answer] = await Promise.all([
          page.waitForResponse((response) => response.url() === action),
          page.evaluate(() => document.forms[0]?.submit()),
        ]);
        assert.ok([303, 401, 403, 415].includes(answer.status()), String(answer.status()));
        await page.waitForURL(`${desk.url('/-/')}**`);
        await nothingHappened(page);
      });

    test(`fetch with credentials from ${where} casts no vote and reads nothing`, async () => {
      const page = await lured(host, '<p>hello</p>');
      const read = await page.evaluate(
        async ({ origin, id }) => {
          const got: string[] = [];
          const body = new URLSearchParams({ kind: 'approve', reason: 'looks fine' });
          const json = JSON.stringify({ kind: 'approve', reason: 'looks fine' });
          const tries: [string, RequestInit][] = [
            [`/-/pushes/${id}/vote`, { method: 'POST', body }],
            [`/-/pushes/${id}/vote`, { method: 'POST', body, mode: 'no-cors' }],
            [`/-/api/v1/pushes/${id}/votes`, { method: 'POST', body: json, mode: 'no-cors' }],
            [
              `/-/api/v1/pushes/${id}/votes`,
              { method: 'POST', body: json, headers: { 'content-type': 'application/json' } },
            ],
            [`/-/pushes/${id}/vote?_method=POST&kind=approve&reason=fine`, { mode: 'no-cors' }],
            [`/-/pushes/${id}`, {}],
            ['/-/api/v1/pushes', {}],
            ['/-/events', {}],
          ];
          for (const [path, init] of tries) {
            const stop = AbortSignal.timeout(3_000);
            const text = await fetch(origin + path, { credentials: 'include', signal: stop, ...init }).then(
              (response) => response.text(),
              () => '',
            );
            if (text !== '') got.push(`${path}: ${text}`);
          }
          return got;
        },
        { origin: desk.url(''), id: held.id },
      );
      assert.deepEqual(read, []);
      await nothingHappened(page);
    });

    test(`addresses of votes that ${where} loads as pictures do nothing`, async () => {
      const at = desk.url(`/-/pushes/${held.id}`);
      const paths = [
        '/vote?kind=approve&reason=fine',
        '/vote?_method=POST&kind=deny&reason=x',
        '/cancel?reason=x',
      ];
      const page = await lured(host, paths.map((path) => `<img src="${at}${path}">`).join(''));
      await page.waitForLoadState('networkidle');
      await nothingHappened(page);
    });

    test(`in a frame of ${where} there is nothing to click`, async () => {
      const page = await lured(
        host,
        `<iframe src="${desk.url(`/-/pushes/${held.id}`)}" width="800" height="600"></iframe>`,
      );
      await page.waitForLoadState('load');
      const framed = page.frames().filter((frame) => frame !== page.mainFrame());
      for (const frame of framed) {
        assert.doesNotMatch(frame.url(), /\/-\/pushes/);
        assert.equal(await frame.getByRole('button', { name: 'Approve' }).count(), 0);
      }
      await nothingHappened(page);
    });
  }

  test('the cookie of a sign-in is one that scripts and other sites never have', async () => {
    const page = await desk.open('dave', '/-/account');
    const cookies = await page.context().cookies();
    assert.equal(cookies.length, 1);
    const [cookie] = cookies;
    assert.equal(cookie?.httpOnly, true);
    assert.equal(cookie?.sameSite, 'Strict');
    assert.equal(cookie?.domain, '127.0.0.1');
    assert.equal(await page.evaluate(() => document.cookie), '');
    assert.equal(await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage })), '{}');
  });
});
