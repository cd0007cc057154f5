import { after } from 'node:test';

/**
 * What a suite opens in its `before` hook, closed in reverse order when the
 * suite is over; node:test's own `after` inside a hook runs when that hook is.
 * Call it in the body of `describe`, or at the top of a file.
 */
export function suiteCleanup(): { after(close: () => unknown): void } {
  const closers: (() => unknown)[] = [];
  after(async () => {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
  });
  return { after: (close) => void closers.push(close) };
}
