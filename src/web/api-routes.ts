import type { Router } from 'express';
import { actorOf, type CallerOf, guardedRouter } from './api-needs.ts';
import { baselineRoutes } from './baseline-routes.ts';
import { directoryRoutes } from './directory-routes.ts';
import { ledgerRoutes } from './ledger-routes.ts';
import { maskRoutes } from './mask-routes.ts';
import { notifyRoutes } from './notify-routes.ts';
import { policyRoutes } from './policy-routes.ts';
import { pushRoutes } from './push-routes.ts';
import { upstreamRoutes } from './upstream-routes.ts';
import type { WebPorts } from './web-ports.ts';

/** The API, one definition of each route for the admin socket and for HTTP. Who may call which is in api-needs.ts. */
export function apiRoutes(ports: WebPorts, callerOf: CallerOf): Router {
  const router = guardedRouter(callerOf);
  directoryRoutes(router, ports.directory, callerOf);
  policyRoutes(router, ports, (request) => actorOf(callerOf(request)));
  baselineRoutes(router, ports, (request) => actorOf(callerOf(request)));
  ledgerRoutes(router, ports.ledger, callerOf);
  pushRoutes(router, ports, callerOf);
  notifyRoutes(router, ports.notify, (request) => actorOf(callerOf(request)));
  maskRoutes(router, ports, callerOf);
  upstreamRoutes(router, ports, callerOf);
  return router;
}
