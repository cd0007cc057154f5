import { createHash } from 'node:crypto';
import type { Target } from '../../domain/ports.ts';
import { forShowVersion } from '../../inspect/secrets/for-show.ts';
import type { BuildResult } from '../build/contract.ts';
import type { RepoDeps } from './repo-deps.ts';

/** Everything that decides what is masked, but the key. */
export interface Wanted {
  /** Sorted fingerprints of the values that are shown in clear. */
  readonly allowed: readonly string[];
  readonly digest: string;
}

/** What decides what is masked in one target; made anew only when the allowed values change. */
export class WantedView {
  readonly #deps: RepoDeps;
  readonly #target: Target;
  #known: { readonly version: number; readonly wanted: Wanted } | undefined;

  constructor(deps: RepoDeps, target: Target) {
    this.#deps = deps;
    this.#target = target;
  }

  /** Whether a name leads to this target. */
  readonly isMine = (repo: string): boolean => {
    const target = this.#deps.mapRepo(repo);
    return target?.upstream === this.#target.upstream && target.path === this.#target.path;
  };

  now(): Wanted {
    const { version } = this.#deps.allowed;
    if (this.#known?.version !== version) this.#known = { version, wanted: this.#read() };
    return this.#known.wanted;
  }

  #read(): Wanted {
    const { allowed: values, rulesVersion, settings } = this.#deps;
    const allowed = values.of(this.isMine);
    const parts = [rulesVersion, forShowVersion(), settings.confidence, ...allowed];
    return { allowed, digest: createHash('sha256').update(JSON.stringify(parts)).digest('hex') };
  }
}

export const countsOf = ({ commits, changedCommits, values, unscanned, hiddenRefs }: BuildResult) => ({
  commits,
  changedCommits,
  values,
  unscanned,
  hiddenRefs,
});
