import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Request, type Response, Router } from 'express';

const types = {
  'refgate.css': 'text/css; charset=utf-8',
  'refgate.js': 'text/javascript; charset=utf-8',
  'refgate.svg': 'image/svg+xml',
} as const;

export type AssetName = keyof typeof types;

const names = Object.keys(types) as AssetName[];
const assets = new Map(names.map((name) => [name, load(name)]));

function load(name: AssetName): { readonly body: Buffer; readonly version: string } {
  const body = readFileSync(new URL(`./assets/${name}`, import.meta.url));
  return { body, version: createHash('sha256').update(body).digest('hex').slice(0, 12) };
}

/** The address of an asset; it changes with the content. */
export function assetUrl(name: AssetName): string {
  return `/-/assets/${name}?v=${assets.get(name)?.version}`;
}

/** `/assets/NAME`, for everybody: from memory, kept by browsers for a year when the version is said and right. */
export function assetRoutes(): Router {
  const router = Router();
  for (const [name, asset] of assets) {
    router.get(`/assets/${name}`, (request: Request, response: Response) => {
      if (request.query['v'] === asset.version)
        response.set('Cache-Control', 'public, max-age=31536000, immutable');
      response.set('Content-Type', types[name]).send(asset.body);
    });
  }
  return router;
}
