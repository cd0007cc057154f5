import { Automaton, type Keyword } from './automaton.ts';
import { encodingAnchors } from './decode-escapes.ts';
import type { SecretRule } from './rule.ts';

/** A rule with a matcher, and its number among them. */
export interface KeywordRule {
  readonly index: number;
  readonly rule: SecretRule;
  readonly matcher: NonNullable<SecretRule['matcher']>;
}

/** All rules as one automaton: for each keyword the rules that ask for it. */
export class RuleSet {
  readonly automaton: Automaton;
  readonly keywords: readonly string[];
  /** By keyword; empty for those that only begin an escape. */
  readonly byKeyword: readonly (readonly KeywordRule[])[];
  /** Keywords from this one on begin an escape. */
  readonly firstAnchor: number;
  readonly withoutKeywords: readonly SecretRule[];

  constructor(rules: readonly SecretRule[]) {
    const found = new Map<string, { keyword: Keyword; rules: KeywordRule[] }>();
    rules.forEach((rule, index) => {
      if (rule.matcher === undefined) return;
      for (const text of new Set(rule.keywords)) {
        if (text === '') continue;
        const id = `${rule.ignoreCase ? 'i' : 'c'}${text}`;
        const entry = found.get(id) ?? { keyword: { text, ignoreCase: rule.ignoreCase }, rules: [] };
        entry.rules.push({ index, rule, matcher: rule.matcher });
        found.set(id, entry);
      }
    });
    const entries = [...found.values()];
    const anchors = encodingAnchors.map(({ text }) => ({ text, ignoreCase: true }));
    this.firstAnchor = entries.length;
    this.byKeyword = entries.map((entry) => entry.rules);
    this.keywords = entries.map((entry) => entry.keyword.text);
    this.automaton = new Automaton([...entries.map((entry) => entry.keyword), ...anchors]);
    this.withoutKeywords = rules.filter((rule) => rule.every !== undefined);
  }
}
