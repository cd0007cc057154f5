import type { Steps } from '../domain/policy.ts';

/** About ten milliseconds of one core, in units of one simple question of one rule. */
const stepWork = 50_000;

/** What it takes to read one commit or change of a list, in the same units. */
export const readWork = 8;

/** What it takes to ask something about a text of this many characters, in the same units. */
export function textWork(length: number): number {
  return 1 + (length >> 6);
}

/**
 * Says when a step of judging is over. What is counted is work and not time,
 * because judging looks at no clock: the same facts give the same steps.
 */
export class Pace {
  #work = 0;

  /** Whether the step is over with this work. */
  isDue(work: number): boolean {
    this.#work += work;
    if (this.#work < stepWork) return false;
    this.#work = 0;
    return true;
  }
}

/** Takes every step, one after the other. Throws what a step throws. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}
