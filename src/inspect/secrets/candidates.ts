import type { Confidence } from '../../domain/facts.ts';
import { lineAt } from './line.ts';
import { type CheckResult, confidenceOf, type Matcher, type SecretRule, type Span } from './rule.ts';
import type { KeywordRule, RuleSet } from './rule-set.ts';
import type { Work } from './work.ts';

/** One candidate in one piece of plain data, with offsets in it. */
export interface Candidate {
  readonly rule: SecretRule;
  readonly confidence: Confidence;
  readonly start: number;
  readonly end: number;
  readonly value: string;
}

const unitsPerHit = 16;
/** Hits of one keyword that are nearer to each other, in bytes, are crowded, and their windows cost more: nobody writes so. */
const crowded = 24;
const weightOfCrowds = 6;
const unitsPerCheck = 4096;
const unitsPerValueByte = 8;
const rememberedChecks = 256;
const sliceBytes = 64 * 1024;
const sliceOverlap = 4 * 1024;
/** All rules without keywords together, as long as there are not more of them than this. */
const unitsPerByteOfEvery = 8;

/** Asks the rules about one piece of plain data: at each keyword in a window of its own, and those without keywords in slices. */
export class CandidateFinder {
  readonly #checked = new Map<string, CheckResult>();
  /** Where a rule was asked last for each keyword, in the data at hand. */
  readonly #lastAsked = new Map<string, number>();
  /** The furthest, in bytes, that a rule looks whose keyword was hit, unless a near first look turned the hit away. */
  reach = 0;

  readonly #rules: RuleSet;
  readonly #work: Work;

  constructor(rules: RuleSet, work: Work) {
    this.#rules = rules;
    this.#work = work;
  }

  /**
   * Candidates whose keyword begins within the span. `onAnchor` is told where
   * an escape begins there, and which of `encodingAnchors` it is.
   */
  find(data: Buffer, { start, end }: Span, onAnchor: (anchor: number, at: number) => void): Candidate[] {
    const found: Candidate[] = [];
    const { automaton, keywords, byKeyword, firstAnchor, reaches } = this.#rules;
    // A hit of the same rule within what it has found already is the same secret.
    const doneUntil = new Map<number, number>();
    this.#lastAsked.clear();
    if (!this.#work.spend(end - start)) return found;
    automaton.search(data, start, end, (keyword, at) => {
      if (keyword >= firstAnchor) {
        onAnchor(keyword - firstAnchor, at);
        return this.#work.spend(1);
      }
      const reach = reaches[keyword] as number;
      if (reach > this.reach) this.reach = reach;
      const text = keywords[keyword] as string;
      for (const asked of byKeyword[keyword] as readonly KeywordRule[]) {
        if (doneUntil.size > 0 && at < (doneUntil.get(asked.index) ?? 0)) continue;
        const candidate = this.#ask(asked, data, at, text);
        if (candidate !== undefined) {
          doneUntil.set(asked.index, candidate.end);
          found.push(candidate);
        }
      }
      return !this.#work.spent && this.#mayHold(found);
    });
    for (const rule of this.#rules.withoutKeywords) this.#askEvery(rule, data, { start, end }, found);
    return found;
  }

  #ask(
    { rule, matcher, reach }: KeywordRule,
    data: Buffer,
    at: number,
    keyword: string,
  ): Candidate | undefined {
    const from = Math.max(0, at - matcher.before);
    const to = Math.min(data.length, at + keyword.length + matcher.after);
    if (!this.#work.spendOnHit(unitsPerHit)) return undefined;
    if (matcher.mayMatch?.(data, from, to, at, keyword) === false) return undefined;
    if (reach > this.reach) this.reach = reach;
    if (!this.#work.spend((to - from) * this.#weightAt(keyword, at, matcher))) return undefined;
    const span = matcher.find(data, from, to, at, keyword);
    return span === undefined ? undefined : this.#judge(rule, data, span);
  }

  #weightAt(keyword: string, at: number, { weight = 1 }: Matcher): number {
    const since = at - (this.#lastAsked.get(keyword) ?? Number.NEGATIVE_INFINITY);
    this.#lastAsked.set(keyword, at);
    return since > 0 && since < crowded ? weightOfCrowds : weight;
  }

  #askEvery(rule: SecretRule, data: Buffer, { start, end }: Span, found: Candidate[]): void {
    const units = Math.max(1, Math.floor(unitsPerByteOfEvery / this.#rules.withoutKeywords.length));
    for (let from = start; from < end; from += sliceBytes) {
      const until = Math.min(end, from + sliceBytes);
      const first = Math.max(0, from - sliceOverlap);
      const last = Math.min(data.length, until + sliceOverlap);
      if (!this.#work.spend((last - first) * units)) return;
      const more = { before: first > 0, after: last < data.length };
      for (const span of rule.every?.(data.toString('latin1', first, last), more) ?? []) {
        const at = first + span.start;
        if (at < from || at >= until) continue;
        const candidate = this.#judge(rule, data, { start: at, end: first + span.end });
        if (candidate !== undefined) found.push(candidate);
        if (this.#work.spent || !this.#mayHold(found)) return;
      }
    }
  }

  #judge(rule: SecretRule, data: Buffer, { start, end }: Span): Candidate | undefined {
    if (end <= start) return undefined;
    const value = data.toString('latin1', start, end);
    let result: CheckResult = 'unknown';
    if (rule.check !== undefined) {
      const checked = this.#check(rule, value);
      if (checked === undefined || checked === 'placeholder') return undefined;
      result = checked;
    }
    if (rule.admit !== undefined) {
      const line = lineAt(data, start);
      if (!this.#work.spend((value.length + line.length) * unitsPerValueByte)) return undefined;
      if (!rule.admit(value, line)) return undefined;
    }
    return { rule, confidence: confidenceOf(rule, result), start, end, value };
  }

  #check(rule: SecretRule, value: string): CheckResult | undefined {
    const id = `${rule.id}\0${value}`;
    const known = this.#checked.get(id);
    if (known !== undefined) return known;
    if (!this.#work.spend(unitsPerCheck + value.length * unitsPerValueByte)) return undefined;
    const result = rule.check?.(value) ?? 'unknown';
    if (this.#checked.size < rememberedChecks) this.#checked.set(id, result);
    return result;
  }

  #mayHold(found: readonly Candidate[]): boolean {
    if (found.length < this.#work.limits.matches) return true;
    this.#work.unscanned.add(`more than ${this.#work.limits.matches} secrets are in it`);
    return false;
  }
}
