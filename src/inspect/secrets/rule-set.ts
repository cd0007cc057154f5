import { Automaton, type Keyword } from './automaton.ts';
import { encodingAnchors } from './decode-escapes.ts';
import type { SecretRule } from './rule.ts';

/** A rule with a matcher, and its number among them. */
export interface KeywordRule {
  readonly index: number;
  readonly rule: SecretRule;
  readonly matcher: NonNullable<SecretRule['matcher']>;
  /** How far the rule looks where its first look turned nothing away, in bytes. */
  readonly reach: number;
}

/** Most rules look no further than this, in bytes, from their keyword. */
const nearBytes = 320;

/** How far rules without keywords are taken to look. */
const farBytes = 4 * 1024;

/** All rules as one automaton: for each keyword the rules that ask for it. */
export class RuleSet {
  readonly automaton: Automaton;
  readonly keywords: readonly string[];
  /** By keyword; empty for those that only begin an escape. */
  readonly byKeyword: readonly (readonly KeywordRule[])[];
  /** Keywords from this one on begin an escape. */
  readonly firstAnchor: number;
  readonly withoutKeywords: readonly SecretRule[];
  /** How far from any change a rule may look, in bytes, whatever is in the data. */
  readonly leastReach: number;
  /** By keyword: how far the rules look that it belongs to, but for those whose first look is a near one. */
  readonly reaches: Float64Array;

  constructor(rules: readonly SecretRule[]) {
    const found = new Map<string, { keyword: Keyword; rules: KeywordRule[] }>();
    rules.forEach((rule, index) => {
      if (rule.matcher === undefined) return;
      for (const text of new Set(rule.keywords)) {
        if (text === '') continue;
        const id = `${rule.ignoreCase ? 'i' : 'c'}${text}`;
        const entry = found.get(id) ?? { keyword: { text, ignoreCase: rule.ignoreCase }, rules: [] };
        const { before, after } = rule.matcher;
        const reach = text.length + Math.max(before, after);
        entry.rules.push({ index, rule, matcher: rule.matcher, reach });
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
    this.leastReach = this.withoutKeywords.length > 0 ? farBytes : nearBytes;
    this.reaches = Float64Array.from(entries, ({ keyword, rules: asking }) =>
      asking
        .filter(({ matcher }) => !looksNearFirst(keyword.text, matcher))
        .reduce((most, { reach }) => Math.max(most, reach), 0),
    );
  }
}

// A change that makes the first look pass is then so near to the keyword that the rule is asked again.
function looksNearFirst(keyword: string, { mayMatch, firstLook }: KeywordRule['matcher']): boolean {
  return mayMatch !== undefined && firstLook !== undefined && keyword.length + firstLook <= nearBytes;
}
