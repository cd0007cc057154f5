import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import * as isomorphic from 'isomorphic-git';
import http from 'isomorphic-git/http/node';
import { git, gitOk, makeRepo, openDoor, type TestDoor, token, user } from './served-git.ts';

describe('real git over HTTP', () => {
  let at: TestDoor;
  let work: string;
  let bare: string;

  before(async () => {
    at = await openDoor();
    ({ work, bare } = await makeRepo(at.dir));
    await gitOk(work, 'remote', 'add', 'origin', at.repoUrl);
  });
  after(() => at.close());

  for (const version of ['0', '1', '2']) {
    test(`git clones and fetches in protocol version ${version}`, async () => {
      const copy = join(at.dir, `copy-${version}`);
      const from = at.channels.length;
      await gitOk(at.dir, '-c', `protocol.version=${version}`, 'clone', '-q', at.repoUrl, copy);
      await gitOk(copy, '-c', `protocol.version=${version}`, 'fetch', '-q', 'origin', 'main');
      assert.equal(await gitOk(copy, 'rev-parse', 'origin/main'), await gitOk(bare, 'rev-parse', 'main'));
      const used = at.channels.slice(from);
      assert.ok(used.length >= 3);
      assert.ok(used.every((channel) => channel.version === Number(version)));
      assert.ok(used.every((channel) => channel.principal.user === 'alice' && channel.repo === 'acme/web'));
    });
  }

  for (const version of ['0', '1', '2']) {
    test(`git pushes in protocol version ${version}, small`, async () => {
      await gitOk(work, 'commit', '-q', '--allow-empty', '-m', `v${version}`);
      await gitOk(work, '-c', `protocol.version=${version}`, 'push', '-q', 'origin', 'main');
      assert.equal(await gitOk(bare, 'rev-parse', 'main'), await gitOk(work, 'rev-parse', 'main'));
    });
  }

  test('a push over 1 MiB probes, then streams in chunks; the probe never reaches the spine', async () => {
    await writeFile(join(work, 'big'), randomBytes(3 * 1024 * 1024));
    await gitOk(work, 'add', 'big');
    await gitOk(work, 'commit', '-q', '-m', 'big');
    const from = at.channels.length;
    const run = await git(work, ['push', '-q', 'origin', 'main'], { GIT_CURL_VERBOSE: '1' });
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stderr, /content-length: 4\b/i);
    assert.match(run.stderr, /transfer-encoding: chunked/i);
    assert.deepEqual(
      at.channels.slice(from).map((channel) => channel.mode),
      ['advertise', 'rpc'],
    );
    assert.equal(await gitOk(bare, 'rev-parse', 'main'), await gitOk(work, 'rev-parse', 'main'));
  });

  test('a chunked push that waits for 100 (Continue) is let in', async () => {
    await gitOk(work, 'commit', '-q', '--allow-empty', '-m', 'expect');
    const run = await git(work, [
      ...['-c', 'http.postBuffer=1', '-c', `http.extraHeader=Expect: 100-continue`],
      ...['push', '-q', 'origin', 'main'],
    ]);
    assert.equal(run.code, 0, run.stderr);
    assert.equal(await gitOk(bare, 'rev-parse', 'main'), await gitOk(work, 'rev-parse', 'main'));
  });

  test('a fetch with many haves comes gzipped and is understood', async () => {
    const other = join(at.dir, 'other');
    await gitOk(at.dir, 'clone', '-q', bare, other);
    for (let i = 0; i < 60; i++) await gitOk(other, 'commit', '-q', '--allow-empty', '-m', `own ${i}`);
    await gitOk(work, 'commit', '-q', '--allow-empty', '-m', 'theirs');
    await gitOk(work, 'push', '-q', bare, 'main');
    const run = await git(other, ['fetch', '-q', at.repoUrl, 'main'], { GIT_CURL_VERBOSE: '1' });
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stderr, /content-encoding: gzip/i);
    assert.equal(await gitOk(other, 'rev-parse', 'FETCH_HEAD'), await gitOk(work, 'rev-parse', 'main'));
  });

  test('isomorphic-git clones and pushes', async () => {
    const copy = join(at.dir, 'isomorphic');
    const login = { http, fs, dir: copy, onAuth: () => ({ username: user, password: token }) };
    const name = 'main';
    await isomorphic.clone({ ...login, url: `${at.door.url}/acme/web`, ref: name, singleBranch: true });
    const author = { name: 'B', email: 'b@example.com' };
    const oid = await isomorphic.commit({ fs, dir: copy, message: 'from elsewhere', author });
    const result = await isomorphic.push({ ...login, remote: 'origin', ref: name });
    assert.equal(result.ok, true);
    assert.equal(await gitOk(bare, 'rev-parse', 'main'), oid);
  });

  test('git shows the one line of a refusal, and its own verdict', async () => {
    const run = await git(at.dir, ['ls-remote', at.repoUrl.replace('web', 'nothing')]);
    assert.equal(run.code, 128);
    assert.match(run.stderr, /^remote: there is no such repository, or you may not see it; check the URL/m);
    assert.match(run.stderr, /repository '.*' not found/);
  });

  test('a wrong token is refused with words', async () => {
    const run = await git(at.dir, ['ls-remote', at.repoUrl.replace(/:[^:@]+@/, ':wrong@')]);
    assert.equal(run.code, 128);
    assert.match(run.stderr, /^remote: log in with your user name, and a token as the password/m);
    assert.match(run.stderr, /Authentication failed/);
  });
});
