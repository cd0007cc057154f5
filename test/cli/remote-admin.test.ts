import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isRemote, remoteCall } from '../../src/cli/remote-admin.ts';
import { RefgateError } from '../../src/domain/error.ts';
import { listenFor } from '../support/web-ports.ts';

const REFGATE_TOKEN = `rgt_${'x'.repeat(49)}`;
const REFGATE_URL = 'https://git.example.com';

const isCoded = (code: string, message: RegExp) => (error: unknown) =>
  error instanceof RefgateError &&
  error.code === code &&
  message.test(error.message) &&
  !error.message.includes(REFGATE_TOKEN);

test('commands go elsewhere with both variables, and here with none', () => {
  assert.equal(isRemote({ REFGATE_URL, REFGATE_TOKEN }), true);
  assert.equal(isRemote({}), false);
  assert.equal(isRemote({ REFGATE_URL: '', REFGATE_TOKEN: '' }), false);
});

test('one of the two variables alone is not taken for either', () => {
  const both = /set both, or neither/;
  assert.throws(() => isRemote({ REFGATE_URL }), isCoded('USAGE', both));
  assert.throws(() => isRemote({ REFGATE_TOKEN, REFGATE_URL: '' }), isCoded('USAGE', both));
});

test('a token travels over TLS, or not beyond this machine', () => {
  for (const url of [
    'https://git.example.com',
    'https://git.example.com:8443/',
    'http://localhost:1',
    'http://127.0.0.1:1',
    'http://[::1]:1',
  ])
    assert.equal(typeof remoteCall({ REFGATE_URL: url, REFGATE_TOKEN }), 'function', url);
  for (const url of [
    'http://git.example.com',
    'http://127.0.0.1.example.com',
    'http://localhost.example.com',
    'http://192.168.1.1',
    'ftp://localhost/',
  ])
    assert.throws(
      () => remoteCall({ REFGATE_URL: url, REFGATE_TOKEN }),
      isCoded('USAGE', /must begin with https:/),
      url,
    );
});

test('an address that is more or less than a server, a token that is none, and a file that is not there are told', () => {
  for (const url of [
    'git.example.com',
    '/srv/git',
    'https://git.example.com/-/api/v1',
    'https://a:b@git.example.com',
    'https://git.example.com/?x',
    'https://git.example.com/#x',
  ])
    assert.throws(
      () => remoteCall({ REFGATE_URL: url, REFGATE_TOKEN }),
      isCoded('USAGE', /the address of the server alone/),
      url,
    );
  for (const token of ['a\nb', 'a b', 'ü'])
    assert.throws(
      () => remoteCall({ REFGATE_URL, REFGATE_TOKEN: token }),
      isCoded('USAGE', /REFGATE_TOKEN is not a token/),
    );
  const env = { REFGATE_URL, REFGATE_TOKEN, REFGATE_CA: '/none.pem' };
  assert.throws(() => remoteCall(env), isCoded('USAGE', /REFGATE_CA: \/none\.pem cannot be read \(ENOENT\)/));
});

test('a redirect is not followed, and the token goes no further', async (t) => {
  const asked: unknown[] = [];
  const thief = await listenFor(t, (request, response) => {
    asked.push(request.headers.authorization);
    response.end('{}');
  });
  const url = await listenFor(t, (_request, response) => {
    response
      .writeHead(307, { location: `${thief}/-/api/v1/users`, 'content-type': 'application/json' })
      .end();
  });
  const call = remoteCall({ REFGATE_URL: url, REFGATE_TOKEN });
  await assert.rejects(call('GET', '/users'), isCoded('NOT_FOUND', /a token does not follow \(status 307\)/));
  assert.deepEqual(asked, []);
});

test('what is no Refgate is told, and what does not answer', async (t) => {
  const page = await listenFor(t, (_request, response) => response.end('<html>'));
  const env = { REFGATE_URL: page, REFGATE_TOKEN };
  await assert.rejects(remoteCall(env)('GET', '/users'), isCoded('NOT_FOUND', /is not a Refgate/));
  const nowhere = remoteCall({ REFGATE_URL: 'http://127.0.0.1:1', REFGATE_TOKEN });
  await assert.rejects(nowhere('GET', '/users'), isCoded('NOT_FOUND', /no server answers at .*ECONNREFUSED/));
});

test('a call carries its token and its body, and nothing of the machine', async (t) => {
  const url = await listenFor(t, async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    const { method, url: path, headers } = request;
    response.setHeader('content-type', 'application/json').end(
      JSON.stringify({
        method,
        path,
        body,
        given: headers.authorization,
        names: Object.keys(headers).sort(),
      }),
    );
  });
  const answer = await remoteCall({ REFGATE_URL: url, REFGATE_TOKEN })('POST', '/users?q=1', { name: 'a' });
  let text = '';
  for await (const piece of answer) text += piece;
  assert.deepEqual(JSON.parse(text), {
    method: 'POST',
    path: '/-/api/v1/users?q=1',
    body: '{"name":"a"}',
    given: `Bearer ${REFGATE_TOKEN}`,
    names: ['accept', 'authorization', 'connection', 'content-length', 'content-type', 'host'],
  });
});
