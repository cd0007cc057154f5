import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RefgateError } from '../../domain/error.ts';
import type { ObjectFormat, Oid } from '../../domain/git.ts';
import type { MaskProgress } from '../../domain/mask.ts';
import type { FetchResponse, FetchSource } from '../../domain/ports.ts';
import { PktReader } from '../../git/pkt-line.ts';
import { type BandData, bandOne, demux } from '../../git/sideband.ts';
import { cleanBytes } from '../../git/text.ts';
import { createGitDir } from '../../inspect/gitdir.ts';
import type { Tips } from '../build/contract.ts';
import { drained, spawnGit } from '../objects/git-child.ts';
import { asideEnvironment, isWhole, reasonOf } from './is-whole.ts';
import { moveIn } from './move-in.ts';
import { readRefs, writeRefs } from './originals-refs.ts';

export interface OriginalsOrder {
  /** The refs of the upstream that are shown, as they are now. */
  readonly tips: Tips;
  readonly format: ObjectFormat;
  readonly signal: AbortSignal;
  /** Step `fetch`, in bytes of the pack. */
  readonly onProgress: (progress: MaskProgress) => void;
  /** Also removes the refs that the upstream has no more; left out, they stay where nothing stands in their place. */
  readonly prune?: boolean;
  /** It is known that an earlier call came to its end: what the refs do not name is not looked for, but fetched. */
  readonly isSettled?: boolean;
}

/** The most haves of one request; which they are matters to the size of the pack only. */
const maxHaves = 1_000;
const reportEvery = 1024 * 1024;
const incoming = /^incoming-/;

/**
 * Brings the objects of the tips into the bare repository at `gitDir`, which is made where it is not there, and then
 * moves its refs. What came is set aside until everything that the tips reach has been seen to be there; only then is it part of the
 * repository. One call at a time for a repository. Throws what the source throws, UPSTREAM_REFUSED for its own words,
 * UPSTREAM_PROTOCOL (upstream) for a pack that is not valid or not whole, HUNG_UP or the signal's reason.
 */
export async function fetchOriginals(
  openSource: () => FetchSource,
  gitDir: string,
  order: OriginalsOrder,
): Promise<void> {
  const { tips, format, signal } = order;
  if (!existsSync(join(gitDir, 'HEAD'))) createGitDir(gitDir, format);
  await removeLeftovers(gitDir);
  const before = await readRefs(gitDir, signal);
  const known = new Set(before.values());
  const missing = [...new Set(tips.refs.map(({ oid }) => oid))].filter((oid) => !known.has(oid));
  const mayBeThere = order.isSettled !== true && missing.length > 0;
  if (missing.length > 0 && !(mayBeThere && (await isWhole(gitDir, missing, signal)))) {
    const haves = havesFor(tips, before);
    await bring(openSource, gitDir, { ...order, wants: missing, haves });
  }
  await writeRefs(gitDir, before, order);
}

/** What an earlier call left behind when the process ended. */
async function removeLeftovers(gitDir: string): Promise<void> {
  for (const name of await readdir(gitDir)) {
    if (incoming.test(name)) await rm(join(gitDir, name), { recursive: true, force: true });
  }
}

/** The old values of what moved first: they are nearest to what is wanted. */
function havesFor(tips: Tips, before: ReadonlyMap<string, Oid>): readonly Oid[] {
  const haves = new Set<Oid>();
  for (const { ref, oid } of tips.refs) {
    const old = before.get(ref);
    if (old !== undefined && old !== oid) haves.add(old);
  }
  for (const oid of before.values()) {
    if (haves.size >= maxHaves) break;
    haves.add(oid);
  }
  return [...haves].slice(0, maxHaves);
}

interface Bringing extends OriginalsOrder {
  readonly wants: readonly Oid[];
  readonly haves: readonly Oid[];
}

async function bring(openSource: () => FetchSource, gitDir: string, order: Bringing): Promise<void> {
  const { signal, wants } = order;
  const aside = await mkdtemp(join(gitDir, 'incoming-'));
  const source = openSource();
  const stop = (): void => source.close();
  signal.addEventListener('abort', stop, { once: true });
  try {
    signal.throwIfAborted();
    const response = await source.fetch(fetchRequest(order));
    const pack = packOf(response);
    await index(gitDir, aside, pack, order);
    if (!(await isWhole(gitDir, wants, signal, aside))) throw lying('objects are missing in what it sent');
    await moveIn(join(aside, 'pack'), join(gitDir, 'objects', 'pack'));
  } catch (error) {
    throw signal.aborted ? reasonOf(signal) : error;
  } finally {
    signal.removeEventListener('abort', stop);
    source.close();
    await rm(aside, { recursive: true, force: true });
  }
}

function fetchRequest({ wants, haves }: Bringing): Parameters<FetchSource['fetch']>[0] {
  return {
    wants,
    haves,
    done: true,
    shallow: [],
    deepenNot: [],
    deepenRelative: false,
    thinPack: true,
    noProgress: true,
    includeTag: false,
    ofsDelta: true,
    waitForDone: false,
  };
}

function packOf(response: FetchResponse): AsyncIterable<Buffer> {
  if ((response.shallowInfo?.shallow.length ?? 0) > 0)
    throw lying('the repository is shallow there, and what is cut off cannot be searched; unshallow it');
  if (response.pack === undefined) throw lying('no pack after done');
  return bandOne(demux(new PktReader(response.pack, 'upstream'), 'eof'), refuseBand3);
}

function refuseBand3({ band, data }: BandData): void {
  if (band === 3) throw new RefgateError('UPSTREAM_REFUSED', 'upstream', cleanBytes(data, 300));
}

/**
 * Streams the pack into index-pack, as fast as it takes it. Objects are not checked beyond their encoding: an original
 * may be as odd as its upstream allows.
 */
async function index(
  gitDir: string,
  aside: string,
  pack: AsyncIterable<Buffer>,
  { signal, onProgress }: OriginalsOrder,
): Promise<void> {
  const args = ['-c', 'core.fsync=all', 'index-pack', '--stdin', '--fix-thin'];
  const child = spawnGit(gitDir, args, { signal, env: asideEnvironment(gitDir, aside) });
  const { stdin, stdout } = child.process;
  stdout.resume();
  let done = 0;
  let told = 0;
  try {
    for await (const piece of pack) {
      done += piece.length;
      if (stdin.destroyed) break;
      if (!stdin.write(piece)) await drained(stdin);
      if (done - told < reportEvery) continue;
      told = done;
      onProgress({ step: 'fetch', done, unit: 'bytes' });
    }
    stdin.end();
    await child.ended.catch((cause: unknown) => {
      if (signal.aborted) throw reasonOf(signal);
      const why = cause instanceof RefgateError ? cause.detail : String(cause);
      throw new RefgateError('UPSTREAM_PROTOCOL', 'upstream', `its pack was not taken: ${why}`, { cause });
    });
  } finally {
    child.kill();
  }
  onProgress({ step: 'fetch', done, unit: 'bytes' });
}

function lying(detail: string): RefgateError {
  return new RefgateError('UPSTREAM_PROTOCOL', 'upstream', detail);
}
