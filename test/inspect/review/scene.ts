/** A push that is held, with the upstream that it goes to and the facts as the spine gathers them. */
import { join } from 'node:path';
import type { HeldPush, HeldState, PushReviews } from '../../../src/domain/approval.ts';
import type { ObjectFormat, Oid, PushRequest, RefUpdate } from '../../../src/domain/git.ts';
import type { PushFacts, RefFacts } from '../../../src/domain/session.ts';
import { isZeroOid, zeroOid } from '../../../src/git/oid.ts';
import { borrowPresent } from '../../../src/inspect/borrow.ts';
import { pushContents } from '../../../src/inspect/push-contents.ts';
import {
  defaultPackLimits,
  Quarantine,
  type SecretSettings,
  type WalkableHeldPack,
} from '../../../src/inspect/quarantine.ts';
import { createPushReviews, type PushReviewsOptions } from '../../../src/inspect/review/reviews.ts';
import { TreeCache } from '../../../src/inspect/tree-cache.ts';
import { initBare, runGit, tempDir } from '../../support/git.ts';
import { streamOf } from '../../support/held.ts';
import { LocalSource } from '../../support/local-source.ts';
import { QuietLog } from '../../support/quiet-log.ts';

export type Scope = { after(close: () => unknown): void };

/** One rule of its own, so that the default rules may say what they like. */
export const secrets: SecretSettings = {
  ruleFiles: [
    {
      path: 'test.toml',
      text: "[[rules]]\nid = \"test-token\"\nregex = '''\\btok_[0-9a-z]{24}\\b'''\nkeywords = [\"tok_\"]\n",
    },
  ],
  defaults: false,
  fingerprintKey: Buffer.alloc(32, 1),
};

export interface Scene {
  readonly work: string;
  readonly upstream: string;
  readonly quarantineDir: string;
  readonly reviews: PushReviews & { close(): Promise<void> };
  /** How often the upstream was opened. */
  opened(): number;
  /** What upstream objects come from; changed by a test that takes the upstream away. */
  source: (gitDir: string) => LocalSource;
  /** The facts as they are kept, to be changed. */
  readonly kept: Map<string, PushFacts>;
  /** Holds what `git push` would send for these updates. */
  hold(updates: readonly RefUpdate[], how?: HoldHow): Promise<HeldPush>;
}

export interface HoldHow {
  readonly state?: HeldState;
  readonly packArgs?: readonly string[];
  /** Instead of what git packs. */
  readonly pack?: Buffer;
}

/** Two empty repositories, a quarantine, and the reviews that read it. */
export async function makeScene(
  t: Scope,
  options: { format?: ObjectFormat } & Partial<
    Pick<PushReviewsOptions, 'fileBudget' | 'cacheBytes' | 'secrets'>
  > = {},
): Promise<Scene> {
  const { format = 'sha1', ...more } = options;
  const folder = tempDir(t, 'review');
  const [work, upstream, quarantineDir] = ['work.git', 'up.git', 'q'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const repo of [work, upstream]) await initBare(repo, format);
  const log = new QuietLog();
  const quarantine = new Quarantine({ dir: quarantineDir, limits: defaultPackLimits, log, secrets });
  const kept = new Map<string, PushFacts>();
  const treeCache = new TreeCache(8 * 1024 * 1024);
  let opened = 0;
  const scene: { source: (gitDir: string) => LocalSource } = { source: (gitDir) => new LocalSource(gitDir) };
  const open = () => {
    opened++;
    return scene.source(upstream);
  };
  const reviews = createPushReviews({
    quarantineDir,
    facts: async (session) => kept.get(session),
    open,
    treeCache,
    secrets,
    log,
    // Machines that run many tests are slow.
    fileBudget: 20_000,
    ...more,
  });
  t.after(async () => {
    await reviews.close();
    await quarantine.close();
  });
  let number = 0;
  return Object.assign(scene, {
    work,
    upstream,
    quarantineDir,
    kept,
    reviews,
    opened: () => opened,
    hold: async (updates: readonly RefUpdate[], how: HoldHow = {}): Promise<HeldPush> => {
      const session = `s-${number++}`;
      const request = requestOf(updates, format);
      const bytes =
        how.pack ?? (request.hasPack ? await packOf(work, updates, how.packArgs) : Buffer.alloc(0));
      const held = request.hasPack
        ? await quarantine.hold(streamOf([bytes]), {
            id: session,
            objectFormat: format,
            borrow: (oids) => borrowPresent(() => new LocalSource(upstream), oids, { objectFormat: format }),
          })
        : undefined;
      const facts = held ? await factsOf(request, held, upstream, treeCache) : factsOfRefs(updates);
      kept.set(session, facts);
      return heldPush(session, facts.refs, held, { format, state: how.state ?? 'pending' });
    },
  });
}

function requestOf(updates: readonly RefUpdate[], objectFormat: ObjectFormat): PushRequest {
  return {
    updates,
    pushOptions: [],
    atomic: false,
    quiet: false,
    report: 'v2',
    sideband: true,
    objectFormat,
    hasPack: updates.some(({ newOid }) => !isZeroOid(newOid)),
  };
}

export async function packOf(
  work: string,
  updates: readonly RefUpdate[],
  args: readonly string[] = ['--delta-base-offset'],
): Promise<Buffer> {
  const lines = updates.flatMap(({ oldOid, newOid }) => [
    ...(isZeroOid(newOid) ? [] : [newOid]),
    ...(isZeroOid(oldOid) ? [] : [`^${oldOid}`]),
  ]);
  const run = await runGit(['pack-objects', '--revs', '--stdout', '--quiet', ...args], {
    cwd: work,
    input: `${lines.join('\n')}\n`,
  });
  if (run.status !== 0) throw new Error(run.stderr);
  return run.stdoutBytes;
}

function factsOfRefs(updates: readonly RefUpdate[]): PushFacts {
  const refs = updates.map((update): RefFacts => {
    const kind = isZeroOid(update.newOid) ? 'delete' : isZeroOid(update.oldOid) ? 'create' : 'update';
    return { ...update, kind, namespace: update.ref.startsWith('refs/tags/') ? 'tag' : 'branch' };
  });
  return { refs, pushOptions: [], objects: 0, bytes: 0 };
}

async function factsOf(
  request: PushRequest,
  held: WalkableHeldPack,
  upstream: string,
  cache: TreeCache,
): Promise<PushFacts> {
  const contents = await pushContents(request, held, {
    open: () => new LocalSource(upstream),
    cache,
    repoKey: 'up:acme/web',
    asksForContent: { asked: false, byRef: false, byPath: false },
    baseline: [],
  });
  return { ...factsOfRefs(request.updates), ...contents };
}

function heldPush(
  session: string,
  refs: readonly RefFacts[],
  held: WalkableHeldPack | undefined,
  { format, state }: { readonly format: ObjectFormat; readonly state: HeldState },
): HeldPush {
  const time = '2026-01-01T00:00:00Z';
  return {
    id: `p-${session}`,
    session,
    state,
    binding: '0'.repeat(64),
    principal: { user: 'ann', kind: 'person', groups: [], credential: { type: 'token', id: 't-1' } },
    transport: 'http',
    address: '127.0.0.1',
    repo: 'acme/web',
    target: { upstream: 'up', path: 'acme/web' },
    atomic: false,
    objectFormat: format,
    refs,
    verdicts: [],
    relay: refs,
    pushOptions: [],
    ...(held === undefined ? {} : { pack: { file: held.file, bytes: held.bytes, sha256: held.sha256 } }),
    objects: 0,
    commits: 0,
    changes: 0,
    findings: 0,
    policyVersion: 'v1',
    asks: [],
    onApprove: 'relay',
    openedAt: time,
    deadline: time,
    within: 1000,
    votes: [],
    steps: [],
  };
}

/** The first update of the push, from one commit to another of main. */
export const mainFrom = (oldOid: Oid, newOid: Oid): RefUpdate => ({ ref: 'refs/heads/main', oldOid, newOid });

export const mainNew = (newOid: Oid, format: ObjectFormat = 'sha1'): RefUpdate =>
  mainFrom(zeroOid(format), newOid);
