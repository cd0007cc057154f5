import { AsyncLocalStorage } from 'node:async_hooks';
import type { Target } from '../../domain/ports.ts';
import type { LedgerEvent } from '../../domain/record.ts';

/** Sessions of one answer whose events are read for it; of more than that nothing is taken for known. */
export const mostSessions = 50;

/** What one answer is about, as far as a reader of a view may not see all of it. */
export class Concerned {
  /** By repository and target; without a target, where the map leads now. */
  readonly repos = new Map<string, { readonly repo: string; readonly target?: Target }>();
  /** By session: what was read of it already, or undefined. */
  readonly sessions = new Map<string, readonly LedgerEvent[] | undefined>();

  /** The answer holds words that readers of a view chose themselves, without the sessions that say which. */
  holdsWords = false;
  /** The answer holds content of the repository: messages of commits, lines of files. */
  holdsContent = false;

  noteRepo(repo: string, target?: Target): void {
    const key = target === undefined ? repo : `${repo} ${target.upstream}:${target.path}`;
    if (!this.repos.has(key)) this.repos.set(key, target === undefined ? { repo } : { repo, target });
  }

  noteSession(id: string, events?: readonly LedgerEvent[]): void {
    if (events !== undefined || !this.sessions.has(id)) this.sessions.set(id, events);
  }

  /** Takes over what another answer was about. */
  add(other: Concerned): void {
    for (const { repo, target } of other.repos.values()) this.noteRepo(repo, target);
    for (const [id, events] of other.sessions) this.noteSession(id, events);
    this.holdsWords ||= other.holdsWords;
    this.holdsContent ||= other.holdsContent;
  }
}

const answers = new AsyncLocalStorage<Concerned>();

/** Runs `work` and all that it begins as the making of one answer. */
export function answering(concerned: Concerned, work: () => void): void {
  answers.run(concerned, work);
}

/** Of the answer that is being made; undefined where none is. */
export function concernedNow(): Concerned | undefined {
  return answers.getStore();
}
