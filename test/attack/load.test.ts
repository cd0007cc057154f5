/**
 * Attack: to make the server too busy, or too full, for everybody else.
 * 1. One user begins more pushes than she may have at a time, and stops in the middle of each pack.
 * 2. A push names very many refs; a fetch names very many oids.
 * 3. Somebody opens a thousand connections to each door and says nothing.
 * 4. A client asks for a pack and does not read it.
 * Each is refused or bounded, with words that a person understands, and after each an ordinary clone and an
 * ordinary push of somebody else work.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodePkt, flushPkt } from '../../src/git/pkt-line.ts';
import { endsWithFile, sessionsOf, until } from '../fault/scene.ts';
import { git, runGit } from '../support/git.ts';
import { makeRepo } from '../support/repos.ts';
import { emptyPack, laySiege, type Person, pushBody, type Siege, v2Body, zero } from './siege.ts';

const file = endsWithFile();
const limits = { pushesPerUser: 4, refUpdates: 100, fetchLines: 500, loginGrace: '3s', headers: '3s' };

/** Resident memory of a process, in MiB. */
function memoryOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

describe('under load', () => {
  let siege: Siege;
  let tip = '';
  let serial = 0;
  before(async () => {
    siege = await laySiege(file, {
      access: [
        { who: { group: ['dev', 'writers'] }, repo: 'acme/*', may: ['read', 'write'] },
        { who: { group: 'readers' }, repo: 'acme/*', may: ['read'] },
      ],
      config: { limits },
    });
    await makeRepo(siege.gitDir('web'), 'linear', { count: 3 });
    tip = await git(['rev-parse', 'main'], { cwd: siege.gitDir('web') });
    await siege.login('ann');
    await siege.login('wes');
  });

  afterEach(async () => {
    const clone = join(siege.dir, `clone-${++serial}`);
    const { key } = await siege.login('wes');
    await git(['clone', '--quiet', siege.sshUrl('web'), clone], { env: key.env });
    await git(['push', '--quiet', await siege.url('web', 'wes'), `HEAD:refs/heads/after-${serial}`], {
      cwd: clone,
    });
  });

  /** A push over a socket of its own that is stopped in its pack. */
  async function beginPush(person: Person): Promise<{ socket: Socket; answer: () => string }> {
    const { token } = await siege.login(person);
    const url = new URL(siege.refgate.http);
    const socket = connect(Number(url.port), url.hostname);
    let answer = '';
    socket
      .on('error', () => {})
      .on('data', (piece: Buffer) => {
        answer += piece.toString('latin1');
      });
    const body = pushBody([`${zero} ${tip} refs/heads/slow-${++serial}`], emptyPack.subarray(0, 12));
    const head = [
      'POST /acme/web.git/git-receive-pack HTTP/1.1',
      `Host: ${url.host}`,
      `Authorization: Basic ${Buffer.from(`${person}:${token}`).toString('base64')}`,
      'Content-Type: application/x-git-receive-pack-request',
      `Content-Length: ${body.length + 20}`,
      'Connection: close',
    ];
    socket.write(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]));
    return { socket, answer: () => answer };
  }

  test('of twenty pushes at a time of one user only so many are held, and others are not kept out', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => beginPush('ann')));
    const refused = (): number => all.filter(({ answer }) => answer().includes('LIMIT_EXCEEDED')).length;
    // The answer ends only with the request: what was refused is sent on.
    await until('the pushes have begun', async () => {
      const open = await sessionsOf(siege.refgate, 'web');
      return (
        open.filter((one) => one.user === 'ann' && one.refs.length + (one.outcome ? 1 : 0) > 0).length >= 4
      );
    });
    for (const { socket } of all) socket.write(emptyPack.subarray(12));
    await until('all have an answer', () => all.every(({ answer }) => answer().includes('refs/heads/slow')));
    assert.ok(refused() >= 1, `${refused()} refused`);
    assert.ok(all.some(({ answer }) => /pushes of yours are under way; wait for one to end/.test(answer())));
    for (const { socket } of all) socket.destroy();
    const again = await siege.ask({
      repo: 'acme/web',
      service: 'receive-pack',
      body: pushBody([`${zero} ${tip} refs/heads/again`], emptyPack),
    });
    assert.match(again.text, /ok refs\/heads\/again/);
  });

  test('pushes that stop in their pack hold their own user’s places alone', async () => {
    const all = await Promise.all(Array.from({ length: 4 }, () => beginPush('ann')));
    await until('all places are taken', async () => {
      const rows = await sessionsOf(siege.refgate, 'web');
      return (
        rows.filter((one) => one.user === 'ann' && one.outcome === undefined && one.refs.length > 0)
          .length === 4
      );
    });
    const body = (name: string) => pushBody([`${zero} ${tip} refs/heads/${name}`], emptyPack);
    const own = await siege.ask({ repo: 'acme/web', service: 'receive-pack', body: body('own') });
    assert.match(own.text, /ng refs\/heads\/own refused: LIMIT_EXCEEDED/);
    const other = await siege.ask({
      person: 'wes',
      repo: 'acme/web',
      service: 'receive-pack',
      body: body('other'),
    });
    assert.match(other.text, /ok refs\/heads\/other/);
    for (const { socket } of all) socket.destroy();
    await until('the places are free', async () =>
      (await sessionsOf(siege.refgate, 'web')).every((one) => one.outcome !== undefined),
    );
  });

  test('git itself says why, when its push is one too many', async () => {
    const all = await Promise.all(Array.from({ length: 4 }, () => beginPush('ann')));
    await until('all places are taken', async () => {
      const rows = await sessionsOf(siege.refgate, 'web');
      return (
        rows.filter((one) => one.user === 'ann' && one.outcome === undefined && one.refs.length > 0)
          .length === 4
      );
    });
    const clone = join(siege.dir, 'busy');
    await git(['clone', '--quiet', await siege.url('web'), clone]);
    await git(['commit', '--quiet', '--allow-empty', '-m', 'x'], { cwd: clone });
    const { key } = await siege.login('ann');
    for (const url of [siege.sshUrl('web'), await siege.url('web')]) {
      const run = await runGit(['push', url, 'HEAD:refs/heads/busy'], { cwd: clone, env: key.env });
      assert.equal(run.status, 1);
      assert.match(run.stderr, /pushes of yours are under way; wait for one to end/);
    }
    for (const { socket } of all) socket.destroy();
  });

  test('a push of as many refs as it may name passes, and of one more is refused in words, through both doors', async () => {
    const clone = join(siege.dir, 'many');
    await git(['clone', '--quiet', await siege.url('web'), clone]);
    const { key } = await siege.login('ann');
    for (const [door, url] of [
      ['ssh', siege.sshUrl('web')],
      ['http', await siege.url('web')],
    ] as const) {
      const specs = Array.from({ length: 101 }, (_, n) => `HEAD:refs/heads/${door}/${n}`);
      const most = await runGit(['push', '--quiet', url, ...specs.slice(1)], { cwd: clone, env: key.env });
      assert.equal(most.status, 0, most.stderr);
      const deletions = Array.from({ length: 101 }, (_, n) => `HEAD:refs/tags/${door}-${n}`);
      const more = await runGit(['push', '--quiet', url, ...deletions], { cwd: clone, env: key.env });
      assert.notEqual(more.status, 0);
      assert.match(more.stderr, /more than 100 lines in one request/, door);
    }
    assert.equal(await git(['tag', '--list'], { cwd: siege.gitDir('web') }), '');
  });

  test('a fetch of more lines than it may have is refused in words', async () => {
    const oids = Array.from({ length: 501 }, (_, n) => n.toString(16).padStart(40, '0'));
    const args = [`want ${tip}`, ...oids.map((oid) => `have ${oid}`)];
    const v2 = await siege.ask({
      repo: 'acme/web',
      service: 'upload-pack',
      body: v2Body('fetch', args),
      version: 'version=2',
    });
    assert.equal(v2.status, 413, v2.text);
    assert.match(v2.text, /more than 500 lines/);
    const haves = oids.map((oid) => encodePkt(`have ${oid}\n`));
    const body = Buffer.concat([encodePkt(`want ${tip}\n`), flushPkt, ...haves, encodePkt('done\n')]);
    const v0 = await siege.ask({ repo: 'acme/web', service: 'upload-pack', body });
    assert.equal(v0.status, 413, v0.text);
  });

  test('a thousand silent connections at each door leave room for others, and go', async () => {
    const ports = [siege.refgate.sshPort, Number(new URL(siege.refgate.http).port)];
    const sockets: Socket[] = [];
    let closed = 0;
    for (const port of ports) {
      for (let n = 0; n < 1_000; n++) {
        const socket = connect(port, '127.0.0.1').on('error', () => {});
        socket
          .on('data', () => {})
          .once('close', () => {
            closed += 1;
          });
        sockets.push(socket);
      }
    }
    await until('most were turned away at once', () => closed > 1_000);
    // From this very address, so that it is the same source that has room again.
    await until('the others are cut', () => closed === sockets.length);
  });

  test('a client that does not read its pack fills no memory', async () => {
    await makeRepo(siege.gitDir('big'), 'linear', { count: 1 });
    const work = join(siege.dir, 'big');
    await git(['clone', '--quiet', siege.gitDir('big'), work]);
    writeFileSync(join(work, 'big.bin'), randomBytes(24 * 2 ** 20));
    await git(['add', '.'], { cwd: work });
    await git(['commit', '--quiet', '-m', 'big'], { cwd: work });
    await git(['push', '--quiet', 'origin', 'HEAD:main'], { cwd: work });
    const head = await git(['rev-parse', 'HEAD'], { cwd: work });
    const { token } = await siege.login('ann');
    const url = new URL(siege.refgate.http);
    const body = v2Body('fetch', [`want ${head}`, 'done']);
    const lines = [
      'POST /acme/big.git/git-upload-pack HTTP/1.1',
      `Host: ${url.host}`,
      'Git-Protocol: version=2',
      `Authorization: Basic ${Buffer.from(`ann:${token}`).toString('base64')}`,
      'Content-Type: application/x-git-upload-pack-request',
      `Content-Length: ${body.length}`,
    ];
    const before = memoryOf(siege.refgate.pid);
    const sockets = Array.from({ length: 6 }, () => {
      const socket = connect(Number(url.port), url.hostname).pause();
      socket.on('error', () => {});
      socket.write(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), body]));
      return socket;
    });
    await sleep(3_000);
    const grown = memoryOf(siege.refgate.pid) - before;
    for (const socket of sockets) socket.destroy();
    assert.ok(grown < 150, `${grown} MiB more`);
  });
});
