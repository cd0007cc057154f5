import { setImmediate } from 'node:timers/promises';
import type { Steps } from '../domain/policy.ts';

/**
 * Does long work without keeping others waiting: sockets and timers have their
 * turn between two steps. What takes one step goes on at once. The work ends
 * with what `goOn` throws between the steps, such as HUNG_UP, or with what a step throws.
 */
export async function inSteps<T>(work: Steps<T>, goOn: () => void = () => {}): Promise<T> {
  const steps: Iterator<undefined, T> = work;
  try {
    for (;;) {
      const step = steps.next();
      if (step.done) return step.value;
      await setImmediate();
      goOn();
    }
  } finally {
    steps.return?.();
  }
}
