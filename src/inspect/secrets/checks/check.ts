import type { CheckResult } from '../rule.ts';

/** Proves or disproves the value of a rule, by the value alone and without asking anybody. */
export interface Check {
  check(value: string): CheckResult;
  /** The same value with a checksum (or the parts that the check reads) that is right: for samples. */
  complete?(value: string, random: () => number): string;
}
