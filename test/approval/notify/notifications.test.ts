import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import {
  type Notifications,
  type NotifyLimits,
  type NotifyOptions,
  openNotifications,
} from '../../../src/approval/notify/notifications.ts';
import { type NotifierConfig, noticeTypes } from '../../../src/approval/notify/notifier-config.ts';
import type { Notice } from '../../../src/domain/approval.ts';
import { RefgateError } from '../../../src/domain/error.ts';
import { Secret } from '../../../src/domain/secret.ts';
import type { Store } from '../../../src/domain/store.ts';
import { FaultyStore } from '../../support/faulty-store.ts';
import { tempDir } from '../../support/git.ts';
import { makeCertificate } from '../../support/http-backend.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { QuietLog } from '../../support/quiet-log.ts';
import { startHttpReceiver } from './receivers.ts';
import { sampleNotice, samplePush } from './sample-notice.ts';

const key = randomBytes(32);
const oracle = new Webhook(`whsec_${key.toString('base64')}`);
const quick: Partial<NotifyLimits> = { timeout: 5_000, delays: [1, 1, 1] };

function webhook(name: string, url: string, on: readonly Notice['type'][] = noticeTypes): NotifierConfig {
  return { name, on, target: { kind: 'webhook', url, keys: [new Secret(key)] } };
}

async function open(
  t: TestContext,
  store: Store,
  notifiers: readonly NotifierConfig[],
  more: Partial<NotifyOptions> = {},
): Promise<Notifications> {
  const options = {
    store,
    notifiers,
    log: new QuietLog(),
    recipients: async () => [],
    limits: quick,
    ...more,
  };
  const notifications = await openNotifications(options);
  t.after(() => notifications.close());
  return notifications;
}

async function tell(notifications: Notifications, store: Store, notice = sampleNotice()): Promise<void> {
  await store.write(notifications.writes(notice));
  notifications.wake();
}

async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await isSo())) await sleep(2);
}

const idle = async (one: Notifications): Promise<boolean> =>
  (await one.status()).every(({ waiting }) => waiting === 0);

test('a webhook is signed so that the receiver can verify it, and tells what waits', async (t) => {
  const receiver = await startHttpReceiver(t);
  const store = new MemoryStore();
  const notifications = await open(t, store, [webhook('audit', receiver.url)]);
  await tell(notifications, store);
  await receiver.count(1);
  const [got] = receiver.received;
  assert.ok(got);
  const body = oracle.verify(got.body, got.headers as Record<string, string>) as Record<string, unknown>;
  assert.equal(body['type'], 'push.held');
  assert.equal(body['timestamp'], '2026-01-02T03:04:05.000Z');
  const data = body['data'] as Record<string, unknown>;
  assert.equal(data['push'], 'p-abc1234');
  assert.equal(data['url'], 'https://git.example.com/-/pushes/p-abc1234');
  assert.deepEqual(data['asks'], [{ rule: 'production-review', of: ['reviewers'], approvals: 2 }]);
  assert.deepEqual(data['reasons'], [{ rule: 'production-review', text: 'src/a.ts changes\nask' }]);
  await until(() => idle(notifications));
  assert.match((await notifications.status())[0]?.lastSent ?? '', /^\d{4}-/);
  assert.deepEqual([...store.rows.keys()], ['notify!state!audit']);
});

test('while a receiver changes its key, both the old and the new one sign', async (t) => {
  const receiver = await startHttpReceiver(t);
  const other = randomBytes(24);
  const store = new MemoryStore();
  const target = { kind: 'webhook', url: receiver.url, keys: [new Secret(other), new Secret(key)] } as const;
  const notifications = await open(t, store, [{ name: 'audit', on: noticeTypes, target }]);
  await tell(notifications, store);
  await receiver.count(1);
  const [got] = receiver.received;
  for (const one of [key, other])
    new Webhook(`whsec_${one.toString('base64')}`).verify(
      got?.body ?? '',
      got?.headers as Record<string, string>,
    );
});

test('no message holds a push option, the path of a pack, or an address of a chat', async (t) => {
  const receiver = await startHttpReceiver(t);
  const store = new MemoryStore();
  const chat = (kind: 'slack' | 'teams'): NotifierConfig => ({
    name: kind,
    on: noticeTypes,
    target: { kind, url: new Secret(receiver.url) },
  });
  const notifications = await open(t, store, [webhook('audit', receiver.url), chat('slack'), chat('teams')]);
  await tell(notifications, store);
  await receiver.count(3);
  const everything = [...receiver.received.map(({ body }) => body), ...store.rows.values()].join('\n');
  assert.doesNotMatch(everything, /private-option|private\/pack|127\.0\.0\.1:\d+\/hook/);
  for (const { where } of (await notifications.status()).slice(1)) assert.doesNotMatch(where, /hook/);
});

test('a notifier hears only of what it asked for', async (t) => {
  const receiver = await startHttpReceiver(t);
  const store = new MemoryStore();
  const notifications = await open(t, store, [webhook('audit', receiver.url, ['push.forced'])]);
  assert.deepEqual(notifications.writes(sampleNotice()), []);
  await tell(notifications, store, sampleNotice({ type: 'push.forced', by: 'bob', reason: 'site is down' }));
  await receiver.count(1);
  assert.equal((JSON.parse(receiver.received[0]?.body ?? '') as { type: string }).type, 'push.forced');
});

test('what fails is tried again with the same id and body until it is taken', async (t) => {
  const receiver = await startHttpReceiver(t, (response, before) => {
    response.statusCode = before < 3 ? 503 : 200;
    response.end('later');
  });
  const store = new MemoryStore();
  const notifications = await open(t, store, [webhook('audit', receiver.url)]);
  await tell(notifications, store);
  await receiver.count(4);
  await until(() => idle(notifications));
  assert.equal(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size, 1);
  assert.equal(new Set(receiver.received.map(({ body }) => body)).size, 1);
  assert.match((await notifications.status())[0]?.lastError?.text ?? '', /^it answered 503: later$/);
  assert.deepEqual(await notifications.dead(), []);
  assert.deepEqual(notifications.counts(), [{ name: 'audit', waiting: 0, dead: 0, sent: 1, failed: 3 }]);
});

test('after the last attempt a notice is dead, and can be put back in line', async (t) => {
  let works = false;
  const receiver = await startHttpReceiver(t, (response) => {
    response.statusCode = works ? 204 : 500;
    response.end();
  });
  const store = new MemoryStore();
  const notifications = await open(t, store, [webhook('audit', receiver.url)]);
  await tell(notifications, store);
  await until(async () => (await notifications.dead()).length === 1);
  assert.equal(receiver.received.length, 4);
  const [dead] = await notifications.dead();
  assert.ok(dead);
  const { id, time, ...rest } = dead;
  assert.match(`${id} ${time}`, /^n-[0-9a-z]{21} \d{4}-.*Z$/);
  const told = { notifier: 'audit', type: 'push.held', push: 'p-abc1234' };
  assert.deepEqual(rest, { ...told, attempts: 4, error: 'it answered 500' });
  await assert.rejects(notifications.retry('n-unknown', 'operator'), { code: 'NOT_FOUND' });
  works = true;
  assert.equal(await notifications.retry(id, 'operator'), 1);
  await receiver.count(5);
  await until(() => idle(notifications));
  assert.deepEqual(await notifications.dead(), []);
  assert.equal(receiver.received[4]?.headers['webhook-id'], id);
});

test('a receiver that is gone for good is not asked again', async (t) => {
  const receiver = await startHttpReceiver(t, (response) => response.writeHead(410).end());
  const store = new MemoryStore();
  const notifications = await open(t, store, [webhook('audit', receiver.url)]);
  await tell(notifications, store);
  await until(async () => (await notifications.dead()).length === 1);
  assert.equal(receiver.received.length, 1);
});

test('a redirect is not followed', async (t) => {
  const elsewhere = await startHttpReceiver(t);
  const receiver = await startHttpReceiver(t, (response) =>
    response.writeHead(307, { location: elsewhere.url }).end(),
  );
  const store = new MemoryStore();
  const notifications = await open(t, store, [webhook('audit', receiver.url)]);
  await tell(notifications, store);
  await until(async () => (await notifications.dead()).length === 1);
  assert.match((await notifications.dead())[0]?.error ?? '', /307: redirects are not followed/);
  assert.equal(elsewhere.received.length, 0);
});

test('one receiver that hangs keeps no other waiting, nor the end', async (t) => {
  const hanging = await startHttpReceiver(t, () => {});
  const receiver = await startHttpReceiver(t);
  const store = new MemoryStore();
  const notifications = await open(t, store, [webhook('slow', hanging.url), webhook('audit', receiver.url)], {
    limits: { timeout: 600_000 },
  });
  for (let count = 0; count < 5; count++) await tell(notifications, store);
  await receiver.count(5);
  assert.equal(hanging.received.length, 1);
  await notifications.close();
  const left = [...store.rows.keys()].filter((one) => one.startsWith('notify!q!slow!'));
  assert.equal(left.length, 5);
});

test('a receiver that hangs, or sends its answer without end, is left after the time', async (t) => {
  const hanging = await startHttpReceiver(t, () => {});
  const endless = await startHttpReceiver(t, (response) => {
    response.writeHead(500);
    const more = setInterval(() => response.write('x'.repeat(1_024)), 1);
    response.on('close', () => clearInterval(more));
  });
  const store = new MemoryStore();
  const notifications = await open(t, store, [webhook('slow', hanging.url), webhook('long', endless.url)], {
    limits: { timeout: 200, delays: [] },
  });
  await tell(notifications, store);
  await until(async () => (await notifications.dead()).length === 2);
  const errors = new Map((await notifications.dead()).map(({ notifier, error }) => [notifier, error]));
  assert.equal(errors.get('slow'), 'no answer within 0.2 s');
  assert.match(errors.get('long') ?? '', /^it answered 500: x{199}…$/);
});

test('what was not sent before a crash is sent after the next start', async (t) => {
  const store = new MemoryStore();
  const hanging = await startHttpReceiver(t, () => {});
  const first = await open(t, store, [webhook('audit', hanging.url)]);
  await tell(first, store);
  await tell(first, store, sampleNotice({ type: 'push.lapsed' }));
  // Durable, and the process ended before it was woken.
  await store.write(first.writes(sampleNotice({ type: 'push.forced' })));
  await hanging.count(1);
  const receiver = await startHttpReceiver(t);
  await open(t, store, [webhook('audit', receiver.url)]);
  await receiver.count(3);
  const types = receiver.received.map(({ body }) => (JSON.parse(body) as { type: string }).type);
  assert.deepEqual(types, ['push.held', 'push.lapsed', 'push.forced']);
  assert.equal(receiver.received[0]?.headers['webhook-id'], hanging.received[0]?.headers['webhook-id']);
});

test('what never became durable is never sent, and stops nothing that did', async (t) => {
  const receiver = await startHttpReceiver(t);
  const store = new MemoryStore();
  const notifications = await open(t, store, [webhook('audit', receiver.url)]);
  notifications.writes(sampleNotice({ type: 'push.forced' }));
  await tell(notifications, store);
  await receiver.count(1);
  await until(() => idle(notifications));
  assert.equal(receiver.received.length, 1);
});

for (const fault of ['failed', 'failed but persisted'] as const) {
  test(`when the store ${fault} after a delivery, nothing is lost, and it is said`, async (t) => {
    const receiver = await startHttpReceiver(t);
    const rows = new MemoryStore();
    const log = new QuietLog();
    const notifications = await open(t, new FaultyStore(rows, 0, fault), [webhook('audit', receiver.url)], {
      log,
    });
    await tell(notifications, rows);
    await receiver.count(1);
    await until(() => log.lines.includes('error the queue of notices cannot be read or written'));
    await notifications.close();
    const again = await open(t, rows, [webhook('audit', receiver.url)]);
    await until(() => idle(again));
    assert.equal(receiver.received.length, fault === 'failed' ? 2 : 1);
    assert.equal(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size, 1);
  });
}

test('the queue and the list of the dead are bounded; of too many the oldest go first', async (t) => {
  const hanging = await startHttpReceiver(t, () => {});
  const store = new MemoryStore();
  const setUp = [webhook('audit', hanging.url)];
  const limits = { maxWaiting: 3, maxDead: 4 };
  const first = await open(t, store, setUp, { limits });
  for (let count = 0; count < 10; count++)
    await store.write(first.writes(sampleNotice({ push: samplePush({ id: `p-000000${count}` }) })));
  const second = await open(t, store, setUp, { limits });
  await until(async () => (await second.status())[0]?.waiting === 3);
  const dead = await second.dead();
  assert.deepEqual(dead.map(({ push }) => push).sort(), ['p-0000003', 'p-0000004', 'p-0000005', 'p-0000006']);
  for (const { error } of dead) assert.equal(error, 'more than 3 notices waited for this receiver');
});

test('what waits for a notifier that was taken out of the configuration is shown as dead', async (t) => {
  const hanging = await startHttpReceiver(t, () => {});
  const store = new MemoryStore();
  const first = await open(t, store, [webhook('old', hanging.url)]);
  await store.write(first.writes(sampleNotice()));
  const second = await open(t, store, [webhook('audit', hanging.url)]);
  const [dead] = await second.dead();
  assert.match(dead?.error ?? '', /no notifier of this name/);
  await assert.rejects(second.retry(dead?.id, 'operator'), /is for old, which notify: .* does not have/);
  assert.equal(await second.retry(undefined, 'operator'), 0);
});

test('a row that cannot be read is removed, and the others are sent', async (t) => {
  const receiver = await startHttpReceiver(t);
  const store = new MemoryStore();
  const first = await open(t, store, [webhook('audit', receiver.url)]);
  await store.write(first.writes(sampleNotice()));
  store.rows.set('notify!q!audit!n-000', Buffer.from('{'));
  const second = await open(t, store, [webhook('audit', receiver.url)]);
  await receiver.count(1);
  await until(() => idle(second));
  assert.deepEqual([...store.rows.keys()], ['notify!state!audit']);
});

test('a sample is sent at once, and what the receiver says against it is told', async (t) => {
  const receiver = await startHttpReceiver(t, (response, before) => {
    response.statusCode = before === 0 ? 200 : 403;
    response.end('no such hook');
  });
  const notifications = await open(t, new MemoryStore(), [webhook('audit', receiver.url)]);
  await notifications.test('audit');
  assert.match(receiver.received[0]?.body ?? '', /"sample":true/);
  await assert.rejects(notifications.test('audit'), (error: unknown) => {
    assert.ok(error instanceof RefgateError);
    assert.equal(error.code, 'NOTIFY_FAILED');
    assert.equal(error.detail, 'audit: it answered 403: no such hook');
    return true;
  });
  await assert.rejects(notifications.test('chat'), /no notifier is named chat; there are audit/);
});

test('the address of a chat is a secret, also when its receiver says it back', async (t) => {
  const receiver = await startHttpReceiver(t, (response) =>
    response.writeHead(404).end('no /hook/B0123456789?x=abcdefghij, B0123456789 and abcdefghij are wrong'),
  );
  const target = { kind: 'slack', url: new Secret(`${receiver.url}/B0123456789?x=abcdefghij`) } as const;
  const notifications = await open(t, new MemoryStore(), [{ name: 'chat', on: noticeTypes, target }]);
  await assert.rejects(notifications.test('chat'), (error: unknown) => {
    assert.match(String(error), /404: no \[secret\], \[secret\] and \[secret\] are wrong/);
    return true;
  });
});

test('a push of very many refs is told in few bytes', async (t) => {
  const store = new MemoryStore();
  const notifications = await open(t, store, [webhook('audit', 'http://127.0.0.1:9/')]);
  const [ref] = samplePush().refs;
  assert.ok(ref);
  const refs = Array.from({ length: 20_000 }, (_, at) => ({
    ...ref,
    ref: `refs/heads/${at}${'x'.repeat(900)}`,
  }));
  const verdicts = refs.map((one) => ({
    ref: one.ref,
    effect: 'ask' as const,
    reasons: [{ rule: 'r', code: 'APPROVAL_REQUIRED' as const, text: `${one.ref}\n`.repeat(50) }],
  }));
  const [write] = notifications.writes(sampleNotice({ push: samplePush({ refs, verdicts }) }));
  assert.ok(write?.type === 'put');
  assert.ok(write.value.length < 32_768, `${write.value.length} bytes`);
});

test('the wait after each failure is the one of the table, and is kept over restarts', async (t) => {
  const receiver = await startHttpReceiver(t, (response) => response.writeHead(500).end());
  const store = new MemoryStore();
  let now = Date.now();
  const setUp = [webhook('audit', receiver.url)];
  const reopen = (): Promise<Notifications> => open(t, store, setUp, { clock: () => now, limits: {} });
  let notifications = await reopen();
  await tell(notifications, store);
  const rowOf = (): { due: number; attempts: number } => {
    const value = [...store.rows].find(([name]) => name.startsWith('notify!q!'))?.[1];
    return value === undefined ? { due: 0, attempts: 0 } : JSON.parse(Buffer.from(value).toString());
  };
  const seconds = [5, 30, 120, 600, 1_800, 7_200, 21_600, 43_200];
  for (const [at, wait] of seconds.entries()) {
    await until(() => rowOf().attempts === at + 1);
    const { due } = rowOf();
    assert.ok(
      due >= now + wait * 800 && due <= now + wait * 1_200,
      `${due - now} ms after attempt ${at + 1}`,
    );
    await notifications.close();
    now = due;
    notifications = await reopen();
  }
  await until(async () => (await notifications.dead()).length === 1);
  assert.equal((await notifications.dead())[0]?.attempts, 9);
  assert.equal(receiver.received.length, 9);
});

test('what the receiver asks for with Retry-After is waited for, up to an hour', async (t) => {
  const receiver = await startHttpReceiver(t, (response, before) =>
    response.writeHead(429, { 'retry-after': before === 0 ? '60' : '999999' }).end(),
  );
  const store = new MemoryStore();
  const now = Date.now();
  const notifications = await open(t, store, [webhook('audit', receiver.url)], { clock: () => now });
  await tell(notifications, store);
  await tell(notifications, store);
  const dues = (): number[] =>
    [...store.rows]
      .filter(([name]) => name.startsWith('notify!q!'))
      .map(([, value]) => (JSON.parse(Buffer.from(value).toString()) as { due: number }).due - now);
  await until(() => dues().every((due) => due > 0));
  assert.deepEqual(dues(), [60_000, 3_600_000]);
});

test('a webhook of a private certificate authority needs its certificate', async (t) => {
  const made = await makeCertificate(tempDir(t, 'tls'));
  const tls = { key: readFileSync(made.keyFile), cert: readFileSync(made.certFile) };
  const receiver = await startHttpReceiver(t, undefined, tls);
  const target = { kind: 'webhook', url: receiver.url, keys: [new Secret(key)] } as const;
  const notifications = await open(t, new MemoryStore(), [
    { name: 'plain', on: noticeTypes, target },
    { name: 'pinned', on: noticeTypes, target: { ...target, ca: tls.cert.toString() } },
  ]);
  await assert.rejects(notifications.test('plain'), /self-signed certificate/);
  assert.equal(receiver.received.length, 0);
  await notifications.test('pinned');
  assert.equal(receiver.received.length, 1);
});

test('whatever fails and whenever it is stopped, every notice arrives, and none is another', async (t) => {
  let failing = true;
  let turn = 0;
  const receiver = await startHttpReceiver(t, (response) => {
    turn += 1;
    if (failing && turn % 5 === 0) response.destroy();
    else response.writeHead(failing && turn % 3 === 0 ? 500 : 200).end();
  });
  const store = new MemoryStore();
  const setUp = [webhook('one', receiver.url), webhook('two', receiver.url)];
  const limits = { timeout: 5_000, delays: Array.from({ length: 50 }, () => 1) };
  const pushes = Array.from({ length: 40 }, (_, at) => `p-${String(at).padStart(7, '0')}`);
  for (const [at, id] of pushes.entries()) {
    if (at % 8 === 0) await open(t, store, setUp, { limits }).then((one) => one.close());
    const notifications = await open(t, store, setUp, { limits });
    const batch = notifications.writes(sampleNotice({ push: samplePush({ id }) }));
    await Promise.all([store.write(batch), notifications.wake()]);
    if (at % 2 === 0) notifications.wake();
    await notifications.close();
  }
  failing = false;
  const last = await open(t, store, setUp, { limits });
  await until(() => idle(last));
  assert.deepEqual(await last.dead(), []);
  const arrived = new Map<string, string>();
  for (const { body, headers } of receiver.received) {
    oracle.verify(body, headers as Record<string, string>);
    const { data } = JSON.parse(body) as { data: { push: string } };
    arrived.set(String(headers['webhook-id']), data.push);
  }
  assert.deepEqual([...arrived.values()].sort(), [...pushes, ...pushes].sort());
});
