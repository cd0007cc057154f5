import type { PathChange } from '../../domain/facts.ts';
import type { Oid } from '../../domain/git.ts';
import type { MovedSecrets } from '../../domain/mask.ts';
import { admitAt, pathFindings } from '../secrets/locate.ts';
import type { SecretRule } from '../secrets/rule.ts';
import type { BorrowedObjects } from './borrowed-objects.ts';
import { type FoundList, findingOf, maskedPath, pathRuleFinding } from './finding.ts';
import { isLimit } from './limit.ts';
import type { KindedChange } from './renames.ts';
import { ScannedPaths } from './scanned-paths.ts';
import type { Entry } from './tree-diff.ts';
import type { PackObjects, PackScan, ScannedBlob, ScannedSecret } from './walk-order.ts';

export interface JudgeParts {
  readonly pack: PackObjects;
  readonly scan: PackScan;
  readonly borrowed: BorrowedObjects;
  readonly rules: readonly SecretRule[];
  readonly baseline: ReadonlySet<string>;
  /** Whether what a file held where it was moved from counts as brought to its new path. */
  readonly movedCounts: boolean;
  /** Of files that were moved and changed at once. */
  readonly movedSecrets: readonly MovedSecrets[];
}

/** Which blobs that are not in the pack are borrowed, and searched; `brought`: those that no parent has where they are, or were moved from. */
export type Borrows = 'all' | 'brought' | 'none';

/** Whose changes are judged, and what is told of them. */
export interface Changer {
  readonly commit: Oid | undefined;
  readonly borrows: Borrows;
  readonly found: Pick<FoundList, 'find' | 'miss'>;
}

/** Borrowed blobs of which is remembered what they held. */
const maxRemembered = 20_000;

/** Candidates at a path that the parents may hold as well. */
interface Doubt {
  readonly change: KindedChange;
  readonly secrets: readonly ScannedSecret[];
}

/** Turns changes into facts, and says which secrets they bring in. */
export class ChangeJudge {
  readonly #parts: JudgeParts;
  readonly #paths: ScannedPaths;
  readonly #borrowed = new Map<Oid, ScannedBlob>();

  constructor(parts: JudgeParts) {
    this.#parts = parts;
    this.#paths = new ScannedPaths(parts.scan);
  }

  /** Throws what the upstream throws. */
  async judge(
    changes: readonly KindedChange[],
    changer: Changer,
  ): Promise<readonly Omit<PathChange, 'source' | 'commit'>[]> {
    await this.#borrow(borrowedOf(changes, changer.borrows));
    const doubts: Doubt[] = [];
    const facts = changes.map((change) => this.#look(change, changer, doubts));
    if (doubts.length > 0) await this.#settle(doubts, changer);
    this.#judgePaths(changes, changer);
    return facts;
  }

  /** Whether something must be borrowed before these can be judged. */
  wants(changes: readonly KindedChange[], borrows: Borrows): boolean {
    return borrowedOf(changes, borrows).some((entry) => this.#isMissing(entry));
  }

  /** Borrows for many commits at once what `judge` would borrow for each. Throws what the upstream throws. */
  async prepare(commits: readonly (readonly [readonly KindedChange[], Borrows])[]): Promise<void> {
    if (this.#borrowed.size > maxRemembered) this.#borrowed.clear();
    await this.#borrow(commits.flatMap(([changes, borrows]) => borrowedOf(changes, borrows)));
  }

  #isMissing(entry: Entry | undefined): entry is Entry {
    if (entry === undefined || entry.mode === 'submodule') return false;
    const { pack, borrowed } = this.#parts;
    if (this.#blob(entry.oid) !== undefined || pack.typeOf(entry.oid) !== undefined) return false;
    return borrowed.get(entry.oid) !== 'absent';
  }

  #blob(oid: Oid): ScannedBlob | undefined {
    return this.#parts.scan.blob(oid) ?? this.#borrowed.get(oid);
  }

  #look(change: KindedChange, changer: Changer, doubts: Doubt[]): Omit<PathChange, 'source' | 'commit'> {
    const { kind, path, entry, old, from } = change;
    const fact = {
      kind,
      path,
      ...(from === undefined ? {} : { from }),
      ...(entry === undefined ? {} : { mode: entry.mode, oid: entry.oid }),
      ...(old === undefined ? {} : { oldMode: old.mode, oldOid: old.oid }),
    };
    if (entry === undefined || entry.mode === 'submodule') return fact;
    this.#parts.pack.markReached(entry.oid);
    const blob = this.#blob(entry.oid);
    if (blob === undefined) {
      this.#missBlob(change, entry, changer);
      return fact;
    }
    this.#lookInside(change, entry, blob, changer, doubts);
    const { size, type, lfs } = blob;
    return { ...fact, size, type, ...(lfs ? { lfs: true as const } : {}) };
  }

  #missBlob(change: KindedChange, { oid }: Entry, changer: Changer): void {
    const { commit, found } = changer;
    const { path } = change;
    const type = this.#parts.pack.typeOf(oid);
    if (type === undefined && !isBorrowed(change, changer.borrows)) return;
    const text =
      type === undefined
        ? 'it is not in the push, and the upstream did not give it'
        : type === 'blob'
          ? 'it was not searched'
          : `it is a ${type}`;
    found.miss({ what: 'content', text, path, oid, ...(commit === undefined ? {} : { commit }) });
  }

  #lookInside(
    change: KindedChange,
    { oid }: Entry,
    { secrets, unscanned }: ScannedBlob,
    { commit, found }: Changer,
    doubts: Doubt[],
  ): void {
    const { path, olds } = change;
    if (olds.some((old) => old?.oid === oid)) return;
    if (unscanned.length > 0 && change.kind !== 'rename') {
      const text = unscanned.join('; ');
      found.miss({ what: 'content', text, path, oid, ...(commit === undefined ? {} : { commit }) });
    }
    const admitted = secrets.length === 0 ? secrets : admitAt(secrets, path, commit);
    if (admitted.length > 0) doubts.push({ change, secrets: admitted });
  }

  /** A candidate that a parent holds at the same path, or where the file was moved from unless that counts, was not brought in here. */
  async #settle(doubts: readonly Doubt[], { commit, found }: Changer): Promise<void> {
    await this.#borrow(doubts.flatMap(({ change: { olds, fromOlds } }) => [...olds, ...(fromOlds ?? [])]));
    for (const { change, secrets } of doubts) {
      const { path, entry, from } = change;
      const had = new Set<string>();
      this.#gather(change.olds, path, had);
      if (from !== undefined && !this.#parts.movedCounts) this.#gather(change.fromOlds ?? [], from, had);
      if (!this.#parts.movedCounts) this.#gatherMoved(change, had);
      for (const secret of secrets) {
        if (had.has(secret.fingerprint)) continue;
        had.add(secret.fingerprint);
        const where = { place: 'file', commit, path, line: secret.line, oid: entry?.oid } as const;
        found.find(findingOf(secret, where, this.#parts.baseline));
      }
    }
  }

  #gather(olds: readonly (Entry | undefined)[], path: string, had: Set<string>): void {
    for (const old of olds) {
      const blob = old === undefined || old.mode === 'submodule' ? undefined : this.#blob(old.oid);
      if (blob === undefined || blob.secrets.length === 0) continue;
      for (const { fingerprint } of admitAt(blob.secrets, path)) had.add(fingerprint);
    }
  }

  #gatherMoved({ path, entry }: KindedChange, had: Set<string>): void {
    for (const moved of this.#parts.movedSecrets)
      if (moved.path === path && moved.oid === entry?.oid) for (const one of moved.fingerprints) had.add(one);
  }

  /** Borrows and searches the blobs that nothing is known of. What the upstream does not give stays unknown. */
  async #borrow(entries: readonly (Entry | undefined)[]): Promise<void> {
    const { borrowed, scan } = this.#parts;
    const wanted = new Set<Oid>();
    for (const entry of entries) if (this.#isMissing(entry)) wanted.add(entry.oid);
    if (wanted.size === 0) return;
    try {
      await borrowed.fetch(wanted, 'blob', (objects) => {
        for (const [oid, content] of objects) this.#borrowed.set(oid, scan.scan(content));
      });
    } catch (error) {
      if (!isLimit(error)) throw error;
    }
  }

  #judgePaths(changes: readonly KindedChange[], { commit, found }: Changer): void {
    const { rules, baseline } = this.#parts;
    const added = changes.filter(({ kind }) => kind === 'add' || kind === 'rename');
    if (added.length === 0) return;
    this.#paths.look(added.map(({ path }) => path));
    for (const { path, entry } of added) {
      const inPath = this.#paths.found(path);
      const where = { place: 'path', commit, path, oid: entry?.oid } as const;
      for (const secret of inPath?.secrets ?? [])
        found.find(findingOf(secret, { ...where, path: maskedPath(path, secret) }, baseline));
      for (const why of inPath?.unscanned ?? [])
        found.miss({
          what: 'content',
          text: `its path: ${why}`,
          path,
          ...(commit === undefined ? {} : { commit }),
        });
      if (entry?.mode === 'submodule') continue;
      for (const rule of pathFindings(rules, path)) {
        const fingerprint = this.#parts.scan.fingerprint(`${rule.id}\0${path}`);
        found.find(pathRuleFinding(rule, where, fingerprint, baseline));
      }
    }
  }
}

/** A new commit can name what the upstream holds on another ref, or on none. */
function isBorrowed({ entry, olds, fromOlds = [] }: KindedChange, borrows: Borrows): boolean {
  if (borrows !== 'brought') return borrows === 'all';
  return ![...olds, ...fromOlds].some((old) => old !== undefined && old.oid === entry?.oid);
}

const borrowedOf = (changes: readonly KindedChange[], borrows: Borrows): readonly (Entry | undefined)[] =>
  borrows === 'none' ? [] : changes.flatMap((change) => (isBorrowed(change, borrows) ? [change.entry] : []));
