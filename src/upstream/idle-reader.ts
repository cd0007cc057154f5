import { RefgateError } from '../domain/error.ts';

/**
 * The chunks of a stream, with UPSTREAM_TIMEOUT when one that is waited for does
 * not come within `idle` milliseconds. Time in which nobody asks does not count.
 */
export async function* withIdleLimit(
  source: AsyncIterable<Buffer>,
  idle: number,
  giveUp: () => void,
): AsyncGenerator<Buffer> {
  const chunks = source[Symbol.asyncIterator]();
  for (;;) {
    const next = await inTime(chunks.next(), idle, giveUp);
    if (next.done) return;
    yield next.value;
  }
}

async function inTime<T>(wanted: Promise<T>, idle: number, giveUp: () => void): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new RefgateError('UPSTREAM_TIMEOUT', 'upstream', `nothing came for ${idle / 1000} s`));
      giveUp();
    }, idle);
  });
  try {
    return await Promise.race([wanted, late]);
  } finally {
    clearTimeout(timer);
  }
}
