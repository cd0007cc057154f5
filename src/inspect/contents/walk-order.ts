import type { Finding, HiddenObjects, UnknownFact } from '../../domain/facts.ts';
import type { ObjectType, Oid } from '../../domain/git.ts';
import type { MovedSecrets } from '../../domain/mask.ts';
import type { SecretMatch } from '../secrets/match.ts';
import type { BorrowedObject } from '../thin-pack.ts';

/** One update that does not delete, as the walk of its contents needs it. */
export interface WalkUpdate {
  readonly ref: string;
  /** The old tip when it is a commit; absent of a new ref. */
  readonly oldOid?: Oid;
  /** A commit, or a tag of the pack. */
  readonly newOid: Oid;
  /** What the new tip stands for in the end, where that is not in the pack and is no commit: it is borrowed, and searched. */
  readonly newType?: 'tree' | 'blob';
  /** Whether the upstream has history that the old tip does not reach and the new one does: then old..new is compared as `existing`. */
  readonly difference: boolean;
  /** Whether the blobs of that difference are borrowed and scanned. */
  readonly content: boolean;
}

/** What is asked of the walk once the pack is held; it holds nothing but values, so that it can go to a thread. */
export interface WalkOrder {
  readonly updates: readonly WalkUpdate[];
  readonly pushOptions: readonly string[];
  /** Commits of the upstream that no ref of it reaches and that this push would make reachable: judged as new. */
  readonly unreached: readonly BorrowedObject[];
  /** Commits of the pack that the upstream has already; what they reach is not new. */
  readonly known: readonly Oid[];
  /** Whether blobs are borrowed and scanned that a new commit of the pack brings to a path and that the pack lacks. */
  readonly content?: boolean;
  /** With `content`: also those that it only moves or changes in mode. */
  readonly moved?: boolean;
  /** Fingerprints that are accepted for this repository. */
  readonly baseline: readonly string[];
  /** Secrets that new files have from where they were moved, although they were changed as well. */
  readonly movedSecrets?: readonly MovedSecrets[];
  /** Findings of one update that are listed; 1,000 if left out. Further ones are counted, as an unknown fact. */
  readonly maxFindings?: number;
}

/** Gives what the upstream has of these objects; of a commit, its root tree as well. What is absent is left out. */
export type Borrow = (
  oids: readonly Oid[],
  type: 'commit' | 'tree' | 'blob',
) => Promise<readonly BorrowedObject[]>;

/** Facts of one update in the form in which they leave the thread; `fact-list.ts` reads the lists. */
export interface WalkedUpdate {
  readonly commits: readonly Uint8Array[];
  readonly changes: readonly Uint8Array[];
  readonly findings: readonly Finding[];
  readonly unknowns: readonly UnknownFact[];
  readonly counts: { readonly commits: number; readonly changes: number };
}

export interface WalkResult {
  /** In the order of `updates`. */
  readonly updates: readonly WalkedUpdate[];
  readonly hidden?: HiddenObjects;
  readonly findings: readonly Finding[];
  /** Trees on the way to what the new tips changed, at most 1 MiB: the next push will ask for them. */
  readonly trees: readonly BorrowedObject[];
}

/** The objects of a held pack, read by the thread that indexed it. */
export interface PackObjects {
  typeOf(oid: Oid): ObjectType | undefined;
  /** The parents of a commit of the pack. */
  parentsOf(oid: Oid): readonly Oid[] | undefined;
  /** Undefined when the object is not in the pack. Throws LIMIT_EXCEEDED (client) once the work of this pack is spent. */
  read(oid: Oid): Buffer | undefined;
  /** As `TreeReader` has it. */
  unshared?(tree: Oid, olds: readonly Oid[]): readonly Buffer[] | undefined;
  /** True the first time. */
  markReached(oid: Oid): boolean;
  readonly reached: number;
  readonly count: number;
  /** What was not marked. */
  unreached(): Iterable<{ readonly oid: Oid; readonly type: ObjectType }>;
}

/** One secret candidate in one object. */
export interface ScannedSecret {
  readonly match: SecretMatch;
  /** Counted from 1 within the object; absent in binary content. */
  readonly line?: number;
  readonly sample: string;
  readonly fingerprint: string;
  readonly comment: boolean;
}

/** What is known of a blob once its bytes have passed. */
export interface ScannedBlob {
  readonly size: number;
  readonly type: string;
  readonly lfs: boolean;
  readonly secrets: readonly ScannedSecret[];
  readonly unscanned: readonly string[];
}

/** What scanning found, by object. */
export interface PackScan {
  /** A blob of the pack; undefined when it is not one. */
  blob(oid: Oid): ScannedBlob | undefined;
  /** A commit or tag of the pack; offsets of the matches are in the whole object. */
  object(oid: Oid): readonly ScannedSecret[];
  /** Why a commit or tag of the pack was not searched whole; empty when it was. */
  unscanned?(oid: Oid): readonly string[];
  /** Scans what is not in the pack: a borrowed object, a path, a ref name, a push option. */
  scan(content: Buffer): ScannedBlob;
  /** The keyed hash of a text, as findings carry it. */
  fingerprint(text: string): string;
}
