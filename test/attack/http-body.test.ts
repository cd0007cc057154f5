/**
 * Request bodies that grow, or that are not what they say.
 *
 * 1. The attacker has a token and may read one repository.
 * 2. He sends a small gzip body that inflates without end, a body longer than
 *    the limit, gzip that is cut or garbage, or an encoding that the door does
 *    not undo, so that it would inspect other bytes than git reads.
 * 3. He sends megabytes to a request that was refused from its headers.
 * Inflating stops at the bounds, the spine sees an error in place of the rest,
 * and the refusal still reaches a client that sends on.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { dial, exchange, head, parseAnswer, readAll } from '../transport/http/raw-http.ts';
import { basic, openDoor, type TestDoor } from '../transport/http/served-git.ts';

const mebi = 1024 * 1024;

describe('request bodies', () => {
  let at: TestDoor;
  let read = 0;
  before(async () => {
    at = await openDoor({
      limits: { maxBodyBytes: 16 * mebi, maxInflatedRatio: 20 },
      serve: async (channel) => {
        read = 0;
        for await (const chunk of channel.input) read += (chunk as Buffer).length;
        channel.output.write('done');
        return { exitStatus: 0 };
      },
    });
  });
  after(() => at.close());

  function post(body: Buffer, ...lines: string[]): Buffer {
    const type = 'Content-Type: application/x-git-upload-pack-request';
    const length = `Content-Length: ${body.length}`;
    return Buffer.concat([
      Buffer.from(head('POST', '/acme/web.git/git-upload-pack', [type, length, ...lines])),
      body,
    ]);
  }
  const gzip = 'Content-Encoding: gzip';

  test('a gzip body is inflated, under either name', async () => {
    for (const name of ['gzip', 'x-gzip']) {
      const answer = await exchange(at, post(gzipSync(Buffer.alloc(100_000)), `Content-Encoding: ${name}`));
      assert.equal(answer.status, 200);
      assert.equal(read, 100_000);
    }
  });

  test('a body that inflates beyond the ratio is given up early', async () => {
    const answer = await exchange(at, post(gzipSync(Buffer.alloc(15 * mebi)), gzip));
    assert.equal(answer.status, 413);
    assert.ok(read < 2 * mebi, `${read}`);
  });

  test('a body that inflates beyond the size limit is given up there', async () => {
    const noise = Buffer.alloc(17 * mebi);
    for (let i = 0; i < noise.length; i += 8) noise.writeUInt32LE((i * 2654435761) % 2 ** 32, i);
    const answer = await exchange(at, post(gzipSync(noise, { level: 1 }), gzip));
    assert.equal(answer.status, 413);
    assert.ok(read <= 16 * mebi);
  });

  test('gzip in gzip is not undone twice', async () => {
    const answer = await exchange(
      at,
      post(gzipSync(gzipSync(Buffer.alloc(1000))), 'Content-Encoding: gzip, gzip'),
    );
    assert.equal(answer.status, 415);
  });

  for (const encoding of ['deflate', 'br', 'GZIP2', 'compress']) {
    test(`content encoding ${encoding} is refused`, async () => {
      assert.equal(
        (await exchange(at, post(Buffer.from('0011'), `Content-Encoding: ${encoding}`))).status,
        415,
      );
    });
  }

  for (const [what, body] of [
    ['no gzip at all', Buffer.from('0011command=ls-refs0000')],
    ['cut gzip', gzipSync(Buffer.alloc(1000, 'abc')).subarray(0, -6)],
    [
      'gzip with a wrong checksum',
      Buffer.concat([gzipSync(Buffer.from('abc')).subarray(0, -8), Buffer.alloc(8)]),
    ],
    ['gzip with other bytes behind it', Buffer.concat([gzipSync(Buffer.from('abc')), Buffer.from('0000')])],
  ] as const) {
    test(`${what} is an error, not an end`, async () => {
      const answer = await exchange(at, post(body, gzip));
      assert.equal(answer.status, 400);
      assert.match(answer.body, /not valid gzip/);
    });
  }

  test('a chunked body is cut at the limit', async () => {
    const socket = await dial(at);
    const lines = ['Content-Type: application/x-git-upload-pack-request', 'Transfer-Encoding: chunked'];
    socket.write(head('POST', '/acme/web.git/git-upload-pack', lines));
    const chunk = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(mebi), Buffer.from('\r\n')]);
    for (let i = 0; i < 17; i++) socket.write(chunk);
    socket.write('0\r\n\r\n');
    assert.equal(parseAnswer(await readAll(socket)).status, 413);
    assert.ok(read <= 16 * mebi);
  });

  test('a refusal reaches a client that sends its whole body first', async () => {
    const request = post(Buffer.alloc(4 * mebi));
    const socket = await dial(at);
    const answer = readAll(socket);
    const wrong = Buffer.from(request.toString('latin1').replace(basic, 'Basic YTpi'), 'latin1');
    socket.write(wrong);
    const { status, headers } = parseAnswer(await answer);
    assert.equal(status, 401);
    assert.equal(headers.get('connection'), 'close');
  });

  test('what a refused client may still send is bounded', async () => {
    const socket = await dial(at);
    const answer = readAll(socket);
    const wrong = post(Buffer.alloc(0)).toString('latin1').replace(basic, 'Basic YTpi');
    socket.write(wrong.replace('Content-Length: 0', `Content-Length: ${15 * mebi}`));
    let sent = 0;
    while (!socket.destroyed && sent < 15 * mebi) {
      await new Promise<void>((resolve) => {
        socket.once('close', resolve);
        socket.write(Buffer.alloc(mebi), () => resolve());
      });
      sent += mebi;
    }
    assert.equal(parseAnswer(await answer).status, 401);
    assert.ok(sent < 15 * mebi, `${sent}`);
  });

  test('a body on the advertisement is refused', async () => {
    const bytes = `${head('GET', '/acme/web.git/info/refs?service=git-upload-pack', ['Content-Length: 4'])}0000`;
    assert.equal((await exchange(at, bytes)).status, 400);
  });

  for (const type of [
    'text/plain',
    'application/x-git-receive-pack-request',
    'application/x-www-form-urlencoded',
  ]) {
    test(`content type ${type} is refused on upload-pack`, async () => {
      const bytes = post(Buffer.from('00000000')).toString('latin1');
      const answer = await exchange(at, bytes.replace('application/x-git-upload-pack-request', type));
      assert.equal(answer.status, 415);
    });
  }
});
