import type { ObjectFormat, Oid } from '../../domain/git.ts';
import type { MaskPreview, MaskProgress } from '../../domain/mask.ts';
import type { ViewRows } from '../rows/view-rows.ts';
import type { ViewFunction } from '../view/view-function.ts';

/** Where the repositories and rows of one upstream repository are. */
export interface ViewFolder {
  /** The originals: a bare repository that is never served. */
  readonly originals: string;
  /** The view of an epoch: a bare repository of its own, without alternates. */
  view(epoch: number): string;
  /** For files that are being made; on the same file system. */
  readonly temporary: string;
}

/** The refs of the upstream that are shown, with what they name, in the order of their names. */
export interface Tips {
  readonly refs: readonly { readonly ref: string; readonly oid: Oid }[];
  /** The branch that HEAD names. */
  readonly head?: string;
}

/** What a build works with. Objects of the tips are in `originals` when it begins. */
export interface BuildContext {
  readonly folder: ViewFolder;
  readonly format: ObjectFormat;
  readonly view: ViewFunction;
  readonly rows: ViewRows;
  readonly epoch: number;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: MaskProgress) => void;
}

export interface BuildResult {
  /** The refs of the view: those whose names are shown. */
  readonly tips: Tips;
  /** In the whole view. */
  readonly commits: number;
  readonly changedCommits: number;
  readonly values: number;
  /** Distinct contents that could not be searched, and are one placeholder as a whole. */
  readonly unscanned: number;
  readonly hiddenRefs: number;
}

/** What a scan of the originals gives; the caller adds the repository, the time and what is allowed. */
export type ScanReport = Omit<MaskPreview, 'repo' | 'scannedAt'>;
