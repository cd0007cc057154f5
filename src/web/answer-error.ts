import type { ErrorRequestHandler } from 'express';
import { type ErrorCode, RefgateError } from '../domain/error.ts';
import type { Log } from '../domain/log.ts';

const statusOf: Partial<Record<ErrorCode, number>> = {
  NOT_FOUND: 404,
  CONFLICT: 409,
  LIMIT_EXCEEDED: 429,
  AUTHENTICATION_FAILED: 401,
  ROLE_LACKING: 403,
  VOTE_REFUSED: 403,
  USAGE: 400,
  POLICY_INVALID: 422,
  LEDGER_UNAVAILABLE: 503,
  VIEW_NOT_READY: 503,
};

/** The last Express handler: an error as `{code, message}`. What is not ours to show is logged and answered as INTERNAL. */
export function answerError(log: Log): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    if (response.headersSent) return next(error);
    if (error instanceof RefgateError && error.blame !== 'refgate') {
      response.status(statusOf[error.code] ?? 400).json({ code: error.code, message: error.message });
      return;
    }
    if (isBadBody(error)) {
      response.status(400).json({ code: 'USAGE', message: 'the body is not JSON of the expected form' });
      return;
    }
    log.error({ err: error }, 'administrative request failed');
    const code = error instanceof RefgateError ? error.code : 'INTERNAL';
    response
      .status(statusOf[code] ?? 500)
      .json({ code, message: 'something went wrong inside Refgate; see its log' });
  };
}

/** express.json marks what the client did wrong with a status of 4xx. */
function isBadBody(error: unknown): boolean {
  return (
    error instanceof Error && 'status' in error && typeof error.status === 'number' && error.status < 500
  );
}
