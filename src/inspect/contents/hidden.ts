import type { Finding, HiddenObjects, UnknownFact } from '../../domain/facts.ts';
import type { ObjectFormat, Oid } from '../../domain/git.ts';
import { hashBytes } from '../../git/pack-stream.ts';
import { admitAt } from '../secrets/locate.ts';
import { treeOfCommit } from './commit-facts.ts';
import { findingOf, placeInObject } from './finding.ts';
import { isLimit } from './limit.ts';
import { TreeCursor } from './tree-cursor.ts';
import type { PackObjects, PackScan } from './walk-order.ts';

/**
 * Marks what of the pack is reached from commits, whether it is a change or not.
 * Ends early once all is. Throws LIMIT_EXCEEDED (client).
 */
export class ReachMarker {
  readonly #pack: PackObjects;
  readonly #format: ObjectFormat;
  readonly #walked = new Set<Oid>();

  constructor(pack: PackObjects, format: ObjectFormat) {
    this.#pack = pack;
    this.#format = format;
  }

  /** Marks these commits, all that is before them in the pack, and their trees. */
  fromCommits(tips: Iterable<Oid>): void {
    const commits = new Set(tips);
    for (const oid of commits) {
      if (this.#allReached) return;
      const parents = this.#pack.parentsOf(oid);
      const content = parents === undefined ? undefined : this.#pack.read(oid);
      if (parents === undefined || content === undefined) continue;
      this.#pack.markReached(oid);
      this.fromTree(treeOfCommit(content, this.#format));
      for (const parent of parents) commits.add(parent);
    }
  }

  fromTree(root: Oid): void {
    const open = [root];
    for (let oid = open.pop(); oid !== undefined; oid = open.pop()) {
      if (this.#walked.has(oid) || this.#allReached || this.#pack.typeOf(oid) !== 'tree') continue;
      this.#walked.add(oid);
      this.#pack.markReached(oid);
      const cursor = new TreeCursor(this.#pack.read(oid) ?? none, hashBytes(this.#format));
      for (; cursor.parse(); cursor.next()) {
        if (cursor.kind === 'tree') open.push(cursor.oid);
        else if (cursor.kind !== 'submodule') this.#pack.markReached(cursor.oid);
      }
    }
  }

  get #allReached(): boolean {
    return this.#pack.reached === this.#pack.count;
  }
}

const none = Buffer.alloc(0);

const maxExamples = 20;

/** Findings, and unknown facts, of hidden objects that are listed. */
const maxListed = 1000;

export interface Hidden {
  /** Undefined when every object is reached. */
  readonly objects: HiddenObjects | undefined;
  readonly findings: readonly Finding[];
  readonly unknowns: readonly UnknownFact[];
}

/** A finding is told without its place rather than not at all. */
function readWhileAllowed(pack: PackObjects, oid: Oid): Buffer | undefined {
  try {
    return pack.read(oid);
  } catch (error) {
    if (isLimit(error)) return undefined;
    throw error;
  }
}

/** What of the pack nothing has marked, and the secrets in it. */
export function findHidden(pack: PackObjects, scan: PackScan, baseline: ReadonlySet<string>): Hidden {
  const count = pack.count - pack.reached;
  const examples: HiddenObjects['examples'][number][] = [];
  const findings: Finding[] = [];
  const unknowns: UnknownFact[] = [];
  const miss = (text: string, oid?: Oid) => {
    if (unknowns.length < maxListed)
      unknowns.push({ what: 'content', text, ...(oid === undefined ? {} : { oid }) });
  };
  let left = 0;
  for (const { oid, type } of count > 0 ? pack.unreached() : []) {
    if (examples.length < maxExamples) examples.push({ oid, type });
    if (type === 'tree') continue;
    const blob = type === 'blob' ? scan.blob(oid) : undefined;
    const secrets = type === 'blob' ? blob?.secrets : scan.object(oid);
    const unscanned =
      type === 'blob' ? (blob?.unscanned ?? ['it was not searched']) : (scan.unscanned?.(oid) ?? []);
    if (unscanned.length > 0) miss(unscanned.join('; '), oid);
    if (secrets === undefined || secrets.length === 0) continue;
    const content = type === 'blob' ? undefined : readWhileAllowed(pack, oid);
    for (const secret of admitAt(secrets, undefined)) {
      if (findings.length >= maxListed) {
        left++;
        continue;
      }
      const where =
        type === 'blob' || content === undefined
          ? ({ place: 'file', line: secret.line } as const)
          : placeInObject(content, type, secret);
      findings.push(findingOf(secret, { ...where, oid }, baseline));
    }
  }
  if (left > 0) unknowns.unshift({ what: 'content', text: `${left} more findings are not listed` });
  return { objects: count > 0 ? { count, examples } : undefined, findings, unknowns };
}
