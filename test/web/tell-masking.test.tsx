import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VNode } from 'preact';
import { renderToString } from 'preact-render-to-string';
import type { EventCode, EventPayloads, LedgerEvent } from '../../src/domain/record.ts';
import { tellEvent } from '../../src/web/parts/tell-event.tsx';
import { samplePush } from '../support/held-pushes.ts';
import { hostile } from '../support/look-server.ts';
import { alice, startPushServer } from '../support/push-server.ts';

function event<C extends EventCode>(code: C, data: EventPayloads[C]): LedgerEvent<C> {
  return { v: 1, seq: 1, time: '2026-03-01T10:00:00.000Z', mono: 1, code, actor: 'ada', data };
}

function told<C extends EventCode>(code: C, data: EventPayloads[C]): string {
  const { title, body } = tellEvent(event(code, data) as LedgerEvent, true);
  return `${title} ${body === undefined ? '' : renderToString(body as VNode)}`;
}

const [view, original] = ['ab'.repeat(20), 'c'.repeat(40)];
const restored: EventPayloads['push.restored'] = {
  updates: [{ ref: 'refs/heads/main', oldOid: 'a'.repeat(40), newOid: original }],
  pairs: [{ view, original }],
  pairCount: 1,
  placeholders: [{ how: 'new-line', rule: 'url-password', path: 'ci.yaml', line: 7, commit: original }],
};

test('a push that was put back is told with both oids, and where placeholders are out of place', () => {
  const text = told('push.restored', restored);
  assert.match(text, /Put back onto the originals, with 1 placeholder out of place/);
  assert.ok(text.includes(view.slice(0, 12)) && text.includes(original.slice(0, 12)));
  assert.match(text, /ci\.yaml:7/);
  assert.match(told('push.restored', { ...restored, pairs: [], pairCount: 0 }), /goes as it was pushed/);
});

test('every event of masking has words of its own, in which nothing acts', () => {
  const target = `here:${hostile}`;
  const all = [
    told('archive.requested', { target, view: 'masked', args: [hostile] }),
    told('archive.served', { bytes: 2_048 }),
    told('mask.view-served', {
      target,
      epoch: 2,
      rules: '',
      values: 3,
      changedCommits: 4,
      commits: 9,
      refs: '',
    }),
    told('admin.mask-allowed', { fingerprint: hostile, repo: hostile, reason: hostile }),
    told('admin.mask-disallowed', { fingerprint: hostile }),
    told('admin.mask-enabled', { repo: hostile, target, values: 3, changedCommits: 4, commits: 9 }),
    told('admin.mask-disabled', { repo: hostile, target }),
    told('admin.mask-rebuilt', { repo: hostile, target }),
    told('admin.mask-stopped', { repo: hostile, target }),
    told('admin.mask-resumed', { repo: hostile, target }),
  ];
  for (const text of all) {
    assert.doesNotMatch(text, /^(admin|mask|archive)\./);
    assert.ok(!text.includes('\u202e') && !text.includes('\u0007'), text);
  }
});

test('who decides sees what the pusher sees beside the original, and placeholders out of place', async (t) => {
  const server = await startPushServer(t);
  const push = samplePush();
  server.held.add(push);
  assert.doesNotMatch((await server.page('/pushes/p-abc1234')).text, /Placeholders out of place|in the view/);
  server.events.set(push.session, [event('push.restored', restored) as LedgerEvent]);
  const { text } = await server.page('/pushes/p-abc1234');
  assert.match(text, new RegExp(`in the view <code class="oid" title="${view}">`));
  assert.match(text, /Placeholders out of place/);
  assert.match(text, /on a line where the secret was not/);
  server.as(alice);
  const { body } = await server.api('/pushes/p-abc1234');
  assert.deepEqual((body as { restored: unknown }).restored, restored);
});
