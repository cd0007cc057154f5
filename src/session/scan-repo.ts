import { hash } from 'node:crypto';
import type { RepoScan, RepoSecret } from '../domain/admin.ts';
import { RefgateError } from '../domain/error.ts';
import type { Finding } from '../domain/facts.ts';
import type { ObjectFormat, Oid } from '../domain/git.ts';
import type { FetchSource, Target, Upstreams } from '../domain/ports.ts';
import { PktReader } from '../git/pkt-line.ts';
import { bandOne, demux } from '../git/sideband.ts';
import { borrowPresent, emptyRequest } from '../inspect/borrow.ts';
import type { WalkOrder, WalkResult } from '../inspect/contents/walk-order.ts';
import type { BorrowedObject, Quarantine, WalkableHeldPack } from '../inspect/quarantine.ts';
import { asRefgateError } from './failures.ts';

export interface RepoScanDeps {
  readonly upstreams: Upstreams;
  readonly quarantine: Quarantine;
}

export interface RepoScanOrder {
  readonly target: Target;
  /** Names the pack in the quarantine. */
  readonly id: string;
  /** Fingerprints that are accepted already. */
  readonly baseline: readonly string[];
  readonly signal: AbortSignal;
  /** One line for people: what is being done, and how far it is. */
  readonly onProgress: (text: string) => void;
}

/** A branch or tag of the upstream: its object, and the commit that it leads to. */
interface Tip {
  readonly oid: Oid;
  readonly commit: Oid;
}

const maxUnknowns = 100;

/** Places in which secrets are, of a whole repository. */
const maxFindings = 50_000;

const mebibyte = 2 ** 20;

/**
 * Reads every branch and tag of an upstream repository with its whole history,
 * as if all of it were pushed at once, and gives the secret candidates in it,
 * each once. The pack is held like any other, within the same limits, and
 * removed afterwards. Throws what the upstream throws, what holding a pack throws (blame `operator`), and HUNG_UP.
 */
export async function scanRepo(deps: RepoScanDeps, order: RepoScanOrder): Promise<RepoScan> {
  const source = deps.upstreams.fetchSource(order.target);
  const close = (): void => source.close();
  order.signal.addEventListener('abort', close, { once: true });
  try {
    const { objectFormat } = await source.capabilities();
    const tips = await readTips(source);
    order.onProgress(`${tips.length} branches and tags`);
    if (tips.length === 0) return emptyScan;
    const held = await holdAll(deps, order, source, tips, objectFormat);
    try {
      return await walkAll(deps, order, held, tips);
    } finally {
      await held.release();
    }
  } catch (error) {
    throw tellScan(error, order.signal);
  } finally {
    order.signal.removeEventListener('abort', close);
    source.close();
  }
}

const emptyScan: RepoScan = { refs: 0, objects: 0, secrets: [], unknowns: [], unknownCount: 0 };

async function readTips(source: FetchSource): Promise<readonly Tip[]> {
  const tips: Tip[] = [];
  const prefixes = ['refs/heads/', 'refs/tags/'];
  for await (const batch of source.lsRefs({ prefixes, symrefs: false, peel: true, unborn: false })) {
    for (const { oid, peeled } of batch) if (oid !== null) tips.push({ oid, commit: peeled ?? oid });
  }
  return tips;
}

async function holdAll(
  { quarantine }: RepoScanDeps,
  { id, signal, onProgress }: RepoScanOrder,
  source: FetchSource,
  tips: readonly Tip[],
  objectFormat: ObjectFormat,
): Promise<WalkableHeldPack> {
  const { pack } = await source.fetch({
    ...emptyRequest,
    wants: [...new Set(tips.map((tip) => tip.oid))],
  });
  if (pack === undefined) throw new RefgateError('UPSTREAM_PROTOCOL', 'upstream', 'no pack came after done');
  const bytes = bandOne(demux(new PktReader(pack, 'upstream'), 'eof'), ({ band, data }) => {
    if (band === 3) throw new RefgateError('UPSTREAM_PROTOCOL', 'upstream', data.toString());
  });
  return quarantine.hold(counted(bytes, onProgress), { id, objectFormat, signal, borrow: async () => [] });
}

/** Tells every 16 MiB. */
async function* counted(
  pieces: AsyncIterable<Buffer>,
  onProgress: (text: string) => void,
): AsyncGenerator<Buffer> {
  let bytes = 0;
  let told = 0;
  for await (const piece of pieces) {
    bytes += piece.length;
    if (bytes - told >= 16 * mebibyte) {
      told = bytes;
      onProgress(`${Math.floor(bytes / mebibyte)} MiB received`);
    }
    yield piece;
  }
  onProgress(`${Math.ceil(bytes / mebibyte)} MiB received; looking at what is in them`);
}

async function walkAll(
  deps: RepoScanDeps,
  order: RepoScanOrder,
  held: WalkableHeldPack,
  tips: readonly Tip[],
): Promise<RepoScan> {
  const { target, baseline, signal } = order;
  const open = (): FetchSource => deps.upstreams.fetchSource(target);
  const { objectFormat } = held;
  const commits = [...new Set(tips.map((tip) => tip.commit))].filter((oid) => held.typeOf(oid) === 'commit');
  const unreached = await joinTips(commits, open, objectFormat, signal);
  const last = unreached.at(-1);
  const walk: WalkOrder = {
    updates: last === undefined ? [] : [{ ref, newOid: last.oid, difference: false, content: false }],
    pushOptions: [],
    unreached,
    known: [],
    baseline,
    maxFindings,
  };
  const borrow = (oids: readonly Oid[]) => borrowPresent(open, oids, { objectFormat, signal });
  return toScan(await held.walk(walk, borrow, signal), held, tips);
}

/** Names nothing on the upstream: it stands for all its branches and tags. */
const ref = 'refs/heads/all';

/** So many parents at most has a commit that joins tips. */
const joined = 16;

/**
 * Commits that nobody has, which join all tips into one, so that each commit of
 * the repository is walked once however many branches lead to it. They have the
 * tree of their first parent and change nothing.
 */
async function joinTips(
  tips: readonly Oid[],
  open: () => FetchSource,
  objectFormat: ObjectFormat,
  signal: AbortSignal,
): Promise<readonly BorrowedObject[]> {
  const [first] = tips;
  if (first === undefined) return [];
  const [commit] = await borrowPresent(open, [first], { objectFormat, signal });
  const tree = /^tree ([0-9a-f]+)\n/.exec(commit?.content.toString('latin1', 0, 80) ?? '')?.[1];
  if (tree === undefined) throw new RefgateError('UPSTREAM_PROTOCOL', 'upstream', `no commit ${first}`);
  const made: BorrowedObject[] = [];
  let before = first;
  for (let at = 1; at === 1 || at < tips.length; at += joined - 1) {
    const parents = [before, ...tips.slice(at, at + joined - 1)];
    const object = joinCommit(tree, parents, objectFormat);
    made.push(object);
    before = object.oid;
  }
  return made;
}

function joinCommit(tree: Oid, parents: readonly Oid[], format: ObjectFormat): BorrowedObject {
  const lines = [`tree ${tree}`, ...parents.map((oid) => `parent ${oid}`)];
  const nobody = 'refgate <> 0 +0000';
  const text = `${lines.join('\n')}\nauthor ${nobody}\ncommitter ${nobody}\n\nall branches and tags\n`;
  const content = Buffer.from(text, 'latin1');
  const named = Buffer.concat([Buffer.from(`commit ${content.length}\0`, 'latin1'), content]);
  return { oid: hash(format, named, 'hex'), type: 'commit', content };
}

function toScan(walked: WalkResult, held: WalkableHeldPack, tips: readonly Tip[]): RepoScan {
  const secrets = new Map<string, RepoSecret>();
  const findings = [...walked.updates.flatMap((update) => update.findings), ...walked.findings];
  for (const finding of findings) secrets.set(finding.fingerprint, addPlace(secrets, finding));
  const unknowns = walked.updates.flatMap((update) => update.unknowns);
  return {
    refs: tips.length,
    objects: Object.values(held.counts).reduce((sum, count) => sum + count, 0),
    secrets: [...secrets.values()].sort((a, b) => compare(a.path ?? '', b.path ?? '')),
    unknowns: unknowns
      .slice(0, maxUnknowns)
      .map(({ path, text }) => (path === undefined ? text : `${path}: ${text}`)),
    unknownCount: unknowns.length,
  };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function addPlace(secrets: ReadonlyMap<string, RepoSecret>, finding: Finding): RepoSecret {
  const known = secrets.get(finding.fingerprint);
  if (known !== undefined) return { ...known, count: known.count + 1 };
  const { fingerprint, rule, confidence, sample, path, line, commit, state } = finding;
  return {
    fingerprint,
    rule,
    confidence,
    sample,
    ...(path === undefined ? {} : { path }),
    ...(line === undefined ? {} : { line }),
    ...(commit === undefined ? {} : { commit }),
    count: 1,
    accepted: state === 'baseline',
  };
}

/** What is wrong with the pack is no client's fault here: whoever asked for the scan is told which limit, or which object. */
function tellScan(error: unknown, signal: AbortSignal): RefgateError {
  const known = asRefgateError(error);
  if (signal.aborted) return new RefgateError('HUNG_UP', 'client', undefined, { cause: known });
  if (!/^(PACK|OBJECT|LIMIT)_/.test(known.code)) return known;
  const advice = 'the whole repository is scanned within the limits: of refgate.yaml';
  const detail = known.detail === undefined ? advice : `${known.detail}; ${advice}`;
  return new RefgateError(known.code, 'operator', detail, { cause: known });
}
