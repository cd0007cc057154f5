import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { RefgateError } from '../../domain/error.ts';
import { writeChunk } from '../../upstream/link-write.ts';
import { FlushCutter } from './flush-cutter.ts';

/** The most bytes of one command request, in bytes: about a million wants and haves. */
const requestLimit = 128 * 1024 * 1024;

/**
 * Lets a stateful conversation in protocol v2 run over an upstream that keeps
 * no state: each request, up to its flush-pkt, is one POST, and its body the
 * answer. A fault before the first byte of an answer is told.
 */
export async function converseByPost(
  gateway: Duplex,
  advertisement: AsyncIterable<Buffer> | undefined,
  post: (request: Buffer) => Promise<IncomingMessage>,
  tell: (fault: RefgateError) => void,
): Promise<void> {
  for await (const chunk of advertisement ?? []) await writeChunk(gateway, chunk);
  for await (const request of requests(gateway)) {
    let answer: IncomingMessage;
    try {
      answer = await post(request);
    } catch (error) {
      if (!(error instanceof RefgateError)) throw error;
      return tell(error);
    }
    let tail = '';
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      tail = (tail + chunk.toString('latin1', Math.max(0, chunk.length - 4))).slice(-4);
      await writeChunk(gateway, chunk);
    }
    // Every answer ends with a flush-pkt: one that breaks off, or an `ERR` line, is the last of the conversation.
    if (tail !== '0000') return;
  }
}

/** The gateway's bytes, one buffer for each request. A flush-pkt of its own ends the conversation. */
async function* requests(gateway: Duplex): AsyncGenerator<Buffer> {
  const cutter = new FlushCutter('client');
  let pieces: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of gateway.iterator({ destroyOnReturn: false })) {
    for (const piece of cutter.cut(chunk as Buffer)) {
      pieces.push(piece.bytes);
      bytes += piece.bytes.length;
      if (bytes > requestLimit)
        throw new RefgateError('LIMIT_EXCEEDED', 'client', 'a fetch request of over 128 MiB');
      if (!piece.flush) continue;
      if (bytes === 4) return;
      yield Buffer.concat(pieces);
      pieces = [];
      bytes = 0;
    }
  }
}
