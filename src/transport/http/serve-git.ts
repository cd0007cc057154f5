import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { RefgateError } from '../../domain/error.ts';
import type { Authenticator } from '../../domain/identity.ts';
import type { Log } from '../../domain/log.ts';
import type { ChannelResult, GitChannel, Principal } from '../../domain/session.ts';
import type { Connections } from './connections.ts';
import { discardRest } from './discard-rest.ts';
import { addressOf, HttpRefusal, send } from './refuse.ts';
import { type BodyLimits, checkEncoding, decodeBody, RequestBody } from './request-body.ts';
import { hasBody, readBasic, readVersion } from './request-headers.ts';
import { contentType, ResponseOutput, serviceLine } from './response-output.ts';
import { type Route, readRoute } from './route.ts';

/** What the spine gives to the doors. */
export type Serve = (channel: GitChannel) => Promise<ChannelResult>;

interface GitDoor {
  readonly authenticator: Authenticator;
  readonly serve: Serve;
  readonly log: Log;
  readonly limits: BodyLimits & { readonly idleMs: number };
  readonly connections: Connections;
}

type GitRoute = Extract<Route, { service: unknown }>;

/**
 * One request, from its first header to the last byte of the answer. Nothing
 * of the body is read, and no 100 (Continue) is sent, before address, headers
 * and credentials have been judged. Throws HttpRefusal or RefgateError while
 * nothing has been answered.
 */
export async function serveGit(
  door: GitDoor,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const route = readRoute(request.method ?? '', request.url ?? '');
  if (route.kind === 'lfs') return refuseLfs(request, response);
  if (request.headers.expect !== undefined && !door.connections.expectsContinue(request)) {
    throw new HttpRefusal(
      417,
      'the only expectation that is met here is 100-continue; use a stock git client',
    );
  }
  checkBody(route, request, door.limits);
  const principal = await authenticate(door.authenticator, request);
  if (door.connections.expectsContinue(request)) response.writeContinue();
  if (isProbe(route, request)) return answerProbe(route, request, response);
  await serveChannel(door, route, principal, request, response);
}

function checkBody(route: GitRoute, request: IncomingMessage, limits: BodyLimits): void {
  if (route.kind === 'advertise') {
    if (hasBody(request)) throw new HttpRefusal(400, 'this request takes no body; use a stock git client');
    return;
  }
  if (request.headers['content-type'] !== `application/x-git-${route.service}-request`) {
    const text = `the content type must be application/x-git-${route.service}-request; use a stock git client`;
    throw new HttpRefusal(415, text);
  }
  checkEncoding(request.headers['content-encoding']);
  if (Number(request.headers['content-length'] ?? 0) > limits.maxBodyBytes) {
    throw new RefgateError(
      'LIMIT_EXCEEDED',
      'client',
      `the request body exceeds ${limits.maxBodyBytes} bytes`,
    );
  }
}

/** Asks the authenticator even when nothing was sent, so that every 401 takes the same way. */
async function authenticate(authenticator: Authenticator, request: IncomingMessage): Promise<Principal> {
  const { user, token } = readBasic(request.headers.authorization);
  const principal = await authenticator.byToken(user, token);
  if (principal === undefined || principal.user !== user)
    throw new RefgateError('AUTHENTICATION_FAILED', 'client');
  return principal;
}

/** Before a chunked request git asks with a lone flush-pkt whether its credentials are good. */
function isProbe(route: GitRoute, request: IncomingMessage): boolean {
  const { headers } = request;
  return (
    route.kind === 'rpc' && headers['content-length'] === '4' && headers['content-encoding'] === undefined
  );
}

async function answerProbe(
  route: GitRoute,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const pieces: Buffer[] = [];
  for await (const piece of new RequestBody(request, 4)) pieces.push(piece);
  if (Buffer.concat(pieces).toString('latin1') !== '0000') {
    throw new RefgateError('PROTOCOL_ERROR', 'client', 'a request of four bytes must be a flush-pkt');
  }
  await send(request, response, 200, '', { 'Content-Type': contentType(route.service, 'rpc') });
}

async function serveChannel(
  door: GitDoor,
  route: GitRoute,
  principal: Principal,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const version = readVersion(request.headers['git-protocol'], route.service);
  const prefix = route.kind === 'advertise' ? serviceLine(route.service, version) : '';
  const output = new ResponseOutput(response, contentType(route.service, route.kind), prefix);
  const body = new RequestBody(request, door.limits.maxBodyBytes);
  const input =
    route.kind === 'rpc'
      ? decodeBody(body, request.headers['content-encoding'], door.limits)
      : Readable.from([]);
  // Whoever reads is told; without a listener node would end the process.
  input.on('error', () => {});
  const gone = new AbortController();
  const cut = (error: RefgateError) => {
    gone.abort(error);
    input.destroy(error);
    body.destroy(error);
    output.destroy(error);
  };
  response.once('close', () => {
    if (!response.writableFinished) cut(new RefgateError('HUNG_UP', 'client'));
  });
  door.connections.watch(request.socket, { body, output, cut });
  try {
    await door.serve({
      transport: 'http',
      mode: route.kind,
      service: route.service,
      version,
      principal,
      repo: route.repo,
      client: { address: addressOf(request) },
      input,
      output,
      signal: gone.signal,
    });
    await finish(output, door, request, body, response);
  } catch (error) {
    if (!output.begun) throw error;
    // A client must not take half an answer for a whole one.
    door.log.error({ address: addressOf(request), repo: route.repo, err: error }, 'http answer broken off');
    response.destroy();
  } finally {
    door.connections.unwatch(request.socket);
    input.destroy();
    body.destroy();
  }
}

/** The answer ends only when the client has sent all of its request: curl drops answers that overtake it. */
async function finish(
  output: ResponseOutput,
  door: GitDoor,
  request: IncomingMessage,
  body: RequestBody,
  response: ServerResponse,
): Promise<void> {
  if (!output.writableEnded) output.end();
  await finished(output);
  body.destroy();
  await discardRest(request, {
    bytes: door.limits.maxBodyBytes - body.received,
    idleMs: door.limits.idleMs,
  });
  if (!request.complete) response.shouldKeepAlive = false;
  response.end();
  if (!request.complete) request.socket.destroySoon();
}

async function refuseLfs(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const message = 'Git LFS is not served here yet; push without LFS objects, or ask the operator';
  await send(request, response, 501, `${JSON.stringify({ message })}\n`, {
    'Content-Type': 'application/vnd.git-lfs+json',
  });
}
