import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request, RequestHandler } from 'express';
import { RefgateError } from '../domain/error.ts';
import { viewerOf } from './viewer.ts';

/** Methods that change nothing, RFC 9110 section 9.2.1. */
const safe = new Set(['GET', 'HEAD']);

/**
 * Refuses a change that another site asked the browser for. Fetch Metadata says so where the browser sends it; else
 * `Origin` must be ours. What says neither is no browser of today. Throws ROLE_LACKING.
 */
export function fromHere(ports: {
  readonly publicUrl: () => string;
  readonly secure: () => boolean;
}): RequestHandler {
  return (request, _response, next) => {
    if (!safe.has(request.method) && !isFromHere(request, ports)) throw foreign();
    next();
  };
}

function isFromHere(
  request: Request,
  ports: { readonly publicUrl: () => string; readonly secure: () => boolean },
): boolean {
  const { origin } = request.headers;
  const site = request.headers['sec-fetch-site'];
  const scheme = ports.secure() ? 'https' : 'http';
  const isOurs =
    origin !== undefined &&
    [new URL(ports.publicUrl()).origin, `${scheme}://${request.headers.host}`].includes(origin);
  if (site === undefined) return isOurs;
  // With `Referrer-Policy: no-referrer` browsers say `null` to where they are.
  return site === 'same-origin' && (origin === undefined || origin === 'null' || isOurs);
}

/** Refuses a form that does not carry the token of the sign-in. Reads the parsed body. Throws ROLE_LACKING. */
export const withFormToken: RequestHandler = (request, _response, next) => {
  if (!safe.has(request.method)) {
    const body: unknown = request.body;
    const given = typeof body === 'object' && body !== null && 'csrf' in body ? body.csrf : undefined;
    if (typeof given !== 'string' || !isSame(given, viewerOf(request).csrf)) throw foreign();
  }
  next();
};

function isSame(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => createHash('sha256').update(text).digest());
  return b !== '' && left !== undefined && right !== undefined && timingSafeEqual(left, right);
}

function foreign(): RefgateError {
  const text = 'the form did not come from a page of this sign-in; go back, load the page again, and repeat';
  return new RefgateError('ROLE_LACKING', 'client', text);
}
