/**
 * The contract of the ports FetchSource and PushTarget: every driver of an
 * upstream runs this suite against a real server and real repositories.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { after, before, type TestContext } from 'node:test';
import { RefgateError } from '../../src/domain/error.ts';
import type { ObjectFormat, RefUpdate } from '../../src/domain/git.ts';
import type { FetchRequest, FetchResponse, RelayOrder, Target, Upstreams } from '../../src/domain/ports.ts';
import { flushPkt, PktReader } from '../../src/git/pkt-line.ts';
import { demux } from '../../src/git/sideband.ts';
import { git, tempDir } from '../support/git.ts';
import { makeRepo, type RepoKind } from '../support/repos.ts';

/** A server over the bare repositories of a folder, and ports that reach it. */
export interface UpstreamUnderTest {
  readonly upstreams: Upstreams;
  /** Name of the upstream. */
  readonly name: string;
}

export interface UpstreamDriver {
  readonly name: string;
  /** Serves every `OWNER/REPO.git` below `root`, and may push there, until the tests of the file have run. */
  start(t: Pick<TestContext, 'after'>, root: string): Promise<UpstreamUnderTest>;
}

export interface Workbench {
  readonly upstreams: Upstreams;
  readonly target: Target;
  readonly gitDir: string;
  readonly dir: string;
}

/** One server for the tests of a file. */
export interface Served extends UpstreamUnderTest {
  readonly root: string;
  /** How many repositories were made. */
  repos: number;
}

/** A repository of its own for one test. */
export async function workbench(t: TestContext, served: Served, kind: RepoKind): Promise<Workbench> {
  served.repos += 1;
  const path = `acme/web-${served.repos}`;
  const gitDir = join(served.root, `${path}.git`);
  await makeRepo(gitDir, kind);
  for (const key of [
    'uploadpack.allowFilter',
    'uploadpack.allowAnySHA1InWant',
    'receive.advertisePushOptions',
  ]) {
    await git(['config', key, 'true'], { cwd: gitDir });
  }
  return {
    upstreams: served.upstreams,
    target: { upstream: served.name, path },
    gitDir,
    dir: tempDir(t, 'up'),
  };
}

/** Starts the driver's server before the tests of a file, and ends it after them. */
export function serveOnce(driver: UpstreamDriver): () => Served {
  let served: Served | undefined;
  const ends: (() => unknown)[] = [];
  const lifetime = { after: (end: () => unknown) => ends.push(end) } as unknown as Pick<TestContext, 'after'>;
  before(async () => {
    const root = tempDir(lifetime, 'srv');
    served = { ...(await driver.start(lifetime, root)), root, repos: 0 };
  });
  after(async () => {
    for (const end of ends.reverse()) await end();
  });
  return () => {
    assert.ok(served);
    return served;
  };
}

const everything: FetchRequest = {
  wants: [],
  haves: [],
  done: true,
  shallow: [],
  deepenNot: [],
  deepenRelative: false,
  thinPack: false,
  noProgress: true,
  includeTag: false,
  ofsDelta: true,
  waitForDone: false,
};

export const zero = (format: ObjectFormat = 'sha1'): string => '0'.repeat(format === 'sha1' ? 40 : 64);

/** A fetch of everything that the oids reach. */
export const fetchOf = (wants: readonly string[], more: Partial<FetchRequest> = {}): FetchRequest => ({
  ...everything,
  wants,
  ...more,
});

/** Band 1 of a fetch answer: the pack. */
export async function packOf(response: FetchResponse): Promise<Buffer> {
  assert.ok(response.pack);
  const source = response.pack;
  const closed = (async function* () {
    yield* source;
    yield flushPkt;
  })();
  const pieces: Buffer[] = [];
  for await (const { band, data } of demux(new PktReader(closed, 'upstream')))
    if (band === 1) pieces.push(data);
  return Buffer.concat(pieces);
}

/** One more commit on top of main, with its pack as a client would send it. */
export async function nextCommit(
  bench: Workbench,
  base: string | undefined,
  text: string,
): Promise<{ oid: string; pack: NonNullable<RelayOrder['pack']> }> {
  const { gitDir, dir } = bench;
  const scratch = join(dir, `scratch-${createHash('sha1').update(text).digest('hex').slice(0, 8)}.git`);
  await git(['clone', '--quiet', '--bare', gitDir, scratch]);
  const blob = await git(['hash-object', '-w', '--stdin'], { cwd: scratch, input: text });
  const tree = await git(['mktree'], { cwd: scratch, input: `100644 blob ${blob}\tfile.txt\n` });
  const parents = base === undefined ? [] : ['-p', base];
  const oid = await git(['commit-tree', tree, '-m', text.slice(0, 20), ...parents], { cwd: scratch });
  return {
    oid,
    pack: await packFile(scratch, `${oid}\n${base === undefined ? '' : `^${base}\n`}`, `${scratch}.pack`),
  };
}

async function packFile(
  gitDir: string,
  revs: string,
  name: string,
): Promise<NonNullable<RelayOrder['pack']>> {
  const prefix = `${name}-p`;
  const id = await git(['pack-objects', '--quiet', '--revs', prefix], { cwd: gitDir, input: revs });
  const file = `${prefix}-${id}.pack`;
  const bytes = readFileSync(file);
  return { file, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

export function orderOf(
  updates: readonly RefUpdate[],
  pack: RelayOrder['pack'],
  more: Partial<RelayOrder> = {},
): RelayOrder {
  const base = {
    session: 's1',
    updates,
    pushOptions: [],
    atomic: false,
    quiet: false,
    objectFormat: 'sha1' as const,
  };
  return { ...base, ...(pack ? { pack } : {}), ...more };
}

export const tipOf = (bench: Workbench, ref: string): Promise<string> =>
  git(['rev-parse', '--verify', ref], { cwd: bench.gitDir });

export const codeOf = (code: string) => (error: unknown) => {
  assert.ok(error instanceof RefgateError, String(error));
  assert.equal(error.code, code, error.message);
  return true;
};

async function refsOf(bench: Workbench, stateless: boolean): Promise<string[]> {
  const source = bench.upstreams.fetchSource(bench.target, { stateless });
  const lines: string[] = [];
  const request = { prefixes: [], symrefs: true, peel: true, unborn: true };
  for await (const batch of source.lsRefs(request)) {
    for (const { ref, oid, peeled, symrefTarget } of batch) {
      lines.push([ref, oid ?? 'unborn', peeled ?? '-', symrefTarget ?? '-'].join(' '));
    }
  }
  source.close();
  return lines.sort();
}

/** Registers the suite for one driver. */
export function upstreamsContract(driver: UpstreamDriver): void {
  const served = serveOnce(driver);
  reads(driver.name, served);
  writes(driver.name, served);
}

function reads(name: string, served: () => Served): void {
  for (const stateless of [false, true]) {
    test(`${name}: refs are listed as they are, stateless ${stateless}`, async (t) => {
      const bench = await workbench(t, served(), 'tags');
      const shown = await refsOf(bench, stateless);
      const format = '%(refname) %(objectname) %(if)%(*objectname)%(then)%(*objectname)%(else)-%(end) -';
      const refs = (await git(['for-each-ref', `--format=${format}`], { cwd: bench.gitDir })).split('\n');
      const head = `HEAD ${await tipOf(bench, 'HEAD')} - refs/heads/main`;
      assert.deepEqual(shown, [head, ...refs].sort());
    });
  }

  test(`${name}: an empty repository has an unborn HEAD`, async (t) => {
    const bench = await workbench(t, served(), 'empty');
    assert.deepEqual(await refsOf(bench, false), ['HEAD unborn - refs/heads/main']);
  });

  for (const [kind, format] of [
    ['merges', 'sha1'],
    ['sha256', 'sha256'],
  ] as const) {
    test(`${name}: a ${format} repository is fetched whole`, async (t) => {
      const bench = await workbench(t, served(), kind);
      const source = bench.upstreams.fetchSource(bench.target);
      t.after(() => source.close());
      const capabilities = await source.capabilities();
      assert.equal(capabilities.objectFormat, format);
      assert.equal(capabilities.filter, true);
      const tip = await tipOf(bench, 'refs/heads/main');
      const pack = await packOf(await source.fetch(fetchOf([tip])));
      const copy = join(bench.dir, 'copy.git');
      await git(['init', '--quiet', '--bare', `--object-format=${format}`, copy]);
      writeFileSync(join(bench.dir, 'whole.pack'), pack);
      await git(['index-pack', '--stdin', '--strict'], { cwd: copy, input: pack });
      assert.equal(
        await git(['rev-list', '--objects', '--count', tip], { cwd: copy }),
        await git(['rev-list', '--objects', '--count', tip], { cwd: bench.gitDir }),
      );
    });
  }

  test(`${name}: one source answers several rounds, and the last has the pack`, async (t) => {
    const bench = await workbench(t, served(), 'linear');
    const source = bench.upstreams.fetchSource(bench.target);
    t.after(() => source.close());
    const tip = await tipOf(bench, 'refs/heads/main');
    const base = await tipOf(bench, 'refs/heads/main~2');
    const unknown = '1'.repeat(40);
    const first = await source.fetch(fetchOf([tip], { done: false, haves: [unknown] }));
    assert.deepEqual([first.acks, first.ready, first.pack], [[], false, undefined]);
    const second = await source.fetch(fetchOf([tip], { done: false, haves: [unknown, base] }));
    assert.deepEqual(second.acks, [base]);
    const last = second.pack ? second : await source.fetch(fetchOf([tip], { haves: [base] }));
    assert.ok((await packOf(last)).length > 32);
  });

  test(`${name}: what cannot be had is refused in the upstream's words`, async (t) => {
    const bench = await workbench(t, served(), 'linear');
    const source = bench.upstreams.fetchSource(bench.target);
    t.after(() => source.close());
    await assert.rejects(source.fetch(fetchOf(['2'.repeat(40)])), codeOf('UPSTREAM_REFUSED'));
  });

  for (const stateless of [false, true]) {
    test(`${name}: a repository that is not there is REPO_NOT_FOUND, stateless ${stateless}`, async (t) => {
      const bench = await workbench(t, served(), 'linear');
      const missing = { ...bench, target: { ...bench.target, path: 'acme/none' } };
      await assert.rejects(refsOf(missing, stateless), codeOf('REPO_NOT_FOUND'));
    });
  }
}

function writes(name: string, served: () => Served): void {
  test(`${name}: a push creates, updates and deletes, and each is reported`, async (t) => {
    const bench = await workbench(t, served(), 'linear');
    const tip = await tipOf(bench, 'refs/heads/main');
    await git(['update-ref', 'refs/heads/old', tip], { cwd: bench.gitDir });
    const { oid, pack } = await nextCommit(bench, tip, 'all three');
    const updates = [
      { ref: 'refs/heads/new', oldOid: zero(), newOid: oid },
      { ref: 'refs/heads/main', oldOid: tip, newOid: oid },
      { ref: 'refs/heads/old', oldOid: tip, newOid: zero() },
    ];
    const result = await bench.upstreams.pushTarget(bench.target).relay(orderOf(updates, pack), () => {});
    assert.equal(result.unpack, 'ok');
    assert.deepEqual(
      result.reports.map(({ ref, ok }) => [ref, ok]),
      updates.map(({ ref }) => [ref, true]),
    );
    assert.equal(await tipOf(bench, 'refs/heads/main'), oid);
    assert.equal(await tipOf(bench, 'refs/heads/new'), oid);
    await assert.rejects(tipOf(bench, 'refs/heads/old'));
  });

  test(`${name}: deleting needs no pack`, async (t) => {
    const bench = await workbench(t, served(), 'linear');
    const tip = await tipOf(bench, 'refs/heads/main');
    await git(['update-ref', 'refs/heads/old', tip], { cwd: bench.gitDir });
    const order = orderOf([{ ref: 'refs/heads/old', oldOid: tip, newOid: zero() }], undefined);
    const result = await bench.upstreams.pushTarget(bench.target).relay(order, () => {});
    assert.deepEqual(
      result.reports.map(({ ok }) => ok),
      [true],
    );
    await assert.rejects(tipOf(bench, 'refs/heads/old'));
  });

  for (const [kind, format] of [
    ['empty', 'sha1'],
    ['sha256', 'sha256'],
  ] as const) {
    test(`${name}: a first branch is pushed to a ${kind} repository`, async (t) => {
      const bench = await workbench(t, served(), kind);
      const { oid, pack } = await nextCommit(bench, undefined, 'first');
      const updates = [{ ref: 'refs/heads/first', oldOid: zero(format), newOid: oid }];
      const order = orderOf(updates, pack, { objectFormat: format });
      const result = await bench.upstreams.pushTarget(bench.target).relay(order, () => {});
      assert.deepEqual(
        result.reports.map(({ ok }) => ok),
        [true],
      );
      assert.equal(await tipOf(bench, 'refs/heads/first'), oid);
    });
  }

  test(`${name}: what the upstream refuses is told with its reason and its messages`, async (t) => {
    const bench = await workbench(t, served(), 'linear');
    const tip = await tipOf(bench, 'refs/heads/main');
    const options = '#!/bin/sh\necho "option: $GIT_PUSH_OPTION_0"\nprintf "bell \\007\\n" >&2\n';
    writeFileSync(join(bench.gitDir, 'hooks', 'pre-receive'), options, { mode: 0o755 });
    const hook = '#!/bin/sh\n[ "$1" != refs/heads/no ]\n';
    writeFileSync(join(bench.gitDir, 'hooks', 'update'), hook, { mode: 0o755 });
    const { oid, pack } = await nextCommit(bench, tip, 'half');
    const updates = [
      { ref: 'refs/heads/yes', oldOid: zero(), newOid: oid },
      { ref: 'refs/heads/no', oldOid: zero(), newOid: oid },
    ];
    let messages = '';
    const target = bench.upstreams.pushTarget(bench.target);
    const result = await target.relay(orderOf(updates, pack, { pushOptions: ['ticket=7'] }), (message) => {
      messages += message.toString();
    });
    assert.deepEqual(
      result.reports.map(({ ref, ok, reason }) => [ref, ok, reason]),
      [
        ['refs/heads/yes', true, undefined],
        ['refs/heads/no', false, 'hook declined'],
      ],
    );
    assert.match(messages, /option: ticket=7/);
    assert.match(messages, /bell \?/);
  });

  for (const session of ['s1', 'another']) {
    test(`${name}: a push whose upstream was opened ahead, for session ${session}, is made like any other`, async (t) => {
      const bench = await workbench(t, served(), 'linear');
      const tip = await tipOf(bench, 'refs/heads/main');
      const { oid, pack } = await nextCommit(bench, tip, 'ahead');
      const target = bench.upstreams.pushTarget(bench.target);
      t.after(() => target.close());
      target.prepare(session);
      const order = orderOf([{ ref: 'refs/heads/main', oldOid: tip, newOid: oid }], pack);
      const { reports } = await target.relay(order, () => {});
      assert.equal(reports[0]?.ok, true);
      assert.equal(await tipOf(bench, 'refs/heads/main'), oid);
      target.prepare(session);
      await assert.rejects(
        target.relay(order, () => {}),
        codeOf('TIP_MOVED'),
      );
    });
  }

  test(`${name}: an upstream that was opened ahead may be left`, async (t) => {
    const bench = await workbench(t, served(), 'linear');
    const tip = await tipOf(bench, 'refs/heads/main');
    const target = bench.upstreams.pushTarget(bench.target);
    target.prepare('s1');
    target.close();
    const { oid, pack } = await nextCommit(bench, tip, 'left');
    const order = orderOf([{ ref: 'refs/heads/main', oldOid: tip, newOid: oid }], pack);
    const { reports } = await bench.upstreams.pushTarget(bench.target).relay(order, () => {});
    assert.equal(reports[0]?.ok, true);
  });

  test(`${name}: an atomic push of which one ref is refused changes nothing`, async (t) => {
    const bench = await workbench(t, served(), 'linear');
    const tip = await tipOf(bench, 'refs/heads/main');
    const hook = '#!/bin/sh\n[ "$1" != refs/heads/no ]\n';
    writeFileSync(join(bench.gitDir, 'hooks', 'update'), hook, { mode: 0o755 });
    const { oid, pack } = await nextCommit(bench, tip, 'none');
    const updates = [
      { ref: 'refs/heads/yes', oldOid: zero(), newOid: oid },
      { ref: 'refs/heads/no', oldOid: zero(), newOid: oid },
    ];
    const target = bench.upstreams.pushTarget(bench.target);
    const result = await target.relay(orderOf(updates, pack, { atomic: true }), () => {});
    assert.deepEqual(
      result.reports.map(({ ok }) => ok),
      [false, false],
    );
    await assert.rejects(tipOf(bench, 'refs/heads/yes'));
  });

  test(`${name}: a ref that has moved stops the whole push before anything is sent`, async (t) => {
    const bench = await workbench(t, served(), 'linear');
    const tip = await tipOf(bench, 'refs/heads/main');
    const stale = await tipOf(bench, 'refs/heads/main~1');
    const { oid, pack } = await nextCommit(bench, tip, 'stale');
    const updates = [
      { ref: 'refs/heads/new', oldOid: zero(), newOid: oid },
      { ref: 'refs/heads/main', oldOid: stale, newOid: oid },
    ];
    const target = bench.upstreams.pushTarget(bench.target);
    await assert.rejects(
      target.relay(orderOf(updates, pack), () => {}),
      (error: Error) => {
        assert.match(error.message, /refs\/heads\/main/);
        return codeOf('TIP_MOVED')(error);
      },
    );
    await assert.rejects(tipOf(bench, 'refs/heads/new'));
  });

  test(`${name}: a pack that is not the decided one changes nothing`, async (t) => {
    const bench = await workbench(t, served(), 'linear');
    const tip = await tipOf(bench, 'refs/heads/main');
    const { oid, pack } = await nextCommit(bench, tip, 'decided');
    const lie = { ...pack, sha256: createHash('sha256').update('another').digest('hex') };
    const order = orderOf([{ ref: 'refs/heads/main', oldOid: tip, newOid: oid }], lie);
    await assert.rejects(
      bench.upstreams.pushTarget(bench.target).relay(order, () => {}),
      codeOf('JOB_INVALID'),
    );
    assert.equal(await tipOf(bench, 'refs/heads/main'), tip);
  });

  test(`${name}: the advertisement shows every ref and what a push may ask`, async (t) => {
    const bench = await workbench(t, served(), 'tags');
    const target = bench.upstreams.pushTarget(bench.target);
    t.after(() => target.close());
    const { capabilities, refs } = await target.advertise();
    assert.deepEqual(capabilities, {
      objectFormat: 'sha1',
      atomic: true,
      pushOptions: true,
      deleteRefs: true,
    });
    const shown: string[] = [];
    for await (const batch of refs) shown.push(...batch.map(({ ref, oid }) => `${oid} ${ref}`));
    const all = await git(['for-each-ref', '--format=%(objectname) %(refname)'], { cwd: bench.gitDir });
    assert.deepEqual(shown.sort(), all.split('\n').sort());
  });
}
