import { Readable, Writable } from 'node:stream';
import type { ServerChannel } from 'ssh2';
import { RefgateError } from '../../domain/error.ts';
import type { Flow } from './flow.ts';

/** The two directions of one exec, and whether anything moves in them. */
export interface SessionStreams {
  readonly input: Readable;
  readonly output: Writable;
  /** Bytes that the service has written so far. */
  written(): number;
  /** Breaks both directions; whoever still reads or writes gets `error`. */
  fail(error: RefgateError): void;
  /** The session is over: stops the clock, and throws away what the client still sends. */
  finish(): void;
}

/**
 * Streams over an SSH channel that behave: a write is done once the client's
 * window and the TCP socket have taken it; a client that is gone is an error
 * and never an early end of the input; an end of the input is not a hang-up.
 * When no byte has moved either way for `idleMs`, `onIdle` gets an IDLE_TIMEOUT.
 */
export function openStreams(
  channel: ServerChannel,
  flow: Flow,
  idleMs: number,
  onIdle: (error: RefgateError) => void,
): SessionStreams {
  let written = 0;
  let failure: RefgateError | undefined;
  let isFinished = false;
  const idle = setTimeout(() => onIdle(new RefgateError('IDLE_TIMEOUT', 'client')), idleMs);
  const moved = (): void => {
    if (!isFinished) idle.refresh();
  };

  const input = new Readable({ highWaterMark: 256 * 1024, read: () => void channel.resume() });
  channel.pause();
  channel.on('data', (chunk: Buffer) => {
    moved();
    if (!input.destroyed && !input.push(chunk)) channel.pause();
  });
  channel.on('end', () => {
    if (!input.destroyed) input.push(null);
  });

  const output = new Writable({
    highWaterMark: 256 * 1024,
    decodeStrings: true,
    write(chunk: Buffer, _encoding, callback) {
      if (failure !== undefined) return callback(failure);
      written += chunk.length;
      // Neither callback comes when the connection dies first; fail() settles that write then.
      channel.write(chunk, () =>
        flow.whenOpen(() => {
          moved();
          callback(failure);
        }),
      );
    },
    final(callback) {
      callback(failure);
    },
  });
  // The owner learns of errors by reading and writing; nobody else is to be crashed by them.
  input.on('error', () => undefined);
  output.on('error', () => undefined);

  function fail(error: RefgateError): void {
    if (failure !== undefined || isFinished) return;
    failure = error;
    input.destroy(error);
    output.destroy(error);
  }

  function finish(): void {
    isFinished = true;
    clearTimeout(idle);
    input.destroy();
    channel.resume();
  }
  return { input, output, written: () => written, fail, finish };
}
