import express, { type RequestHandler, type Router } from 'express';
import type { WebPorts } from './web-ports.ts';

export type { WebPorts } from './web-ports.ts';

/** The pages: each entry gives a router with paths such as `/pushes`, for somebody who has signed in. */
const pages: readonly ((ports: WebPorts) => Router)[] = [];

/** What answers below `/-/` on the HTTP door: the pages, and the API for who has a token. */
export function createWebApp(ports: WebPorts): RequestHandler {
  const app = express();
  for (const page of pages) app.use(page(ports));
  return app;
}
