/**
 * Attack: to reach over HTTP what is not meant to be reached, with requests that readers understand differently.
 * 1. The server stands under its public name. Below /-/ are its pages, for who has signed in there, and its API, for who
 *    sends a token in its own way; Mallory has a login for Git.
 * 2. She asks for /-/ and its likes with that login, for names of another host, with methods and headers that override the
 *    method or the path, and with paths that a file system or a proxy would take for another repository.
 * 3. She writes a second request into the body of a first one: TE.CL, CL.TE, CL.0, a doubled or padded length.
 * 4. She fills headers and cookies until something gives way.
 * No answer is another request's, none is a page of anything but the way to sign in, and the ledger has no session of any of it.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { before, describe, test } from 'node:test';
import { endsWithFile, sessionsOf } from '../fault/scene.ts';
import { makeRepo } from '../support/repos.ts';
import { laySiege, type Siege } from './siege.ts';

const file = endsWithFile();
const refs = '/acme/web.git/info/refs?service=git-upload-pack';

describe('the HTTP listener', () => {
  let siege: Siege;
  let auth = '';
  before(async () => {
    siege = await laySiege(file, { config: { publicUrl: 'https://git.example.com' } });
    await makeRepo(siege.gitDir('web'), 'linear', { count: 2 });
    await makeRepo(siege.gitDir('other'), 'linear', { count: 2 });
    const { token } = await siege.login('rob');
    auth = `Authorization: Basic ${Buffer.from(`rob:${token}`).toString('base64')}`;
  });

  /** Sends bytes, and gives all that comes until the server closes or is silent for a while. */
  async function say(bytes: string): Promise<string> {
    const socket = connect(Number(new URL(siege.refgate.http).port), '127.0.0.1');
    let text = '';
    socket.setTimeout(5_000, () => socket.destroy());
    socket
      .on('error', () => {})
      .on('data', (piece: Buffer) => {
        text += piece.toString('latin1');
      });
    socket.write(bytes, 'latin1');
    await once(socket, 'close');
    return text;
  }

  const request = (first: string, ...more: readonly string[]): string =>
    [first, 'Host: git.example.com', auth, ...more, '', ''].join('\r\n');
  const statuses = (text: string): number[] =>
    [...text.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => Number(status));

  test('answers an honest request under its public name', async () => {
    const text = await say(request(`GET ${refs} HTTP/1.1`, 'Connection: close'));
    assert.deepEqual(statuses(text), [200]);
    assert.match(text, /refs\/heads\/main/);
  });

  for (const [what, first, more, status] of [
    ['the API', 'GET /-/api/v1/users HTTP/1.1', [], 401],
    ['the API by POST', 'POST /-/api/v1/users HTTP/1.1', ['Content-Length: 0'], 401],
    ['the API beside the root', 'GET /acme/../-/api/v1/users HTTP/1.1', [], 404],
    ['metrics', 'GET /metrics HTTP/1.1', [], 404],
    ['the root', 'GET / HTTP/1.1', [], 404],
    ['an absolute address', `GET http://git.example.com${refs} HTTP/1.1`, [], 400],
    ['an authority', 'CONNECT git.example.com:443 HTTP/1.1', [], undefined],
    ['TRACE', `TRACE ${refs} HTTP/1.1`, [], 405],
    ['OPTIONS', `OPTIONS ${refs} HTTP/1.1`, [], 405],
    ['OPTIONS of all', 'OPTIONS * HTTP/1.1', [], 400],
    ['HEAD', `HEAD ${refs} HTTP/1.1`, [], 405],
    ['DELETE', `DELETE ${refs} HTTP/1.1`, [], 405],
    ['GET as POST', 'GET /acme/web.git/git-upload-pack HTTP/1.1', ['X-HTTP-Method-Override: POST'], 405],
    ['POST as GET', `POST ${refs} HTTP/1.1`, ['X-Method-Override: GET', 'Content-Length: 0'], 405],
    ['a doubled slash', 'GET /acme//web.git/info/refs?service=git-upload-pack HTTP/1.1', [], 400],
    ['a dot segment', 'GET /acme/./web.git/info/refs?service=git-upload-pack HTTP/1.1', [], 400],
    ['a way up', 'GET /acme/x/../web.git/info/refs?service=git-upload-pack HTTP/1.1', [], 400],
    ['an encoded way up', 'GET /acme/%2e%2e/web.git/info/refs?service=git-upload-pack HTTP/1.1', [], 400],
    ['an encoded slash', 'GET /acme%2fweb.git/info/refs?service=git-upload-pack HTTP/1.1', [], 400],
    ['a backslash', 'GET /acme\\web.git/info/refs?service=git-upload-pack HTTP/1.1', [], 400],
    ['a parameter', 'GET /acme/web.git;v=1/info/refs?service=git-upload-pack HTTP/1.1', [], 400],
    ['.git twice', 'GET /acme/web.git.git/info/refs?service=git-upload-pack HTTP/1.1', [], 400],
    ['a file within', 'GET /acme/web.git/config HTTP/1.1', [], 404],
    ['very many cookies', `GET ${refs} HTTP/1.1`, Array(400).fill(`Cookie: a=${'x'.repeat(60)}`), 431],
    ['a very long header', `GET ${refs} HTTP/1.1`, [`X-Long: ${'x'.repeat(20_000)}`], 431],
    ['a very long address', `GET /${'x'.repeat(20_000)} HTTP/1.1`, [], 431],
  ] as const) {
    test(`gives nothing for ${what}`, async () => {
      const before = await sessionsOf(siege.refgate, 'web');
      const text = await say(request(first, ...more, 'Connection: close'));
      const said = statuses(text);
      if (status === undefined)
        assert.ok(
          said.every((one) => one >= 400),
          text,
        );
      else assert.deepEqual(said, [status], text);
      assert.doesNotMatch(text, /^location:|refs\/heads|<html/im);
      assert.equal((await sessionsOf(siege.refgate, 'web')).length, before.length);
    });
  }

  test('leads who has only a login for Git from the pages to the way in, and nowhere else', async () => {
    for (const path of ['/-/', '/-/pushes', '/-/people', '/-/nothing']) {
      const text = await say(request(`GET ${path} HTTP/1.1`, 'Connection: close'));
      assert.deepEqual(statuses(text), [303], text);
      assert.match(text, /^location: \/-\/login\?next=%2F-%2F\w*\r$/im);
    }
    const form = await say(request('POST /-/people HTTP/1.1', 'Content-Length: 0', 'Connection: close'));
    assert.ok(
      statuses(form).every((status) => status === 303 || status === 403),
      form,
    );
    assert.doesNotMatch(form, /refs\/heads/);
  });

  test('another host, or none, is misdirected, wherever it is named', async () => {
    for (const host of ['evil.example.com', '127.0.0.1', 'git.example.com.', 'git.example.com:444', ''])
      assert.deepEqual(
        statuses(
          await say(request(`GET ${refs} HTTP/1.1`, 'Connection: close').replace('git.example.com', host)),
        ),
        [421],
        host,
      );
    for (const name of ['X-Forwarded-Host', 'X-Original-URL', 'X-Rewrite-URL', 'Forwarded'])
      assert.deepEqual(
        statuses(await say(request(`GET ${refs} HTTP/1.1`, `${name}: /acme/other.git`, 'Connection: close'))),
        [200],
        name,
      );
    assert.equal((await sessionsOf(siege.refgate, 'other')).length, 0);
  });

  const inner = (): string => request('GET /acme/other.git/info/refs?service=git-upload-pack HTTP/1.1');
  for (const [what, lines, body] of [
    ['a length and chunks', ['Content-Length: 4', 'Transfer-Encoding: chunked'], '0\r\n\r\n'],
    ['chunks and a length', ['Transfer-Encoding: chunked', 'Content-Length: 5'], '0\r\n\r\n'],
    ['chunks in disguise', ['Transfer-Encoding : chunked', 'Content-Length: 4'], '0\r\n\r\n'],
    ['chunks behind a tab', ['Transfer-Encoding:\tchunked, identity', 'Content-Length: 4'], '0\r\n\r\n'],
    ['two lengths', ['Content-Length: 0', 'Content-Length: 4'], ''],
    ['a list of lengths', ['Content-Length: 0, 4'], ''],
    ['a signed length', ['Content-Length: +0'], ''],
    ['a folded header', ['X-A: b', ' Transfer-Encoding: chunked', 'Content-Length: 0'], ''],
    ['a NUL in a header', ['X-A: b\0c'], ''],
    ['a bare CR in a header', ['X-A: b\rContent-Length: 4'], ''],
  ] as const) {
    test(`a request with ${what} hides no other request`, async () => {
      const outer = request(
        'POST /acme/web.git/git-upload-pack HTTP/1.1',
        'Content-Type: application/x-git-upload-pack-request',
        ...lines,
      );
      const text = await say(`${outer}${body}${inner()}`);
      assert.deepEqual(statuses(text), [400], text);
      assert.equal((await sessionsOf(siege.refgate, 'other')).length, 0);
    });
  }
});
