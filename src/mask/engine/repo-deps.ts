import type { Confidence } from '../../domain/facts.ts';
import type { Log } from '../../domain/log.ts';
import type { Target, Upstreams } from '../../domain/ports.ts';
import type { Recorder } from '../../domain/record.ts';
import type { Store } from '../../domain/store.ts';
import type { SecretSettings } from '../../inspect/worker-messages.ts';
import type { Readers } from '../serve/readers.ts';
import type { AllowedValues } from './allowed-values.ts';
import type { ViewThreads } from './view-threads.ts';

export interface MaskSettings {
  /** `auto`: a view is made as soon as its repository was scanned, whatever was found. */
  readonly enable: 'manual' | 'auto';
  /** What is at least so sure is masked. */
  readonly confidence: Confidence;
  /** At most this many threads work. */
  readonly threads: number;
  /** How long a reader waits for a view that is being made, in ms. */
  readonly wait: number;
}

export interface MaskedViewsOptions {
  /** The folder of everything masked, made when it is not there. */
  readonly dir: string;
  readonly store: Store;
  /** Writes to `store`. */
  readonly recorder: Recorder;
  readonly upstreams: Upstreams;
  readonly mapRepo: (repo: string) => Target | undefined;
  readonly secrets: SecretSettings;
  /** Of the rules that `secrets` gives: another one is another view. */
  readonly rulesVersion: string;
  /** Masks every secret candidate of a text. */
  readonly maskSecrets: (text: string) => string;
  readonly settings: MaskSettings;
  /** The compiled entry file of the threads. */
  readonly workerUrl: URL;
  readonly log: Log;
  readonly clock?: () => number;
  /** How long a repository stays open after its last question, in ms; 10 minutes if left out. */
  readonly idle?: number;
}

/** What the repositories share. */
export interface RepoDeps extends MaskedViewsOptions {
  readonly clock: () => number;
  readonly threads: ViewThreads;
  readonly allowed: AllowedValues;
  readonly readers: Readers;
  /** Aborts when the server closes. */
  readonly closing: AbortSignal;
}
