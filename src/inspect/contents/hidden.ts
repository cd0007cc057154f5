import type { Finding, HiddenObjects, UnknownFact } from '../../domain/facts.ts';
import type { ObjectFormat, ObjectType, Oid } from '../../domain/git.ts';
import { hashBytes } from '../../git/pack-stream.ts';
import { admitAt } from '../secrets/locate.ts';
import { treeOfCommit } from './commit-facts.ts';
import { findingOf, maskedPath, type Place, placeInObject } from './finding.ts';
import { isLimit } from './limit.ts';
import { ScannedPaths } from './scanned-paths.ts';
import { TreeCursor } from './tree-cursor.ts';
import type { PackObjects, PackScan, ScannedSecret } from './walk-order.ts';

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

/** What of the pack nothing has marked, and the secrets in it: in contents, messages, and the names in trees. */
export function findHidden(
  pack: PackObjects,
  scan: PackScan,
  baseline: ReadonlySet<string>,
  format: ObjectFormat,
): Hidden {
  const count = pack.count - pack.reached;
  const examples: HiddenObjects['examples'][number][] = [];
  const search = new HiddenSearch(pack, scan, baseline, format);
  for (const object of count > 0 ? pack.unreached() : []) {
    if (examples.length < maxExamples) examples.push(object);
    search.look(object);
  }
  const { findings, unknowns } = search;
  return { objects: count > 0 ? { count, examples } : undefined, findings, unknowns };
}

class HiddenSearch {
  readonly #pack: PackObjects;
  readonly #scan: PackScan;
  readonly #baseline: ReadonlySet<string>;
  readonly #names: ScannedPaths;
  readonly #width: number;
  readonly #unknowns: UnknownFact[] = [];
  readonly findings: Finding[] = [];
  #left = 0;

  constructor(pack: PackObjects, scan: PackScan, baseline: ReadonlySet<string>, format: ObjectFormat) {
    this.#pack = pack;
    this.#scan = scan;
    this.#baseline = baseline;
    this.#names = new ScannedPaths(scan);
    this.#width = hashBytes(format);
  }

  look({ oid, type }: { readonly oid: Oid; readonly type: ObjectType }): void {
    if (type === 'tree') this.#tree(oid);
    else if (type === 'blob') this.#blob(oid);
    else this.#object(oid, type);
  }

  get unknowns(): readonly UnknownFact[] {
    if (this.#left === 0) return this.#unknowns;
    return [{ what: 'content', text: `${this.#left} more findings are not listed` }, ...this.#unknowns];
  }

  #blob(oid: Oid): void {
    const { secrets, unscanned } = this.#scan.blob(oid) ?? {
      secrets: [],
      unscanned: ['it was not searched'],
    };
    this.#miss(unscanned, oid);
    for (const secret of admitAt(secrets, undefined))
      this.#find(secret, { place: 'file', line: secret.line, oid });
  }

  #object(oid: Oid, type: 'commit' | 'tag'): void {
    this.#miss(this.#scan.unscanned?.(oid) ?? [], oid);
    const secrets = admitAt(this.#scan.object(oid), undefined);
    if (secrets.length === 0) return;
    const content = readWhileAllowed(this.#pack, oid);
    for (const secret of secrets) {
      const where =
        content === undefined
          ? ({ place: 'file', line: secret.line } as const)
          : placeInObject(content, type, secret);
      this.#find(secret, { ...where, oid });
    }
  }

  #tree(oid: Oid): void {
    const content = readWhileAllowed(this.#pack, oid);
    if (content === undefined) this.#miss(['the names in it were not searched'], oid);
    else this.#namesIn(content, oid);
  }

  #namesIn(content: Buffer, oid: Oid): void {
    const names: string[] = [];
    for (const cursor = new TreeCursor(content, this.#width); cursor.parse(); cursor.next())
      names.push(cursor.name);
    this.#names.look(names);
    for (const name of names) {
      const { secrets, unscanned } = this.#names.found(name) ?? { secrets: [], unscanned: [] };
      this.#miss(unscanned, oid);
      for (const secret of secrets)
        this.#find(secret, { place: 'path', path: maskedPath(name, secret), oid });
    }
  }

  #miss(unscanned: readonly string[], oid: Oid): void {
    if (unscanned.length > 0 && this.#unknowns.length < maxListed)
      this.#unknowns.push({ what: 'content', text: unscanned.join('; '), oid });
  }

  #find(secret: ScannedSecret, where: Place): void {
    if (this.findings.length < maxListed) this.findings.push(findingOf(secret, where, this.#baseline));
    else this.#left++;
  }
}
