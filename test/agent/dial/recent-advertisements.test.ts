import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Advertised, RecentAdvertisements } from '../../../src/agent/dial/recent-advertisements.ts';
import { Secret } from '../../../src/domain/secret.ts';

const login = (user: string, word = 'word') => ({ user, password: new Secret(word) });
const place = { url: new URL('http://127.0.0.1/acme/web.git/'), login: login('agent') };

async function* pieces(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}

async function read({ body }: Advertised): Promise<string> {
  let text = '';
  for await (const piece of body) text += piece.toString();
  return text;
}

const shown = (...texts: string[]): Advertised => ({ body: pieces(...texts), at: place });

function clock() {
  const time = { now: 0 };
  return Object.assign(time, { recent: new RecentAdvertisements(() => time.now) });
}

test('what was read to its end is given again for two seconds, to the same login alone', async () => {
  const time = clock();
  assert.equal(await read(time.recent.watch('acme/web', shown('one ', 'two'))), 'one two');
  time.now = 2_000;
  const again = time.recent.take('acme/web', login('agent')) ?? assert.fail('not kept');
  assert.equal(await read(again), 'one two');
  assert.equal(again.at, place);
  assert.equal(time.recent.take('acme/web', login('agent', 'other')), undefined);
  assert.equal(time.recent.take('acme/web', login('other')), undefined);
  assert.equal(time.recent.take('acme/api', login('agent')), undefined);
  time.now = 2_001;
  assert.equal(time.recent.take('acme/web', login('agent')), undefined);
});

test('what was not read to its end, is large, or was pushed to since, is not given again', async () => {
  const { recent } = clock();
  for await (const _ of recent.watch('acme/web', shown('one', 'two')).body) break;
  assert.equal(recent.take('acme/web', login('agent')), undefined);
  await read(recent.watch('acme/web', shown('x'.repeat(70_000))));
  assert.equal(recent.take('acme/web', login('agent')), undefined);
  await read(recent.watch('acme/web', shown('one')));
  recent.forget('acme/web');
  assert.equal(recent.take('acme/web', login('agent')), undefined);
  const late = recent.watch('acme/web', shown('one'));
  recent.forget('acme/web');
  await read(late);
  assert.equal(recent.take('acme/web', login('agent')), undefined);
});
