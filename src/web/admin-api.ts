import express, { type Express } from 'express';
import { RefgateError } from '../domain/error.ts';
import { answerError } from './answer-error.ts';
import { apiRoutes } from './api-routes.ts';
import type { WebPorts } from './web-ports.ts';

/** What the administrative API speaks for. */
export type AdminPorts = WebPorts;

/**
 * The administrative API for the admin socket: who can open the socket (mode
 * 0600) is the operator. JSON in and out; errors are `{code, message}` with a
 * fitting status.
 */
export function createAdminApi(ports: AdminPorts): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use(express.json({ limit: '2mb' }));
  app.use(
    '/-/api/v1',
    apiRoutes(ports, () => 'operator'),
  );
  app.use((_request, _response, next) => next(new RefgateError('NOT_FOUND', 'client', 'no such API path')));
  app.use(answerError(ports.log));
  return app;
}
