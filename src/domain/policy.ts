import type { ErrorCode } from './error.ts';
import type { Principal, PushFacts } from './session.ts';

/** One reason of a verdict: which rule spoke, and what to do about it. */
export interface Reason {
  /** The rule's name, or the code of a built-in check. */
  readonly rule: string;
  readonly code: ErrorCode;
  /** One line for people; it ends with what to do. */
  readonly text: string;
}

export type Effect = 'allow' | 'deny';

export interface RefVerdict {
  readonly ref: string;
  readonly effect: Effect;
  /** Every rule that matched, not only the first. */
  readonly reasons: readonly Reason[];
}

/** The judgement of one push, by one version of the policy. */
export interface Verdict {
  readonly policyVersion: string;
  readonly refs: readonly RefVerdict[];
}

/** The policy in force. Pure and synchronous; anything that throws is a denial to the caller. */
export interface Policy {
  /** Short content digest of the policy text: the name of this version. */
  readonly version: string;
  /** Whether any access line grants this on the repository (for `write`: on any ref of it). */
  may(principal: Principal, repo: string, action: 'read' | 'write'): boolean;
  /** Whether any access line lets this principal send any push option to the repository. */
  mayPushOptions(principal: Principal, repo: string): boolean;
  judge(principal: Principal, repo: string, facts: PushFacts): Verdict;
}
