import { setTimeout as sleep } from 'node:timers/promises';
import { RefgateError } from '../../domain/error.ts';
import type { MaskStatus } from '../../domain/mask.ts';
import { progressText } from '../mask-text.ts';
import type { RewrittenLine } from '../rewritten-line.ts';

/** Between two looks, in ms. */
const lookEvery = 500;

/**
 * Looks until nothing is being made any more, and gives the last look. Whoever
 * ends the waiting ends nothing else. @throws CHECK_FAILED where the view is not ready then
 */
export async function waitForView(
  begun: MaskStatus,
  look: () => Promise<MaskStatus>,
  line: RewrittenLine,
  every = lookEvery,
): Promise<MaskStatus> {
  let status = begun;
  try {
    while (isBusy(status)) {
      line.show(status.progress === undefined ? status.state : progressText(status.progress));
      await sleep(every);
      status = await look();
    }
  } finally {
    line.clear();
  }
  if (status.state === 'ready') return status;
  throw new RefgateError('CHECK_FAILED', 'operator', whyNot(status));
}

function isBusy({ state, progress }: MaskStatus): boolean {
  return state === 'scanning' || state === 'building' || progress !== undefined;
}

function whyNot({ repo, state, problem }: MaskStatus): string {
  if (problem !== undefined) return `${repo} is ${state}: ${problem}`;
  return state === 'stopped'
    ? `${repo} was stopped; go on with refgate mask resume ${repo}`
    : `${repo} is ${state}; see refgate mask status ${repo}`;
}
