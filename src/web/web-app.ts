import express, { type Express, type RequestHandler, type Router } from 'express';
import { RefgateError } from '../domain/error.ts';
import { createHttpApi } from './http-api.ts';
import { liveEvents } from './live-events.ts';
import { maskAnswers } from './outgoing/mask-answers.ts';
import { notingPorts } from './outgoing/noting-ports.ts';
import { accountPages } from './pages/account.tsx';
import { agentPages } from './pages/agent-pages.tsx';
import { loginPages, logoutPages } from './pages/login.tsx';
import { maskPages } from './pages/mask-pages.tsx';
import { oidPage } from './pages/oid-page.tsx';
import { overviewPages } from './pages/overview-pages.tsx';
import { peoplePages } from './pages/people-pages.tsx';
import { policyPages } from './pages/policy-pages.tsx';
import { pushPages } from './pages/push-pages.tsx';
import { repoPages } from './pages/repo-pages.tsx';
import { sessionPages } from './pages/session-pages.tsx';
import { readForm } from './read-form.ts';
import { noteViewer, requireSignIn } from './require-sign-in.tsx';
import { fromHere, withFormToken } from './same-origin.ts';
import { securityHeaders } from './security-headers.ts';
import { assetRoutes } from './serve-assets.ts';
import { errorPage, nothingHere, sendError } from './web-error.tsx';
import type { WebPorts } from './web-ports.ts';

export type { WebPorts } from './web-ports.ts';

/** The pages: each entry gives a router with paths such as `/pushes`, for somebody who has signed in. */
const pages: readonly ((ports: WebPorts) => Router)[] = [
  accountPages,
  logoutPages,
  sessionPages,
  policyPages,
  overviewPages,
  pushPages,
  peoplePages,
  repoPages,
  maskPages,
  oidPage,
  agentPages,
];

/** What answers below `/-/` on the HTTP door: the pages, and the API for who has a token. Answers everything, errors too. */
export function createWebApp(ports: WebPorts): RequestHandler {
  const app = newApp();
  app.use(securityHeaders);
  app.use('/api/v1', createHttpApi(ports));
  app.use('/api', (_request, response) => {
    response.status(401).json({ code: 'AUTHENTICATION_FAILED', message: 'the API is at /-/api/v1' });
  });
  app.use(checkRequest);
  app.use(assetRoutes());
  app.use(noteViewer(ports));
  app.use(loginPages(ports));
  app.use(liveEvents(ports));
  app.use(requireSignIn, fromHere(ports), readForm, withFormToken, maskAnswers(ports));
  app.get('/', (_request, response) => response.redirect(303, '/-/pushes'));
  const noting = notingPorts(ports);
  for (const page of pages) app.use(page(noting));
  app.use(nothingHere);
  app.use(errorPage(ports.log));
  return app;
}

function newApp(): Express {
  const app = express();
  app.set('env', 'production');
  app.set('query parser', 'simple');
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  return app;
}

/** Pages are read with GET and HEAD and changed with POST, and say each parameter once. Throws USAGE. */
const checkRequest: RequestHandler = (request, response, next) => {
  if (!['GET', 'HEAD', 'POST'].includes(request.method)) {
    response.set({ Allow: 'GET, HEAD, POST', Connection: 'close' });
    return sendError(request, response, 405, `pages do not know the method ${request.method}`);
  }
  const twice = Object.entries(request.query).find(([, value]) => typeof value !== 'string');
  if (twice !== undefined) throw new RefgateError('USAGE', 'client', `${twice[0]}: may be said once only`);
  next();
};
