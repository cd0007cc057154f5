import { setTimeout as sleep } from 'node:timers/promises';
import type { Request, Response } from 'express';
import type { VNode } from 'preact';
import { RefgateError } from '../domain/error.ts';
import { sendPage } from './send-page.ts';
import { viewerOf } from './viewer.ts';

/** Large answers that one user may wait for. */
const maxWaiting = 8;

/** Ms that one may take without a rest after it. */
const freeMs = 10;

const waiting = new Map<string, number>();
let last: Promise<unknown> = Promise.resolve();

/**
 * Answers with a page that may be large, for somebody who has signed in. Who
 * waits for too many already is told so, with status 429.
 */
export async function sendLargePage(
  request: Request,
  response: Response,
  page: () => VNode,
  status?: number,
): Promise<void> {
  const { name } = viewerOf(request).user;
  if (await inTurn(name, response, () => sendPage(response, page(), status))) return;
  response.status(429).set('Retry-After', '5').type('text');
  response.send(`${tooMany}\n`);
}

/** Answers with JSON that may be large. @throws LIMIT_EXCEEDED when `user` waits for too many already */
export async function sendLargeJson(user: string, response: Response, value: object): Promise<void> {
  if (await inTurn(user, response, () => void response.json(value))) return;
  throw new RefgateError('LIMIT_EXCEEDED', 'client', tooMany);
}

const tooMany = 'you ask for many large pages at once; wait some seconds, and ask for this one again';

/**
 * One answer is made at a time, and for as long as it took others have their turn, so that whoever asks for
 * many of them at once keeps git and other people waiting for one of them at most. False when it was not made.
 */
async function inTurn(user: string, response: Response, make: () => void): Promise<boolean> {
  const before = waiting.get(user) ?? 0;
  if (before >= maxWaiting) return false;
  waiting.set(user, before + 1);
  const made = last.then(() => {
    // Who went away needs no answer.
    if (response.destroyed) return 0;
    const start = performance.now();
    make();
    return performance.now() - start;
  });
  // The rest belongs to the turn, and not to who waited for it.
  last = made.then((took) => (took > freeMs ? sleep(took) : undefined)).catch(() => {});
  try {
    await made;
  } finally {
    const left = (waiting.get(user) ?? 1) - 1;
    if (left === 0) waiting.delete(user);
    else waiting.set(user, left);
  }
  return true;
}
