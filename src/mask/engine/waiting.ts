/** What is given when the time is up. */
export const timeIsUp = Symbol('the time is up');

/**
 * Waits for something that goes on without the one who waits: gives `timeIsUp` after `ms`, throws the signal's reason
 * when it aborts, and what the promise throws.
 */
export async function within<T>(
  promise: Promise<T>,
  ms: number,
  signal: AbortSignal | undefined,
): Promise<T | typeof timeIsUp> {
  // Nobody else may be there to hear of its failure.
  promise.catch(() => undefined);
  signal?.throwIfAborted();
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  const left = new Promise<typeof timeIsUp>((resolve, reject) => {
    timer = setTimeout(() => resolve(timeIsUp), ms);
    onAbort = () => reject(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, left]);
  } finally {
    clearTimeout(timer);
    if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
  }
}
