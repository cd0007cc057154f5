/**
 * Finding out about others by where a list goes on.
 *
 * 1. The attacker is a user who sees own pushes and own sessions only. They
 *    have heard an id of somebody else's, or guess one.
 * 2. The lists refuse others by user and by id. But a list goes on after a row
 *    (`before`), and whether there is such a row tells that it exists; which own
 *    rows follow tells when it was made.
 * 3. They ask for the list after that row, on the pages and by the API, with
 *    and without filters.
 * The answer for somebody else's row is the one for no row at all.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { samplePush } from '../support/held-pushes.ts';
import { suiteCleanup } from '../support/suite.ts';
import { startSite } from '../support/web-site.ts';

describe('lists that go on after a row', () => {
  const t = suiteCleanup();

  test('a push of somebody else is no place to go on from', async () => {
    const site = await startSite(t);
    const own = samplePush({ id: 'p-own0001' });
    site.held.add(samplePush({ id: 'p-other01' }));
    site.held.add({ ...own, principal: { ...own.principal, user: 'user' } });
    const browser = await site.browser('user');
    const call = (query: string) =>
      fetch(`${site.url}/-/api/v1/pushes?${query}`, {
        headers: { authorization: `Bearer ${site.tokens.user}` },
      });
    for (const more of ['', '&state=all', '&state=pending']) {
      const [hidden, missing] = [
        await call(`before=p-other01${more}`),
        await call(`before=p-none001${more}`),
      ];
      assert.deepEqual([hidden.status, missing.status], [404, 404]);
      assert.equal((await hidden.text()).replace('p-other01', 'p-none001'), await missing.text());
      assert.equal((await call(`before=p-own0001${more}`)).status, 200);
    }
    for (const tab of ['yours', 'open', 'decided']) {
      const [hidden, missing] = [
        await browser.get(`/-/pushes?tab=${tab}&before=p-other01`),
        await browser.get(`/-/pushes?tab=${tab}&before=p-none001`),
      ];
      assert.deepEqual([hidden.status, missing.status], [404, 404]);
      assert.equal(hidden.text.replaceAll('p-other01', 'p-none001'), missing.text);
    }
    assert.equal(
      (await (await site.browser('admin')).get('/-/pushes?tab=open&before=p-other01')).status,
      200,
    );
  });

  test('a session of somebody else is no place to go on from', async () => {
    const site = await startSite(t);
    for (const user of ['user', 'admin']) {
      const context = { session: `s-of-${user}`, actor: user };
      const opened = { transport: 'ssh', mode: 'stateful', service: 'upload-pack', version: 2 } as const;
      await site.ledger.append(
        'session.opened',
        { ...opened, repo: 'acme/web', address: '192.0.2.1' },
        context,
      );
      const credential = { type: 'token', id: 'tok-x' } as const;
      await site.ledger.append(
        'session.authenticated',
        { user, kind: 'person', groups: [], credential },
        context,
      );
    }
    for (const role of ['user', 'reviewer'] as const) {
      const browser = await site.browser(role);
      for (const more of ['', '&repo=acme/web', '&user=admin']) {
        const hidden = await browser.get(`/-/sessions?before=s-of-admin${more}`);
        const missing = await browser.get(`/-/sessions?before=s-of-nobody${more}`);
        assert.deepEqual([hidden.status, missing.status], [404, 404]);
        assert.equal(hidden.text.replaceAll('s-of-admin', 's-of-nobody'), missing.text);
      }
    }
    assert.equal((await (await site.browser('user')).get('/-/sessions?before=s-of-user')).status, 200);
    assert.equal((await (await site.browser('auditor')).get('/-/sessions?before=s-of-user')).status, 200);
  });
});
