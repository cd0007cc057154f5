/** What stock git does not do of its own accord: written by hand, and still answered as gitprotocol-pack(5) says. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { flushPkt } from '../../src/git/pkt-line.ts';
import { type Bastion, startBastion, upstreamKinds } from '../support/bastion.ts';
import { git, runGit } from '../support/git.ts';
import { data, fastImport } from '../support/repos.ts';
import { suiteCleanup } from '../support/suite.ts';
import { applyPolicy, makeForked, tip } from './pushing.ts';
import { type Command, linesOf, oids, packOf, post, requestOf, sendOverSsh, zero } from './raw-push.ts';

const policy = `
access: [{ who: { group: dev }, repo: ["ssh/*", "http/*", "path/*"], may: [read, write] }]
rules: [{ name: no-forks, when: { ref: refs/heads/fork }, then: deny, say: use topic }]
`;

describe('pushes written by hand', { timeout: 120_000 }, () => {
  const t = suiteCleanup();
  let bastion: Bastion;
  let local: string;
  let topic: string;
  let pack: Buffer;
  let runs = 0;

  before(async () => {
    bastion = await startBastion(t);
    local = join(bastion.dir, 'local.git');
    await makeForked(local);
    [topic = ''] = await oids(local, ['topic']);
    pack = await packOf(local, ['topic', '^main']);
    await applyPolicy(bastion, policy);
  });

  async function upstream(): Promise<string> {
    const name = `raw-${runs++}`;
    await git(['init', '--quiet', '--bare', bastion.gitDir(name)]);
    await git(['push', '--quiet', bastion.gitDir(name), 'main'], { cwd: local });
    return name;
  }

  const both = (): readonly Command[] => [
    [zero, topic, 'refs/heads/topic'],
    // A ref that is refused for its name, and not for what it brings.
    [zero, topic, 'refs/heads/fork'],
  ];
  const report = ['unpack ok', 'ok refs/heads/topic', 'ng refs/heads/fork refused: no-forks', 'flush'];

  /** The same request over both doors, each to a repository of its own. */
  async function ask(request: Buffer): Promise<readonly (readonly [body: Buffer, name: string])[]> {
    const [first, second] = [await upstream(), await upstream()];
    const { status, body } = await post(bastion, `http/${first}`, request);
    assert.equal(status, 200);
    const told = await sendOverSsh(bastion, `ssh/${second}`, [[0, request]]);
    return [
      [body, first],
      [told.body, second],
    ];
  }

  for (const version of ['report-status', 'report-status-v2'])
    test(`${version} is answered with and without sidebands`, async () => {
      for (const [body, name] of await ask(requestOf(both(), `${version} agent=hand/1`, pack))) {
        assert.deepEqual(linesOf(body), report);
        assert.equal(await tip(bastion.gitDir(name), 'refs/heads/topic'), topic);
      }
      for (const [body, name] of await ask(requestOf(both(), `${version} side-band-64k quiet`, pack))) {
        const lines = linesOf(body, true);
        assert.deepEqual(
          lines.filter((line) => !/^[23] /.test(line)),
          [...report, 'flush'],
        );
        assert.match(lines.join('\n'), /^2 .*no-forks: refs\/heads\/fork must not be created; use topic/ms);
        assert.equal(await tip(bastion.gitDir(name), 'refs/heads/fork'), '');
      }
    });

  test('a client that asks for no report gets none, and its push is done', async () => {
    for (const [body, name] of await ask(requestOf(both(), 'ofs-delta', pack))) {
      assert.equal(body.length, 0);
      assert.equal(await tip(bastion.gitDir(name), 'refs/heads/topic'), topic);
      assert.equal(await tip(bastion.gitDir(name), 'refs/heads/fork'), '');
    }
  });

  test('a gzip body is read as what is in it', async () => {
    const name = await upstream();
    const body = gzipSync(requestOf(both(), 'report-status', pack));
    const answer = await post(bastion, `path/${name}`, body, { 'content-encoding': 'gzip' });
    assert.deepEqual(linesOf(answer.body), report);
  });

  test('the probe before a chunked push is answered, and is not a push in the ledger', async () => {
    const name = await upstream();
    const { status, body } = await post(bastion, `path/${name}`, flushPkt);
    assert.equal(status, 200);
    assert.equal(body.length, 0);
    const rows = await bastion.sessions(`path/${name}`);
    for (const row of rows) {
      const codes = (await bastion.events(row.id)).map((event) => event.code);
      assert.deepEqual(
        codes.filter((code) => code.startsWith('push.')),
        [],
      );
    }
  });

  test('git probes and sends a large push in chunks', async () => {
    const name = await upstream();
    const big = join(bastion.dir, 'big.git');
    await git(['init', '--quiet', '--bare', big]);
    const digest = (n: number): string => createHash('sha512').update(String(n)).digest('base64');
    const noise = Array.from({ length: 25_000 }, (_, n) => digest(n)).join('\n');
    await fastImport(
      big,
      `commit refs/heads/big\ncommitter Ann <ann@example.com> 1700000000 +0000\n${data('big')}M 100644 inline big\n${data(noise)}\n`,
    );
    const url = bastion.url('http', 'http', name);
    const env = { GIT_TRACE_CURL: '1', GIT_TRACE_CURL_NO_DATA: '1' };
    const run = await bastion.run(['-c', 'http.postBuffer=65536', 'push', url, 'big'], { cwd: big, env });
    assert.equal(run.status, 0, run.stderr.slice(-2_000));
    assert.match(run.stderr, /Send header: Transfer-Encoding: chunked/i);
    assert.equal(
      await tip(bastion.gitDir(name), 'refs/heads/big'),
      await git(['rev-parse', 'big'], { cwd: big }),
    );
    const pushes = (await bastion.sessions(`http/${name}`)).filter((row) => row.refs.length > 0);
    assert.equal(pushes.length, 1);
  });

  for (const kind of upstreamKinds)
    test(`a thin pack that nobody asked for is completed from an upstream over ${kind}`, async () => {
      const name = await upstream();
      const old = await commitOf(longText, 'main');
      const next = await commitOf(`${longText}one more line\n`, old);
      await git(['push', '--quiet', bastion.gitDir(name), `${old}:refs/heads/main`], { cwd: local });
      const thin = await packOf(local, [next, `^${old}`], true);
      const alone = join(bastion.dir, `alone-${kind}.git`);
      await git(['init', '--quiet', '--bare', alone]);
      const indexed = await runGit(['index-pack', '--stdin'], { cwd: alone, input: thin });
      assert.match(indexed.stderr, /unresolved delta/, 'the pack is thin indeed');
      const request = requestOf([[old, next, 'refs/heads/main']], 'report-status', thin);
      const answer = await post(bastion, `${kind}/${name}`, request);
      assert.deepEqual(linesOf(answer.body), ['unpack ok', 'ok refs/heads/main', 'flush']);
      await git(['fsck', '--strict'], { cwd: bastion.gitDir(name) });
    });

  /** Long enough to be worth a delta. */
  const longText = Array.from({ length: 300 }, (_, n) => `line ${n * n}\n`).join('');

  async function commitOf(text: string, parent: string): Promise<string> {
    const oid = await git(['hash-object', '-w', '--stdin'], { cwd: local, input: text });
    const tree = await git(['mktree'], { cwd: local, input: `100644 blob ${oid}\tlong.txt\n` });
    return git(['commit-tree', tree, '-p', parent, '-m', 'long'], { cwd: local });
  }
});
