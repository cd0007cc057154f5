import { Worker } from 'node:worker_threads';
import { RefgateError } from '../domain/error.ts';
import type { WalkOrder, WalkResult } from './contents/walk-order.ts';
import type { IndexedPack } from './finish-pack.ts';
import type { HoldProgress } from './index-pack.ts';
import type { BorrowedObject } from './thin-pack.ts';
import type { BorrowKind, FromWorker, SecretSettings, ToWorker } from './worker-messages.ts';

/** One message to the worker holds this many bytes at most. */
const pieceBytes = 256 * 1024;

/** Pieces that are on their way to the worker at a time; beyond them `write` waits. */
const maxPieces = 4;

/** What the job is told while a worker works for it. */
export interface PackWorkerEvents {
  onReceived?(): void;
  onProgress?(progress: HoldProgress): void;
  /** Answered by `lend` with the same id. */
  onBorrow?(id: number, oids: readonly string[], kind: BorrowKind): void;
  onHeld?(result: IndexedPack): void;
  onWalked?(result: WalkResult): void;
  /** The worker refused the pack, or broke; it must be ended. */
  onFailed(error: RefgateError): void;
}

/**
 * A worker thread that takes one pack at a time. Bytes are copied into buffers
 * that go to the worker and come back. While it is idle it does not keep the
 * process alive.
 */
export class PackWorker {
  readonly #worker: Worker;
  #events: PackWorkerEvents | undefined;
  #spare: ArrayBuffer[] = [];
  #filling: Buffer | undefined;
  #filled = 0;
  #sent = 0;
  #room: (() => void) | undefined;
  #ended = false;
  #givenUp = false;

  /** @param heapMiB bounds the thread's JavaScript heap; what packs need most lies outside it. */
  constructor(heapMiB: number, secrets: SecretSettings) {
    const resourceLimits = { maxOldGenerationSizeMb: heapMiB, maxYoungGenerationSizeMb: 16 };
    this.#worker = new Worker(new URL('./quarantine-worker.js', import.meta.url), {
      resourceLimits,
      workerData: secrets,
      // The thread has no use for what the process was started with, and some of it would stop it.
      execArgv: [],
    });
    this.#worker.on('message', (message: FromWorker) => this.#take(message));
    this.#worker.on('error', (cause) => this.#fail(cause));
    this.#worker.on('exit', () => this.#fail(undefined));
    this.#worker.unref();
  }

  /** False when the thread is gone, even while it was idle. */
  get alive(): boolean {
    return !this.#ended;
  }

  begin(options: Extract<ToWorker, { type: 'start' }>['options'], events: PackWorkerEvents): void {
    this.#events = events;
    this.#worker.ref();
    this.#post({ type: 'start', options });
  }

  /** Copies the bytes; resolves when the worker has room for more. */
  async write(chunk: Buffer): Promise<void> {
    for (let at = 0; at < chunk.length; ) {
      this.#filling ??= Buffer.from(this.#spare.pop() ?? new ArrayBuffer(pieceBytes));
      const count = chunk.copy(this.#filling, this.#filled, at);
      at += count;
      this.#filled += count;
      if (this.#filled < pieceBytes) break;
      this.#flush();
      if (this.#sent >= maxPieces) await this.#waitForRoom();
    }
    // While the worker is busy, small pieces gather to larger ones.
    if (this.#sent === 0) this.#flush();
  }

  #waitForRoom(): Promise<void> {
    if (this.#ended || this.#givenUp) return Promise.resolve();
    return new Promise((resolve) => {
      this.#room = resolve;
    });
  }

  #flush(): void {
    if (this.#filling === undefined) return;
    const buffer = this.#filling.buffer as ArrayBuffer;
    const length = this.#filled;
    this.#filling = undefined;
    this.#filled = 0;
    this.#sent++;
    this.#post({ type: 'data', buffer, length }, [buffer]);
  }

  /** No more bytes come: the worker finishes the pack, or refuses it as cut off. */
  finish(): void {
    this.#flush();
    this.#post({ type: 'end' });
    this.#post({ type: 'finish' });
  }

  lend(id: number, objects: readonly BorrowedObject[]): void {
    this.#post({ type: 'lent', id, objects });
  }

  /** The pack is held, and stays open: nothing is asked of the worker until `walk` or `letGo`. */
  wait(events: PackWorkerEvents): void {
    this.#events = events;
    this.#worker.unref();
  }

  walk(order: WalkOrder, events: PackWorkerEvents): void {
    this.#events = events;
    this.#worker.ref();
    this.#post({ type: 'walk', order });
  }

  /** Closes the held pack, which has not been walked. */
  letGo(): void {
    this.#post({ type: 'release' });
  }

  #post(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    if (!this.#ended) this.#worker.postMessage(message, transfer);
  }

  #take(message: FromWorker): void {
    switch (message.type) {
      case 'taken':
        this.#spare.push(message.buffer);
        this.#sent--;
        if (this.#sent === 0) this.#flush();
        this.#wake();
        if (message.received) this.#events?.onReceived?.();
        return;
      case 'progress':
        this.#events?.onProgress?.(message.progress);
        return;
      case 'borrow':
        this.#events?.onBorrow?.(message.id, message.oids, message.kind);
        return;
      case 'held':
        this.#events?.onHeld?.(message.result);
        return;
      case 'walked':
        this.#events?.onWalked?.(withBuffers(message.result));
        return;
      case 'refused':
        this.#events?.onFailed(new RefgateError(message.code, message.blame, message.detail));
    }
  }

  #wake(): void {
    const room = this.#room;
    this.#room = undefined;
    room?.();
  }

  #fail(cause: Error | undefined): void {
    this.#ended = true;
    this.#wake();
    const detail = `the thread that held the pack ended: ${cause?.message ?? 'without a word'}`;
    this.#events?.onFailed(new RefgateError('INTERNAL', 'refgate', detail, { cause }));
  }

  /** The job has failed: whoever waits in `write` is let go, since the worker may not take anything more. */
  giveUp(): void {
    this.#givenUp = true;
    this.#wake();
  }

  /** The worker is ready for another pack. */
  rest(): void {
    this.#events = undefined;
    this.#worker.unref();
  }

  /** Ends the thread, in the middle of its work if need be. */
  async terminate(): Promise<void> {
    this.#events = undefined;
    this.#ended = true;
    this.#wake();
    this.#spare = [];
    this.#filling = undefined;
    await this.#worker.terminate();
  }
}

/** What was a Buffer has come as plain bytes. */
function withBuffers(result: WalkResult): WalkResult {
  const trees = result.trees.map((tree) => {
    const { buffer, byteOffset, byteLength } = tree.content;
    return { ...tree, content: Buffer.from(buffer, byteOffset, byteLength) };
  });
  return { ...result, trees };
}
