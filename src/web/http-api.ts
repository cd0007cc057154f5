import express, { type Request, type RequestHandler } from 'express';
import { RefgateError } from '../domain/error.ts';
import type { Directory } from '../domain/identity.ts';
import { answerError } from './answer-error.ts';
import { apiRoutes } from './api-routes.ts';
import { FailedTries } from './failed-tries.ts';
import { maskAnswers } from './outgoing/mask-answers.ts';
import { notingPorts } from './outgoing/noting-ports.ts';
import { setViewer, viewerOf } from './viewer.ts';
import type { WebPorts } from './web-ports.ts';

/**
 * The API for who has a token: `Authorization: Bearer TOKEN`, and nothing else,
 * so that no other site's page can use it with somebody's cookie. To be mounted
 * at `/-/api/v1`. JSON in and out; errors are `{code, message}` with a fitting
 * status. It answers every request below its path.
 */
export function createHttpApi(ports: WebPorts): RequestHandler {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use((_request, response, next) => {
    response.set({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    next();
  });
  app.use(authenticate(ports.directory, new FailedTries()));
  app.use(express.json({ limit: '2mb' }));
  app.use(maskAnswers(ports));
  app.use(apiRoutes(notingPorts(ports), viewerOf));
  app.use((_request, _response, next) => next(new RefgateError('NOT_FOUND', 'client', 'no such API path')));
  app.use(answerError(ports.log));
  return app;
}

/**
 * A right token passes whatever else its address has sent: behind one address
 * there may be many, and 256 random bits are not found by trying.
 */
function authenticate(directory: Directory, failed: FailedTries): RequestHandler {
  return async (request, response, next) => {
    const principal = await directory.byBearer(bearerOf(request));
    const user = principal && (await directory.user(principal.user));
    if (principal !== undefined && user !== undefined) {
      setViewer(request, { user, principal, via: 'api', csrf: '', web: '' });
      return next();
    }
    const wait = failed.add(request.socket.remoteAddress ?? '');
    if (wait !== undefined) response.set('retry-after', String(wait));
    const detail =
      wait === undefined
        ? 'send Authorization: Bearer and a token; make one with refgate token create'
        : `too many wrong tries from your address; wait ${wait} s`;
    const { code, message } = new RefgateError('AUTHENTICATION_FAILED', 'client', detail);
    response
      .status(wait === undefined ? 401 : 429)
      .set('www-authenticate', 'Bearer realm="Refgate"')
      .json({ code, message });
  };
}

function bearerOf(request: Request): string {
  const [, token = ''] = /^Bearer +([A-Za-z0-9_.~+/=-]+)$/i.exec(request.headers.authorization ?? '') ?? [];
  return token;
}
