import { Automaton, type Keyword } from './automaton.ts';
import { encodingAnchors } from './decode-escapes.ts';
import type { SecretRule } from './rule.ts';

/** A rule with a matcher, and its number among them. */
export interface KeywordRule {
  readonly index: number;
  readonly rule: SecretRule;
  readonly matcher: NonNullable<SecretRule['matcher']>;
}

/** Most rules look no further than this, in bytes, from their keyword. */
const nearBytes = 320;

/** How far rules without keywords are taken to look. */
const farBytes = 4 * 1024;

/** Escapes are decoded where several stand near each other, and no further around them than this. */
const escapeBytes = 1024;

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
  /** By keyword, those of escapes included: how far the rules look that it belongs to. */
  readonly reaches: Float64Array;

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
    this.leastReach = this.withoutKeywords.length > 0 ? farBytes : nearBytes;
    this.reaches = new Float64Array(entries.length + anchors.length).fill(escapeBytes);
    for (const [i, entry] of entries.entries()) this.reaches[i] = reachOf(entry);
  }
}

function reachOf({ keyword, rules }: { keyword: Keyword; rules: readonly KeywordRule[] }): number {
  const furthest = rules.map(({ matcher: { before, after } }) => Math.max(before, after));
  return keyword.text.length + Math.max(0, ...furthest);
}
