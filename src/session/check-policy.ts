import { Worker } from 'node:worker_threads';
import { RefgateError } from '../domain/error.ts';
import { Turns } from '../inspect/turns.ts';
import type { CheckedPolicy, PolicyText } from './policy-check-messages.ts';

export interface PolicyCheckOptions {
  /** How long one text may take, in ms; 3 s if left out. */
  readonly budget?: number;
  /** Bound of the thread's JavaScript heap; 256 if left out. */
  readonly heapMiB?: number;
}

/** Texts that wait for the one thread; each may hold a megabyte. */
const maxWaiting = 8;

const never = new AbortController().signal;

/**
 * Reads drafts of a policy in a thread, one at a time: who may only look may
 * send one, and YAML can be made to take very long. Git and the pages go on meanwhile.
 */
export class PolicyCheck {
  readonly #options: PolicyCheckOptions;
  readonly #turns = new Turns(1);
  #asked = 0;

  constructor(options: PolicyCheckOptions = {}) {
    this.#options = options;
  }

  /**
   * The version that the text would be. @throws POLICY_INVALID with its problems, one per line and at most 201, and
   * for a text that takes longer than the budget; LIMIT_EXCEEDED when too many wait; INTERNAL
   */
  async check(draft: PolicyText): Promise<{ readonly version: string }> {
    if (this.#asked > maxWaiting)
      throw new RefgateError('LIMIT_EXCEEDED', 'client', 'other drafts are being read; wait some seconds');
    this.#asked += 1;
    try {
      const endTurn = await this.#turns.take(never);
      try {
        return told(await this.#readInThread(draft), draft);
      } finally {
        endTurn();
      }
    } finally {
      this.#asked -= 1;
    }
  }

  /** Undefined when the text broke the bounds of time or memory. */
  async #readInThread(draft: PolicyText): Promise<CheckedPolicy | undefined> {
    const { budget = 3_000, heapMiB = 256 } = this.#options;
    const worker = new Worker(new URL('./policy-check-worker.js', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: heapMiB, maxYoungGenerationSizeMb: 32 },
      workerData: draft,
      execArgv: [],
    });
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise((resolve) => {
        worker.on('message', (message: 'ready' | CheckedPolicy) => {
          if (message !== 'ready') resolve(message);
          else timer = setTimeout(() => resolve(undefined), budget);
        });
        worker.once('error', (error: NodeJS.ErrnoException) =>
          resolve(error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? undefined : { failed: String(error) }),
        );
        worker.once('exit', () => resolve(undefined));
      });
    } finally {
      clearTimeout(timer);
      await worker.terminate();
    }
  }
}

function told(checked: CheckedPolicy | undefined, { file }: PolicyText): { readonly version: string } {
  if (checked === undefined)
    throw invalid(`${file}:1:1: this takes too long or too much memory to read; make it smaller`);
  if ('invalid' in checked) throw invalid(checked.invalid);
  if ('failed' in checked) throw new RefgateError('INTERNAL', 'refgate', checked.failed);
  return checked;
}

function invalid(detail: string): RefgateError {
  return new RefgateError('POLICY_INVALID', 'operator', detail);
}
