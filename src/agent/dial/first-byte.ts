import type { Readable } from 'node:stream';
import { RefgateError } from '../../domain/error.ts';

/**
 * Waits until the stream has bytes to read, without taking them. `silent` says
 * what it means when it ends or fails without any.
 * @param timeout milliseconds; UPSTREAM_TIMEOUT when it passes.
 */
export async function firstByte(
  output: Readable,
  timeout: number,
  signal: AbortSignal,
  silent: () => Promise<Error> | Error,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => settle(lateAnswer(timeout)), timeout);
    const settle = (error?: Error): void => {
      clearTimeout(timer);
      output.off('readable', onReadable);
      output.off('end', onSilent);
      output.off('close', onSilent);
      output.off('error', onSilent);
      signal.removeEventListener('abort', onAbort);
      if (error) reject(error);
      else resolve();
    };
    const onReadable = (): void => {
      if (output.readableLength > 0) settle();
      else output.read();
    };
    const onSilent = (): void => {
      Promise.resolve(silent()).then(settle, settle);
    };
    const onAbort = (): void => settle(new RefgateError('HUNG_UP', 'client'));
    output.on('readable', onReadable);
    output.on('end', onSilent);
    output.on('close', onSilent);
    output.on('error', onSilent);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}

function lateAnswer(timeout: number): RefgateError {
  return new RefgateError('UPSTREAM_TIMEOUT', 'upstream', `nothing came within ${timeout / 1000} s`);
}
