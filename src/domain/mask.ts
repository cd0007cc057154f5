import type { Confidence } from './facts.ts';
import type { AdvertisedRef, ObjectFormat, ObjectType, Oid, PushRequest, RefUpdate } from './git.ts';
import type { FetchSource, Target } from './ports.ts';

/**
 * How a principal reads a repository. `clear`: as the upstream has it. `masked`:
 * a view in which every secret is a placeholder. `deny-secrets`: only refs whose
 * whole history holds none. `cut`: only the newest history that holds none, with its own oids, as a shallow repository.
 */
export type ReadMode = 'clear' | 'masked' | 'deny-secrets' | 'cut';

export type ViewMode = Exclude<ReadMode, 'clear'>;

/** What one principal sees of one repository. */
export interface ViewKey {
  /** As the client names it, for texts. */
  readonly repo: string;
  readonly target: Target;
  readonly mode: ViewMode;
}

/** One object on both sides. */
export interface OidPair {
  readonly view: Oid;
  readonly original: Oid;
}

/** Where a placeholder of a push is not on the line that it stands for. */
export interface PlaceholderUse {
  /**
   * `new-line`: on a line that the file did not have, or had fewer times. `new-file`: its file was not
   * there before, and is not a plain rename. `sensitive-path`: carried to where the host runs things or reads its own settings.
   */
  readonly how: 'new-line' | 'new-file' | 'sensitive-path' | 'symlink';
  /** The rule that found the secret. */
  readonly rule: string;
  /** As the upstream has it. */
  readonly path: string;
  /** Counted from 1. */
  readonly line?: number;
  /** On the original side. */
  readonly commit: Oid;
}

/**
 * Secrets that a push carries, and does not bring: of a file that was moved and changed at once, each on a line of a
 * file that the same commit takes away, and that gives it to no other file; or of placeholders that are not where they were.
 */
export interface MovedSecrets {
  /** It is told by a `PlaceholderUse`. */
  readonly isUse?: true;
  /** Where the file is, as the upstream has it. */
  readonly path: string;
  /** The original. */
  readonly oid: Oid;
  readonly fingerprints: readonly string[];
}

/** A push of somebody who reads a view, as it came. */
export interface RestoreOrder {
  readonly session: string;
  readonly view: ViewKey;
  readonly request: PushRequest;
  /** Where the pushed objects are held; absent where none were pushed. */
  readonly held?: { readonly gitDir: string; readonly objectFormat: ObjectFormat };
  readonly signal: AbortSignal;
}

/** The same push on the original side. */
export interface RestoredPush {
  /** In the order of the request. */
  readonly updates: readonly RefUpdate[];
  /** A whole pack of what goes upstream, to be held and inspected like any other; absent where every object goes as it was pushed. */
  readonly pack?: { readonly file: string; readonly bytes: number };
  /** Commits and tags that became others; the first 1,000. */
  readonly pairs: readonly OidPair[];
  readonly pairCount: number;
  /** At most 1,000. */
  readonly placeholders: readonly PlaceholderUse[];
  /** Absent where there are none. */
  readonly moved?: readonly MovedSecrets[];
  /** Words of what was pushed that may be oids: hex of seven digits or more, in lower case. Absent where they are too many. */
  readonly words?: readonly string[];
  /** Nothing of the repository, and of the push, is masked. */
  readonly isClear?: boolean;
  /** Removes the pack from disk. May be called twice. */
  release(): Promise<void>;
}

/**
 * What principals see who do not read in clear. Everything here waits for a view that is being made for some seconds,
 * and then throws VIEW_NOT_READY (operator), whose detail says how far it is and what to do.
 */
export interface MaskedViews {
  /**
   * The view as a source. `lsRefs` brings the view up to date with the upstream first. Throws VIEW_NOT_READY, and
   * VIEW_REFUSED where the mode shows nothing of the repository.
   */
  source(view: ViewKey): FetchSource;
  /** The refs of the view, up to date with these refs of the upstream. */
  refs(view: ViewKey, upstream: readonly AdvertisedRef[]): Promise<readonly AdvertisedRef[]>;
  /**
   * Puts a push back onto the originals. Throws VIEW_FOREIGN, VIEW_NEW_SECRET and VIEW_NOT_RESTORED (client), which name
   * commit, path and line as the client has them.
   */
  restore(order: RestoreOrder): Promise<RestoredPush>;
  /**
   * The text as the reader of the view may see it: oids of originals become those of the view, secrets and names of hidden refs are
   * masked. Words that the reader itself brought into the text must not be given: what becomes of them would tell it whether they are oids of originals.
   */
  textFor(view: ViewKey, text: string): Promise<string>;
  /** git-upload-archive(1) on the view: the answer to these arguments, pkt-lines with sidebands. Throws as `source`. */
  archive(view: ViewKey, args: readonly string[], signal: AbortSignal): Promise<AsyncIterable<Buffer>>;
  /** Told that the upstream's refs have moved: the views of it follow. Never throws and never waits. */
  moved(target: Target): void;
}

/**
 * `unknown`: never looked at. `scanning`. `review`: something was found, and an administrator has not enabled it yet.
 * `building`: the first view is being made. `ready`. `stopped`: by an administrator, to be resumed. `failed`: see the problem.
 */
export type MaskState = 'unknown' | 'scanning' | 'review' | 'building' | 'ready' | 'stopped' | 'failed';

export interface MaskProgress {
  readonly step: 'fetch' | 'scan' | 'compare' | 'rewrite' | 'copy';
  readonly done: number;
  /** Absent while it is not known. */
  readonly total?: number;
  /** What is counted: `objects`, `commits`, `bytes`. */
  readonly unit: 'objects' | 'commits' | 'bytes';
}

/** How far the masking of one repository is. */
export interface MaskStatus {
  readonly repo: string;
  readonly target: Target;
  readonly state: MaskState;
  /** Whether an administrator enabled it, or nothing was found. */
  readonly enabled: boolean;
  /** Of the view that is served. */
  readonly epoch?: number;
  /** Also while a newer epoch is made beside the one that is served. */
  readonly progress?: MaskProgress;
  /** Of the last failure: one line that ends with what to do. */
  readonly problem?: string;
  /** RFC 3339. */
  readonly syncedAt?: string;
  readonly commits?: number;
  readonly changedCommits?: number;
  /** Distinct values that are masked. */
  readonly values?: number;
  /** Of these, contents that could not be searched and are one placeholder as a whole. */
  readonly unscanned?: number;
  /** On disk: originals, views and rows. */
  readonly bytes?: number;
}

/** One distinct value that would be masked. */
export interface MaskValue {
  readonly fingerprint: string;
  readonly rule: string;
  readonly family: string;
  readonly confidence: Confidence;
  /** Masked. */
  readonly sample: string;
  /** Blobs, commits, tags and names that hold it. */
  readonly objects: number;
  /** Commits that it alone would change. */
  readonly commits: number;
  /** Where it was first, in the order of history. */
  readonly path?: string;
  readonly commit?: Oid;
  readonly allowed?: AllowedValue;
}

/** A value that is shown in clear. */
export interface AllowedValue {
  readonly fingerprint: string;
  /** Absent: in every repository. */
  readonly repo?: string;
  readonly reason: string;
  readonly actor: string;
  /** RFC 3339. */
  readonly time: string;
}

/** What a view would change, before anybody sees it. */
export interface MaskPreview {
  readonly repo: string;
  /** RFC 3339. */
  readonly scannedAt: string;
  readonly refs: number;
  readonly commits: number;
  /** With the values that are not allowed. */
  readonly changedCommits: number;
  /** Those that change most commits first; at most 1,000. */
  readonly values: readonly MaskValue[];
  readonly valueCount: number;
  /** What could not be searched and becomes one placeholder as a whole, one line each; the first 100. */
  readonly unscanned: readonly string[];
  readonly unscannedCount: number;
  /** Refs that are not shown since their names hold a secret. */
  readonly hiddenRefs: number;
}

/** What an oid is on the other side. */
export interface OidTranslation {
  readonly repo: string;
  readonly type: ObjectType;
  readonly view: Oid;
  readonly original: Oid;
  /** Which of the two was asked for. */
  readonly asked: 'view' | 'original';
}

/** Masking as administrators handle it. Methods that name a repository throw NOT_FOUND where it is not mapped. */
export interface MaskAdmin {
  /** Of every repository that was ever looked at. */
  list(): Promise<readonly MaskStatus[]>;
  status(repo: string): Promise<MaskStatus>;
  /** Scans what is new since the last look, and waits for it. Throws HUNG_UP, and what the upstream throws. */
  preview(
    repo: string,
    signal: AbortSignal,
    onProgress: (progress: MaskProgress) => void,
  ): Promise<MaskPreview>;
  /** Of the last look; undefined where there was none. */
  lastPreview(repo: string): Promise<MaskPreview | undefined>;
  allowed(): readonly AllowedValue[];
  /** Shows a value in clear, in one repository or in all. Views that masked it are made anew. @throws USAGE */
  allow(value: { fingerprint: string; repo?: string; reason: string }, actor: string): Promise<void>;
  /** @throws NOT_FOUND */
  disallow(value: { fingerprint: string; repo?: string }, actor: string): Promise<void>;
  /** Begins to make the view; `status` tells how far it is. @throws CONFLICT where it was not previewed */
  enable(repo: string, actor: string): Promise<MaskStatus>;
  /** Nobody sees the view any more, and it is removed. */
  disable(repo: string, actor: string): Promise<MaskStatus>;
  /** Makes the view anew from the originals, beside the one that is served. */
  rebuild(repo: string, actor: string): Promise<MaskStatus>;
  /** Stops what is being made; it goes on with `resume`. @throws CONFLICT where nothing is */
  stop(repo: string, actor: string): Promise<MaskStatus>;
  /** Goes on with what was stopped, or has failed. @throws CONFLICT where neither is so */
  resume(repo: string, actor: string): Promise<MaskStatus>;
  /** Whole oids and prefixes of at least seven digits, of one repository or of all; at most 50. */
  oid(id: string, repo?: string): Promise<readonly OidTranslation[]>;
}
