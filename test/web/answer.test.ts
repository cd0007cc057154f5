import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import express from 'express';
import { RefgateError } from '../../src/domain/error.ts';
import { sendLines } from '../../src/web/answer.ts';
import { QuietLog } from '../support/quiet-log.ts';

/** Serves the lines, and gives a client that has asked for them. */
async function serve(t: TestContext, lines: () => AsyncIterable<object>): Promise<Socket> {
  const app = express();
  app.get('/', (_request, response) => sendLines(response, new QuietLog(), lines()));
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  t.after(() => {
    client.destroy();
    server.closeAllConnections();
    server.close();
  });
  client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  return client;
}

async function readAll(client: Socket): Promise<string> {
  let text = '';
  for await (const piece of client) text += piece;
  return text;
}

test('each line is one value, and an error is the last of them', async (t) => {
  const client = await serve(t, async function* () {
    yield { row: 1 };
    yield { row: 2 };
    throw new RefgateError('NOT_FOUND', 'operator', 'there is none');
  });
  const text = await readAll(client);
  assert.match(text, /\{"row":1\}\n/);
  assert.match(text, /\{"row":2\}\n[\s\S]*\{"error":\{"code":"NOT_FOUND","message":".*there is none"\}\}\n/);
});

test('what goes wrong inside is not shown, but a ledger that was changed is', async (t) => {
  const inside = await serve(t, async function* () {
    yield* [];
    throw new Error('the inner secret');
  });
  assert.doesNotMatch(await readAll(inside), /inner secret/);
  const ledger = await serve(t, async function* () {
    yield* [];
    throw new RefgateError('LEDGER_CORRUPT', 'refgate', 'session s-1');
  });
  assert.match(await readAll(ledger), /LEDGER_CORRUPT.*session s-1/);
});

test('a client that does not read keeps the rows from being made, and one that leaves ends them', async (t) => {
  let made = 0;
  let ended = () => {};
  const end = new Promise<void>((resolve) => {
    ended = resolve;
  });
  const client = await serve(t, async function* () {
    try {
      for (;;) {
        made += 1;
        yield { row: 'x'.repeat(10_000) };
      }
    } finally {
      ended();
    }
  });
  client.pause();
  let before = -1;
  while (made !== before) {
    before = made;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(made < 5_000, `${made} rows were made for nobody`);
  client.destroy();
  await end;
});
