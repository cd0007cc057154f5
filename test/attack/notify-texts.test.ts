/**
 * The attack: what a pusher or a reviewer writes ends in other people's chats
 * and mailboxes.
 *
 * 1. Somebody may push, or vote, and chooses texts: a ref name, a reason, the
 *    name of a group or a rule that repeats a path of the push.
 * 2. The texts hold what the receivers act on: CRLF and a header for mails,
 *    `<!channel>` and `<url|text>` for Slack, Markdown links, `<at>` and `{{DATE()}}`
 *    for Teams, HTML for mailboxes, bidi controls for eyes.
 * 3. A notice is sent, and everybody is mentioned, a link leads to the attacker,
 *    or a mail has recipients and contents of the attacker's choice.
 *
 * It must stay text: no line, header, link, mention or element of it is the attacker's.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openNotifications } from '../../src/approval/notify/notifications.ts';
import { type NotifierConfig, noticeTypes } from '../../src/approval/notify/notifier-config.ts';
import type { Notice } from '../../src/domain/approval.ts';
import { Secret } from '../../src/domain/secret.ts';
import { startHttpReceiver, startMailReceiver } from '../approval/notify/receivers.ts';
import { sampleNotice, samplePush } from '../approval/notify/sample-notice.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { QuietLog } from '../support/quiet-log.ts';

const payloads = [
  'x\r\nBcc: victim@example.com\r\n\r\ninjected',
  '\r\n.\r\nMAIL FROM:<evil@example.com>',
  '<!channel> <!everyone> <@U123> <https://evil.example|look here>',
  '[look here](https://evil.example) ![](https://evil.example/pixel.png) @channel @here',
  `<at>everyone</at> {{DATE(2026-01-01T00:00:00Z)}} \${triggerBody()} @{body()}`,
  '<script>alert(1)</script><img src=https://evil.example/p.png onerror=alert(1)>"\'&lt;',
  '\u202egnp.exe \u2066\u200b\u0000\u001b[31m\u0007',
  `${'&'.repeat(4_000)}`,
  `${'\u{1f600}'.repeat(4_000)}`,
];

/** The same text at every place that somebody else than an operator may reach. */
function hostile(text: string): Notice {
  const push = samplePush();
  const [ref] = push.refs;
  const [asked] = push.asks;
  assert.ok(ref && asked);
  return sampleNotice({
    type: 'push.rejected',
    by: text,
    reason: text,
    push: samplePush({
      principal: { ...push.principal, user: text },
      repo: text,
      refs: [{ ...ref, ref: text }],
      verdicts: [{ ref: text, effect: 'ask', reasons: [{ rule: text, code: 'APPROVAL_REQUIRED', text }] }],
      asks: [{ ...asked, rule: text, seats: [{ of: text, groups: [text], users: [text] }] }],
    }),
  });
}

async function deliver(notifier: NotifierConfig, notice: Notice): Promise<void> {
  const store = new MemoryStore();
  const notifications = await openNotifications({
    store,
    notifiers: [notifier],
    log: new QuietLog(),
    recipients: async () => [],
    limits: { delays: [] },
  });
  await store.write(notifications.writes(notice));
  notifications.wake();
  while ((await notifications.status())[0]?.lastSent === undefined) {
    assert.deepEqual(await notifications.dead(), []);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await notifications.close();
}

/** Every value of the key anywhere in the JSON. */
function valuesOf(value: unknown, key: string): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, entry]) => [
    ...(name === key ? [entry] : []),
    ...valuesOf(entry, key),
  ]);
}

const page = 'https://git.example.com/-/pushes/p-abc1234';
const unseen = /[^\P{Cc}\r\n]|[\p{Cf}\p{Zl}\p{Zp}]/u;

for (const type of ['push.rejected', 'push.held', 'push.forced'] as const) {
  test(`in Slack, no text of a peer mentions, links or styles anything (${type})`, async (t) => {
    const receiver = await startHttpReceiver(t);
    const target = { kind: 'slack', url: new Secret(receiver.url) } as const;
    for (const payload of payloads)
      await deliver({ name: 'chat', on: noticeTypes, target }, { ...hostile(payload), type });
    assert.equal(receiver.received.length, payloads.length);
    for (const { body } of receiver.received) {
      const message = JSON.parse(body) as Record<string, unknown>;
      const texts = [message['text'], ...valuesOf(message, 'text')].filter((one) => typeof one === 'string');
      for (const text of texts) {
        assert.doesNotMatch(text, /[<>]/);
        assert.doesNotMatch(text, /&(?!amp;|lt;|gt;)/, 'an entity was cut');
        assert.doesNotMatch(text, unseen);
        assert.ok(text.length <= 3_000);
      }
      assert.equal(message['mrkdwn'], false);
      assert.equal(message['parse'], 'none');
      assert.deepEqual(valuesOf(message['blocks'], 'url'), [page]);
      assert.ok(!valuesOf(message, 'type').includes('mrkdwn'));
      const [header = ''] = valuesOf(message['blocks'], 'text').filter((one) => typeof one === 'string');
      assert.ok(header.length <= 150);
    }
  });

  test(`in Teams, every text of a peer is a run of text, which knows no Markdown (${type})`, async (t) => {
    const receiver = await startHttpReceiver(t);
    const target = { kind: 'teams', url: new Secret(receiver.url) } as const;
    for (const payload of payloads)
      await deliver({ name: 'chat', on: noticeTypes, target }, { ...hostile(payload), type });
    for (const { body } of receiver.received) {
      const message = JSON.parse(body) as { attachments: { content: Record<string, unknown> }[] };
      const content = message.attachments[0]?.content ?? {};
      const types = new Set(valuesOf(content, 'type'));
      assert.deepEqual([...types].sort(), ['Action.OpenUrl', 'AdaptiveCard', 'RichTextBlock', 'TextRun']);
      assert.deepEqual(valuesOf(content, 'url'), [page]);
      assert.equal(content['msteams'], undefined);
      for (const text of valuesOf(content, 'text')) {
        assert.ok(typeof text === 'string');
        assert.doesNotMatch(text, /<\/?at\b|\{\{|\$\{|@\{/);
        assert.doesNotMatch(text, unseen);
        assert.doesNotMatch(text, /\n/);
      }
      assert.ok(Buffer.byteLength(body) < 28 * 1_024, `${Buffer.byteLength(body)} bytes`);
    }
  });
}

test('in a mail, no text of a peer becomes a header, a recipient, an element or a link', async (t) => {
  const receiver = await startMailReceiver(t, { disabledCommands: ['STARTTLS', 'AUTH'] });
  const target = {
    kind: 'email',
    host: '127.0.0.1',
    port: receiver.port,
    security: 'any',
    from: 'refgate@example.com',
    to: ['reviewer@example.com'],
  } as const;
  const expected = new Set(
    'from to subject message-id in-reply-to references date auto-submitted x-auto-response-suppress mime-version content-type'.split(
      ' ',
    ),
  );
  for (const payload of payloads) await deliver({ name: 'mail', on: noticeTypes, target }, hostile(payload));
  assert.equal(receiver.received.length, payloads.length);
  for (const { from, to, raw } of receiver.received) {
    assert.equal(from, 'refgate@example.com');
    assert.deepEqual(to, ['reviewer@example.com']);
    const head = (raw.split('\r\n\r\n')[0] ?? '').replace(/\r\n[ \t]+/g, ' ').split('\r\n');
    for (const line of head)
      assert.ok(expected.has((line.split(':')[0] ?? '').toLowerCase()), `a header of the attacker: ${line}`);
    const html = htmlOf(raw);
    const elements = [...html.matchAll(/<\/?([a-z]+)/gi)].map((match) => match[1]);
    assert.deepEqual([...new Set(elements)].sort(), ['a', 'p', 'strong', 'table', 'td', 'th', 'tr']);
    assert.deepEqual(
      [...html.matchAll(/(?:href|src)="([^"]*)"/g)].map((match) => match[1]),
      [page],
    );
    assert.doesNotMatch(html, unseen);
  }
});

/** The HTML part, decoded. */
function htmlOf(raw: string): string {
  const part =
    /Content-Type: text\/html[^\r]*\r\nContent-Transfer-Encoding: (\S+)\r\n\r\n([\s\S]*?)\r\n--/.exec(raw);
  assert.ok(part, 'the mail has no HTML part');
  const [, encoding, text = ''] = part;
  if (encoding === 'base64') return Buffer.from(text, 'base64').toString('utf8');
  if (encoding !== 'quoted-printable') return text;
  const bytes = text
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_whole, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
