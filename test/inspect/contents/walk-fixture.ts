/** Walks real packs over real repositories: what a client would send, against what an upstream has. */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import type { CommitFacts, Finding, PathChange } from '../../../src/domain/facts.ts';
import type { ObjectFormat } from '../../../src/domain/git.ts';
import { defaultPackLimits } from '../../../src/git/pack-limits.ts';
import { WorkBudget } from '../../../src/git/pack-stream.ts';
import { treeOfCommit } from '../../../src/inspect/contents/commit-facts.ts';
import { readList } from '../../../src/inspect/contents/fact-list.ts';
import { OpenPack } from '../../../src/inspect/contents/open-pack.ts';
import { walkContents } from '../../../src/inspect/contents/walk.ts';
import type { Borrow, WalkOrder, WalkResult } from '../../../src/inspect/contents/walk-order.ts';
import { IndexPack } from '../../../src/inspect/index-pack.ts';
import type { SecretRule } from '../../../src/inspect/secrets/rule.ts';
import { ObjectScanner } from '../../../src/inspect/secrets/scan-object.ts';
import { Scanner } from '../../../src/inspect/secrets/scanner.ts';
import { git, initBare, runGit, tempDir } from '../../support/git.ts';
import { data, fastImport } from '../../support/repos.ts';
import { allObjects } from './generated-history.ts';

/** What the tests take for a secret: this word and eight digits. */
const keyword = 'hush';

export const secretOf = (digit: number): string => `${keyword}${String(digit).repeat(8)}`;

export const rule: SecretRule = {
  id: 'test-hush',
  family: 'test',
  title: 'a secret of the tests',
  tier: 'B',
  keywords: [keyword],
  ignoreCase: false,
  matcher: {
    before: 0,
    after: 8,
    find: (data, _from, to, at) => {
      const end = at + keyword.length + 8;
      const digits = data.toString('latin1', at + keyword.length, end);
      return end <= to && /^\d{8}$/.test(digits) ? { start: at, end } : undefined;
    },
  },
  isSecretPath: (path) => path.endsWith('.hush'),
  admitPath: (path) => !path.startsWith('allowed/'),
};

export const scanner = (): ObjectScanner => new ObjectScanner(new Scanner([rule]), Buffer.alloc(32, 7));

type Test = Parameters<typeof tempDir>[0];

export interface Walked extends WalkResult {
  /** What was borrowed: one entry for each question. */
  readonly asked: readonly { readonly type: string; readonly oids: readonly string[] }[];
}

export interface PushOfTest extends Partial<WalkOrder> {
  readonly updates: WalkOrder['updates'];
  readonly format?: ObjectFormat;
  readonly limit?: number;
}

/** What `git push` would send: reached from the tips, and not from what the upstream has. */
export async function packOf(
  source: string,
  wanted: readonly string[],
  haves: readonly string[],
): Promise<Buffer> {
  const input = [...wanted, ...haves.map((oid) => `^${oid}`)].map((line) => `${line}\n`).join('');
  const run = await runGit(['pack-objects', '--revs', '--stdout', '--delta-base-offset', '-q'], {
    cwd: source,
    input,
  });
  if (run.status !== 0) throw new Error(run.stderr);
  return run.stdoutBytes;
}

/** Gives what a repository has, and notes what was asked for. */
export async function borrowFrom(
  upstream: string,
  format: ObjectFormat,
  asked: { type: string; oids: readonly string[] }[],
): Promise<Borrow> {
  const objects = await allObjects(upstream);
  return async (oids, type) => {
    asked.push({ type, oids });
    const found = oids.flatMap((oid) => objects.get(oid) ?? []);
    const roots =
      type !== 'commit' ? [] : found.map(({ content }) => objects.get(treeOfCommit(content, format)));
    return [...found, ...roots].flatMap((object) => (object === undefined ? [] : (object as never)));
  };
}

/** Indexes the pack and walks it. */
export async function walkPack(t: Test, pack: Buffer, upstream: string, push: PushOfTest): Promise<Walked> {
  const { format = 'sha1', limit = defaultPackLimits.maxInflatedBytes, ...order } = push;
  const dir = join(mkdtempSync(join(tempDir(t, 'walk'), 'p-')), 'held');
  const index = new IndexPack({
    dir,
    objectFormat: format,
    limits: defaultPackLimits,
    scanner: scanner(),
    borrow: async () => [],
    onProgress() {},
  });
  index.write(pack);
  await index.finish();
  try {
    const { table, order: rows, source, scan } = index.contents();
    const asked: { type: string; oids: readonly string[] }[] = [];
    const result = await walkContents({
      order: { pushOptions: [], unreached: [], known: [], baseline: [], ...order },
      pack: new OpenPack({ table, order: rows, source, budget: new WorkBudget(limit) }),
      scan,
      borrow: await borrowFrom(upstream, format, asked),
      objectFormat: format,
      rules: [rule],
    });
    return { ...result, asked };
  } finally {
    index.close();
  }
}

/** The lists of one update. */
export function listsOf(walked: WalkResult, i = 0): { commits: CommitFacts[]; changes: PathChange[] } {
  const update = walked.updates[i];
  return {
    commits: [...readList<CommitFacts>(update?.commits ?? [])],
    changes: [...readList<PathChange>(update?.changes ?? [])],
  };
}

/** A finding in short: where, commit by its message or so, path and line. */
export const short = ({ place, commit, path, line, state }: Finding): string =>
  [place, commit, path, line, state === 'new' ? undefined : state]
    .filter((part) => part !== undefined)
    .join(' ');

/** A line of a commit in `historyOf`: `name < parent parent`, then its files by path; undefined deletes. */
export interface CommitOf {
  readonly name: string;
  readonly parents?: readonly string[];
  readonly files?: Readonly<Record<string, string | undefined>>;
  readonly message?: string;
  readonly author?: string;
  /** Raw lines of git-fast-import(1), such as symlinks. */
  readonly lines?: string;
}

/** Makes commits under refs/heads/<name>; gives their oids by name. */
export async function historyOf(
  gitDir: string,
  commits: readonly CommitOf[],
): Promise<Record<string, string>> {
  await initBare(gitDir);
  let stream = '';
  for (const [
    n,
    { name, parents = [], files = {}, message = name, author = 'Ann', lines = '' },
  ] of commits.entries()) {
    stream += `commit refs/heads/${name}\nauthor ${author} <a@example.com> ${1_700_000_000 + n} +0000\n`;
    stream += `committer Cid <c@example.com> ${1_700_000_000 + n} +0000\n${data(message)}`;
    const [first, ...others] = parents;
    if (first !== undefined) stream += `from refs/heads/${first}\n`;
    stream += others.map((other) => `merge refs/heads/${other}\n`).join('');
    for (const [path, content] of Object.entries(files))
      stream += content === undefined ? `D ${path}\n` : `M 100644 inline ${path}\n${data(content)}`;
    stream += `${lines}\n`;
  }
  await fastImport(gitDir, stream);
  const refs = commits.map(({ name }) => `refs/heads/${name}`);
  const oids = (await git(['rev-parse', ...refs], { cwd: gitDir })).split('\n');
  return Object.fromEntries(commits.map(({ name }, i) => [name, oids[i] ?? '']));
}

/** An upstream that has some branches of a repository. */
export async function upstreamOf(t: Test, source: string, names: readonly string[]): Promise<string> {
  const upstream = join(tempDir(t, 'up'), 'up.git');
  await initBare(upstream);
  if (names.length > 0)
    await git(['push', '-q', upstream, ...names.map((name) => `refs/heads/${name}`)], { cwd: source });
  return upstream;
}

/** Makes the history, gives the upstream the commits named in `there`, and pushes the others as one branch each. */
export async function walkStory(
  t: Test,
  commits: readonly CommitOf[],
  there: readonly string[],
  tips: readonly string[],
  more: Partial<WalkOrder> = {},
): Promise<Walked & { readonly oids: Record<string, string>; readonly told: string[] }> {
  const source = join(tempDir(t, 'story'), 'r.git');
  const oids = await historyOf(source, commits);
  const upstream = await upstreamOf(t, source, there);
  const oidOf = (name: string) => oids[name] ?? name;
  const pack = await packOf(source, tips.map(oidOf), there.map(oidOf));
  const updates = tips.map((name) => ({
    ref: `refs/heads/${name}`,
    newOid: oidOf(name),
    difference: false,
    content: false,
  }));
  const walked = await walkPack(t, pack, upstream, { updates, ...more });
  const names = new Map(Object.entries(oids).map(([name, oid]) => [oid, name]));
  const told = walked.updates.flatMap(({ findings }) =>
    findings.map((finding) =>
      short({ ...finding, ...(finding.commit ? { commit: names.get(finding.commit) ?? '?' } : {}) }),
    ),
  );
  return { ...walked, oids, told };
}
