import type { IncomingMessage } from 'node:http';

/**
 * Reads what is left of a request body and throws it away, until it ends, the
 * client hangs up, or one of the bounds (bytes, ms) is reached. Never throws.
 */
export async function discardRest(request: IncomingMessage, bytes: number, ms: number): Promise<void> {
  if (request.complete || request.destroyed) return;
  let left = bytes;
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      request.off('data', onData).off('end', done).off('close', done).off('error', done);
      request.pause();
      resolve();
    };
    const onData = (chunk: Buffer) => {
      left -= chunk.length;
      if (left <= 0) done();
    };
    const timer = setTimeout(done, ms);
    request.on('error', () => {});
    request.on('data', onData).on('end', done).on('close', done).on('error', done);
    request.resume();
  });
}
