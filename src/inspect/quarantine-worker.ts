import { parentPort } from 'node:worker_threads';
import { RefgateError } from '../domain/error.ts';
import { IndexPack } from './index-pack.ts';
import type { BorrowedObject } from './thin-pack.ts';
import type { FromWorker, ToWorker } from './worker-messages.ts';

/**
 * The thread in which packs are inflated, hashed and checked, one at a time.
 * After a failure the quarantine ends it, with whatever it had open.
 */

let pack: IndexPack | undefined;
let lent: ((objects: readonly BorrowedObject[]) => void) | undefined;

const port = parentPort;
if (port === null) throw new Error('this file is started as a worker');
const send = (message: FromWorker, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

port.on('message', (message: ToWorker) => {
  take(message).catch((error: unknown) => {
    pack = undefined;
    send(failure(error));
  });
});

async function take(message: ToWorker): Promise<void> {
  switch (message.type) {
    case 'start':
      pack = new IndexPack({
        ...message.options,
        borrow: (oids) =>
          new Promise((resolve) => {
            lent = resolve;
            send({ type: 'borrow', oids });
          }),
        onProgress: (progress) => send({ type: 'progress', progress }),
      });
      return;
    case 'data':
      return takeData(message.buffer, message.length);
    case 'end':
      return pack?.end();
    case 'finish':
      return finish();
    case 'lent':
      lent?.(message.objects.map((object) => ({ ...object, content: Buffer.from(object.content) })));
  }
}

/** Bytes behind the trailer may come in any later piece, so the pack goes on being offered them. */
function takeData(buffer: ArrayBuffer, length: number): void {
  if (pack === undefined) return;
  pack.write(Buffer.from(buffer, 0, length));
  send({ type: 'taken', buffer, length, received: pack.received }, [buffer]);
}

async function finish(): Promise<void> {
  if (pack === undefined) return;
  const result = await pack.finish();
  pack = undefined;
  const { oids, types, linkAt, links } = result.objects;
  send({ type: 'held', result }, [oids.buffer, types.buffer, linkAt.buffer, links.buffer] as ArrayBuffer[]);
}

function failure(error: unknown): FromWorker {
  if (error instanceof RefgateError) {
    return { type: 'refused', code: error.code, blame: error.blame, detail: error.detail };
  }
  return { type: 'refused', code: 'INTERNAL', blame: 'refgate', detail: String(error) };
}
