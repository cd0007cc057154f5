import type { Span } from './rule.ts';

/** One piece of data that is wrapped in other data. */
export interface Encoded {
  /** The name of the wrapping, as findings tell it. */
  readonly name: string;
  /** Escapes and character sets are no depth of their own at the bottom: they are looked into once more there. */
  readonly shallow: boolean;
  /** Whether it is surely what it seems: then it is a reason to say that it was too deep. */
  readonly sure: boolean;
  /** The most bytes that `open` gives; 0 where only opening tells, and `open` keeps the account. */
  readonly size: number;
  /** Undefined when it turned out not to be that. */
  open(): Buffer | undefined;
  /** Where a span of the opened bytes lies in the wrapped data. */
  outer(span: Span): Span;
  /** The opened bytes begin, or end, where data were cut and not where they end: what touches that edge is not a match. */
  readonly openStart: boolean;
  readonly openEnd: boolean;
}
