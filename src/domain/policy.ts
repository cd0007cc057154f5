import type { ErrorCode } from './error.ts';
import type { ReadMode } from './mask.ts';
import type { Principal, PushFacts } from './session.ts';

/** One reason of a verdict: which rule spoke, and what to do about it. */
export interface Reason {
  /** The rule's name, or the code of a built-in check. */
  readonly rule: string;
  readonly code: ErrorCode;
  /** For people: what and where on the first line, and what to do at its end or on further, indented lines. */
  readonly text: string;
}

export type Effect = 'allow' | 'ask' | 'deny';

/** What a rule asks for before the update may go on. Durations are in ms. */
export interface Ask {
  readonly rule: string;
  /** Each of these groups must vote. */
  readonly groups: readonly string[];
  /** The owners of the changed files must vote too, as CODEOWNERS of the target branch names them. */
  readonly codeowners?: true;
  readonly approvals: number;
  readonly denials?: number;
  /** How long an approval may take, and how long it holds. */
  readonly within: number;
  /** How long the client's connection is kept waiting. */
  readonly wait?: number;
  readonly onApprove?: 'relay' | 'retry';
  /** Whether votes give a reason: `true`, or a pattern that it must match. */
  readonly reason?: boolean | string;
  /** Members of any of these groups may force the push, with a reason. */
  readonly breakGlass?: readonly string[];
}

export interface RefVerdict {
  readonly ref: string;
  readonly effect: Effect;
  /** Every rule that denied or asked, not only the first. */
  readonly reasons: readonly Reason[];
  /** What `then: warn` says; it changes nothing. */
  readonly warnings?: readonly Reason[];
  /** What rules with `mode: evaluate` would have said. */
  readonly wouldSay?: readonly (Reason & { readonly effect: 'deny' | 'ask' | 'warn' })[];
  /** With the effect `ask`: all that must be fulfilled. */
  readonly asks?: readonly Ask[];
}

/** The judgement of one push, by one version of the policy. */
export interface Verdict {
  readonly policyVersion: string;
  readonly refs: readonly RefVerdict[];
}

/** Whether rules ask what the content of files is: secrets, type, size. */
export interface ContentAsked {
  readonly asked: boolean;
  /** Not alike on every ref: what another ref of the upstream has was not judged for this one. */
  readonly byRef: boolean;
  /** Not alike at every path: what is moved was not judged for its new place. */
  readonly byPath: boolean;
  /** A placeholder that is not where it was is refused, or asked about: what it carries need not be judged as a secret too. */
  readonly placeholders?: boolean;
}

/**
 * Work that may take long, in steps of some milliseconds: other work can be done
 * between them, or all of them be taken at once. What is not finished is ended with `return`.
 */
export type Steps<T> = Generator<undefined, T, undefined>;

/** The policy in force. Pure and synchronous; anything that throws is a denial to the caller. */
export interface Policy {
  /** Short content digest of the policy text: the name of this version. */
  readonly version: string;
  /** Whether any access line grants this on the repository (for `write`: on any ref of it). */
  may(principal: Principal, repo: string, action: 'read' | 'write'): boolean;
  /**
   * How the principal reads the repository: the strictest `read` of the access lines that match; where none says it,
   * `masked` for a service and `clear` for a person.
   */
  readMode(principal: Principal, repo: string): ReadMode;
  /** Whether any access line lets this principal send any push option to the repository. */
  mayPushOptions(principal: Principal, repo: string): boolean;
  judge(principal: Principal, repo: string, facts: PushFacts): Verdict;
  /** The same as `judge`, in steps. The lists of a push may be long: the facts must not change until the last step. */
  judging(principal: Principal, repo: string, facts: PushFacts): Steps<Verdict>;
  asksForContent(): ContentAsked;
}
