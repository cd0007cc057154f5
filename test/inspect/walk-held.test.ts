import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { RefgateError } from '../../src/domain/error.ts';
import type { CommitFacts, PathChange } from '../../src/domain/facts.ts';
import { borrowObjects } from '../../src/inspect/borrow.ts';
import { readList } from '../../src/inspect/contents/fact-list.ts';
import type { Borrow, WalkOrder } from '../../src/inspect/contents/walk-order.ts';
import {
  defaultPackLimits,
  type HoldOptions,
  Quarantine,
  type SecretSettings,
  type WalkableHeldPack,
} from '../../src/inspect/quarantine.ts';
import { git, initBare, runGit, tempDir } from '../support/git.ts';
import { streamOf } from '../support/held.ts';
import { LocalSource } from '../support/local-source.ts';
import { pack } from '../support/pack-builder.ts';
import { QuietLog } from '../support/quiet-log.ts';
import { data, fastImport } from '../support/repos.ts';
import { token } from './scanned-pack.ts';

/** One rule in the gitleaks format, so that the default rules may say what they like. */
const secrets: SecretSettings = {
  ruleFiles: [
    {
      path: 'test.toml',
      text: "[[rules]]\nid = \"test-token\"\nregex = '''\\btok_[0-9a-z]{24}\\b'''\nkeywords = [\"tok_\"]\n",
    },
  ],
  defaults: false,
  fingerprintKey: Buffer.alloc(32, 1),
};

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

type Scope = { after(close: () => unknown): void };

function quarantineFor(t: Scope, extras: { maxHolds?: number; workerHeapMiB?: number } = {}) {
  const dir = join(tempDir(t, 'walk'), 'quarantine');
  const quarantine = new Quarantine({
    dir,
    limits: defaultPackLimits,
    log: new QuietLog(),
    secrets,
    ...extras,
  });
  t.after(() => quarantine.close());
  const hold = (id: string, bytes: Buffer, more: Partial<HoldOptions> = {}) =>
    quarantine.hold(streamOf([bytes]), { id, objectFormat: 'sha1', borrow: async () => [], ...more });
  return { dir, quarantine, hold };
}

const who = 'Ann <ann@example.com> 1700000000 +0000';
const filler = Array.from({ length: 400 }, (_, n) => `line ${n} of a file that is long enough\n`).join('');

interface History {
  readonly gitDir: string;
  readonly upstream: string;
  readonly old: string;
  readonly next: string;
}

/** The upstream has one commit; the next one adds a line with a token to the file, and the last takes it away again. */
async function history(t: Scope): Promise<History> {
  const folder = tempDir(t, 'history');
  const [gitDir, upstream] = [join(folder, 'work.git'), join(folder, 'upstream.git')];
  for (const repo of [gitDir, upstream]) await initBare(repo);
  const commit = (mark: number, text: string) =>
    `commit refs/heads/main\nmark :${mark}\ncommitter ${who}\n${data(`commit ${mark}\n`)}` +
    `${mark > 1 ? `from :${mark - 1}\n` : ''}M 100644 inline src/long.txt\n${data(text)}`;
  const added = `${filler}key = ${token(77)};\n`;
  await fastImport(gitDir, commit(1, filler) + commit(2, added) + commit(3, `${filler}other\n`));
  const at = { cwd: gitDir };
  const [old, next] = [await git(['rev-parse', 'main~2'], at), await git(['rev-parse', 'main'], at)];
  await git(['push', '--quiet', upstream, `${old}:refs/heads/main`], at);
  return { gitDir, upstream, old, next };
}

async function packOf({ gitDir, old, next }: History, options: readonly string[] = []): Promise<Buffer> {
  const run = await runGit(['pack-objects', '--revs', '--stdout', '--quiet', ...options], {
    cwd: gitDir,
    input: `${next}\n^${old}\n`,
  });
  return run.stdoutBytes;
}

const borrowFrom =
  (upstream: string): Borrow =>
  async (oids) => {
    const source = new LocalSource(upstream);
    try {
      return await borrowObjects(source, oids, { objectFormat: 'sha1' });
    } finally {
      source.close();
    }
  };

const orderFor = ({ old, next }: Pick<History, 'old' | 'next'>): WalkOrder => ({
  updates: [{ ref: 'refs/heads/main', oldOid: old, newOid: next, difference: false, content: false }],
  pushOptions: [],
  unreached: [],
  known: [],
  baseline: [],
});

const nothing: WalkOrder = { updates: [], pushOptions: [], unreached: [], known: [], baseline: [] };
const noBorrow: Borrow = async () => [];

const isCode = (code: string) => (error: unknown) => error instanceof RefgateError && error.code === code;

for (const thin of [true, false])
  test(`what a ${thin ? 'thin' : 'self-contained'} pack brings is walked by the thread that held it`, async (t) => {
    const scene = await history(t);
    const { hold } = quarantineFor(t, { maxHolds: 1 });
    const borrow = borrowFrom(scene.upstream);
    const bytes = await packOf(scene, thin ? ['--thin'] : []);
    const held = await hold('one', bytes, { borrow: (oids) => borrow(oids, 'blob') });
    const { updates, findings, hidden } = await held.walk(orderFor(scene), borrow);
    const [update] = updates;
    assert.ok(update);
    const commits = [...readList<CommitFacts>(update.commits)];
    assert.deepEqual(
      commits.map(({ message }) => message),
      ['commit 2\n', 'commit 3\n'],
    );
    const changes = [...readList<PathChange>(update.changes)];
    assert.deepEqual(
      changes.map(({ path, kind, type }) => `${kind} ${path} ${type}`),
      Array(2).fill('modify src/long.txt text'),
    );
    assert.deepEqual(
      update.findings.map(({ rule, path, line, commit }) => ({ rule, path, line, commit })),
      [{ rule: 'test-token', path: 'src/long.txt', line: 401, commit: commits[0]?.oid }],
    );
    assert.deepEqual([findings, hidden?.count ?? 0, update.unknowns], [[], 0, []]);
    // With one place only, the next pack is held although this one has not been released.
    const next = await hold('two', bytes, { borrow: (oids) => borrow(oids, 'blob') });
    assert.ok(existsSync(held.file));
    await Promise.all([held.release(), next.release()]);
  });

test('an empty pack is held, and is walked', async (t) => {
  const scene = await history(t);
  const { hold } = quarantineFor(t);
  const held = await hold('empty', pack([]));
  const order = { ...orderFor({ old: scene.old, next: scene.old }), known: [scene.old] };
  const { updates } = await held.walk(order, borrowFrom(scene.upstream));
  assert.equal(updates.length, 1);
  await held.release();
});

test('two packs are open at once, each with its own thread and its own content', async (t) => {
  const [one, two] = [await history(t), await history(t)];
  const { hold } = quarantineFor(t);
  const held = [await hold('one', await packOf(one)), await hold('two', pack([]))] as const;
  const [first, second] = await Promise.all([
    held[0].walk(orderFor(one), borrowFrom(one.upstream)),
    held[1].walk({ ...nothing, pushOptions: [token(9)] }, borrowFrom(two.upstream)),
  ]);
  assert.equal(first.updates[0]?.findings.length, 1);
  assert.deepEqual(
    second.findings.map(({ place }) => place),
    ['push-option'],
  );
  await Promise.all(held.map((each) => each.release()));
});

test('a pack is walked once, and not after its release', async (t) => {
  const { dir, hold } = quarantineFor(t);
  const held = await hold('one', pack([]));
  await held.walk(nothing, noBorrow);
  await assert.rejects(held.walk(nothing, noBorrow), isCode('INTERNAL'));
  await held.release();
  const released = await hold('two', pack([]));
  await released.release();
  await assert.rejects(released.walk(nothing, noBorrow), isCode('INTERNAL'));
  assert.ok(!existsSync(join(dir, 'two')));
});

test('packs that wait for people hold no memory of the threads that read them', async (t) => {
  const { hold } = quarantineFor(t);
  const bytes = pack([]);
  const bufferBytes = (): number => {
    collect();
    return process.memoryUsage().arrayBuffers;
  };
  const before = bufferBytes();
  const waits = async (n: number) => {
    const { walk, keep, release } = await hold(`wait-${n}`, bytes);
    await walk(nothing, noBorrow);
    await keep();
    return { keep, release };
  };
  const held = await Promise.all(Array.from({ length: 12 }, (_, n) => waits(n)));
  // A thread has at least one buffer of 256 KiB, and the one that stays warm keeps its own.
  // Threads that are not kept warm take a moment to end.
  let grown = bufferBytes() - before;
  for (let looks = 0; grown >= 1024 * 1024 && looks < 200; looks++) {
    await sleep(50);
    grown = bufferBytes() - before;
  }
  assert.ok(grown < 1024 * 1024, `${grown} bytes for ${held.length} packs`);
  for (const { release } of held) await release();
});

/** A walk that waits for what it borrows, and what wakes it. */
async function waitingWalk(
  held: WalkableHeldPack,
  scene: History,
  signal?: AbortSignal,
): Promise<{ readonly walk: Promise<unknown>; answer(): void }> {
  let answer = () => {};
  const answered = new Promise<readonly []>((resolve) => {
    answer = () => resolve([]);
  });
  let walk: Promise<unknown> = Promise.resolve();
  await new Promise<void>((asked) => {
    const borrow: Borrow = () => {
      asked();
      return answered;
    };
    walk = held.walk(orderFor(scene), borrow, signal);
    walk.catch(() => {});
  });
  return { walk, answer };
}

test('a client that hangs up while its push is walked ends the thread, and the place is free', async (t) => {
  const scene = await history(t);
  const { hold } = quarantineFor(t, { maxHolds: 1 });
  const bytes = await packOf(scene);
  const held = await hold('one', bytes);
  const gone = new AbortController();
  const { walk, answer } = await waitingWalk(held, scene, gone.signal);
  gone.abort();
  await assert.rejects(walk, isCode('HUNG_UP'));
  answer();
  const next = await hold('two', bytes);
  await Promise.all([held.release(), next.release()]);
});

test('a pack that is released while it is walked, and a server that stops, end the walk', async (t) => {
  const scene = await history(t);
  const { hold, quarantine } = quarantineFor(t);
  const bytes = await packOf(scene);
  const held = await hold('one', bytes);
  const first = await waitingWalk(held, scene);
  await held.release();
  await assert.rejects(first.walk, isCode('INTERNAL'));
  const second = await waitingWalk(await hold('two', bytes), scene);
  const waiting = await hold('three', pack([]));
  await quarantine.close();
  await assert.rejects(second.walk, isCode('SHUTTING_DOWN'));
  await assert.rejects(waiting.walk(nothing, noBorrow), isCode('SHUTTING_DOWN'));
});

test('what fails while objects are borrowed fails the walk', async (t) => {
  const scene = await history(t);
  const { hold } = quarantineFor(t);
  const held = await hold('one', await packOf(scene));
  const borrow: Borrow = async () => {
    throw new RefgateError('UPSTREAM_LOST', 'upstream');
  };
  await assert.rejects(held.walk(orderFor(scene), borrow), isCode('UPSTREAM_LOST'));
  await held.release();
});

test('a thread that runs out of memory while it walks fails the push, and the place is free', async (t) => {
  const scene = await history(t);
  const { hold } = quarantineFor(t, { maxHolds: 1, workerHeapMiB: 24 });
  const held = await hold('one', pack([]));
  const many = Array.from({ length: 150_000 }, (_, n) => `refs/heads/branch-${n}-${'x'.repeat(200)}`);
  const order = { ...nothing, pushOptions: many, baseline: many };
  await assert.rejects(held.walk(order, borrowFrom(scene.upstream)), isCode('INTERNAL'));
  const next = await hold('two', pack([]));
  await Promise.all([held.release(), next.release()]);
});

test('rules that cannot be compiled refuse every pack', async (t) => {
  const dir = join(tempDir(t, 'walk'), 'quarantine');
  const broken = { ...secrets, ruleFiles: [{ path: 'broken.toml', text: '[[rules]]\nregex = 3\n' }] };
  const log = new QuietLog();
  const quarantine = new Quarantine({ dir, limits: defaultPackLimits, log, secrets: broken });
  t.after(() => quarantine.close());
  const options = { objectFormat: 'sha1', borrow: async () => [] } as const;
  for (const id of ['one', 'two'])
    await assert.rejects(
      quarantine.hold(streamOf([pack([])]), { id, ...options }),
      isCode('SECRET_RULES_INVALID'),
    );
});
