import { invalidRules } from '../rules/rule-file.ts';
import type { AllowEntry } from './gitleaks-file.ts';
import { UserPattern } from './pattern.ts';
import { PatternError } from './re2-class.ts';
import { quote } from './toml-table.ts';

/** What an allow-list may look at. What is absent is not known at that point. */
export interface Seen {
  readonly secret?: string;
  readonly match?: string;
  readonly line?: string;
  readonly path?: string;
  readonly commit?: string;
}

type Fact = keyof Seen;

interface Criterion {
  readonly needs: Fact;
  holds(seen: Seen): boolean;
}

/** An allow-list split by what its criteria need: each part drops a finding where all that it holds is known. */
export interface Allowance {
  readonly needs: readonly Fact[];
  readonly targetRules: readonly string[];
  allows(seen: Seen): boolean;
}

/** What can be known together: the text where a pattern matches; the value and its line; a path and the value; a commit. */
const stages: readonly (readonly Fact[])[] = [
  ['match', 'secret'],
  ['secret', 'line'],
  ['path', 'secret'],
  ['commit'],
];

/**
 * An allow-list as conditions. With OR each criterion is one of its own. With
 * AND they must be known at one time; where they are not (a commit and a path, a line and a
 * path), the list is not applied, which never hides a finding, and a warning says so.
 */
export function compileAllow(entry: AllowEntry, warnings: string[]): readonly Allowance[] {
  const criteria = criteriaOf(entry);
  const { targetRules } = entry;
  if (!entry.every)
    return criteria.map((one) => ({ needs: [one.needs], targetRules, allows: (seen) => one.holds(seen) }));
  const needs = [...new Set(criteria.map((one) => one.needs))];
  if (!stages.some((stage) => needs.every((need) => stage.includes(need)))) {
    warnings.push(
      `${entry.where}: condition AND over ${needs.join(' and ')} cannot be judged at one time, so this list allows nothing; make two lists of it`,
    );
    return [];
  }
  return [{ needs, targetRules, allows: (seen) => criteria.every((one) => one.holds(seen)) }];
}

/** Whether any of the allowances that need nothing but these facts applies. */
export function allowedBy(allowances: readonly Allowance[], seen: Seen): boolean {
  return allowances.some((one) => one.allows(seen));
}

/** Those that are judged at this stage, and at no earlier one. */
export function judgedAt(
  stage: 'match' | 'value' | 'path' | 'commit',
  allowances: readonly Allowance[],
): readonly Allowance[] {
  return allowances.filter(({ needs }) => {
    if (needs.includes('match')) return stage === 'match';
    if (needs.includes('path')) return stage === 'path';
    return stage === (needs.includes('commit') ? 'commit' : 'value');
  });
}

function criteriaOf(entry: AllowEntry): readonly Criterion[] {
  const criteria: Criterion[] = [];
  if (entry.commits.length > 0) {
    const commits = new Set(entry.commits);
    criteria.push({ needs: 'commit', holds: ({ commit = '' }) => commits.has(commit) });
  }
  if (entry.paths.length > 0) criteria.push(patternsOf(entry, 'paths', entry.paths, 'path'));
  if (entry.regexes.length > 0) criteria.push(patternsOf(entry, 'regexes', entry.regexes, entry.regexTarget));
  if (entry.stopwords.length > 0)
    criteria.push({
      needs: 'secret',
      holds: ({ secret = '' }) => entry.stopwords.some((word) => secret.toLowerCase().includes(word)),
    });
  return criteria;
}

function patternsOf(entry: AllowEntry, key: string, sources: readonly string[], needs: Fact): Criterion {
  const patterns = sources.map((source) => compilePattern(source, `${entry.where}: ${key}`));
  return {
    needs,
    holds: (seen) => {
      const text = needs === 'path' ? asBytes(seen.path ?? '') : (seen[needs] ?? '');
      return patterns.some((pattern) => pattern.test(text));
    },
  };
}

/** A path as patterns see all text: one character for each of its bytes. */
export function asBytes(path: string): string {
  return Buffer.from(path).toString('latin1');
}

/** Compiles a user's pattern, or throws SECRET_RULES_INVALID (operator) that quotes it. */
export function compilePattern(source: string, where: string): UserPattern {
  try {
    return new UserPattern(source);
  } catch (cause) {
    if (!(cause instanceof PatternError)) throw cause;
    throw invalidRules(`${where} = ${quote(source)}: ${cause.message}`, cause);
  }
}
