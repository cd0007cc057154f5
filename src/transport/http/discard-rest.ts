import type { IncomingMessage } from 'node:http';

/** When to give up; `ms` counts from the start, `idleMs` from the last byte. */
interface DiscardBounds {
  readonly bytes: number;
  readonly ms?: number;
  readonly idleMs?: number;
}

/**
 * Reads what is left of a request body and throws it away, until it ends, the
 * client hangs up, or a bound is reached. Never throws.
 */
export async function discardRest(request: IncomingMessage, bounds: DiscardBounds): Promise<void> {
  if (request.complete || request.destroyed) return;
  let left = bounds.bytes;
  await new Promise<void>((resolve) => {
    const timers: NodeJS.Timeout[] = [];
    const done = () => {
      for (const timer of timers) clearTimeout(timer);
      request.off('data', onData).off('end', done).off('close', done);
      request.pause();
      resolve();
    };
    if (bounds.ms !== undefined) timers.push(setTimeout(done, bounds.ms));
    const idle = bounds.idleMs === undefined ? undefined : setTimeout(done, bounds.idleMs);
    if (idle !== undefined) timers.push(idle);
    const onData = (chunk: Buffer) => {
      idle?.refresh();
      left -= chunk.length;
      if (left <= 0) done();
    };
    // A request that breaks off is over: `close` follows.
    request.on('error', () => {});
    request.on('data', onData).on('end', done).on('close', done);
    request.resume();
  });
}
