import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { type HttpReceiver, startHttpReceiver } from '../approval/notify/receivers.ts';
import { tempDir } from '../support/git.ts';
import { type Refgate, startRefgate } from '../support/refgate.ts';
import { suiteCleanup } from '../support/suite.ts';

describe('refgate notify', () => {
  const suite = suiteCleanup();
  let refgate: Refgate;
  let receiver: HttpReceiver;
  before(async () => {
    const dir = tempDir(suite, 'notify');
    receiver = await startHttpReceiver(suite);
    const gone = await startHttpReceiver(suite, (response) => response.writeHead(403).end('no such hook'));
    writeFileSync(join(dir, 'chat.txt'), receiver.url, { mode: 0o600 });
    writeFileSync(join(dir, 'gone.txt'), gone.url, { mode: 0o600 });
    refgate = await startRefgate(suite, {
      dir,
      policy: { access: [{ who: { group: 'dev' }, repo: 'acme/*', may: ['read'] }] },
      config: {
        upstreams: { here: { path: { root: dir } } },
        repos: [{ path: 'acme/*', upstream: 'here' }],
        notify: [
          { name: 'chat', slack: { urlFile: 'chat.txt' } },
          { name: 'room', teams: { urlFile: 'gone.txt' }, on: ['push.forced'] },
        ],
      },
    });
  });

  test('the notifiers are listed without their addresses', async () => {
    const table = await refgate.ok(['notify', 'list']);
    assert.match(table, /^NAME +KIND +WAITING +DEAD +LAST SENT +WHERE +LAST ERROR\nchat +slack +0 +0 +- /);
    assert.doesNotMatch(table, /hook/);
    const json = JSON.parse(await refgate.ok(['notify', 'list', '--json'])) as { name: string }[];
    assert.deepEqual(
      json.map(({ name }) => name),
      ['chat', 'room'],
    );
  });

  test('a sample arrives, and one that does not is told with status 1', async () => {
    assert.equal(await refgate.ok(['notify', 'test', 'chat']), 'chat has taken the sample\n');
    assert.match(receiver.received[0]?.body ?? '', /Sample: nobody's push to sample\/repository/);
    const failed = await refgate.cli(['notify', 'test', 'room']);
    assert.equal(failed.status, 1);
    assert.equal(
      failed.stderr,
      'refgate: a notice could not be delivered: room: it answered 403: no such hook\n',
    );
    const unknown = await refgate.cli(['notify', 'test', 'nobody']);
    assert.equal(unknown.stderr, 'refgate: no notifier is named nobody; there are chat, room\n');
  });

  test('where nothing was given up, there is nothing to put back', async () => {
    assert.equal(await refgate.ok(['notify', 'dead']), 'none\n');
    assert.equal(await refgate.ok(['notify', 'retry']), '0 notices are sent again\n');
    const unknown = await refgate.cli(['notify', 'retry', 'n-1']);
    assert.equal(unknown.status, 1);
    assert.match(unknown.stderr, /^refgate: no notice n-1 was given up; see refgate notify dead\n$/);
  });
});
