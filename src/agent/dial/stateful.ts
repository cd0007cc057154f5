import type { Duplex, Readable, Writable } from 'node:stream';
import { RefgateError } from '../../domain/error.ts';
import type { Service } from '../../domain/git.ts';
import { writeChunk } from '../../upstream/link-write.ts';
import type { ReceivePack, UploadPack } from './dial.ts';
import { FlushCutter } from './flush-cutter.ts';

/** A service of Git that runs at the other end of a pair of streams, and has spoken its first byte. */
export interface ServiceStream {
  readonly input: Writable;
  readonly output: Readable;
  complaint(): string;
  /** Breaks off without an orderly end. */
  abort(): void;
}

export type OpenService = (service: Service, path: string, signal: AbortSignal) => Promise<ServiceStream>;

/** upload-pack over a connection that keeps state: bytes pass in both directions as they are. */
export async function statefulUploadPack(
  open: OpenService,
  path: string,
  signal: AbortSignal,
): Promise<UploadPack> {
  const service = await open('upload-pack', path, signal);
  return {
    advertised: true,
    async converse(gateway: Duplex): Promise<void> {
      // Not awaited: it ends with the gateway's own end, and the answer counts.
      inward(gateway, service).catch(() => service.abort());
      for await (const chunk of service.output.iterator({ destroyOnReturn: false })) {
        await writeChunk(gateway, chunk as Buffer);
      }
    },
    abort: () => service.abort(),
  };
}

/** The gateway's bytes go up as they are. An upstream that stops taking them still says why, so that is no failure here. */
async function inward(gateway: Duplex, { input }: ServiceStream): Promise<void> {
  for await (const chunk of gateway.iterator({ destroyOnReturn: false })) {
    try {
      await writeChunk(input, chunk as Buffer);
    } catch {
      return;
    }
  }
  input.end();
}

/** receive-pack over a connection that keeps state: advertisement, commands and report share it. */
export async function statefulReceivePack(
  open: OpenService,
  path: string,
  signal: AbortSignal,
): Promise<ReceivePack> {
  const service = await open('receive-pack', path, signal);
  const { input, output } = service;
  return {
    advertisement: untilFlush(output),
    push: async () => ({ input, output, complaint: () => service.complaint() }),
    leave() {
      // An empty list of commands: receive-pack then ends with exit status 0.
      input.end('0000');
      output.resume();
    },
    abort: () => service.abort(),
  };
}

/** The stream through its first flush-pkt; what follows stays in the stream. */
async function* untilFlush(output: Readable): AsyncGenerator<Buffer> {
  const cutter = new FlushCutter('upstream');
  for await (const chunk of output.iterator({ destroyOnReturn: false })) {
    const [first, next] = cutter.cut(chunk as Buffer);
    if (!first) continue;
    if (first.flush && next) {
      throw new RefgateError('UPSTREAM_PROTOCOL', 'upstream', 'bytes follow the advertisement');
    }
    yield first.bytes;
    if (first.flush) return;
  }
  throw new RefgateError('UPSTREAM_UNREACHABLE', 'upstream', 'it hung up within its advertisement');
}
