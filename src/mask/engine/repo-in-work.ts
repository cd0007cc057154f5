import type { MaskProgress } from '../../domain/mask.ts';
import type { Target } from '../../domain/ports.ts';
import type { Tips } from '../build/contract.ts';
import type { ViewCall, ViewCalls } from './messages.ts';
import type { RepoDeps } from './repo-deps.ts';
import type { RepoRecord } from './repo-record.ts';
import type { TargetFolder } from './target-folder.ts';
import type { TargetRow } from './target-row.ts';
import type { Wanted } from './wanted-view.ts';

/** The refs of the view as of the last sync of this process, and those that they are made of. */
export interface SyncedTips {
  readonly epoch: number;
  readonly upstream: Tips;
  readonly view: Tips;
}

/** A repository as those see it who work on its views. */
export interface RepoInWork {
  readonly deps: RepoDeps;
  readonly target: Target;
  readonly id: string;
  /** The name by which it was first asked for. */
  readonly repo: string;
  readonly folder: TargetFolder;
  readonly record: RepoRecord;
  readonly row: TargetRow | undefined;
  /** Throws INTERNAL (refgate) while nothing is known of it. */
  known(): TargetRow;
  /** RFC 3339. */
  now(): string;
  /** What decides now what is masked. */
  wanted(): Wanted;
  /** One question to the engine. Throws as `ViewThreads.ask`. */
  ask<C extends ViewCall>(
    call: C,
    ask: ViewCalls[C]['ask'],
    options?: { signal?: AbortSignal; onProgress?: (progress: MaskProgress) => void },
  ): Promise<ViewCalls[C]['answer']>;
  /** Removes an epoch that nobody begins to read any more, once its last reader has left. */
  remove(epoch: number): void;
}
