import type { Confidence } from '../../domain/facts.ts';
import type { SecretRule } from './rule.ts';

/** One candidate in one piece of data, before anybody knows where the data belong. */
export interface SecretMatch {
  readonly rule: SecretRule;
  readonly confidence: Confidence;
  /** The outermost encoded form, in the data that were given; end exclusive. */
  readonly start: number;
  readonly end: number;
  /** The secret itself, decoded, as latin1. Never leaves the inspection. */
  readonly value: string;
  /** How it was wrapped, outermost first. */
  readonly decoded: readonly string[];
}

export interface ScanResult {
  readonly matches: readonly SecretMatch[];
  /** Why some of the data could not be looked at, one line each: too deep, too large, too long. Empty when all was. */
  readonly unscanned: readonly string[];
  /** How far from a change, in bytes, a secret may begin or end that it completes; absent of a stream. */
  readonly reach?: number;
}
