import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { LedgerEvent } from '../../src/domain/record.ts';
import { under } from '../../src/record/keys.ts';
import { readRow } from '../../src/record/leaf.ts';
import { openLevelStore } from '../../src/store/level.ts';
import { makeClientKey } from '../support/client.ts';
import { tempDir } from '../support/git.ts';
import { startRefgate } from '../support/refgate.ts';

const grant = { who: { group: 'dev' }, repo: 'acme/*', may: ['read'] };

test('every change that an operator makes is in the ledger, with who made it and without any secret', async (t) => {
  const dir = tempDir(t);
  const key = await makeClientKey(dir);
  const pinned = key.publicLine.split(' ').slice(0, 2).join(' ');
  const refgate = await startRefgate(t, {
    dir,
    policy: { access: [grant] },
    config: {
      upstreams: { there: { ssh: { url: 'ssh://git@127.0.0.1:9', hostKeys: [pinned] } } },
      repos: [{ path: 'acme/*', upstream: 'there' }],
    },
  });
  const [good, bad, password] = ['good.yaml', 'bad.yaml', 'password'].map((name) => join(dir, name));
  assert.ok(good && bad && password);
  writeFileSync(good, JSON.stringify({ access: [grant, grant] }));
  writeFileSync(bad, 'access: 1\n');
  writeFileSync(password, 'open sesame');

  await refgate.ok(['user', 'add', 'alice', '--group', 'dev']);
  const added = await refgate.ok(['key', 'add', 'alice', `${key.file}.pub`, '--json']);
  const { fingerprint } = JSON.parse(added) as { fingerprint: string };
  await refgate.ok(['key', 'remove', 'alice', fingerprint]);
  const made = await refgate.ok(['token', 'create', 'alice', '--ttl', '8h', '--json']);
  const { id, token } = JSON.parse(made) as { id: string; token: string };
  await refgate.ok(['token', 'revoke', id]);
  await refgate.ok(['user', 'email', 'alice', '--add', 'alice@example.com']);
  await refgate.ok(['user', 'disable', 'alice']);
  await refgate.ok(['policy', 'apply', good]);
  assert.equal((await refgate.cli(['policy', 'apply', bad])).status, 1);
  const history = await refgate.ok(['policy', 'history', '--json']);
  const [, before] = JSON.parse(history) as { version: string }[];
  await refgate.ok(['policy', 'rollback', before?.version ?? '']);
  const upstream = ['--upstream', 'there'];
  await refgate.ok(['deploy-key', 'create', ...upstream, '--repo', 'acme/made']);
  await refgate.ok(['deploy-key', 'import', ...upstream, '--repo', 'acme/given', '--file', key.file]);
  await refgate.ok(['deploy-key', 'remove', ...upstream, '--repo', 'acme/made']);
  await refgate.ok(['upstream', 'credential', 'there', '--user', 'bot', '--password-file', password]);
  await refgate.ok(['upstream', 'credential', 'there', '--remove']);
  await refgate.stop();

  const events = (await eventsOf(join(dir, 'data', 'store'))).filter(({ code }) => code.startsWith('admin.'));
  assert.deepEqual(
    events.map(({ actor, code }) => `${actor} ${code}`),
    [
      'refgate admin.policy-applied',
      'operator admin.user-added',
      'operator admin.key-added',
      'operator admin.key-removed',
      'operator admin.token-created',
      'operator admin.token-revoked',
      'operator admin.user-emails',
      'operator admin.user-disabled',
      'operator admin.policy-applied',
      'operator admin.policy-rejected',
      'operator admin.policy-applied',
      ...Array.from({ length: 5 }, () => [
        'operator admin.vault-authorised',
        'operator admin.vault-changed',
      ]).flat(),
    ],
  );
  assert.deepEqual(
    events.slice(11).map(({ data }) => ('change' in data ? data.change : undefined)),
    [
      'deploy-key-create',
      'deploy-key-import',
      'deploy-key-remove',
      'credential-set',
      'credential-remove',
    ].flatMap((one) => [one, one]),
  );
  assert.deepEqual(events[11]?.data, { change: 'deploy-key-create', upstream: 'there', repo: 'acme/made' });
  const text = JSON.stringify(events);
  assert.ok(!text.includes(token) && !text.includes('open sesame') && !text.includes('PRIVATE'));
});

async function eventsOf(folder: string): Promise<LedgerEvent[]> {
  const store = await openLevelStore(folder);
  const events: LedgerEvent[] = [];
  for await (const [, row] of store.range(under('ledger/leaf')))
    events.push(JSON.parse(readRow(events.length, row).leaf.toString()) as LedgerEvent);
  await store.close();
  return events;
}
