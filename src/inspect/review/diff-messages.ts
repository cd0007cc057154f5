import type { FileDiff } from '../../domain/approval.ts';
import type { Blame, ErrorCode } from '../../domain/error.ts';
import type { DiffJob } from './file-diff.ts';

/** What the thread of reviews is asked, one job at a time. */
export type ToDiffWorker =
  | { readonly type: 'diff'; readonly job: DiffJob }
  | { readonly type: 'mask'; readonly texts: readonly string[] };

/** `ready` comes first, once; then one answer to each job. */
export type FromDiffWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'diff'; readonly diff: FileDiff }
  | { readonly type: 'masked'; readonly texts: readonly string[] }
  | {
      readonly type: 'failed';
      readonly code: ErrorCode;
      readonly blame: Blame;
      readonly detail: string | undefined;
    };
