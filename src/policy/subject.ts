import type { CommitFacts, Finding, PathChange, RefContents, UnknownFact } from '../domain/facts.ts';
import type { Principal, PushFacts, RefFacts } from '../domain/session.ts';
import { fold } from './fold.ts';

/** One ref update of one push, with all that is the same for everything that it brings. */
export interface Scope {
  readonly principal: Principal;
  readonly repo: string;
  readonly ref: RefFacts;
  readonly push: PushFacts;
  /** Absent where a push is only imagined by its refs, and where nothing was established. */
  readonly contents: RefContents | undefined;
  /** Files that the whole push adds; counted only where a rule asks for it. */
  readonly newFiles: number | undefined;
}

/** Answers of the questions that the rules have about one commit, by the numbers of the questions. */
export type CommitAnswers = readonly boolean[];

/**
 * The thing that rules are asked about. One is used for a whole list, so that
 * lists of any length are walked without a trace: what is kept must be copied.
 */
export class Subject {
  commit: CommitFacts | undefined;
  change: PathChange | undefined;
  finding: Finding | undefined;
  unknown: UnknownFact | undefined;
  /** Of the commit that the thing belongs to; absent where that is not known. */
  answers: CommitAnswers | undefined;
  #path: string | undefined;
  #folded = '';

  /** The folded form of a path, which many rules ask for one after the other. */
  folded(path: string): string {
    if (this.#path !== path) {
      this.#path = path;
      this.#folded = fold(path);
    }
    return this.#folded;
  }

  /** The oid of the commit that the thing belongs to. */
  get commitOid(): string | undefined {
    return this.commit?.oid ?? (this.finding ?? this.unknown ?? this.change)?.commit;
  }
}

/** Yes, no, or a question that each thing answers by itself. */
export type Ask = boolean | ((subject: Subject) => boolean);

/** Every one of them; a question that is asked twice is asked once. */
export function allOf(asks: readonly Ask[]): Ask {
  if (asks.includes(false)) return false;
  const open = [...new Set(asks)].filter((ask) => typeof ask === 'function');
  const [first, second] = open;
  if (!first) return true;
  if (!second) return first;
  if (open.length === 2) return (subject) => first(subject) && second(subject);
  return (subject) => {
    for (const ask of open) if (!ask(subject)) return false;
    return true;
  };
}

/** At least one of them. */
export function anyOf(asks: readonly Ask[]): Ask {
  if (asks.includes(true)) return true;
  const open = [...new Set(asks)].filter((ask) => typeof ask === 'function');
  const [first] = open;
  if (!first) return false;
  if (open.length === 1) return first;
  return (subject) => {
    for (const ask of open) if (ask(subject)) return true;
    return false;
  };
}

export function noneOf(ask: Ask): Ask {
  return typeof ask === 'boolean' ? !ask : (subject) => !ask(subject);
}
