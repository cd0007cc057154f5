import { RefgateError } from '../../domain/error.ts';
import type { Target } from '../../domain/ports.ts';
import { MaskedRepo } from './masked-repo.ts';
import type { RepoDeps } from './repo-deps.ts';
import { targetName } from './target-folder.ts';
import type { TargetRow } from './target-row.ts';

/** Targets that were asked for and of which nothing is known are forgotten beyond so many. */
const maxUnknown = 1_000;

/** Every upstream repository that was ever looked at, and those that are asked for now. */
export class MaskedRepos {
  readonly #deps: RepoDeps;
  readonly #repos = new Map<string, MaskedRepo>();

  #unknown: string[] = [];

  constructor(deps: RepoDeps, rows: readonly TargetRow[]) {
    this.#deps = deps;
    for (const row of rows)
      this.#repos.set(targetName(row.target), new MaskedRepo(deps, row.target, row.repo, row));
  }

  of(target: Target, repo: string): MaskedRepo {
    const name = targetName(target);
    const found = this.#repos.get(name);
    if (found !== undefined) return found;
    const fresh = new MaskedRepo(this.#deps, target, repo, undefined);
    this.#unknown = this.#unknown.filter((one) => this.#repos.get(one)?.row === undefined);
    if (this.#unknown.length >= maxUnknown) this.#forgetUnknown();
    this.#repos.set(name, fresh);
    this.#unknown.push(name);
    return fresh;
  }

  #forgetUnknown(): void {
    const idle = this.#unknown.filter((name) => this.#repos.get(name)?.isMaking !== true);
    for (const name of idle) this.#repos.delete(name);
    this.#unknown = this.#unknown.filter((name) => this.#repos.has(name));
  }

  known(target: Target): MaskedRepo | undefined {
    return this.#repos.get(targetName(target));
  }

  /** @throws NOT_FOUND (operator) where it is not mapped */
  named(repo: string): MaskedRepo {
    const target = this.#deps.mapRepo(repo);
    if (target === undefined)
      throw new RefgateError('NOT_FOUND', 'operator', `${repo}: no line of repos: matches it`);
    return this.of(target, repo);
  }

  /** Ends what is being made. */
  async interrupt(): Promise<void> {
    await Promise.all([...this.#repos.values()].map((repo) => repo.interrupt()));
  }

  /** Those that were ever looked at. */
  all(): readonly MaskedRepo[] {
    return [...this.#repos.values()].filter(({ row }) => row !== undefined);
  }
}
