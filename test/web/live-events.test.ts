import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { samplePush } from '../support/held-pushes.ts';
import { suiteCleanup } from '../support/suite.ts';
import type { WebClient } from '../support/web-client.ts';
import { startSite, type WebSite } from '../support/web-site.ts';

interface Listener {
  readonly status: number;
  /** The data of the next event; undefined when the stream has ended. */
  next(): Promise<unknown>;
  close(): void;
}

describe('live events', () => {
  const t = suiteCleanup();
  let site: WebSite;
  before(async () => {
    site = await startSite(t);
  });

  async function listen(browser: WebClient): Promise<Listener> {
    const over = new AbortController();
    t.after(() => over.abort());
    const headers = { cookie: browser.cookie };
    const answer = await fetch(`${site.url}/-/events`, { headers, signal: over.signal, redirect: 'manual' });
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const next = async (): Promise<unknown> => {
      for (;;) {
        const [whole, data] = /event: held\ndata: (.*)\n\n/.exec(text) ?? [];
        if (whole !== undefined && data !== undefined) {
          text = text.slice(text.indexOf(whole) + whole.length);
          return JSON.parse(data);
        }
        const piece = await reader?.read();
        if (piece?.done !== false) return undefined;
        text += piece.value;
      }
    };
    return { status: answer.status, next, close: () => over.abort() };
  }

  test('who is not signed in hears nothing', async () => {
    const answer = await (await site.browser()).get('/-/events');
    assert.equal(answer.status, 401);
    assert.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8');
  });

  test('everybody hears of the pushes that they may see, and of no others', async () => {
    const [admin, user] = [
      await listen(await site.browser('admin')),
      await listen(await site.browser('user')),
    ];
    const own = samplePush({ id: 'p-own0001' });
    site.held.add(samplePush({ id: 'p-other01' }));
    site.held.add({ ...own, principal: { ...own.principal, user: 'user' } });
    for (const id of ['p-other01', 'p-own0001']) await site.held.cancel(id, undefined, 'operator');
    assert.deepEqual(await admin.next(), { id: 'p-other01', state: 'canceled' });
    assert.deepEqual(await admin.next(), { id: 'p-own0001', state: 'canceled' });
    assert.deepEqual(await user.next(), { id: 'p-own0001', state: 'canceled' });
  });

  test('a stream ends with its sign-in', async () => {
    const browser = await site.browser('auditor');
    const stream = await listen(browser);
    await browser.post('/-/logout');
    assert.equal(await stream.next(), undefined);
  });

  test('a stream hears nothing more once the token of its sign-in is revoked', async () => {
    const other = await startSite(t);
    const browser = await other.browser('admin');
    const answer = await fetch(`${other.url}/-/events`, { headers: { cookie: browser.cookie } });
    const [token] = await other.directory.tokens('admin');
    await other.directory.revokeToken(token?.id ?? '', 'operator');
    other.held.add(samplePush({ id: 'p-after01' }));
    await other.held.cancel('p-after01', undefined, 'operator');
    assert.equal(await answer.text(), 'retry: 5000\n\n');
  });

  test('one sign-in has five streams at most, and may open another when one has closed', async () => {
    const browser = await site.browser('reviewer');
    const streams = await Promise.all([1, 2, 3, 4, 5].map(() => listen(browser)));
    assert.deepEqual(
      streams.map(({ status }) => status),
      [200, 200, 200, 200, 200],
    );
    assert.equal((await browser.get('/-/events')).status, 429);
    streams[0]?.close();
    let status = 429;
    while (status === 429) ({ status } = await listen(browser));
    assert.equal(status, 200);
  });

  test('streams end when the sign-ins are closed, so that the server can stop', async () => {
    const other = await startSite(t);
    const browser = await other.browser('admin');
    const answer = await fetch(`${other.url}/-/events`, { headers: { cookie: browser.cookie } });
    other.ports.signIns.close();
    assert.match(await answer.text(), /^retry:/);
  });
});
