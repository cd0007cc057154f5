import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { startHttpReceiver, startMailReceiver } from '../approval/notify/receivers.ts';
import { addReviewer, becomes, heldPush, startAgain, vote } from '../scenario/approving.ts';
import { git, runGit, tempDir } from '../support/git.ts';
import { startRefgate } from '../support/refgate.ts';
import { makeRepo } from '../support/repos.ts';

test('a notice that no receiver took before kill -9 is delivered after it, and holds up no push', async (t) => {
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  const dir = tempDir(t, 'notices');
  writeFileSync(join(dir, 'key.txt'), secret, { mode: 0o600 });
  let works = false;
  const receiver = await startHttpReceiver(t, (response) => {
    if (works) response.end();
  });
  const hanging = await startHttpReceiver(t, () => {});
  const mails = await startMailReceiver(t, { disabledCommands: ['STARTTLS', 'AUTH'] });
  const smtp = `smtp://127.0.0.1:${mails.port}`;
  await makeRepo(join(dir, 'srv', 'acme', 'web.git'), 'linear', { count: 2 });
  const refgate = await startRefgate(t, {
    dir,
    policy: {
      access: [{ who: { group: 'dev' }, repo: 'acme/*', may: ['read', 'write'] }],
      rules: [
        {
          name: 'reviewed',
          when: { ref: 'refs/heads/main' },
          then: { ask: { group: 'reviewers', wait: '0s', onApprove: 'relay' } },
        },
      ],
    },
    config: {
      upstreams: { disk: { path: { root: join(dir, 'srv') } } },
      repos: [{ path: 'acme/*', upstream: 'disk' }],
      notify: [
        { name: 'slow', webhook: { url: hanging.url, secretFile: 'key.txt' } },
        { name: 'audit', webhook: { url: receiver.url, secretFile: 'key.txt' } },
        { name: 'mail', email: { smtp, from: 'refgate@example.com', to: 'reviewers' } },
      ],
    },
  });
  const carol = await addReviewer(refgate, 'carol');
  await refgate.ok(['user', 'email', 'carol', '--add', 'carol@example.com']);
  const url = new URL(`${refgate.http}/acme/web.git`);
  url.username = 'ann';
  url.password = await addReviewer(refgate, 'ann', ['--group', 'dev']);
  const clone = join(dir, 'clone');
  await git(['clone', '-q', url.href, clone]);
  writeFileSync(join(clone, 'new.txt'), 'new\n');
  await git(['add', '.'], { cwd: clone });
  await git(['commit', '-qm', 'add new.txt'], { cwd: clone });
  const pushed = await runGit(['push', 'origin', 'HEAD:main'], { cwd: clone });
  const [, id = ''] = /held as (p-[a-z0-9]{7})/.exec(pushed.stderr) ?? [];
  assert.notEqual(id, '', pushed.stderr);
  await Promise.all([receiver.count(1), hanging.count(1), mails.count(1)]);
  await refgate.kill();
  works = true;
  const again = await startAgain(t, refgate);
  await receiver.count(2);
  const [first, second] = receiver.received;
  assert.equal(first?.headers['webhook-id'], second?.headers['webhook-id']);
  const told = new Webhook(secret).verify(second?.body ?? '', second?.headers as Record<string, string>) as {
    type: string;
    data: Record<string, unknown>;
  };
  assert.equal(told.type, 'push.held');
  assert.equal(told.data['push'], id);
  assert.equal(told.data['user'], 'ann');
  assert.deepEqual(mails.received[0]?.to, ['carol@example.com']);
  assert.match(mails.received[0]?.raw ?? '', new RegExp(`Subject: Push ${id} to acme/web by ann`));

  assert.equal((await heldPush(again, id)).state, 'pending');
  await vote(again, carol, id, 'approve', 'looks right');
  await becomes(again, id, ['forwarded']);
  await receiver.count(3);
  assert.match(receiver.received[2]?.body ?? '', /"type":"push\.approved"/);
  assert.match(await again.ok(['notify', 'list']), /^slow +webhook +[12] /m);
});
