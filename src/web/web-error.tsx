import { randomBytes } from 'node:crypto';
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { type ErrorCode, RefgateError } from '../domain/error.ts';
import type { Log } from '../domain/log.ts';
import { Layout } from './parts/layout.tsx';
import { peerText } from './parts/peer-text.ts';
import { sendPage } from './send-page.ts';
import { findViewer } from './viewer.ts';

const statusOf: Partial<Record<ErrorCode, number>> = {
  USAGE: 400,
  AUTHENTICATION_FAILED: 401,
  ROLE_LACKING: 403,
  VOTE_REFUSED: 403,
  ACCESS_DENIED: 403,
  NOT_FOUND: 404,
  REPO_NOT_FOUND: 404,
  CONFLICT: 409,
  LIMIT_EXCEEDED: 413,
  POLICY_INVALID: 422,
  INTERNAL: 500,
  LEDGER_UNAVAILABLE: 503,
  VIEW_NOT_READY: 503,
  SHUTTING_DOWN: 503,
  UPSTREAM_TIMEOUT: 504,
};

const titles: Readonly<Record<number, string>> = {
  400: 'Not understood',
  401: 'Sign in first',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Not possible here',
  409: 'Already otherwise',
  413: 'Too large',
  415: 'Not understood',
  422: 'Not valid',
  429: 'Too many attempts',
  503: 'Not available now',
};

/** Answers with a page that says what went wrong in one line; `text` may hold words of a peer. */
export function sendError(request: Request, response: Response, status: number, text: string): void {
  const viewer = findViewer(request);
  const page = (
    <Layout title={titles[status] ?? 'Something went wrong'} {...(viewer === undefined ? {} : { viewer })}>
      <p>{peerText(text)}</p>
      <p>
        <a href="/-/">Go to the start page</a>
      </p>
    </Layout>
  );
  sendPage(response, page, status);
}

/** The last handler but one: nothing has this address. */
export const nothingHere: RequestHandler = () => {
  throw new RefgateError('NOT_FOUND', 'client', 'there is no page at this address');
};

/** The last handler: every error becomes a page. What is ours is logged, and shown as an incident's number only. */
export function errorPage(log: Log): ErrorRequestHandler {
  // Express knows a handler of errors by its four parameters.
  return (error: unknown, request, response, _next) => {
    if (response.headersSent) {
      response.destroy();
      return;
    }
    // What was not read of the request is not waited for.
    if (request.method === 'POST' && !request.complete) response.set('Connection', 'close');
    const theirs = told(error);
    if (theirs !== undefined) return sendError(request, response, theirs.status, theirs.text);
    const incident = randomBytes(6).toString('hex');
    log.error({ err: error, incident }, 'page failed');
    const status = error instanceof RefgateError ? (statusOf[error.code] ?? 500) : 500;
    sendError(
      request,
      response,
      status,
      `Something went wrong inside Refgate; tell its operator: ${incident}`,
    );
  };
}

function told(error: unknown): { readonly status: number; readonly text: string } | undefined {
  if (error instanceof RefgateError) {
    if (error.blame === 'refgate') return undefined;
    const fallback = error.blame === 'upstream' ? 502 : 400;
    return { status: statusOf[error.code] ?? fallback, text: error.message };
  }
  // Express and its parsers mark what the client did wrong with a status.
  const status = error instanceof Error && 'status' in error ? error.status : undefined;
  if (typeof status !== 'number' || status < 400 || status > 499) return undefined;
  const text =
    status === 413 ? 'what was sent is too large' : 'the request is not one that a page here makes';
  return { status, text };
}
