/**
 * Request smuggling: where one request ends and the next begins.
 *
 * 1. A proxy stands before the door and lets the attacker's requests through.
 * 2. He writes a request whose end the proxy and the door see at different
 *    places: chunked with Content-Length, two lengths, a bare LF, a folded
 *    header, an unknown transfer coding, chunked HTTP/1.0.
 * 3. What the proxy took for a body, the door would serve as a request of the
 *    next user.
 * Such a request is refused, never half understood, and its connection closed.
 */
import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { dial, exchange, head, parseAnswer, readAll } from '../transport/http/raw-http.ts';
import { basic, openDoor, type TestDoor } from '../transport/http/served-git.ts';

const type = 'Content-Type: application/x-git-upload-pack-request';
const post = (...lines: string[]) => head('POST', '/acme/web.git/git-upload-pack', [type, ...lines]);
const get = (host = 'Host: x') =>
  `GET /acme/web.git/info/refs?service=git-upload-pack HTTP/1.1\r\n${host}\r\nAuthorization: ${basic}\r\n`;

describe('framing of requests', () => {
  let at: TestDoor;
  const bodies: string[] = [];
  before(async () => {
    at = await openDoor({
      hosts: ['x', 'Git.Example.com:8443'],
      serve: async (channel) => {
        bodies.push(await text(channel.input));
        return { exitStatus: 0 };
      },
    });
  });
  after(() => at.close());

  const chunked = 'Transfer-Encoding: chunked';
  for (const [what, bytes] of [
    ['chunked together with Content-Length', `${post(chunked, 'Content-Length: 5')}0\r\n\r\n`],
    ['Content-Length together with chunked', `${post('Content-Length: 5', chunked)}0\r\n\r\n`],
    ['two different lengths', `${post('Content-Length: 4', 'Content-Length: 0')}0000`],
    ['a list of lengths', `${post('Content-Length: 4, 4')}0000`],
    ['a signed length', `${post('Content-Length: +4')}0000`],
    ['an unknown transfer coding', `${post('Transfer-Encoding: xchunked')}0\r\n\r\n`],
    ['gzip as a transfer coding', `${post('Transfer-Encoding: gzip, chunked')}0\r\n\r\n`],
    ['chunked twice', `${post(chunked, chunked)}0\r\n\r\n`],
    ['chunked in HTTP/1.0', `${post(chunked).replace('HTTP/1.1', 'HTTP/1.0')}0\r\n\r\n`],
    ['a bare LF', get().replaceAll('\r\n', '\n').concat('\n')],
    ['a bare CR', `${get('Host: x\rX-A: b')}\r\n`],
    ['a folded header', `${get('Host: x\r\nX-A: a\r\n b')}\r\n`],
    ['a space before the colon', `${get('Host : x')}\r\n`],
    ['NUL in the target', get().replace('web', 'w\0b').concat('\r\n')],
    ['no Host', `${get('X-A: b')}\r\n`],
    ['two Hosts', `${get('Host: x\r\nHost: y')}\r\n`],
    ['two Authorizations', `${get(`Host: x\r\nAuthorization: ${basic}`)}\r\n`],
  ] as const) {
    test(`${what} is refused and the connection closed`, async () => {
      const answer = await exchange(at, bytes);
      assert.equal(answer.status, 400);
      assert.equal(at.channels.length, 0);
    });
  }

  test('chunks with a bare LF break the request off', async () => {
    for (const body of [
      '4\n0000\r\n0\r\n\r\n',
      '4\r\n0000\n0\r\n\r\n',
      '4;a=\n0000\r\n0\r\n\r\n',
      '0x4\r\n0000\r\n0\r\n\r\n',
    ]) {
      const before = bodies.length;
      await exchange(at, `${post(chunked)}${body}`);
      assert.equal(bodies.length, before, JSON.stringify(body));
    }
    at.channels.length = 0;
  });

  test('a request for another host is misdirected', async () => {
    for (const host of ['evil.example.com', 'git.example.com', 'x:80', 'x.', 'git.example.com:8443.evil']) {
      assert.equal(
        (await exchange(at, `${get(`Host: ${host}`)}Connection: close\r\n\r\n`)).status,
        421,
        host,
      );
    }
    assert.equal(at.channels.length, 0);
  });

  test('the address that it listens on is its own, and another port of it is not', async () => {
    for (const [port, status] of [
      [at.door.port, 200],
      [at.door.port + 1, 421],
    ] as const) {
      const answer = await exchange(at, `${get(`Host: 127.0.0.1:${port}`)}Connection: close\r\n\r\n`);
      assert.equal(answer.status, status);
    }
  });

  test('the host name is compared without regard to case', async () => {
    const answer = await exchange(at, `${get('Host: git.EXAMPLE.com:8443')}Connection: close\r\n\r\n`);
    assert.equal(answer.status, 200);
  });

  test('pipelined requests are answered in order, one at a time', async () => {
    const socket = await dial(at);
    const from = at.channels.length;
    const one = (repo: string) => `${get().replace('web', repo)}\r\n`;
    socket.write(`${one('a')}${one('b')}${get().replace('web', 'c')}Connection: close\r\n\r\n`);
    const all = await readAll(socket);
    assert.equal(all.split('HTTP/1.1 200 OK').length - 1, 3);
    assert.deepEqual(
      at.channels.slice(from).map((channel) => channel.repo),
      ['acme/a', 'acme/b', 'acme/c'],
    );
  });

  test('a client that sends very many requests ahead is cut', async () => {
    const from = at.channels.length;
    const socket = await dial(at);
    socket.write(`${get()}\r\n`.repeat(500));
    await readAll(socket);
    assert.ok(at.channels.length - from < 20);
  });

  test('headers beyond the limit are refused', async () => {
    const answer = await exchange(at, `${get(`Host: x\r\nX-A: ${'a'.repeat(20_000)}`)}\r\n`);
    assert.equal(answer.status, 431);
  });

  test('an expectation other than 100-continue is refused', async () => {
    const answer = await exchange(at, `${get('Host: x\r\nExpect: more')}Connection: close\r\n\r\n`);
    assert.equal(answer.status, 417);
  });

  test('100 (Continue) is said only after credentials, path and type are judged', async () => {
    const from = at.channels.length;
    const lines = ['Expect: 100-continue', 'Content-Length: 10'];
    const cases: [string, number][] = [
      [post(...lines).replace(basic, 'Basic YTpi'), 401],
      [post(...lines).replace('/acme/web.git/', '/acme/%2e%2e/'), 400],
      [post(...lines).replace(type, 'Content-Type: text/plain'), 415],
      [post(...lines).replace('Content-Length: 10', `Content-Length: ${2 ** 40}`), 413],
    ];
    for (const [bytes, status] of cases) {
      const socket = await dial(at);
      socket.write(bytes);
      const first = await new Promise<Buffer>((resolve) => {
        socket.once('data', resolve);
      });
      assert.equal(parseAnswer(first.toString('latin1')).status, status);
      socket.destroy();
    }
    assert.equal(at.channels.length, from);
    const socket = await dial(at);
    socket.write(post(...lines));
    const first = await new Promise<Buffer>((resolve) => {
      socket.once('data', resolve);
    });
    assert.match(first.toString(), /^HTTP\/1\.1 100 Continue\r\n\r\n$/);
    socket.write('0123456789');
    assert.equal(parseAnswer(await readAll(socket)).status, 200);
    assert.equal(bodies.at(-1), '0123456789');
  });
});
