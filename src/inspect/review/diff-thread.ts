import { setMaxListeners } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { FileDiff } from '../../domain/approval.ts';
import { RefgateError } from '../../domain/error.ts';
import { Turns } from '../turns.ts';
import type { SecretSettings } from '../worker-messages.ts';
import type { FromDiffWorker, ToDiffWorker } from './diff-messages.ts';
import { type DiffJob, unshown } from './file-diff.ts';

export interface DiffThreadOptions {
  readonly secrets: SecretSettings;
  /** How long one file may take, in ms; 2 s if left out. */
  readonly budget?: number;
  /** Bound of the thread's JavaScript heap; 256 if left out. */
  readonly heapMiB?: number;
}

/** What stands for texts that took too long to be searched. */
const hidden = '[not searched for secrets]';

/** How many texts are masked within one budget. */
const maskedAtOnce = 1_000;

/**
 * One warm thread that compares and masks. A job that takes longer than its
 * budget, or more memory than there is, ends the thread, and a new one takes its place.
 */
export class DiffThread {
  readonly #options: DiffThreadOptions;
  readonly #turns = new Turns(1);
  readonly #closing = new AbortController();
  #worker: DiffWorker | undefined;

  constructor(options: DiffThreadOptions) {
    this.#options = options;
    // As many wait for the thread as there are files to read.
    setMaxListeners(0, this.#closing.signal);
  }

  /** Starts the thread, which takes a moment and memory, before somebody asks for it. */
  warm(): void {
    if (!this.#closing.signal.aborted) this.#alive();
  }

  /** A file that takes too long is tried without colours, and then is `large`. Throws SECRET_RULES_INVALID, SHUTTING_DOWN, INTERNAL. */
  async diff(job: DiffJob): Promise<FileDiff> {
    for (const plain of job.plain ? [true] : [false, true]) {
      const answer = await this.#ask({ type: 'diff', job: { ...job, plain } });
      if (answer?.type === 'diff') return answer.diff;
    }
    return unshown('large', 'comparing it takes too long');
  }

  /** Texts of one line with every secret candidate masked, in their order; what takes too long is hidden. Throws as `diff` does. */
  async mask(texts: readonly string[]): Promise<readonly string[]> {
    const masked: string[] = [];
    for (let from = 0; from < texts.length; from += maskedAtOnce) {
      const some = texts.slice(from, from + maskedAtOnce);
      const answer = await this.#ask({ type: 'mask', texts: some });
      masked.push(...(answer?.type === 'masked' ? answer.texts : some.map(() => hidden)));
    }
    return masked;
  }

  /** Undefined when the job broke its bounds. */
  async #ask(message: ToDiffWorker): Promise<FromDiffWorker | undefined> {
    const endTurn = await this.#turns.take(this.#closing.signal);
    try {
      const answer = await this.#alive().ask(message, this.#options.budget ?? 2_000);
      if (answer === undefined && !this.#closing.signal.aborted) this.#worker = this.#start();
      this.#closing.signal.throwIfAborted();
      return answer;
    } catch (error) {
      this.#closing.signal.throwIfAborted();
      throw error;
    } finally {
      endTurn();
    }
  }

  #alive(): DiffWorker {
    if (this.#worker?.isAlive !== true) this.#worker = this.#start();
    return this.#worker;
  }

  #start(): DiffWorker {
    return new DiffWorker(this.#options.secrets, this.#options.heapMiB ?? 256);
  }

  /** Ends the thread; what is asked now, or waits, throws SHUTTING_DOWN. */
  async close(): Promise<void> {
    this.#closing.abort(new RefgateError('SHUTTING_DOWN', 'refgate'));
    await this.#worker?.end();
  }
}

type Settle = (answer: FromDiffWorker | Error | undefined) => void;

/** A thread from its start to its end. While it is idle it does not keep the process alive. */
class DiffWorker {
  readonly #worker: Worker;
  readonly #ready: Promise<FromDiffWorker | Error | undefined>;
  #settle: Settle = () => {};
  isAlive = true;

  constructor(secrets: SecretSettings, heapMiB: number) {
    this.#worker = new Worker(new URL('./diff-worker.js', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: heapMiB, maxYoungGenerationSizeMb: 16 },
      workerData: secrets,
      execArgv: [],
    });
    this.#ready = this.#next();
    this.#worker.on('message', (message: FromDiffWorker) => this.#settle(message));
    this.#worker.on('error', (error) => {
      this.isAlive = false;
      this.#settle(error);
    });
    this.#worker.on('exit', () => {
      this.isAlive = false;
      this.#settle(undefined);
    });
    this.#worker.unref();
  }

  #next(): Promise<FromDiffWorker | Error | undefined> {
    return new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** Undefined, and the thread is gone, when it takes longer than `budget` ms or too much memory. Throws what the thread says that failed. */
  async ask(message: ToDiffWorker, budget: number): Promise<FromDiffWorker | undefined> {
    this.#worker.ref();
    try {
      const ready = await this.#ready;
      if (ready === undefined || ready instanceof Error)
        throw new RefgateError('INTERNAL', 'refgate', 'the thread of reviews did not start', {
          cause: ready,
        });
      if (ready.type === 'failed') throw await this.#failed(ready);
      const answer = await this.#within(message, budget);
      if (answer !== undefined && !(answer instanceof Error)) {
        if (answer.type === 'failed') throw await this.#failed(answer);
        return answer;
      }
      await this.end();
      return undefined;
    } finally {
      this.#worker.unref();
    }
  }

  async #within(message: ToDiffWorker, budget: number): Promise<FromDiffWorker | Error | undefined> {
    const answer = this.#next();
    const timer = setTimeout(() => this.#settle(undefined), budget);
    this.#worker.postMessage(message);
    try {
      return await answer;
    } finally {
      clearTimeout(timer);
    }
  }

  /** A thread that failed is not asked again. */
  async #failed({ code, blame, detail }: Extract<FromDiffWorker, { type: 'failed' }>): Promise<RefgateError> {
    await this.end();
    return new RefgateError(code, blame, detail);
  }

  async end(): Promise<void> {
    this.isAlive = false;
    this.#settle(undefined);
    await this.#worker.terminate();
  }
}
