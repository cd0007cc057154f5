import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type Notifications, openNotifications } from '../../../src/approval/notify/notifications.ts';
import { type EmailTarget, noticeTypes } from '../../../src/approval/notify/notifier-config.ts';
import type { AddressedPush } from '../../../src/approval/notify/summary.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { tempDir } from '../../support/git.ts';
import { makeCertificate } from '../../support/http-backend.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { QuietLog } from '../../support/quiet-log.ts';
import { startMailReceiver } from './receivers.ts';
import { sampleNotice } from './sample-notice.ts';

const from = 'refgate@example.com';
const password = randomBytes(12).toString('hex');

interface Mailer {
  readonly notifications: Notifications;
  tell(change?: Parameters<typeof sampleNotice>[0]): Promise<void>;
}

async function open(
  t: TestContext,
  target: Partial<EmailTarget> & { port: number },
  recipients: (push: AddressedPush) => Promise<readonly string[]> = async () => [],
): Promise<Mailer> {
  const store = new MemoryStore();
  const all = { kind: 'email', host: '127.0.0.1', security: 'any', from, to: [from], ...target } as const;
  const notifications = await openNotifications({
    store,
    notifiers: [{ name: 'mail', on: noticeTypes, target: all }],
    log: new QuietLog(),
    recipients,
    limits: { timeout: 2_000, delays: [] },
  });
  t.after(() => notifications.close());
  return {
    notifications,
    async tell(change) {
      await store.write(notifications.writes(sampleNotice(change)));
      notifications.wake();
    },
  };
}

/** The header lines of a mail, unfolded. */
function headersOf(raw: string): string[] {
  return (raw.split('\r\n\r\n')[0] ?? '').replace(/\r\n[ \t]+/g, ' ').split('\r\n');
}

const header = (raw: string, name: string): string | undefined =>
  headersOf(raw)
    .find((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}: `))
    ?.slice(name.length + 2);

async function certificate(t: TestContext): Promise<{ key: string; cert: string }> {
  const made = await makeCertificate(tempDir(t, 'mail'));
  return { key: readFileSync(made.keyFile, 'utf8'), cert: readFileSync(made.certFile, 'utf8') };
}

test('mails of one push are one thread, have text and HTML, and want no automatic answer', async (t) => {
  const receiver = await startMailReceiver(t, { disabledCommands: ['STARTTLS', 'AUTH'] });
  const { tell } = await open(t, { port: receiver.port, to: ['a@example.com', 'b@example.com'] });
  await tell();
  await tell({ type: 'push.forced', by: 'bob', reason: 'the site is down' });
  await receiver.count(2);
  const [held, forced] = receiver.received;
  assert.ok(held && forced);
  assert.deepEqual(held.to, ['a@example.com', 'b@example.com']);
  assert.equal(header(held.raw, 'Subject'), 'Push p-abc1234 to acme/web by alice');
  assert.equal(header(forced.raw, 'Subject'), header(held.raw, 'Subject'));
  for (const { raw } of [held, forced]) {
    assert.equal(header(raw, 'References'), '<push.p-abc1234@example.com>');
    assert.equal(header(raw, 'Auto-Submitted'), 'auto-generated');
    assert.match(header(raw, 'Message-ID') ?? '', /^<n-[0-9a-z]+@example\.com>$/);
    assert.match(raw, /Content-Type: text\/plain[\s\S]*Content-Type: text\/html/);
  }
  assert.notEqual(header(held.raw, 'Message-ID'), header(forced.raw, 'Message-ID'));
  assert.equal(header(forced.raw, 'Importance'), 'high');
  assert.match(forced.raw, /FORCED by bob/);
  assert.match(held.raw, /1111111111\.\.2222222222/);
  assert.doesNotMatch(held.raw, /private-option|private\/pack/);
});

test('mails to reviewers go to the people who may vote', async (t) => {
  const receiver = await startMailReceiver(t, { disabledCommands: ['STARTTLS', 'AUTH'] });
  const asked: AddressedPush[] = [];
  const { tell } = await open(t, { port: receiver.port, to: 'reviewers' }, async (push) => {
    asked.push(push);
    return ['rita@example.com', 'rita@example.com', 'not an address', 'x@example.com\r\nBcc: y@example.com'];
  });
  await tell();
  await receiver.count(1);
  assert.deepEqual(receiver.received[0]?.to, ['rita@example.com']);
  assert.deepEqual(asked, [
    {
      id: 'p-abc1234',
      user: 'alice',
      repo: 'acme/web',
      seats: [{ of: 'reviewers', groups: ['reviewers'], users: [] }],
    },
  ]);
});

test('when nobody who may vote has an address, or it cannot be found out, it shows', async (t) => {
  const answers = [[], new Error('the directory is closed')];
  const { notifications, tell } = await open(t, { port: 9, to: 'reviewers' }, async () => {
    const answer = answers.shift() ?? [];
    if (answer instanceof Error) throw answer;
    return answer;
  });
  await tell();
  await tell();
  while ((await notifications.dead()).length < 2) await new Promise(setImmediate);
  const errors = (await notifications.dead()).map(({ error }) => error).join('\n');
  assert.match(errors, /nobody who may vote has an e-mail address/);
  assert.match(errors, /who may vote could not be established: the directory is closed/);
});

test('the password is shown only after STARTTLS with a certificate that is trusted', async (t) => {
  const { key, cert } = await certificate(t);
  const seen: string[] = [];
  const receiver = await startMailReceiver(t, {
    key,
    cert,
    authOptional: false,
    onAuth(auth, _session, done) {
      seen.push(auth.password ?? '');
      done(null, { user: auth.username ?? '' });
    },
  });
  const auth = { user: 'mailer', password: new Secret(password) };
  const strict = { port: receiver.port, security: 'starttls', auth } as const;
  const untrusted = await open(t, strict);
  await assert.rejects(untrusted.notifications.test('mail'), /NOTIFY|self-signed|certificate/i);
  assert.deepEqual(seen, []);
  const trusted = await open(t, { ...strict, ca: cert });
  await trusted.tell();
  await receiver.count(1);
  assert.equal(receiver.received[0]?.secure, true);
  assert.equal(receiver.received[0]?.user, 'mailer');
});

test('a server without STARTTLS gets neither the password nor the mail', async (t) => {
  const receiver = await startMailReceiver(t, {
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth: () => assert.fail('the password was sent in the clear'),
  });
  const auth = { user: 'mailer', password: new Secret(password) };
  const { notifications } = await open(t, { port: receiver.port, security: 'starttls', auth });
  await assert.rejects(notifications.test('mail'), { code: 'NOTIFY_FAILED' });
  assert.equal(receiver.received.length, 0);
});

test('smtps speaks TLS from the first byte, and a wrong password is told without it', async (t) => {
  const { key, cert } = await certificate(t);
  const receiver = await startMailReceiver(t, {
    key,
    cert,
    secure: true,
    authOptional: false,
    onAuth: (auth, _session, done) =>
      auth.password === password ? done(null, { user: 'mailer' }) : done(new Error('Invalid password')),
  });
  const target = { port: receiver.port, security: 'tls', ca: cert } as const;
  const good = await open(t, { ...target, auth: { user: 'mailer', password: new Secret(password) } });
  await good.notifications.test('mail');
  assert.equal(receiver.received[0]?.secure, true);
  const wrong = randomBytes(12).toString('hex');
  const bad = await open(t, { ...target, auth: { user: 'mailer', password: new Secret(wrong) } });
  await assert.rejects(bad.notifications.test('mail'), (error: unknown) => {
    assert.match(String(error), /535/);
    assert.doesNotMatch(String(error), new RegExp(wrong));
    return true;
  });
});

test('some recipients that are refused keep the others from nothing, and it shows', async (t) => {
  const receiver = await startMailReceiver(t, {
    disabledCommands: ['STARTTLS', 'AUTH'],
    onRcptTo: ({ address }, _session, done) =>
      address.startsWith('gone') ? done(new Error('no such mailbox')) : done(),
  });
  const { notifications, tell } = await open(t, {
    port: receiver.port,
    to: ['gone@example.com', 'here@example.com'],
  });
  await tell();
  await receiver.count(1);
  while ((await notifications.status())[0]?.waiting !== 0) await new Promise(setImmediate);
  const [status] = await notifications.status();
  assert.equal(status?.lastError?.text, '1 of 2 recipients were refused');
  assert.equal(status?.dead, 0);
});

test('a mail server that says nothing is left after the time, and at the end at once', async (t) => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const store = new MemoryStore();
  const target = { kind: 'email', host: '127.0.0.1', port: address.port, security: 'any', from } as const;
  const setUp = {
    store,
    notifiers: [{ name: 'mail', on: noticeTypes, target: { ...target, to: [from] } }],
    log: new QuietLog(),
    recipients: async () => [],
  };
  const impatient = await openNotifications({ ...setUp, limits: { timeout: 50 } });
  await assert.rejects(impatient.test('mail'), { code: 'NOTIFY_FAILED' });
  await impatient.close();
  const patient = await openNotifications({ ...setUp, limits: { timeout: 600_000 } });
  const sample = assert.rejects(patient.test('mail'), /shutting down/);
  await patient.close();
  await sample;
});
