import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { type ErrorCode, errorCodes, RefgateError } from '../../domain/error.ts';
import type { Log } from '../../domain/log.ts';
import { incidentOf } from '../incident.ts';
import { discardRest } from './discard-rest.ts';

/** As git http-backend says it: nothing between us and the client may keep an answer. */
export const noCache: OutgoingHttpHeaders = {
  'Cache-Control': 'no-cache, max-age=0, must-revalidate',
  Expires: 'Fri, 01 Jan 1980 00:00:00 GMT',
  Pragma: 'no-cache',
};

/** An answer of the HTTP grammar itself, which no Git session has a code for. `text` is one line. */
export class HttpRefusal extends Error {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;

  constructor(status: number, text: string, headers: OutgoingHttpHeaders = {}) {
    super(text);
    this.name = 'HttpRefusal';
    this.status = status;
    this.headers = headers;
  }
}

/** A refusal as it goes out. */
interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: OutgoingHttpHeaders;
}

const statuses: Partial<Record<ErrorCode, number>> = {
  LIMIT_EXCEEDED: 413,
  PACK_TOO_LARGE: 413,
  PACK_TOO_MANY_OBJECTS: 413,
  PACK_OBJECT_TOO_LARGE: 413,
  PACK_INFLATED_TOO_LARGE: 413,
  SERVICE_UNSUPPORTED: 403,
  POLICY_DENIED: 403,
  VIEW_REFUSED: 403,
  VIEW_NOT_READY: 503,
  REPO_NOT_FOUND: 404,
  ACCESS_DENIED: 403,
  AUTHENTICATION_FAILED: 401,
  IDLE_TIMEOUT: 408,
  UPSTREAM_UNREACHABLE: 503,
  UPSTREAM_TIMEOUT: 504,
  LEDGER_UNAVAILABLE: 503,
  SHUTTING_DOWN: 503,
};

const byBlame = { client: 400, upstream: 502, operator: 503, refgate: 500 } as const;

/**
 * The table from errors to HTTP: status, and one line that git prints as
 * `remote: ...`. An unknown repository and a missing grant read the same. Of
 * what is not the client's fault it learns the code's text at most, and `id`,
 * which is in the log.
 */
function answerFor(error: unknown, id: string): Answer {
  if (error instanceof HttpRefusal) {
    return { status: error.status, text: oneLine(error.message), headers: error.headers };
  }
  if (!(error instanceof RefgateError)) return { status: 500, text: unexplained(id), headers: {} };
  const status = statuses[error.code] ?? byBlame[error.blame];
  if (status === 401) return unauthorized;
  if (status === 404) return notFound;
  if (error.code === 'SHUTTING_DOWN')
    return { status, text: 'the server is restarting; try again', headers: {} };
  if (error.blame === 'refgate') return { status, text: unexplained(id), headers: {} };
  if (error.blame === 'client') return { status, text: oneLine(error.message), headers: {} };
  if (error.code === 'VIEW_NOT_READY') return notReady(status, error);
  return {
    status,
    text: `${errorCodes[error.code]}; try again, or tell your administrator ${id}`,
    headers: {},
  };
}

/** What it says of the view is for whoever waits for it. */
function notReady(status: number, { message, retryAfter = defaultRetry }: RefgateError): Answer {
  const seconds = Math.max(1, Math.ceil(retryAfter));
  return { status, text: oneLine(message), headers: { 'Retry-After': String(seconds) } };
}

/** Seconds. */
const defaultRetry = 10;

/** The same bytes for no credentials, an unknown user, a wrong token, and a token of somebody else. */
const unauthorized: Answer = {
  status: 401,
  text: 'log in with your user name, and a token as the password',
  headers: { 'WWW-Authenticate': 'Basic realm="Refgate", charset="UTF-8"' },
};

const notFound: Answer = {
  status: 404,
  text: `${errorCodes.REPO_NOT_FOUND}; check the URL, or ask for access`,
  headers: {},
};

function unexplained(id: string): string {
  return `something went wrong inside Refgate; tell your administrator ${id}`;
}

/** Control, format and line-separating characters become `?`; long lines are cut. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?').slice(0, 500);
}

/**
 * Answers a request that is not served, and logs why. A request body that is
 * still coming is read on and thrown away within bounds, since a client whose
 * connection is reset never shows the answer.
 */
export async function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  error: unknown,
  log: Log,
): Promise<void> {
  const id = incidentOf(error);
  const answer = answerFor(error, id);
  report(log, { id, status: answer.status, address: addressOf(request) }, error, request);
  await send(request, response, answer.status, `${answer.text}\n`, {
    'Content-Type': 'text/plain; charset=utf-8',
    ...answer.headers,
  });
}

function report(
  log: Log,
  fields: { id: string; status: number; address: string },
  error: unknown,
  request: IncomingMessage,
): void {
  const said = request.headers.authorization !== undefined;
  // git tries without credentials first; only who shows wrong ones is worth a warning.
  if (fields.status === 401 && !said) log.debug(fields, 'http credentials asked for');
  else if (fields.status === 401) log.warn(fields, 'http credentials refused');
  else if (fields.status === 500) log.error({ ...fields, err: error }, 'http request failed');
  else if (fields.status > 501) log.warn({ ...fields, err: error }, 'http request not served');
  else log.info({ ...fields, reason: String(error) }, 'http request refused');
}

/** The peer's address; IPv4 in its own form also on a dual-stack socket. */
export function addressOf(request: IncomingMessage): string {
  return (request.socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '');
}

/** Sends a whole answer; see `refuse` for what happens to an unread request body. */
export async function send(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: string,
  headers: OutgoingHttpHeaders,
): Promise<void> {
  if (response.destroyed || response.headersSent) return;
  const unread = !request.complete;
  if (unread) response.shouldKeepAlive = false;
  response.writeHead(status, {
    ...noCache,
    'X-Content-Type-Options': 'nosniff',
    ...headers,
    'Content-Length': Buffer.byteLength(body),
    ...(unread ? { Connection: 'close' } : {}),
  });
  if (request.method === 'HEAD') response.flushHeaders();
  else response.write(body);
  if (unread) await discardRest(request, refusedRest);
  response.end();
}

const refusedRest = { bytes: 8 * 1024 * 1024, ms: 5_000 };
