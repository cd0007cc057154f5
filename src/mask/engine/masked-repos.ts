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

  constructor(deps: RepoDeps, rows: readonly TargetRow[]) {
    this.#deps = deps;
    for (const row of rows)
      this.#repos.set(targetName(row.target), new MaskedRepo(deps, row.target, row.repo, row));
  }

  of(target: Target, repo: string): MaskedRepo {
    const name = targetName(target);
    const found = this.#repos.get(name) ?? new MaskedRepo(this.#deps, target, repo, undefined);
    this.#repos.set(name, found);
    if (this.#repos.size > maxUnknown) this.#forgetUnknown(found);
    return found;
  }

  #forgetUnknown(but: MaskedRepo): void {
    for (const [name, repo] of this.#repos)
      if (repo !== but && repo.row === undefined && !repo.isMaking) this.#repos.delete(name);
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

  /** Those that were ever looked at. */
  all(): readonly MaskedRepo[] {
    return [...this.#repos.values()].filter(({ row }) => row !== undefined);
  }
}
