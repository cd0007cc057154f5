import type { Blame, ErrorCode } from '../../domain/error.ts';
import type { Confidence } from '../../domain/facts.ts';
import type { ObjectFormat, ObjectType, Oid, RefUpdate } from '../../domain/git.ts';
import type { MaskProgress } from '../../domain/mask.ts';
import type { SecretSettings } from '../../inspect/worker-messages.ts';
import type { BuildResult, ScanReport, Tips } from '../build/contract.ts';
import type { Restored } from '../restore/restore-push.ts';
import type { CutResult } from '../serve/build-cut.ts';

/** What a thread is started with. */
export interface ViewThreadSettings {
  readonly secrets: SecretSettings;
  /** What is at least so sure is masked. */
  readonly confidence: Confidence;
}

/** One upstream repository, as the threads know it. */
export interface RepoPlace {
  /** Its folder, which holds keep/, originals.git, the views and rows/. */
  readonly dir: string;
  readonly format: ObjectFormat;
}

/** Which view is made or asked. */
interface ViewOfEpoch {
  readonly epoch: number;
  /** Fingerprints of the values that are shown in clear. */
  readonly allowed: readonly string[];
}

interface RestoreAsk extends ViewOfEpoch {
  readonly updates: readonly RefUpdate[];
  /** The repository of the pushed objects; absent where none were pushed. */
  readonly pushed?: string;
  /** A folder of its own for the pack; who asks removes it. */
  readonly folder: string;
}

/** An oid on both sides, in one repository. */
export interface FoundOid {
  readonly type: ObjectType;
  readonly view: Oid;
  readonly original: Oid;
  readonly asked: 'view' | 'original';
}

/** Every question to the engine of one repository, with its answer. */
export interface ViewCalls {
  readonly scan: {
    readonly ask: { readonly tips: Tips; readonly allowed: readonly string[] };
    readonly answer: ScanReport;
  };
  /** Makes the view of an epoch, or goes on with it. */
  readonly build: { readonly ask: ViewOfEpoch & { readonly tips: Tips }; readonly answer: BuildResult };
  /** Brings a view up to date with tips that `originals.git` holds. */
  readonly extend: { readonly ask: ViewOfEpoch & { readonly tips: Tips }; readonly answer: BuildResult };
  readonly restore: { readonly ask: RestoreAsk; readonly answer: Restored };
  /** Removes what is known of an epoch that is served no more. */
  readonly drop: { readonly ask: { readonly epoch: number }; readonly answer: undefined };
  /** Of tokens of 7 to 64 lower-case hex digits those that begin an affected original, with what is shown instead. */
  readonly shown: {
    readonly ask: { readonly epoch: number; readonly tokens: readonly string[] };
    readonly answer: readonly (readonly [token: string, shown: string])[];
  };
  /** Of these oids of the view those that are the very objects of the original. */
  readonly same: { readonly ask: { readonly oids: readonly Oid[] }; readonly answer: readonly Oid[] };
  /** Brings the cut of an epoch up to date with its view; gives its refs. */
  readonly cut: { readonly ask: ViewOfEpoch; readonly answer: CutResult };
  /** Reads all rows; throws VIEW_DAMAGED where that is not possible. */
  readonly check: { readonly ask: Record<string, never>; readonly answer: undefined };
  /** Both sides of an oid, or of what begins so. */
  readonly find: {
    readonly ask: { readonly epoch: number; readonly id: string; readonly limit: number };
    readonly answer: readonly FoundOid[];
  };
}

export type ViewCall = keyof ViewCalls;

/** One question; `id` is of the thread. */
export type ViewAsk = {
  [C in ViewCall]: {
    readonly type: 'ask';
    readonly id: number;
    readonly repo: RepoPlace;
    readonly call: C;
    readonly ask: ViewCalls[C]['ask'];
  };
}[ViewCall];

export type ToViewWorker =
  | ViewAsk
  /** Nobody waits for the answer any more; it comes all the same, as a failure. */
  | { readonly type: 'abort'; readonly id: number }
  /** Closes what is open of the repository; answered when another may open it. */
  | { readonly type: 'close'; readonly id: number; readonly dir: string };

export type FromViewWorker =
  | { readonly type: 'progress'; readonly id: number; readonly progress: MaskProgress }
  | { readonly type: 'answer'; readonly id: number; readonly answer: unknown }
  | {
      readonly type: 'failed';
      readonly id: number;
      readonly code: ErrorCode;
      readonly blame: Blame;
      readonly detail: string | undefined;
    };
