import { RefgateError } from '../domain/error.ts';
import type { SessionOutcome } from '../domain/record.ts';

/** Whatever was thrown, as a coded error; what is not one is ours. */
export function asRefgateError(error: unknown): RefgateError {
  if (error instanceof RefgateError) return error;
  return new RefgateError('INTERNAL', 'refgate', undefined, { cause: error });
}

/** How a session ends that this error ended. */
export function outcomeOfError(error: RefgateError): SessionOutcome {
  if (error.code === 'HUNG_UP') return 'aborted';
  if (error.code === 'UPSTREAM_LOST') return 'unknown';
  return error.blame === 'client' ? 'refused' : 'failed';
}
