import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { RefgateError } from '../../../src/domain/error.ts';
import { dial, exchange, head, parseAnswer, readAll } from './raw-http.ts';
import { git, gitOk, makeRepo, openDoor, serveWithGit, type TestDoor } from './served-git.ts';

const refs = (service: string) => head('GET', `/acme/web.git/info/refs?service=git-${service}`);
const post = (length: number) =>
  head('POST', '/acme/web.git/git-upload-pack', [
    'Content-Type: application/x-git-upload-pack-request',
    `Content-Length: ${length}`,
  ]);

function pkt(text: string): string {
  return `${(text.length + 4).toString(16).padStart(4, '0')}${text}`;
}

/** A repository whose next push is 3 MiB. */
async function bigPush(at: TestDoor): Promise<string> {
  const { work } = await makeRepo(at.dir);
  await writeFile(join(work, 'big'), randomBytes(3 * 1024 * 1024));
  await gitOk(work, 'add', 'big');
  await gitOk(work, 'commit', '-q', '-m', 'big');
  return work;
}

describe('answers', () => {
  for (const [service, version, starts] of [
    ['upload-pack', 0, '001e# service=git-upload-pack\n0000x'],
    ['upload-pack', 1, '001e# service=git-upload-pack\n0000x'],
    ['upload-pack', 2, 'x'],
    ['receive-pack', 0, '001f# service=git-receive-pack\n0000x'],
    ['receive-pack', 2, '001f# service=git-receive-pack\n0000x'],
  ] as const) {
    test(`the ${service} advertisement in version ${version} starts and is labelled as git http-backend does`, async () => {
      const at = await openDoor({
        serve: async (channel) => {
          channel.output.write('x');
          return { exitStatus: 0 };
        },
      });
      const request = refs(service).replace('Connection', `Git-Protocol: version=${version}\r\nConnection`);
      const answer = await exchange(at, request.replace('HTTP/1.1', 'HTTP/1.0'));
      assert.equal(answer.status, 200);
      assert.equal(answer.body, starts);
      assert.equal(answer.headers.get('content-type'), `application/x-git-${service}-advertisement`);
      assert.equal(answer.headers.get('cache-control'), 'no-cache, max-age=0, must-revalidate');
      assert.equal(answer.headers.get('expires'), 'Fri, 01 Jan 1980 00:00:00 GMT');
      assert.equal(answer.headers.get('pragma'), 'no-cache');
      assert.equal(answer.headers.get('content-encoding'), undefined);
      assert.equal(at.channels[0]?.version, service === 'receive-pack' ? 0 : version);
      await at.close();
    });
  }

  for (const value of [
    'version=3',
    'version=2:version=1',
    'VERSION=2',
    'version=2 ',
    'version = 2',
    '2',
    'version=2\tx',
  ]) {
    test(`Git-Protocol ${JSON.stringify(value)} ${value === 'version=2 ' ? 'is version 2' : 'counts as not said'}`, async () => {
      const at = await openDoor({ serve: async () => ({ exitStatus: 0 }) });
      await exchange(at, refs('upload-pack').replace('Connection', `Git-Protocol: ${value}\r\nConnection`));
      // White space around a header's value is not part of it, RFC 9110 section 5.5.
      assert.equal(at.channels[0]?.version, value === 'version=2 ' ? 2 : 0);
      await at.close();
    });
  }

  test('a session without output is an empty answer of the right type', async () => {
    const at = await openDoor({ serve: async () => ({ exitStatus: 0 }) });
    const answer = await exchange(at, `${post(5)}00000`);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('content-type'), 'application/x-git-upload-pack-result');
    await at.close();
  });

  for (const [error, status, text] of [
    [new RefgateError('LIMIT_EXCEEDED', 'client', 'too many'), 413, /too many/],
    [new RefgateError('PKT_LENGTH', 'client', 'a\u001b[31m\r\nb\u2028c'), 400, /: a\?\[31m\?\?b\?c\n$/],
    [new RefgateError('POLICY_DENIED', 'client', 'ask first'), 403, /ask first/],
    [
      new RefgateError('UPSTREAM_UNREACHABLE', 'upstream', '10.1.2.3'),
      503,
      /^the agent for this.*; try again/,
    ],
    [new RefgateError('UPSTREAM_TIMEOUT', 'upstream', '10.1.2.3'), 504, /try again/],
    [new RefgateError('UPSTREAM_PROTOCOL', 'upstream', '10.1.2.3'), 502, /try again/],
    [new RefgateError('CREDENTIAL_MISSING', 'operator', '10.1.2.3'), 503, /no credential/],
    [
      new RefgateError('LEDGER_UNAVAILABLE', 'refgate', '/10.1.2.3'),
      503,
      /tell your administrator [0-9a-f-]{36}\n$/,
    ],
    [
      new RefgateError('INTERNAL', 'refgate', 'session s-000abc; 10.1.2.3'),
      500,
      /tell your administrator s-000abc\n$/,
    ],
    [
      new Error('10.1.2.3'),
      500,
      /^something went wrong inside Refgate; tell your administrator [0-9a-f-]{36}\n$/,
    ],
  ] as const) {
    test(`${error.message.slice(0, 50)} before the first byte is status ${status} and one line`, async () => {
      const at = await openDoor({
        serve: async () => {
          throw error;
        },
      });
      const answer = await exchange(at, refs('upload-pack'));
      assert.equal(answer.status, status);
      assert.match(answer.body, text);
      assert.equal(answer.body.split('\n').length, 2);
      assert.equal(answer.headers.get('content-type'), 'text/plain; charset=utf-8');
      assert.ok(!answer.body.includes('10.1.2.3'));
      await at.close();
    });
  }

  test('an error after the first byte breaks the answer off, so that it is not taken for whole', async () => {
    const at = await openDoor({
      serve: async (channel) => {
        await new Promise((resolve) => channel.output.write('half', resolve));
        throw new RefgateError('INTERNAL', 'refgate');
      },
    });
    const answer = await exchange(at, refs('upload-pack'));
    assert.equal(answer.status, 200);
    assert.ok(!answer.body.includes('\r\n0\r\n'));
    assert.ok(at.logged.some((line) => line.phrase === 'http answer broken off'));
    await at.close();
  });

  test('an answer that overtakes a large push still reaches git', async () => {
    const at = await openDoor({
      serve: async (channel) => {
        if (channel.mode === 'advertise') return serveWithGit(at.dir, channel);
        const report = `${pkt('unpack ok\n')}${pkt('ng refs/heads/main not today\n')}0000`;
        channel.output.write(`${pkt(`\u0001${report}`)}0000`);
        return { exitStatus: 1 };
      },
    });
    const work = await bigPush(at);
    const run = await git(work, ['push', at.repoUrl, 'main']);
    assert.equal(run.code, 1);
    assert.match(run.stderr, /\[remote rejected\] main -> main \(not today\)/);
    await at.close();
  });

  test('git learns that its push is too large', async () => {
    const at = await openDoor({ limits: { maxBodyBytes: 1024 * 1024 } });
    const work = await bigPush(at);
    const run = await git(work, ['push', at.repoUrl, 'main']);
    assert.equal(run.code, 1);
    assert.match(run.stderr, /HTTP 413/);
    await at.close();
  });

  test('several requests use one connection', async () => {
    const at = await openDoor({ serve: async () => ({ exitStatus: 0 }) });
    const socket = await dial(at);
    const answers = readAll(socket);
    const lasting = refs('upload-pack').replace('Connection: close\r\n', '');
    for (let i = 1; i <= 3; i++) {
      socket.write(lasting);
      while (at.channels.length < i) await delay(5);
      await delay(20);
    }
    socket.end();
    assert.equal((await answers).split('HTTP/1.1 200').length - 1, 3);
    await at.close();
  });

  test('what is mounted answers below /-/ and nowhere else', async () => {
    const at = await openDoor({
      mounts: (request, response) => {
        response.end(`page ${request.url}`);
      },
    });
    assert.match((await exchange(at, head('GET', '/-/pushes?x=1'))).body, /page \/pushes\?x=1/);
    assert.equal((await exchange(at, head('GET', '/-x/pushes'))).status, 404);
    assert.equal((await exchange(at, head('GET', '/acme/-/pushes'))).status, 404);
    await at.close();
  });

  test('a mounted page that throws says nothing of why', async () => {
    const at = await openDoor({
      mounts: () => {
        throw new Error('secret place');
      },
    });
    const answer = await exchange(at, head('GET', '/-/x'));
    assert.equal(answer.status, 500);
    assert.ok(!answer.body.includes('secret place'));
    await at.close();
  });
});

describe('closing', () => {
  test('a request in progress is finished within the grace, and a new one is not taken', async () => {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const at = await openDoor({
      serve: async (channel) => {
        await released;
        channel.output.write('done');
        return { exitStatus: 0 };
      },
    });
    const socket = await dial(at);
    socket.write(refs('upload-pack').replace('Connection: close\r\n', ''));
    const answer = readAll(socket);
    while (at.channels.length === 0) await delay(5);
    const closed = at.door.close(10_000);
    await assert.rejects(dial(at));
    release();
    assert.match(parseAnswer(await answer).body, /done/);
    await closed;
    await at.close();
  });

  test('what outlasts the grace is cut, and told why', async () => {
    const at = await openDoor({
      serve: (channel) =>
        new Promise((_resolve, reject) => {
          channel.signal.addEventListener('abort', () => reject(channel.signal.reason as Error));
        }),
    });
    const answer = exchange(at, refs('upload-pack'));
    while (at.channels.length === 0) await delay(5);
    await at.door.close(50);
    await answer;
    const reason: unknown = at.channels[0]?.signal.reason;
    assert.ok(reason instanceof RefgateError && reason.code === 'SHUTTING_DOWN');
    await at.close();
  });
});
