import { setMaxListeners } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { RefgateError } from '../../domain/error.ts';
import type { MaskAdmin, MaskedViews, MaskState } from '../../domain/mask.ts';
import { Readers } from '../serve/readers.ts';
import { AllowedValues } from './allowed-values.ts';
import { Administration } from './mask-admin.ts';
import { MaskedRepos } from './masked-repos.ts';
import { Views } from './masked-views.ts';
import type { MaskedViewsOptions, RepoDeps } from './repo-deps.ts';
import { readTargets } from './target-row.ts';
import { ViewThreads } from './view-threads.ts';

/** For metrics. */
export interface MaskCounts {
  readonly repos: Readonly<Partial<Record<MaskState, number>>>;
  /** That run now. */
  readonly threads: number;
  /** Views that are being made now. */
  readonly making: number;
}

export type OpenMaskedViews = MaskedViews & {
  readonly admin: MaskAdmin;
  counts(): MaskCounts;
  /** Ends what is being made, which goes on when it is opened again, and the threads. */
  close(): Promise<void>;
};

/**
 * Opens the masked views of every upstream repository, with the states that the store has. Threads start with the first
 * question; what was being made goes on with the first reader. Throws what the store throws.
 */
export async function openMaskedViews(options: MaskedViewsOptions): Promise<OpenMaskedViews> {
  const { dir, store, recorder, settings, secrets, workerUrl, clock = Date.now } = options;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);
  const threads = new ViewThreads({
    url: workerUrl,
    settings: { secrets, confidence: settings.confidence },
    count: settings.threads,
    ...(options.idle === undefined ? {} : { idle: options.idle }),
  });
  const allowed = await AllowedValues.open(store, recorder, clock);
  const readers = new Readers();
  const deps: RepoDeps = { ...options, clock, threads, allowed, readers, closing: closing.signal };
  const repos = new MaskedRepos(deps, await readTargets(store));
  for (const repo of repos.all()) await repo.sweep();
  const views = new Views(deps, repos);
  return Object.assign(views, {
    admin: new Administration(deps, repos),
    counts: () => countsOf(repos, threads),
    async close(): Promise<void> {
      closing.abort(new RefgateError('SHUTTING_DOWN', 'refgate'));
      await repos.interrupt();
      await threads.close();
    },
  });
}

function countsOf(repos: MaskedRepos, threads: ViewThreads): MaskCounts {
  const states: Partial<Record<MaskState, number>> = {};
  for (const { row } of repos.all()) if (row !== undefined) states[row.state] = (states[row.state] ?? 0) + 1;
  const making = repos.all().filter(({ isMaking }) => isMaking).length;
  return { repos: states, threads: threads.running, making };
}
