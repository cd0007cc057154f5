import { setMaxListeners } from 'node:events';
import {
  type FileDiff,
  finalStates,
  type HeldPush,
  type PushReviews,
  type RefReview,
  type ReviewFile,
} from '../../domain/approval.ts';
import { RefgateError } from '../../domain/error.ts';
import type { Log } from '../../domain/log.ts';
import type { FetchSource, Target } from '../../domain/ports.ts';
import type { PushFacts } from '../../domain/session.ts';
import type { TreeCache } from '../tree-cache.ts';
import { Turns } from '../turns.ts';
import type { SecretSettings } from '../worker-messages.ts';
import { ByteLru } from './byte-lru.ts';
import { DiffThread } from './diff-thread.ts';
import { OldContents } from './old-contents.ts';
import { readFileDiff } from './read-file-diff.ts';
import { costOf, type ReviewContext, removedText, reviewRefs } from './review-refs.ts';

export interface PushReviewsOptions {
  /** The folder of the quarantine, which holds one directory for each session. */
  readonly quarantineDir: string;
  /** The facts of a push as they were kept, masked; undefined when they are not there. */
  facts(session: string): Promise<PushFacts | undefined>;
  /** A new source of the upstream repository; it is closed here. */
  open(target: Target): FetchSource;
  readonly treeCache: TreeCache;
  /** The same as the quarantine's. */
  readonly secrets: SecretSettings;
  readonly log: Log;
  /** Bytes of lists and differences that are kept for the next look; 64 MiB if left out. */
  readonly cacheBytes?: number;
  /** How long one file may take to be compared, in ms; 2 s if left out. */
  readonly fileBudget?: number;
}

/** What has been asked of packs and upstreams at a time; others wait. */
const atOnce = 4;

const defaultCacheBytes = 64 * 1024 * 1024;

/** Old contents of files that are kept, in bytes. */
const oldContentBytes = 32 * 1024 * 1024;

/** Files after one that is read whose old contents are asked for with it. */
const readAhead = 64;

const shownByDefault = 200;

/**
 * Reads held pushes for the people who decide about them: the pack in
 * quarantine, what it builds upon from the upstream, and the facts as they were judged. Memory is bounded
 * whatever the size of the pack; one thread of its own compares the files. `close` ends it.
 */
export function createPushReviews(
  options: PushReviewsOptions,
): PushReviews & { warm(): void; close(): Promise<void> } {
  const reviews = new Reviews(options);
  return {
    review: (push, most) => reviews.review(push, most),
    diff: (push, ref, path, whole) => reviews.diff(push, ref, path, whole ?? false),
    warm: () => reviews.warm(),
    close: () => reviews.close(),
  };
}

class Reviews {
  readonly #options: PushReviewsOptions;
  readonly #thread: DiffThread;
  readonly #turns = new Turns(atOnce);
  readonly #closing = new AbortController();
  readonly #lists: ByteLru<readonly RefReview[]>;
  readonly #diffs: ByteLru<FileDiff>;
  readonly #oldContents = new OldContents(oldContentBytes);
  readonly #running = new Map<string, Promise<unknown>>();

  constructor(options: PushReviewsOptions) {
    this.#options = options;
    const { secrets, fileBudget } = options;
    this.#thread = new DiffThread({ secrets, ...(fileBudget === undefined ? {} : { budget: fileBudget }) });
    // As many wait for a turn as there are readers.
    setMaxListeners(0, this.#closing.signal);
    const half = (options.cacheBytes ?? defaultCacheBytes) / 2;
    this.#lists = new ByteLru(half);
    this.#diffs = new ByteLru(half);
  }

  warm(): void {
    this.#thread.warm();
  }

  async review(
    push: HeldPush,
    most: { readonly commits?: number; readonly files?: number } = {},
  ): Promise<readonly RefReview[]> {
    const { commits = shownByDefault, files = shownByDefault } = most;
    const refs = await this.#list(push);
    return refs.map((ref) => ({
      ...ref,
      commits: ref.commits.slice(0, commits),
      files: ref.files.slice(0, files),
    }));
  }

  async diff(push: HeldPush, ref: string, path: string, whole: boolean): Promise<FileDiff> {
    const { files } = (await this.#list(push)).find((one) => one.ref.ref === ref) ?? { files: [] };
    const at = files.findIndex((one) => one.path === path);
    const file = files[at];
    if (file === undefined)
      throw new RefgateError('NOT_FOUND', 'client', 'this push does not change such a file');
    if (isFinal(push)) return gone();
    return this.#diff(push, ref, files.slice(at, at + readAhead), whole);
  }

  #list(push: HeldPush): Promise<readonly RefReview[]> {
    const key = `${push.id}\0${isFinal(push) ? 'final' : 'open'}`;
    return this.#once(key, this.#lists, costOf, async () => {
      const { facts } = this.#options;
      return reviewRefs(this.#context(push), await facts(push.session));
    });
  }

  /** @param files the one that is asked for, and those that follow it. */
  #diff(push: HeldPush, ref: string, files: readonly ReviewFile[], whole: boolean): Promise<FileDiff> {
    const key = [push.id, ref, whole ? 'whole' : 'folded', files[0]?.path].join('\0');
    return this.#once(key, this.#diffs, costOf, async () => readFileDiff(this.#context(push), files, whole));
  }

  /** From what is kept, or by work that is done once for all who ask meanwhile. */
  #once<Value>(
    key: string,
    kept: ByteLru<Value>,
    cost: (value: Value) => number,
    make: () => Promise<Value>,
  ): Promise<Value> {
    const known = kept.get(key);
    if (known !== undefined) return Promise.resolve(known);
    const running = this.#running.get(key) as Promise<Value> | undefined;
    if (running !== undefined) return running;
    const made = this.#inTurn(make).then((value) => {
      kept.set(key, value, cost(value));
      return value;
    });
    this.#running.set(key, made);
    const over = () => void this.#running.delete(key);
    made.then(over, over);
    return made;
  }

  async #inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    const endTurn = await this.#turns.take(this.#closing.signal);
    try {
      return await work();
    } catch (error) {
      this.#closing.signal.throwIfAborted();
      throw error;
    } finally {
      endTurn();
    }
  }

  #context(push: HeldPush): ReviewContext {
    const { quarantineDir, treeCache, open, log } = this.#options;
    return {
      push,
      isFinal: isFinal(push),
      quarantineDir,
      treeCache,
      oldContents: this.#oldContents,
      open: () => open(push.target),
      thread: this.#thread,
      signal: this.#closing.signal,
      log,
    };
  }

  /** Ends the thread; what is asked now throws SHUTTING_DOWN. */
  async close(): Promise<void> {
    this.#closing.abort(new RefgateError('SHUTTING_DOWN', 'refgate'));
    await this.#thread.close();
    await Promise.allSettled(this.#running.values());
  }
}

function isFinal(push: HeldPush): boolean {
  return finalStates.has(push.state);
}

const gone = (): FileDiff => ({ is: 'gone', note: removedText, added: 0, removed: 0, hunks: [] });
