import { parentPort, workerData } from 'node:worker_threads';
import { RefgateError } from '../domain/error.ts';
import type { Oid } from '../domain/git.ts';
import { WorkBudget } from '../git/pack-stream.ts';
import { OpenPack } from './contents/open-pack.ts';
import { walkContents } from './contents/walk.ts';
import type { WalkOrder, WalkResult } from './contents/walk-order.ts';
import { IndexPack, progressEvery } from './index-pack.ts';
import type { BorrowedObject } from './thin-pack.ts';
import { createScanner, type ThreadScanner } from './thread-scanner.ts';
import type { BorrowKind, FromWorker, SecretSettings, SentObject, ToWorker } from './worker-messages.ts';

/**
 * The thread in which packs are inflated, hashed, checked, searched and walked,
 * one at a time. After a failure the quarantine ends it, with whatever it had open.
 */

const port = parentPort;
if (port === null) throw new Error('this file is started as a worker');
const send = (message: FromWorker, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

type Start = Extract<ToWorker, { type: 'start' }>['options'];

let pack: { readonly index: IndexPack; readonly options: Start } | undefined;
let borrowed = 0;
const borrowing = new Map<number, (objects: readonly BorrowedObject[]) => void>();
const search = compile(workerData as SecretSettings);

port.on('message', (message: ToWorker) => {
  take(message).catch((error: unknown) => {
    pack = undefined;
    send(failure(error));
  });
});

/** Rules that cannot be compiled fail the first pack, and every other one: nothing is let through unsearched. */
function compile(settings: SecretSettings): () => ThreadScanner {
  try {
    const made = createScanner(settings);
    return () => made;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

async function take(message: ToWorker): Promise<void> {
  switch (message.type) {
    case 'start':
      return begin(message.options);
    case 'data':
      return takeData(message.buffer, message.length);
    case 'end':
      return pack?.index.end();
    case 'finish':
      return finish();
    case 'walk':
      return walk(message.order);
    case 'release':
      return release();
    case 'lent':
      borrowing.get(message.id)?.(message.objects.map(receive));
      borrowing.delete(message.id);
  }
}

function begin(options: Start): void {
  const index = new IndexPack({
    ...options,
    scanner: search().scanner,
    borrow: (oids) => borrow(oids, 'base'),
    onProgress: (progress) => send({ type: 'progress', progress }),
  });
  pack = { index, options };
}

function borrow(oids: readonly Oid[], kind: BorrowKind): Promise<readonly BorrowedObject[]> {
  const id = borrowed++;
  return new Promise((resolve) => {
    borrowing.set(id, resolve);
    send({ type: 'borrow', id, oids, kind });
  });
}

const receive = ({ oid, type, content }: SentObject): BorrowedObject => ({
  oid,
  type,
  content: Buffer.from(content.buffer, content.byteOffset, content.byteLength),
});

/** Bytes behind the trailer may come in any later piece, so the pack goes on being offered them. */
function takeData(buffer: ArrayBuffer, length: number): void {
  if (pack === undefined) return;
  pack.index.write(Buffer.from(buffer, 0, length));
  send({ type: 'taken', buffer, length, received: pack.index.received }, [buffer]);
}

async function finish(): Promise<void> {
  if (pack === undefined) return;
  const result = await pack.index.finish();
  const { oids, types, linkAt, links } = result.objects;
  send({ type: 'held', result }, [oids.buffer, types.buffer, linkAt.buffer, links.buffer] as ArrayBuffer[]);
}

/** Tells from time to time how much of the pack has been reached. */
class WatchedPack extends OpenPack {
  override markReached(oid: Oid): boolean {
    const isFirst = super.markReached(oid);
    const { reached: objects, count: total } = this;
    if (isFirst && objects % progressEvery === 0)
      send({ type: 'progress', progress: { phase: 'inspecting', objects, total, bytes: 0, deltas: 0 } });
    return isFirst;
  }
}

async function walk(sent: WalkOrder): Promise<void> {
  if (pack === undefined) throw new RefgateError('INTERNAL', 'refgate', 'there is no pack to walk');
  const { index, options } = pack;
  const { table, order, source, treeEdits, scan } = index.contents();
  const budget = new WorkBudget(options.limits.maxInflatedBytes);
  const result = await walkContents({
    pack: new WatchedPack({ table, order, source, budget, treeEdits }),
    scan,
    rules: search().rules,
    borrow,
    order: { ...sent, unreached: sent.unreached.map(receive) },
    objectFormat: options.objectFormat,
  });
  release();
  send({ type: 'walked', result }, ownBuffers(result));
}

/** The lists that have an ArrayBuffer of their own go over without a copy. */
function ownBuffers({ updates }: WalkResult): ArrayBuffer[] {
  const lists = updates.flatMap(({ commits, changes }) => [...commits, ...changes]);
  const own = lists.filter(({ buffer, byteLength }) => buffer.byteLength === byteLength);
  return [...new Set(own.map(({ buffer }) => buffer as ArrayBuffer))];
}

function release(): void {
  pack?.index.close();
  pack = undefined;
}

function failure(error: unknown): FromWorker {
  if (error instanceof RefgateError) {
    return { type: 'refused', code: error.code, blame: error.blame, detail: error.detail };
  }
  return { type: 'refused', code: 'INTERNAL', blame: 'refgate', detail: String(error) };
}
