/**
 * Attack: to fill the memory through SSH by not reading, or by sending more than is allowed.
 * 1. A client with a good key claims a window of 4 GiB, starts a large fetch,
 *    and then does not read; or it stops in the middle of a key exchange; or it
 *    asks thousands of questions without reading one answer; or it sends more
 *    than our own window allows while the session waits for a human.
 * 2. The SSH library looks at windows alone, not at the socket, nor at what it
 *    queues during a key exchange, nor at whether a client keeps to our window.
 * 3. The gateway buffers all of it, until it dies, and everybody's sessions die.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import type { GitChannel } from '../../src/domain/session.ts';
import { tempDir } from '../support/git.ts';
import { type DoorSetup, openDoor, type TestDoor } from '../transport/ssh/door.ts';
import { ed25519Key, RawClient } from '../transport/ssh/raw-client.ts';

const upload = "git-upload-pack 'acme/web'";
const chunk = Buffer.alloc(64 * 1024, 'x');

async function logIn(t: TestContext, setup: DoorSetup): Promise<{ door: TestDoor; client: RawClient }> {
  const door = await openDoor(t, tempDir(t), setup);
  const key = ed25519Key();
  door.register(key.blob);
  const client = await RawClient.login(door.port, key);
  t.after(() => client.socket.destroy());
  return { door, client };
}

/** A service that writes as long as it may, and counts. */
function flood(): { serve(channel: GitChannel): Promise<{ exitStatus: 0 | 1 }>; written(): number } {
  let written = 0;
  return {
    written: () => written,
    async serve({ output, signal }) {
      while (!signal.aborted && written < 1024 ** 3) {
        written += chunk.length;
        if (!output.write(chunk)) await once(output, 'drain', { signal }).catch(() => undefined);
      }
      return { exitStatus: 1 };
    },
  };
}

/** Waits until nothing more is written for a while. */
async function settled(count: () => number): Promise<number> {
  for (let last = -1; last !== count(); await new Promise((resolve) => setTimeout(resolve, 200)))
    last = count();
  return count();
}

// Kernel buffers of both sides, ours, and some room.
const bound = 24 * 1024 * 1024;

test('a client that does not read stops the service, whatever window it claims', async (t) => {
  const service = flood();
  const { client } = await logIn(t, { serve: service.serve });
  const channel = await client.openSession();
  client.send(98, channel, 'exec', true, upload);
  await client.next('CHANNEL_SUCCESS');
  client.socket.pause();
  assert.ok((await settled(service.written)) < bound, `${service.written()} bytes were taken`);
});

test('a client that stops in a key exchange stops the service', async (t) => {
  const service = flood();
  const { door, client } = await logIn(t, {
    serve: async (channel) => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      return service.serve(channel);
    },
  });
  const channel = await client.openSession();
  client.send(98, channel, 'exec', true, upload);
  await client.next('CHANNEL_SUCCESS');
  client.rekey();
  client.socket.pause();
  while (service.written() === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(door.channels[0]?.signal.aborted, false);
  assert.ok((await settled(service.written)) < bound, `${service.written()} bytes were taken`);
});

test('a client that asks and does not read answers is no longer read', async (t) => {
  const { client } = await logIn(t, {});
  client.socket.pause();
  let sent = 0;
  for (let round = 0; round < 400; round++) {
    for (let n = 0; n < 1_000; n++) client.send(80, 'no-such-request', true);
    sent += 1_000;
    const isTaken = client.socket.writableNeedDrain
      ? await Promise.race([
          once(client.socket, 'drain').then(() => true),
          new Promise((resolve) => setTimeout(() => resolve(false), 1_500)),
        ])
      : true;
    if (isTaken === false) return t.diagnostic(`${sent} requests were sent`);
  }
  assert.fail(`${sent} requests were read`);
});

test('a client that sends more than the window allows is cut off', async (t) => {
  const { door, client } = await logIn(t, {
    serve: ({ signal }) =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve({ exitStatus: 1 }))),
  });
  const channel = await client.openSession();
  client.send(98, channel, 'exec', true, upload);
  await client.next('CHANNEL_SUCCESS');
  const data = chunk.subarray(0, 32_000);
  for (let sent = 0; sent < 16 * 1024 * 1024 && !client.socket.closed; sent += data.length) {
    client.send(94, channel, data);
    if (client.socket.writableNeedDrain) await once(client.socket, 'drain').catch(() => undefined);
  }
  await client.next('closed');
  const { signal } = door.channels[0] as GitChannel;
  if (!signal.aborted) await once(signal, 'abort');
});

test('a session on which nothing moves is ended, and the reader is told', async (t) => {
  let told: unknown;
  const { client } = await logIn(t, {
    limits: { idleMs: 200 },
    serve: async ({ input }) => {
      told = await input.toArray().catch((error: unknown) => error);
      throw told;
    },
  });
  const channel = await client.openSession();
  client.send(98, channel, 'exec', true, upload);
  const { fields } = await client.next('CHANNEL_EXTENDED_DATA');
  assert.match(String(fields[1]), /^refgate: the client sent nothing for too long/);
  assert.equal((told as { code: string }).code, 'IDLE_TIMEOUT');
  await client.next('CHANNEL_CLOSE');
});
