import type { Request, Response } from 'express';
import type { HeldPushes } from '../domain/approval.ts';
import { type Concerned, concernedNow } from './outgoing/concerned.ts';
import { type Viewer, viewerOf } from './viewer.ts';

/** What is said on the next page that the viewer sees. */
export interface Flash {
  readonly tone: 'good' | 'bad' | 'wait' | 'mild';
  readonly text: string;
}

/** By sign-in; one message each, which is small, and forgotten with the oldest when there are many. */
const flashes = new Map<string, Flash & { readonly about?: Concerned }>();
const maxFlashes = 10_000;

/** What every page of somebody who signed in needs for its Layout. */
export function frameOf(
  ports: { readonly held: Pick<HeldPushes, 'counts'> },
  request: Request,
): { readonly viewer: Viewer; readonly waiting: number; readonly flash?: Flash } {
  const viewer = viewerOf(request);
  const { waiting } = ports.held.counts(viewer.user.name);
  const { about, ...flash } = flashes.get(viewer.web) ?? {};
  flashes.delete(viewer.web);
  // The next page is as much about it as the one that it comes from.
  if (about !== undefined) concernedNow()?.add(about);
  return { viewer, waiting, ...('text' in flash ? { flash } : {}) };
}

/** Ends a POST: the next page is read anew, and says this. */
export function redirect(request: Request, response: Response, to: string, flash?: Flash): void {
  if (flash !== undefined) {
    const oldest = flashes.size >= maxFlashes ? flashes.keys().next().value : undefined;
    if (oldest !== undefined) flashes.delete(oldest);
    const about = concernedNow();
    flashes.set(viewerOf(request).web, about === undefined ? flash : { ...flash, about });
  }
  response.redirect(303, to);
}
