import type { Span } from '../rule.ts';
import { entropyOf } from '../rules/load-rules.ts';
import { invalidRules } from '../rules/rule-file.ts';
import { type Allowance, allowedBy, compilePattern, judgedAt } from './allow.ts';
import type { GitleaksEntry } from './gitleaks-file.ts';
import type { Found, UserPattern } from './pattern.ts';

/** What a rule looks for in the content of files, before lists allow any of it. */
export interface Search {
  readonly entry: GitleaksEntry;
  readonly pattern: UserPattern;
  readonly allowances: readonly Allowance[];
}

/** Compiles what a rule looks for. Throws SECRET_RULES_INVALID (operator). */
export function compileSearch(entry: GitleaksEntry, allowances: readonly Allowance[]): Search | undefined {
  if (entry.regex === undefined) return undefined;
  const pattern = compilePattern(entry.regex, `${entry.where}: regex`);
  const { secretGroup = 0 } = entry;
  if (secretGroup > pattern.groups)
    throw invalidRules(
      `${entry.where}: secretGroup = ${secretGroup}, but its regex has ${pattern.groups} groups; name one of them, or 0`,
    );
  return { entry, pattern, allowances };
}

export interface RuleParts {
  readonly allowances: readonly Allowance[];
  /** What a rule of this id looks for; undefined when there is none. */
  readonly searchOf: (id: string) => Search | undefined;
}

/** The value and its line against entropy and allow-lists. */
export function admitOf({ entry, allowances }: Search): (secret: string, line: string) => boolean {
  const { entropy = 0 } = entry;
  const atValue = judgedAt('value', allowances);
  return (secret, line) =>
    (entropy === 0 || entropyOf(secret) > entropy) && !allowedBy(atValue, { secret, line });
}

/** The span that is the secret: the group that is named, else the first that is not empty, else the match. */
export function secretOf({ entry }: Search, found: Found): Span {
  const { secretGroup = 0 } = entry;
  const named = secretGroup > 0 ? [found.groups[secretGroup]] : found.groups.slice(1);
  const group = named.find((one) => one !== undefined && one[1] > one[0]);
  return group ? { start: group[0], end: group[1] } : { start: found.start, end: found.end };
}
