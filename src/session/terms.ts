import type { Ask } from '../domain/policy.ts';
import { maxDefaultWait } from '../policy/ask-terms.ts';

/** How long a push waits, and what happens once it is approved. */
export interface Terms {
  /** How long an approval may take, and how long it holds, in ms. */
  readonly within: number;
  /** How long the client's connection is kept waiting, in ms; never longer than `within`. */
  readonly wait: number;
  readonly onApprove: 'relay' | 'retry';
}

/** The strictest of several asks: the shortest times, and `retry` unless every one says `relay`. Of none, no time at all. */
export function termsOf(asks: readonly Ask[]): Terms {
  if (asks.length === 0) return { within: 0, wait: 0, onApprove: 'retry' };
  const within = Math.min(...asks.map((ask) => ask.within));
  const waits = asks.map((ask) => ask.wait ?? Math.min(ask.within, maxDefaultWait));
  return {
    within,
    wait: Math.min(within, ...waits),
    onApprove: asks.every((ask) => ask.onApprove === 'relay') ? 'relay' : 'retry',
  };
}
