/**
 * Attack: an upstream that was taken over, or is not one, turns on the gateway and its clients.
 * 1. Somebody clones from it, or pushes to it, through the gateway.
 * 2. It speaks another protocol than it should, breaks its lines, compresses what it was not asked to, or sends
 *    terminal escapes where a person reads: in errors, on the sidebands, as names of refs.
 * 3. It reports refs that were not pushed, or none, or says ok and does nothing.
 * 4. It sends without end: refs, acknowledgments, messages before and after its report; or one byte now and then.
 * The client hears one clean line, the ledger says what is known and no more, memory stays flat, nothing
 * waits for an upstream on behalf of a client that has gone, and everybody else is served.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { encodePkt, flushPkt } from '../../src/git/pkt-line.ts';
import { endsWithFile, eventsOf, find, pushesOf, sessionsOf, settledAs, until } from '../fault/scene.ts';
import { type GitRun, git, gitEnv, runGit } from '../support/git.ts';
import { band, type HostileSiege, layHostileSiege, lines, report, writeForEver } from './hostile-upstream.ts';
import { type Answer, bandsOf, emptyPack, pushBody, zero } from './siege.ts';

const oid = '1'.repeat(40);
const escapes = '\u001b]0;owned\u0007 \u001b[2J\u009b31m \rX\u0008';
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const dangerous = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;
const file = endsWithFile();

/** Resident memory of a process, in MiB. */
function memoryOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

describe('an upstream that lies', () => {
  let siege: HostileSiege;
  let clone = '';
  before(async () => {
    siege = await layHostileSiege(file, { config: { limits: { upstreamIdle: '1s' } } });
    clone = join(siege.dir, 'clone');
    await git(['init', '--quiet', clone]);
    await git(['commit', '--quiet', '--allow-empty', '-m', 'one'], { cwd: clone });
  });

  const list = async (name: string): Promise<GitRun> => runGit(['ls-remote', await siege.url(name)]);
  const push = async (name: string): Promise<GitRun> =>
    runGit(['push', await siege.url(name), 'HEAD:refs/heads/new'], { cwd: clone });

  const reads: readonly [string, Parameters<HostileSiege['behave']>[1], RegExp][] = [
    [
      'speaks only protocol v0',
      ({ kind }, response) => {
        if (kind !== 'advertise') return false;
        const prelude = Buffer.concat([encodePkt('# service=git-upload-pack\n'), flushPkt]);
        response.end(Buffer.concat([prelude, lines([`${oid} HEAD\0multi_ack\n`])]));
        return true;
      },
      /not the Git protocol, or lacks protocol v2/,
    ],
    [
      'answers with an error full of escapes',
      ({ kind }, response) => {
        if (kind === 'ls-refs') response.end(lines([`ERR ${escapes}`]));
        return kind === 'ls-refs';
      },
      /502|refused/,
    ],
    [
      'shows a ref whose name holds escapes',
      ({ kind }, response) => {
        if (kind === 'ls-refs') response.end(lines([`${oid} refs/heads/${escapes}\n`]));
        return kind === 'ls-refs';
      },
      /502|not the Git protocol/,
    ],
    [
      'sends a line that is longer than lines are',
      ({ kind }, response) => {
        if (kind === 'ls-refs') response.end(`ffff${'x'.repeat(65_531)}`);
        return kind === 'ls-refs';
      },
      /502|pkt-line has a length/,
    ],
    [
      'compresses what it was not asked to',
      ({ kind }, response) => {
        if (kind !== 'ls-refs') return false;
        response.setHeader('content-encoding', 'gzip');
        response.end(gzipSync(lines([`${oid} refs/heads/main\n`])));
        return true;
      },
      /502|pkt-line has a length/,
    ],
    [
      'ends in the middle of its answer',
      ({ kind }, response) => {
        if (kind === 'ls-refs') response.end(encodePkt(`${oid} refs/heads/main\n`));
        return kind === 'ls-refs';
      },
      /connection to the upstream broke/,
    ],
  ];
  for (const [index, [what, behaviour, message]] of reads.entries()) {
    test(`a client of one that ${what} is told in clean words`, async () => {
      siege.behave(`read-${index}`, behaviour);
      const run = await list(`read-${index}`);
      assert.notEqual(run.status, 0);
      assert.match(run.stderr, message);
      assert.doesNotMatch(run.stderr, dangerous);
      const [session] = await sessionsOf(siege.refgate, `read-${index}`);
      assert.notEqual(session?.outcome, 'ok');
    });
  }

  test('a session log in JSON, and the tables, hold nothing that acts on a terminal', async () => {
    const name = reads.findIndex(([what]) => what.startsWith('answers with an error'));
    for (const row of await sessionsOf(siege.refgate, `read-${name}`)) {
      assert.doesNotMatch(await siege.refgate.ok(['session', 'show', row.id]), dangerous);
    }
    assert.doesNotMatch(await siege.refgate.ok(['session', 'list']), dangerous);
    assert.doesNotMatch(siege.refgate.log().replaceAll('\n', ''), dangerous);
  });

  for (const [number, garbage] of [
    [7, 'no such band'],
    [3, escapes],
  ] as const) {
    test(`band ${number} in place of a pack ends the fetch, in clean words`, async () => {
      siege.behave(`band-${number}`, ({ kind }, response) => {
        if (kind === 'ls-refs') response.end(lines([`${oid} refs/heads/main\n`]));
        else if (kind === 'fetch')
          response.end(
            Buffer.concat([encodePkt('packfile\n'), band(2, escapes), band(number, garbage), flushPkt]),
          );
        return kind === 'ls-refs' || kind === 'fetch';
      });
      const run = await runGit(['fetch', await siege.url(`band-${number}`), 'main'], { cwd: clone });
      assert.notEqual(run.status, 0);
      assert.doesNotMatch(run.stderr.replaceAll('\u001b[K', ''), dangerous);
    });
  }

  test('acknowledgments without end are refused, and memory stays bounded', async () => {
    siege.behave('acks', async ({ kind }, response) => {
      if (kind !== 'fetch') return false;
      response.write(encodePkt('acknowledgments\n'));
      const acks = Array.from({ length: 1000 }, () => encodePkt(`ACK ${oid}\n`));
      await writeForEver(response, Buffer.concat(acks));
      return true;
    });
    const body = Buffer.concat([
      ...['command=fetch', 'object-format=sha1'].map((line) => encodePkt(line)),
      Buffer.from('0001'),
      ...[`want ${oid}`, `have ${oid}`].map((line) => encodePkt(line)),
      flushPkt,
    ]);
    const answer = await siege.ask({ repo: 'acme/acks', service: 'upload-pack', body, version: 'version=2' });
    assert.match(answer.text, /^[0-9a-f]{4}ERR /);
    assert.ok(memoryOf(siege.refgate.pid) < 500, `${memoryOf(siege.refgate.pid)} MiB`);
    await until('the upstream is let go', () => siege.answering() === 0);
  });

  for (const [what, first, again, ms] of [
    ['sends refs without end', 'ls-refs', encodePkt(`${oid} refs/heads/${'x'.repeat(200)}\n`), 0],
    ['drips one byte now and then', 'ls-refs', Buffer.from('0'), 50],
  ] as const) {
    test(`an upstream that ${what} is let go when the client goes`, async () => {
      const name = `endless-${ms}`;
      siege.behave(name, async ({ kind }, response) => {
        if (kind !== first) return false;
        if (ms === 0) await writeForEver(response, Buffer.concat(Array(500).fill(again)));
        response.write('fff0');
        for (; !response.destroyed; await sleep(ms)) response.write(again);
        return true;
      });
      const child = spawn('git', ['ls-remote', await siege.url(name)], {
        env: gitEnv(),
        stdio: ['ignore', 'ignore', 'ignore'],
        detached: true,
      });
      await until('the upstream is answering', () => siege.answering() > 0);
      await sleep(700);
      process.kill(-(child.pid ?? 0), 'SIGKILL');
      await until('the upstream is let go', () => siege.answering() === 0);
      await until('the session is closed', async () =>
        (await sessionsOf(siege.refgate, name)).every((session) => session.closedAt !== undefined),
      );
      const [session] = (await sessionsOf(siege.refgate, name)).filter((one) => one.mode === 'rpc');
      assert.equal(session?.outcome, 'aborted');
      assert.ok(memoryOf(siege.refgate.pid) < 500, `${memoryOf(siege.refgate.pid)} MiB`);
    });
  }

  /** Pushes to an upstream that answers the push with these bytes. */
  async function pushTo(name: string, ...answer: readonly Buffer[]): Promise<GitRun> {
    siege.behave(name, ({ kind }, response) => {
      if (kind === 'push') response.end(Buffer.concat(answer));
      return kind === 'push';
    });
    return push(name);
  }

  test('an upstream that says ok and does nothing is believed, and its words are kept', async () => {
    const run = await pushTo('says-ok', report(['unpack ok\n', 'ok refs/heads/new\n']), flushPkt);
    assert.equal(run.status, 0, run.stderr);
    const events = await eventsOf(siege.refgate, (await pushesOf(siege.refgate, 'says-ok'))[0]?.id ?? '');
    assert.deepEqual(find(events, 'push.reported')?.data, {
      unpack: 'ok',
      reports: [{ ref: 'refs/heads/new', ok: true }],
    });
  });

  for (const [what, answer] of [
    ['a ref that was not pushed', ['unpack ok\n', 'ok refs/heads/new\n', 'ok refs/heads/main\n']],
    ['a ref twice', ['unpack ok\n', 'ok refs/heads/new\n', 'ng refs/heads/new no\n']],
    ['nothing that is a report', ['hello\n']],
  ] as const) {
    test(`a report that names ${what} is not believed: the refs are looked at`, async () => {
      const name = `report-${what.split(' ').at(-1)}`;
      const run = await pushTo(name, report(answer), flushPkt);
      assert.equal(run.status, 1, run.stderr);
      await until('the push is settled', async () => {
        const [session] = await pushesOf(siege.refgate, name);
        const events = await eventsOf(siege.refgate, session?.id ?? '');
        return settledAs(events)?.['refs/heads/new'] === 'not-applied';
      });
    });
  }

  test('an upstream that lists refs without end is let go when the push was refused for its pack', async () => {
    siege.behave('names', async ({ kind }, response) => {
      if (kind !== 'ls-refs') return false;
      await writeForEver(response, Buffer.concat(Array(500).fill(encodePkt(`${oid} refs/heads/x\n`))));
      return true;
    });
    const pack = await packOf(clone);
    pack.writeUInt8(pack.readUInt8(pack.length - 1) ^ 1, pack.length - 1);
    const tip = await git(['rev-parse', 'HEAD'], { cwd: clone });
    const body = pushBody([`${zero} ${tip} refs/heads/new`], pack);
    const answer = await siege.ask({ repo: 'acme/names', service: 'receive-pack', body });
    assert.match(bandsOf(answer.body)[1], /ng refs\/heads\/new refused: PACK_CHECKSUM/);
    await until('the upstream is let go', () => siege.answering() === 0);
  });

  test('messages and reasons of the upstream reach the terminal without what acts on it', async () => {
    const answer = report(['unpack ok\n', `ng refs/heads/new ${escapes}\n`]);
    const run = await pushTo('escapes', band(2, `${escapes}\n`), answer, band(2, escapes), flushPkt);
    assert.equal(run.status, 1);
    assert.doesNotMatch(run.stderr.replaceAll('\u001b[K', ''), dangerous);
    const [session] = await pushesOf(siege.refgate, 'escapes');
    assert.doesNotMatch(await siege.refgate.ok(['session', 'show', session?.id ?? '']), dangerous);
  });

  test('an upstream that goes on for ever after its report does not keep the client', async () => {
    siege.behave('after', async ({ kind }, response) => {
      if (kind !== 'push') return false;
      response.write(report(['unpack ok\n', 'ok refs/heads/new\n']));
      await writeForEver(response, band(2, 'x'.repeat(60_000)));
      return true;
    });
    const body = pushBody(
      [`${zero} ${await git(['rev-parse', 'HEAD'], { cwd: clone })} refs/heads/new`],
      await packOf(clone),
    );
    const answer: Answer = await siege.ask({ repo: 'acme/after', service: 'receive-pack', body });
    assert.match(bandsOf(answer.body)[1], /ok refs\/heads\/new/);
    await until('the upstream is let go', () => siege.answering() === 0);
  });

  test('messages without end, for a client that does not read, fill no memory', async () => {
    siege.behave('flood', async ({ kind }, response) => {
      if (kind === 'push') await writeForEver(response, band(2, 'x'.repeat(60_000)));
      return kind === 'push';
    });
    const tip = await git(['rev-parse', 'HEAD'], { cwd: clone });
    const body = pushBody([`${zero} ${tip} refs/heads/new`], await packOf(clone));
    const { token } = await siege.login('ann');
    const url = new URL(siege.refgate.http);
    const socket = connect(Number(url.port), url.hostname).pause();
    socket.on('error', () => {});
    const head = [
      'POST /acme/flood.git/git-receive-pack HTTP/1.1',
      `Host: ${url.host}`,
      `Authorization: Basic ${Buffer.from(`ann:${token}`).toString('base64')}`,
      'Content-Type: application/x-git-receive-pack-request',
      `Content-Length: ${body.length}`,
    ];
    const before = memoryOf(siege.refgate.pid);
    socket.write(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]));
    await until('the upstream floods', () => siege.answering() > 0);
    await sleep(2_500);
    const grown = memoryOf(siege.refgate.pid) - before;
    socket.destroy();
    assert.ok(grown < 150, `${grown} MiB more`);
  });

  test('after all this the gateway serves an honest one', async () => {
    siege.behave('honest', () => false);
    const run = await list('honest');
    assert.equal(run.status, 0, run.stderr);
  });
});

/** The one commit of a repository as a pack. */
async function packOf(cwd: string): Promise<Buffer> {
  const run = await runGit(['pack-objects', '--stdout', '--revs', '--quiet'], { cwd, input: 'HEAD\n' });
  assert.notEqual(run.stdoutBytes.length, emptyPack.length);
  return run.stdoutBytes;
}
