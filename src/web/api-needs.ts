import express, { type Request, type RequestHandler, type Router } from 'express';
import { RefgateError } from '../domain/error.ts';
import { requireRole, type Viewer } from './viewer.ts';

/** Who calls: somebody with a token, or the operator at the admin socket, who may everything. */
export type CallerOf = (request: Request) => Viewer | 'operator';

/**
 * What a route asks of its caller. `own`: everybody, and the route itself shows
 * and does no more than is theirs. `look`: who reads everything. `change`:
 * administrators. `socket`: only the operator at the admin socket.
 */
export type Need = 'own' | 'look' | 'change' | 'socket';

/** Every route of the API. A route without a line here is not served. */
export const apiNeeds: Readonly<Record<string, Need>> = {
  'GET /me': 'own',
  'GET /users': 'look',
  'POST /users': 'change',
  'POST /users/:name': 'change',
  'POST /users/:name/emails': 'change',
  'POST /users/:name/disable': 'change',
  'GET /keys': 'look',
  'POST /keys': 'change',
  'DELETE /keys': 'change',
  'GET /tokens': 'look',
  'POST /tokens': 'change',
  'DELETE /tokens/:id': 'change',
  'GET /policy': 'look',
  'GET /policy/history': 'look',
  'GET /policy/versions/:version': 'look',
  'POST /policy/check': 'look',
  'POST /policy/explain': 'look',
  'POST /policy/backtest': 'look',
  'POST /policy/apply': 'change',
  'POST /policy/rollback': 'change',
  'GET /baseline': 'look',
  'DELETE /baseline': 'change',
  // Reads the whole repository from its upstream, and may accept what it finds.
  'POST /baseline/scan': 'change',
  'GET /sessions': 'own',
  'GET /sessions/:id': 'own',
  'GET /audit/head': 'look',
  'POST /audit/verify': 'look',
  // The desk counts votes and cancellations only of who may give them.
  'GET /pushes': 'own',
  'GET /pushes/:id': 'own',
  'GET /pushes/:id/review': 'own',
  'GET /pushes/:id/diff': 'own',
  'POST /pushes/:id/votes': 'own',
  'POST /pushes/:id/cancel': 'own',
  'GET /notify': 'look',
  'GET /notify/dead': 'look',
  'POST /notify/dead/retry': 'change',
  'POST /notify/test': 'change',
  'GET /upstreams': 'look',
  'POST /upstreams/check': 'look',
  'GET /repos': 'look',
  'GET /agents': 'look',
  'GET /mask': 'look',
  'GET /mask/status': 'look',
  'GET /mask/preview': 'look',
  // Reads the whole repository from its upstream.
  'POST /mask/preview': 'change',
  'GET /mask/allowed': 'look',
  'POST /mask/allowed': 'change',
  'DELETE /mask/allowed': 'change',
  'POST /mask/enable': 'change',
  'POST /mask/disable': 'change',
  'POST /mask/rebuild': 'change',
  'POST /mask/stop': 'change',
  'POST /mask/resume': 'change',
  // Who does not see all asks about repositories alone that they read in clear.
  'GET /oid/:id': 'own',
  'POST /vault/tickets': 'socket',
  'POST /vault/changes': 'socket',
};

const methods = ['get', 'post', 'put', 'patch', 'delete'] as const;

/**
 * A router whose routes let through whom their line of the table names, before
 * anything of the route runs. Throws at once for a route that has no line.
 */
export function guardedRouter(callerOf: CallerOf): Router {
  const router = express.Router();
  for (const method of methods) {
    const add = router[method].bind(router) as (path: string, ...handlers: RequestHandler[]) => unknown;
    const addGuarded = (path: string, ...handlers: RequestHandler[]): unknown =>
      add(path, guard(needOf(method, path), callerOf), ...handlers);
    Object.assign(router, { [method]: addGuarded });
  }
  return router;
}

function needOf(method: string, path: string): Need {
  const route = `${method.toUpperCase()} ${path}`;
  const need = apiNeeds[route];
  if (need === undefined) throw new RefgateError('INTERNAL', 'refgate', `${route} has no line in apiNeeds`);
  return need;
}

function guard(need: Need, callerOf: CallerOf): RequestHandler {
  return (request, _response, next) => {
    const caller = callerOf(request);
    if (caller !== 'operator') check(need, caller);
    next();
  };
}

function check(need: Need, viewer: Viewer): void {
  if (need === 'look') requireRole(viewer, 'auditor');
  if (need === 'change') requireRole(viewer, 'admin');
  if (need === 'socket') throw new RefgateError('ROLE_LACKING', 'client', socketOnly);
}

const socketOnly =
  'the agent takes credentials beside the server only; run the command there, with --config and without REFGATE_URL';

/** Who is recorded as having acted. */
export function actorOf(caller: Viewer | 'operator'): string {
  return caller === 'operator' ? caller : caller.user.name;
}
