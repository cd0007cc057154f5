import { RefgateError } from '../../domain/error.ts';

/** Whether a bound of the walk was reached: then facts are missing, which is a fact, too. */
export function isLimit(error: unknown): error is RefgateError {
  return error instanceof RefgateError && error.code === 'LIMIT_EXCEEDED';
}
