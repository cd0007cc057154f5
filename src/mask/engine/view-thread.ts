import { Worker } from 'node:worker_threads';
import { RefgateError } from '../../domain/error.ts';
import type { MaskProgress } from '../../domain/mask.ts';
import type {
  FromViewWorker,
  RepoPlace,
  ToViewWorker,
  ViewAsk,
  ViewCall,
  ViewCalls,
  ViewThreadSettings,
} from './messages.ts';

/** How somebody waits for an answer. */
export interface AskOptions {
  /** The question is given up when it aborts; it then throws the signal's reason once the thread has stopped working for it. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: MaskProgress) => void) | undefined;
}

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly onProgress: ((progress: MaskProgress) => void) | undefined;
}

/**
 * One thread, which works for many repositories at a time, from its start to its end. What it is asked when it dies
 * throws INTERNAL (refgate). While nothing is asked it does not keep the process alive.
 */
export class ViewThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #death: RefgateError | undefined;

  constructor(url: URL, settings: ViewThreadSettings, heapMiB: number) {
    this.#worker = new Worker(url, {
      resourceLimits: { maxOldGenerationSizeMb: heapMiB, maxYoungGenerationSizeMb: 32 },
      workerData: settings,
      execArgv: [],
    });
    this.#worker.on('message', (message: FromViewWorker) => this.#take(message));
    this.#worker.on('error', (cause) => this.#die(cause));
    this.#worker.on('exit', () => this.#die(undefined));
    this.#worker.unref();
  }

  /** False once it has died. */
  get isAlive(): boolean {
    return this.#death === undefined;
  }

  /** Throws what the engine throws, the reason of the signal, and INTERNAL when the thread dies. */
  async ask<C extends ViewCall>(
    call: C,
    repo: RepoPlace,
    ask: ViewCalls[C]['ask'],
    options: AskOptions = {},
  ): Promise<ViewCalls[C]['answer']> {
    const { signal } = options;
    signal?.throwIfAborted();
    const id = ++this.#lastId;
    const onAbort = () => this.#post({ type: 'abort', id });
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return await this.#request({ type: 'ask', id, repo, call, ask } as ViewAsk, options.onProgress);
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Closes what the thread has open of a repository. Never throws: a dead thread holds nothing. */
  async release(dir: string): Promise<void> {
    await this.#request({ type: 'close', id: ++this.#lastId, dir }, undefined).catch(() => undefined);
  }

  #request<T>(
    message: Exclude<ToViewWorker, { type: 'abort' }>,
    onProgress: ((progress: MaskProgress) => void) | undefined,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#death !== undefined) return reject(this.#death);
      this.#waiting.set(message.id, {
        resolve: (answer) => resolve(answer as T),
        reject,
        onProgress,
      });
      this.#worker.ref();
      this.#post(message);
    });
  }

  #post(message: ToViewWorker): void {
    if (this.isAlive) this.#worker.postMessage(message);
  }

  #take(message: FromViewWorker): void {
    // It would let the process end before the thread has.
    if (!this.isAlive) return;
    const waiting = this.#waiting.get(message.id);
    if (message.type === 'progress') {
      waiting?.onProgress?.(message.progress);
      return;
    }
    this.#waiting.delete(message.id);
    if (this.#waiting.size === 0) this.#worker.unref();
    if (message.type === 'answer') waiting?.resolve(message.answer);
    else waiting?.reject(new RefgateError(message.code, message.blame, message.detail));
  }

  #die(cause: Error | undefined): void {
    const detail = `a thread that makes views ended: ${cause?.message ?? 'without a word'}`;
    this.#death ??= new RefgateError('INTERNAL', 'refgate', detail, { cause });
    for (const { reject } of this.#waiting.values()) reject(this.#death);
    this.#waiting.clear();
  }

  /** Ends the thread, in the middle of its work if need be. */
  async end(): Promise<void> {
    this.#die(undefined);
    await this.#worker.terminate();
  }
}
