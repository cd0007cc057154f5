import type { Request, RequestHandler, Response } from 'express';
import { RefgateError } from '../domain/error.ts';
import type { Role, UserRecord } from '../domain/identity.ts';
import type { Principal } from '../domain/session.ts';

/** Who looks at a page or calls the API, with what they may. */
export interface Viewer {
  /** As the directory has it now. */
  readonly user: UserRecord;
  readonly principal: Principal;
  readonly via: 'page' | 'api';
  /** What forms of this sign-in carry; empty for the API. */
  readonly csrf: string;
  /** The public id of the sign-in; empty for the API. */
  readonly web: string;
}

const viewers = new WeakMap<Request, Viewer>();

/** Notes who sends this request. */
export function setViewer(request: Request, viewer: Viewer): void {
  viewers.set(request, viewer);
}

/** Who sends this request, where somebody has signed in. */
export function findViewer(request: Request): Viewer | undefined {
  return viewers.get(request);
}

/** Who sends this request. @throws AUTHENTICATION_FAILED when nobody signed in */
export function viewerOf(request: Request): Viewer {
  const viewer = viewers.get(request);
  if (viewer === undefined) throw new RefgateError('AUTHENTICATION_FAILED', 'client', 'sign in first');
  return viewer;
}

/** Lets only these roles through. `admin` may what others may. @throws ROLE_LACKING */
export function only(...roles: readonly Role[]): RequestHandler {
  return (request: Request, _response: Response, next) => {
    requireRole(viewerOf(request), ...roles);
    next();
  };
}

/** @throws ROLE_LACKING */
export function requireRole({ user }: Viewer, ...roles: readonly Role[]): void {
  if (user.role === 'admin' || roles.includes(user.role)) return;
  const wanted = ['admin', ...roles.filter((role) => role !== 'admin')].join(' or ');
  throw new RefgateError('ROLE_LACKING', 'client', `this is for ${wanted}; you are ${user.role}`);
}

/** Who reads everything; others see their own, and reviewers what they may vote on. */
export function seesAll({ user }: Pick<Viewer, 'user'>): boolean {
  return user.role === 'admin' || user.role === 'auditor';
}
