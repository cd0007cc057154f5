import { setTimeout as sleep } from 'node:timers/promises';
import type { Request, Response } from 'express';
import type { VNode } from 'preact';
import { sendPage } from './send-page.ts';
import { viewerOf } from './viewer.ts';

/** Pages of one user that may wait to be made. */
const maxWaiting = 8;

/** Ms that a page may take without a rest after it. */
const freeMs = 10;

const waiting = new Map<string, number>();
let last: Promise<unknown> = Promise.resolve();

/**
 * Answers with a page that may be large, for somebody who has signed in. One is made at a time, and for as long as it
 * took others have their turn, so that whoever asks for many of them at once keeps git and other people
 * waiting for one of them at most. Who waits for too many already is told so, with status 429.
 */
export async function sendLargePage(
  request: Request,
  response: Response,
  page: () => VNode,
  status?: number,
): Promise<void> {
  const { name } = viewerOf(request).user;
  const before = waiting.get(name) ?? 0;
  if (before >= maxWaiting) {
    response.status(429).set('Retry-After', '5').type('text');
    response.send('You ask for many large pages at once; wait some seconds, and load this one again.\n');
    return;
  }
  waiting.set(name, before + 1);
  const made = last.then(async () => {
    // Who went away needs no page.
    if (response.destroyed) return;
    const start = performance.now();
    sendPage(response, page(), status);
    const took = performance.now() - start;
    if (took > freeMs) await sleep(took);
  });
  last = made.catch(() => {});
  try {
    await made;
  } finally {
    const left = (waiting.get(name) ?? 1) - 1;
    if (left === 0) waiting.delete(name);
    else waiting.set(name, left);
  }
}
