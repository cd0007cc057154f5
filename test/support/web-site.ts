import express from 'express';
import type { Role } from '../../src/domain/identity.ts';
import { createWebApp } from '../../src/web/web-app.ts';
import type { WebPorts } from '../../src/web/web-ports.ts';
import { WebClient } from './web-client.ts';
import { listenFor, type WebScene, webScene } from './web-ports.ts';

export interface WebSite extends WebScene {
  /** Such as `http://127.0.0.1:1234`. */
  readonly url: string;
  /** A new browser; with a role, signed in as the user of that name. */
  browser(role?: Role): Promise<WebClient>;
}

/** The pages and the API on a real listener, over a real directory and ledger, until the test ends. */
export async function startSite(
  t: { after(close: () => unknown): void },
  change: Partial<WebPorts> = {},
): Promise<WebSite> {
  const scene = await webScene(change);
  t.after(() => scene.ports.signIns.close());
  const app = express();
  app.set('query parser', false);
  app.disable('x-powered-by');
  app.use('/-', createWebApp(scene.ports));
  const url = await listenFor(t, app);
  const browser = async (role?: Role) => {
    const client = new WebClient(url);
    if (role !== undefined) await client.signIn(scene.tokens[role]);
    return client;
  };
  return { ...scene, url, browser };
}
