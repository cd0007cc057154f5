import type { Confidence, SecretTier } from '../../domain/facts.ts';

/** Bytes of a secret, and of nothing around it: absolute offsets in the data that was given. */
export interface Span {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/** Looks at one hit of a keyword. Data are bytes; patterns see them as latin1, so that an index is an offset. */
export interface Matcher {
  /** How many bytes before the keyword, and after its end, the matcher may look at. */
  readonly before: number;
  readonly after: number;
  /** What a byte of the window costs, in units of work; 1 if left out. */
  readonly weight?: number;
  /**
   * False where a look at a few bytes shows that `find` would give nothing, which is so at most hits in
   * what people write. Such a hit costs little of the work that a scan may do; absent, each costs its window.
   */
  mayMatch?(data: Buffer, from: number, to: number, at: number, keyword: string): boolean;
  /** How many bytes before the keyword, and after its end, `mayMatch` looks at; absent, the whole window. */
  readonly firstLook?: number;
  /**
   * The span of the secret at this hit, or undefined. Must take time linear in the window.
   * @param from the window's first byte, and `to` its end; both lie within `data`.
   * @param at where the keyword begins.
   */
  find(data: Buffer, from: number, to: number, at: number, keyword: string): Span | undefined;
}

/** `valid` and `invalid` are proven by the value alone; `placeholder` is nobody's secret and is dropped. */
export type CheckResult = 'valid' | 'invalid' | 'unknown' | 'placeholder';

/** One rule as the engine runs it, whatever file it came from. */
export interface SecretRule {
  readonly id: string;
  /** The provider or kind: what the policy's `secret: { family }` names. */
  readonly family: string;
  readonly title: string;
  readonly tier: SecretTier;
  /** Overrides what tier and check give. */
  readonly confidence?: Confidence;
  /** ASCII; what the automaton looks for. Empty: `every` finds the candidates alone. */
  readonly keywords: readonly string[];
  readonly ignoreCase: boolean;
  readonly matcher?: Matcher;
  /**
   * For rules without keywords: every span in the text. Slow, so only users'
   * rules have it. `more` says that the text is a slice, and the data go on before or after it.
   */
  readonly every?: (
    text: string,
    more?: { readonly before: boolean; readonly after: boolean },
  ) => readonly Span[];
  /** Proves the value, or not. */
  readonly check?: (value: string) => CheckResult;
  /** False drops the candidate: stop words, entropy, allow-lists. `line` is the text of its line, cut at 4 KiB. */
  readonly admit?: (value: string, line: string) => boolean;
  /** False drops a finding in this file. Called once the path is known; without a path it is not called. */
  readonly admitPath?: (path: string, value: string) => boolean;
  /** False drops a finding in this commit, of which the oid in hex is given. Not called where there is no commit. */
  readonly admitCommit?: (oid: string) => boolean;
  /** A file whose path matches is itself the finding, whatever it holds. */
  readonly isSecretPath?: (path: string) => boolean;
}

/** `valid` or B is high, C medium, D and a wrong checksum low. */
export function confidenceOf(rule: SecretRule, check: CheckResult): Confidence {
  if (check === 'invalid') return 'low';
  if (rule.confidence !== undefined) return rule.confidence;
  if (rule.tier === 'C') return check === 'valid' ? 'high' : 'medium';
  return rule.tier === 'D' ? 'low' : 'high';
}
