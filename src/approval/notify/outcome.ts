/** How one attempt went. */
export type Outcome =
  | { readonly sent: true; readonly warning?: string }
  | {
      readonly sent: false;
      /** One line, without anything secret. */
      readonly text: string;
      /** No further attempt will do better. */
      readonly forGood?: true;
      /** What the receiver asked for, in ms. */
      readonly retryAfter?: number;
    };

/**
 * Runs `work` with a signal that is aborted after `ms` and when `outer` is;
 * its timer and listener are gone afterwards. What is thrown after that is the
 * reason of the signal.
 */
export async function withDeadline<T>(
  ms: number,
  outer: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const stop = (): void => limit.abort(outer.reason);
  outer.addEventListener('abort', stop, { once: true });
  if (outer.aborted) stop();
  const timer = setTimeout(() => limit.abort(new Error(`no answer within ${ms / 1_000} s`)), ms);
  try {
    return await work(limit.signal);
  } catch (error) {
    throw limit.signal.aborted ? limit.signal.reason : error;
  } finally {
    clearTimeout(timer);
    outer.removeEventListener('abort', stop);
  }
}

/** Rejects with the reason once the signal is aborted. */
export function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
