/**
 * The upstream as it is now is the only truth, access is told to nobody who has
 * none, and the ledger says what was wanted, how much left and how it ended.
 */
import assert from 'node:assert/strict';
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { EventCode, LedgerEvent } from '../../src/domain/record.ts';
import { type Bastion, type Door, doors, startBastion, upstreamKinds } from '../support/bastion.ts';
import { git } from '../support/git.ts';
import { makeRepo } from '../support/repos.ts';

const everyWay = doors.flatMap((door) => upstreamKinds.map((upstream) => ({ door, upstream })));

const pick = <C extends EventCode>(events: readonly LedgerEvent[], code: C): LedgerEvent<C>[] =>
  events.filter((event): event is LedgerEvent<C> => event.code === code);

/** The newest session of a repository that served something, with its events. */
async function lastServed(bastion: Bastion, repo: string): Promise<readonly LedgerEvent[]> {
  const [newest] = await bastion.sessions(repo, 1);
  assert.ok(newest);
  return bastion.events(newest.id);
}

async function checkSame(bastion: Bastion, work: string, name: string): Promise<void> {
  const refs = ['for-each-ref', '--format=%(objectname) %(refname)'];
  assert.equal(await git(refs, { cwd: work }), await git(refs, { cwd: bastion.gitDir(name) }));
  await git(['fsck', '--full', '--no-dangling'], { cwd: work });
}

test('what is read is what is there', { timeout: 300_000 }, async (t) => {
  const bastion = await startBastion(t);
  await makeRepo(bastion.gitDir('tags'), 'tags', { count: 6 });
  await git(['config', 'uploadpack.allowFilter', 'true'], { cwd: bastion.gitDir('tags') });
  await replaced(t, bastion);
  await access(t, bastion);
  await protocol(t, bastion);
  await recorded(t, bastion);
});

async function replaced(t: TestContext, bastion: Bastion): Promise<void> {
  for (const { door, upstream } of everyWay) {
    const name = `moving-${door}-${upstream}`;
    const url = bastion.url(door, upstream, name);
    const gitDir = bastion.gitDir(name);
    const way = `over ${door} from an upstream over ${upstream}`;
    const work = join(bastion.dir, `${name}.git`);

    await t.test(`${way}, a branch that was forced and one that was deleted are seen so`, async () => {
      await makeRepo(gitDir, 'merges', { count: 3 });
      await bastion.git(['clone', '--quiet', '--mirror', url, work]);
      await git(['update-ref', 'refs/heads/main', 'refs/heads/side-0'], { cwd: gitDir });
      await git(['update-ref', '-d', 'refs/heads/side-2'], { cwd: gitDir });
      await bastion.git(['remote', 'update', '--prune'], { cwd: work });
      await checkSame(bastion, work, name);
    });

    await t.test(
      `${way}, a repository of another object format in its place is cloned as it is`,
      async () => {
        renameSync(gitDir, join(bastion.dir, `${name}-before.git`));
        await makeRepo(gitDir, 'sha256', { count: 2 });
        const stale = await bastion.run(['fetch', '--quiet'], { cwd: work });
        assert.notEqual(stale.status, 0);
        const fresh = join(bastion.dir, `${name}-fresh.git`);
        await bastion.git(['clone', '--quiet', '--mirror', url, fresh]);
        assert.equal(await git(['rev-parse', '--show-object-format'], { cwd: fresh }), 'sha256');
        await checkSame(bastion, fresh, name);
      },
    );

    await t.test(`${way}, a repository that was deleted is not there any more`, async () => {
      rmSync(gitDir, { recursive: true });
      const gone = await bastion.run(['ls-remote', url]);
      assert.equal(gone.status, 128);
      assert.match(gone.stderr, /there is no such repository, or you may not see it/);
    });
  }
}

async function access(t: TestContext, bastion: Bastion): Promise<void> {
  for (const door of doors) {
    await t.test(
      `over ${door}, who has no grant hears what is heard of a repository that is not there`,
      async () => {
        const ask = async (path: string, person: 'ann' | 'eve') => {
          const url = bastion.url(door, 'path', 'tags', person).replace('path/tags', path);
          const { status, stderr } = await bastion.run(['ls-remote', url], {}, person);
          return { status, stderr: stderr.replaceAll(path, 'REPO') };
        };
        const denied = await ask('path/tags', 'eve');
        assert.equal(denied.status, 128);
        assert.match(denied.stderr, /there is no such repository, or you may not see it/);
        assert.deepEqual(await ask('path/none', 'eve'), denied);
        for (const upstream of upstreamKinds) assert.deepEqual(await ask(`${upstream}/none`, 'ann'), denied);
        assert.deepEqual(await ask('elsewhere/tags', 'ann'), denied);
      },
    );

    await t.test(`over ${door}, who may only read cannot push, and git says why`, async () => {
      const before = await git(['for-each-ref'], { cwd: bastion.gitDir('tags') });
      const url = bastion.url(door, 'path', 'tags', 'rob');
      assert.match(await bastion.git(['ls-remote', url], {}, 'rob'), /refs\/heads\/main/);
      const push = ['push', url, 'main:refs/heads/other'];
      const { status, stderr } = await bastion.run(push, { cwd: bastion.gitDir('tags') }, 'rob');
      assert.notEqual(status, 0);
      assert.match(stderr, /you may read it, not push to it; ask who keeps the policy/);
      assert.equal(await git(['for-each-ref'], { cwd: bastion.gitDir('tags') }), before);
    });
  }

  await t.test('git archive --remote is refused with what to do instead', async () => {
    const archive = ['archive', `--remote=${bastion.url('ssh', 'path', 'tags')}`, 'main'];
    const { status, stdout, stderr } = await bastion.run(archive);
    assert.notEqual(status, 0);
    assert.equal(stdout, '');
    assert.match(stderr, /git archive --remote is not served; clone the repository instead/);
  });
}

async function protocol(t: TestContext, bastion: Bastion): Promise<void> {
  /** What git's own trace shows of the server's lines, from the last that matches to the flush-pkt. */
  const heard = async (door: Door, version: number, first: RegExp): Promise<string[]> => {
    const ask = ['-c', `protocol.version=${version}`, 'ls-remote', bastion.url(door, 'path', 'tags'), 'HEAD'];
    const { stderr } = await bastion.run(ask, { env: { GIT_TRACE_PACKET: '1' } });
    const lines = stderr.split('\n').flatMap((line) => / (?:ls-remote|git)< (.*)$/.exec(line)?.[1] ?? []);
    const from = lines.findLastIndex((line) => first.test(line));
    return lines.slice(from, lines.indexOf('0000', from));
  };

  for (const door of doors) {
    await t.test(`over ${door}, protocol v2 offers what is honoured and nothing else`, async () => {
      const [version, agent, ...rest] = await heard(door, 2, /^version/);
      assert.equal(version, 'version 2');
      assert.match(agent ?? '', /^agent=refgate\//);
      assert.deepEqual(rest, ['ls-refs=unborn', 'fetch=shallow wait-for-done filter', 'object-format=sha1']);
    });
    await t.test(`over ${door}, protocol v0 offers what is honoured and nothing else`, async () => {
      const [line = ''] = await heard(door, 0, /\\0/);
      const names =
        line
          .split('\\0')[1]
          ?.split(' ')
          .flatMap((word) => word.split('=')[0] ?? []) ?? [];
      assert.deepEqual(
        names.filter((name) => !known.includes(name)),
        [],
      );
      assert.ok(names.includes('multi_ack_detailed'), line);
    });
  }
}

/** Capabilities of v0 that Refgate may offer. */
const known = [
  ...['symref', 'multi_ack', 'multi_ack_detailed', 'no-done', 'thin-pack', 'side-band', 'side-band-64k'],
  ...['ofs-delta', 'shallow', 'deepen-since', 'deepen-not', 'deepen-relative', 'no-progress', 'include-tag'],
  ...['allow-tip-sha1-in-want', 'allow-reachable-sha1-in-want', 'filter', 'object-format', 'agent'],
];

async function recorded(t: TestContext, bastion: Bastion): Promise<void> {
  for (const { door, upstream } of everyWay) {
    for (const version of [0, 2]) {
      await t.test(
        `a v${version} clone over ${door} from an upstream over ${upstream} is in the ledger`,
        async () => {
          const work = join(bastion.dir, `ledger-${door}-${upstream}-${version}`);
          const partial = ['clone', '--quiet', '--bare', '--depth', '2', '--filter=blob:none'];
          const url = bastion.url(door, upstream, 'tags');
          await bastion.git([
            '-c',
            `protocol.version=${version}`,
            ...partial,
            '--branch',
            'main',
            '--single-branch',
            url,
            work,
          ]);
          const events = await lastServed(bastion, `${upstream}/tags`);
          const tip = await git(['rev-parse', 'main'], { cwd: work });
          const wanted = pick(events, 'fetch.requested').at(-1)?.data;
          const target = `${{ ssh: 'sshd', http: 'web', path: 'disk' }[upstream]}:acme/tags`;
          assert.deepEqual(
            { ...wanted, haveCount: undefined },
            { target, wants: [tip], wantCount: 1, filter: 'blob:none', depth: 2, haveCount: undefined },
          );
          const served = pick(events, 'fetch.served')[0]?.data;
          const closed = pick(events, 'session.closed')[0]?.data;
          assert.equal(served?.pack, true);
          assert.ok((served?.bytes ?? 0) > 200);
          assert.equal(closed?.outcome, 'ok');
          assert.equal(closed?.bytesOut, served?.bytes);
          assert.ok((closed?.bytesIn ?? 0) > 50);
          assert.equal(pick(events, 'session.authenticated')[0]?.data.user, 'ann');
          assert.equal(events[0]?.code, 'session.opened');
        },
      );
    }
  }

  await t.test('a list of refs is in the ledger with the prefixes that were asked for', async () => {
    await bastion.git([
      '-c',
      'protocol.version=2',
      'ls-remote',
      bastion.url('ssh', 'path', 'tags'),
      'refs/tags/v1',
    ]);
    const events = await lastServed(bastion, 'path/tags');
    const prefixes = pick(events, 'fetch.requested')[0]?.data.refPrefixes;
    assert.ok(prefixes !== undefined);
    assert.equal(pick(events, 'fetch.served')[0]?.data.pack, false);
  });

  for (const door of doors) {
    await t.test(`over ${door}, a refusal is in the ledger as one`, async () => {
      await bastion.run(['ls-remote', bastion.url(door, 'path', 'tags', 'eve')], {}, 'eve');
      const [newest] = await bastion.sessions('path/tags', 1);
      assert.deepEqual([newest?.user, newest?.outcome, newest?.code], ['eve', 'refused', 'REPO_NOT_FOUND']);
    });

    await t.test(`over ${door}, an oid that the upstream does not give is refused in its words`, async () => {
      const work = join(bastion.dir, `raw-${door}.git`);
      await git(['init', '--quiet', '--bare', work]);
      const want = ['-c', 'protocol.version=2', 'fetch', bastion.url(door, 'path', 'tags'), '1'.repeat(40)];
      const { status, stderr } = await bastion.run(want, { cwd: work });
      assert.notEqual(status, 0);
      assert.match(stderr, /not our ref/);
      const [newest] = await bastion.sessions('path/tags', 1);
      assert.equal(newest?.code, 'UPSTREAM_REFUSED');
    });
  }

  await t.test('the ledger is whole after all of this', async () => {
    const { size } = JSON.parse(await bastion.refgate.ok(['audit', 'verify', '--json'])) as { size: number };
    assert.ok(size > 100);
  });
}
