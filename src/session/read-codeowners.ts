import { RefgateError } from '../domain/error.ts';
import type { ObjectFormat, Oid } from '../domain/git.ts';
import type { FetchSource } from '../domain/ports.ts';
import type { RefFacts } from '../domain/session.ts';
import { hashBytes } from '../git/pack-stream.ts';
import { borrowPresent } from '../inspect/borrow.ts';
import { defaultBorrowLimits } from '../inspect/borrowed-pack.ts';
import { treeOfCommit } from '../inspect/contents/commit-facts.ts';
import { type EntryKind, TreeCursor } from '../inspect/contents/tree-cursor.ts';
import type { TreeCache } from '../inspect/tree-cache.ts';
import { UpstreamObjects } from '../inspect/upstream-objects.ts';
import { maxCodeownersBytes } from '../policy/codeowners.ts';
import type { Push } from './read-push.ts';

/** A CODEOWNERS file, or why it cannot be read, as the end of a sentence that begins with its name. */
export type CodeownersFile =
  | { readonly path: string; readonly text: string }
  | { readonly path: string; readonly problem: string };

export interface CodeownersContext {
  /** Gives a new source of the upstream repository; it is closed here. */
  readonly open: () => FetchSource;
  readonly treeCache: TreeCache;
  /** Names the repository in the cache. */
  readonly repoKey: string;
  readonly objectFormat: ObjectFormat;
  readonly signal?: AbortSignal | undefined;
}

/** Where the file is looked for, in GitHub's order: the first one counts. */
const folders = ['.github', '', 'docs'] as const;

const fileName = 'CODEOWNERS';

/** The file that the owners of what this push changes are read from; see codeownersOf. */
export function codeownersFor(push: Push, ref: RefFacts): Promise<CodeownersFile | undefined> {
  const { deps, session, target, request } = push;
  const context: CodeownersContext = {
    open: () => deps.upstreams.fetchSource(target),
    treeCache: deps.treeCache,
    repoKey: `${target.upstream}:${target.path}`,
    objectFormat: request.objectFormat,
    signal: session.channel.signal,
  };
  return codeownersOf(context, ref);
}

/**
 * The CODEOWNERS file that an update is judged by: of a branch that moves, the one
 * at its old tip; for everything else the default branch's. The push's own
 * change of it never counts. Undefined when there is none. Throws what readCodeowners throws.
 */
export async function codeownersOf(
  context: CodeownersContext,
  ref: RefFacts,
): Promise<CodeownersFile | undefined> {
  const moves = ref.namespace === 'branch' && ref.kind === 'update';
  const commit = moves ? ref.oldOid : await defaultTip(context);
  return commit === undefined ? undefined : readCodeowners(context, commit);
}

/** The commit that the upstream's HEAD stands for; undefined when it is unborn. */
async function defaultTip({ open, signal }: CodeownersContext): Promise<Oid | undefined> {
  expectGoing(signal);
  const source = open();
  const close = (): void => source.close();
  signal?.addEventListener('abort', close, { once: true });
  try {
    let found: Oid | undefined;
    const request = { prefixes: ['HEAD'], symrefs: true, peel: true, unborn: false };
    for await (const refs of source.lsRefs(request))
      for (const { ref, oid, peeled } of refs) if (ref === 'HEAD') found = peeled ?? oid ?? undefined;
    return found;
  } catch (error) {
    expectGoing(signal);
    throw error;
  } finally {
    signal?.removeEventListener('abort', close);
    close();
  }
}

function expectGoing(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new RefgateError('HUNG_UP', 'client');
}

/**
 * The CODEOWNERS file of a commit of the upstream: in `.github/`, at the root or in
 * `docs/`, the first that is there. Links are not followed. Undefined when there is
 * none. Throws HUNG_UP, UPSTREAM_PROTOCOL when the commit or its trees cannot be read, and what the source throws.
 */
export async function readCodeowners(
  context: CodeownersContext,
  commit: Oid,
): Promise<CodeownersFile | undefined> {
  const { open, treeCache: cache, repoKey, objectFormat, signal } = context;
  const upstream = new UpstreamObjects({ cache, repoKey, open, objectFormat, signal });
  try {
    const objects = await upstream.borrow([commit], 'commit');
    const read = objects.find(({ oid }) => oid === commit);
    if (read === undefined) throw absent(commit);
    const root = await readTree(upstream, treeOfCommit(read.content, objectFormat), objectFormat);
    for (const folder of folders) {
      const found = await findFile(upstream, root, folder, objectFormat);
      if (found === undefined) continue;
      const path = folder === '' ? fileName : `${folder}/${fileName}`;
      return await readFile(context, path, found);
    }
    return undefined;
  } finally {
    upstream.close();
  }
}

interface Entry {
  readonly kind: EntryKind;
  readonly oid: Oid;
}

async function findFile(
  upstream: UpstreamObjects,
  root: ReadonlyMap<string, Entry>,
  folder: string,
  format: ObjectFormat,
): Promise<Entry | undefined> {
  if (folder === '') return root.get(fileName);
  const entry = root.get(folder);
  // What a linked folder or a submodule holds is not of this commit.
  if (entry?.kind !== 'tree') return undefined;
  return (await readTree(upstream, entry.oid, format)).get(fileName);
}

/** The entries of a tree that can lead to the file. */
async function readTree(
  upstream: UpstreamObjects,
  oid: Oid,
  format: ObjectFormat,
): Promise<ReadonlyMap<string, Entry>> {
  const tree = (await upstream.borrow([oid], 'tree')).find((object) => object.oid === oid);
  if (tree === undefined) throw absent(oid);
  const entries = new Map<string, Entry>();
  const cursor = new TreeCursor(tree.content, hashBytes(format));
  for (; cursor.parse(); cursor.next())
    if (names.has(cursor.name)) entries.set(cursor.name, { kind: cursor.kind, oid: cursor.oid });
  if (cursor.broken) throw absent(oid);
  return entries;
}

const names: ReadonlySet<string> = new Set([...folders, fileName]);

async function readFile(
  context: CodeownersContext,
  path: string,
  { kind, oid }: Entry,
): Promise<CodeownersFile> {
  if (kind !== 'file' && kind !== 'executable')
    return { path, problem: `is no file but a ${kind === 'tree' ? 'folder' : kind}` };
  const { open, objectFormat, signal } = context;
  const most = maxCodeownersBytes;
  const limits = {
    ...defaultBorrowLimits,
    maxBytes: 2 * most,
    maxObjectBytes: most,
    maxInflatedBytes: 2 * most,
  };
  try {
    const [blob] = await borrowPresent(open, [oid], { objectFormat, limits, signal });
    if (blob === undefined) throw absent(oid);
    return { path, text: new TextDecoder('utf-8', { fatal: true }).decode(blob.content) };
  } catch (error) {
    if (error instanceof RefgateError && error.code === 'LIMIT_EXCEEDED')
      return { path, problem: `is larger than ${most >> 20} MiB` };
    if (error instanceof TypeError) return { path, problem: 'is not UTF-8' };
    throw error;
  }
}

function absent(oid: Oid): RefgateError {
  return new RefgateError('UPSTREAM_PROTOCOL', 'upstream', `${oid} was not given, and CODEOWNERS not found`);
}
