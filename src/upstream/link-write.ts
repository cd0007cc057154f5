import type { Writable } from 'node:stream';

/** Writes, and waits until the stream wants more. Rejects when the stream closes or fails first. */
export async function writeChunk(stream: Writable, chunk: Buffer): Promise<void> {
  if (stream.destroyed || stream.writableEnded) throw stream.errored ?? closedEarly();
  if (stream.write(chunk)) return;
  await new Promise<void>((resolve, reject) => {
    const settle = (error?: Error): void => {
      stream.off('drain', onDrain);
      stream.off('close', onClose);
      stream.off('error', settle);
      if (error) reject(error);
      else resolve();
    };
    const onDrain = (): void => settle();
    const onClose = (): void => settle(closedEarly());
    stream.on('drain', onDrain);
    stream.on('close', onClose);
    stream.on('error', settle);
  });
}

function closedEarly(): Error {
  return new Error('the stream was closed before everything was written');
}
