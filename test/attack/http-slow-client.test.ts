/**
 * Slow-loris: holding connections by doing almost nothing.
 *
 * 1. The attacker opens connections and sends nothing, or a header line now
 *    and then, and never the empty line.
 * 2. With a token he starts a push and stops in the middle of the body.
 * 3. With a token he asks for a large answer and does not read it.
 * 4. He opens more connections than one source may have.
 * Each of them is cut within the time of its limit, the spine is told, and
 * nothing waits for him: while it is the spine that takes long, nobody is cut.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { RefgateError } from '../../src/domain/error.ts';
import type { GitChannel } from '../../src/domain/session.ts';
import { ChannelWriter } from '../../src/session/write-all.ts';
import { dial, exchange, head, parseAnswer, readAll } from '../transport/http/raw-http.ts';
import { openDoor } from '../transport/http/served-git.ts';

const refs = head('GET', '/acme/web.git/info/refs?service=git-upload-pack');
const type = 'Content-Type: application/x-git-receive-pack-request';
const post = (...lines: string[]) => head('POST', '/acme/web.git/git-receive-pack', [type, ...lines]);

/** What the spine was told when it was over: the error it met, and the abort reason. */
function ending(): {
  serve: (
    work: (channel: GitChannel) => Promise<void>,
  ) => (channel: GitChannel) => Promise<{ exitStatus: 0 }>;
  over: Promise<{ code: unknown; aborted: boolean }>;
} {
  let tell: (value: { code: unknown; aborted: boolean }) => void;
  const over = new Promise<{ code: unknown; aborted: boolean }>((resolve) => {
    tell = resolve;
  });
  return {
    over,
    serve: (work) => async (channel) => {
      try {
        await work(channel);
      } catch (error) {
        tell({ code: error instanceof RefgateError ? error.code : error, aborted: channel.signal.aborted });
        throw error;
      }
      tell({ code: undefined, aborted: channel.signal.aborted });
      return { exitStatus: 0 };
    },
  };
}

describe('slow clients', () => {
  for (const [what, first] of [
    ['sends nothing', ''],
    ['never ends its headers', refs.slice(0, -2)],
  ] as const) {
    test(`a client that ${what} is cut`, async () => {
      const at = await openDoor({ limits: { headersMs: 200 } });
      const socket = await dial(at);
      if (first !== '') socket.write(first);
      const trickle = setInterval(() => first !== '' && socket.write('X-A: b\r\n'), 50);
      const answer = await readAll(socket);
      clearInterval(trickle);
      assert.equal(parseAnswer(answer).status, 408);
      assert.equal(at.channels.length, 0);
      await at.close();
    });
  }

  test('a client that stops within its body is cut, and the spine is told', async () => {
    const { serve, over } = ending();
    const at = await openDoor({
      limits: { idleMs: 200 },
      serve: serve(async (channel) => {
        for await (const _ of channel.input);
      }),
    });
    const socket = await dial(at);
    socket.write(`${post('Content-Length: 1000')}00a0`);
    const answer = readAll(socket);
    assert.deepEqual(await over, { code: 'IDLE_TIMEOUT', aborted: true });
    assert.equal(parseAnswer(await answer).status, 408);
    await at.close();
  });

  test('a client that does not read its answer is cut, and the spine is told', async () => {
    const { serve, over } = ending();
    let written = 0;
    const at = await openDoor({
      limits: { idleMs: 300 },
      serve: serve(async (channel) => {
        const out = new ChannelWriter(channel.output, channel.signal);
        for (;;) {
          await out.write(Buffer.alloc(64 * 1024));
          written += 64 * 1024;
        }
      }),
    });
    const socket = await dial(at);
    socket.pause();
    socket.write(refs);
    const { aborted } = await over;
    assert.equal(aborted, true);
    assert.ok(written < 64 * 1024 * 1024, 'back-pressure holds');
    socket.destroy();
    await at.close();
  });

  test('while the spine thinks, a waiting client is not cut', async () => {
    const at = await openDoor({
      limits: { idleMs: 100 },
      serve: async (channel) => {
        for await (const _ of channel.input);
        await delay(600);
        channel.output.write('done');
        return { exitStatus: 0 };
      },
    });
    const answer = await exchange(at, `${post('Content-Length: 5')}00000`);
    assert.equal(answer.status, 200);
    assert.match(answer.body, /done/);
    await at.close();
  });

  test('a client that hangs up ends the session', async () => {
    const { serve, over } = ending();
    const at = await openDoor({
      serve: serve(async (channel) => {
        await once(channel.signal, 'abort');
        throw channel.signal.reason;
      }),
    });
    const socket = await dial(at);
    socket.write(refs);
    while (at.channels.length === 0) await delay(5);
    socket.destroy();
    assert.deepEqual(await over, { code: 'HUNG_UP', aborted: true });
    await at.close();
  });

  test('a client that hangs up within its body is not taken for one that ended', async () => {
    const { serve, over } = ending();
    const at = await openDoor({
      serve: serve(async (channel) => {
        for await (const _ of channel.input);
      }),
    });
    const socket = await dial(at);
    socket.write(`${post('Transfer-Encoding: chunked')}4\r\n0000\r\n`);
    while (at.channels.length === 0) await delay(5);
    socket.destroy();
    assert.deepEqual(await over, { code: 'HUNG_UP', aborted: true });
    await at.close();
  });

  test('one source has only so many connections, and gets them back', async () => {
    const at = await openDoor({
      limits: { maxConnectionsPerSource: 3 },
      serve: async () => ({ exitStatus: 0 }),
    });
    const held = await Promise.all([dial(at), dial(at), dial(at)]);
    assert.equal(await readAll(await dial(at)), '');
    held[0]?.destroy();
    let answer = '';
    while (answer === '') {
      const socket = await dial(at);
      socket.write(refs);
      answer = await readAll(socket);
    }
    assert.equal(parseAnswer(answer).status, 200);
    for (const socket of held) socket.destroy();
    await at.close();
  });

  test('all sources together have only so many connections', async () => {
    const at = await openDoor({ limits: { maxConnections: 2 } });
    const held = await Promise.all([dial(at), dial(at)]);
    assert.equal(await readAll(await dial(at)), '');
    for (const socket of held) socket.destroy();
    await at.close();
  });
});
