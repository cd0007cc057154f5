import { setTimeout as sleep } from 'node:timers/promises';
import type { FileDiff, HeldPush, PushReviews, RefReview, ReviewFile } from '../domain/approval.ts';
import { RefgateError } from '../domain/error.ts';
import type { Log } from '../domain/log.ts';

/** How long a page waits for what the upstream must be asked for, in ms. */
const reviewWithin = 5_000;
/** How long a page waits for diffs, in ms; what is not there by then is linked. */
const diffsWithin = 100;
const mostDiffs = 20;
/** Lines of all diffs of one page together. */
const mostLines = 3_000;
/** Files of more bytes are linked only. */
const smallFile = 64 * 1024;

/** A review as far as it was there in time. */
export interface ReadReview {
  readonly refs: readonly RefReview[];
  /** Why there is none, in one line that says what to do. */
  readonly failed?: string;
  /** By `diffKey`. */
  readonly diffs: ReadonlyMap<string, FileDiff>;
}

/** Names one file of one update. */
export function diffKey(ref: string, path: string): string {
  return `${ref}\0${path}`;
}

/** Lines that the diff shows. */
export function lineCount({ hunks }: FileDiff): number {
  return hunks.reduce((sum, { lines }) => sum + lines.length, 0);
}

/**
 * What the push would do, and the diffs of its first small files, as far as they are ready in
 * time. Never throws: what could not be read is said in `failed`.
 */
export async function readReview(
  ports: { readonly reviews: PushReviews; readonly log: Log },
  push: HeldPush,
): Promise<ReadReview> {
  try {
    const refs = await within(reviewWithin, () => ports.reviews.review(push));
    if (refs === undefined)
      return { refs: [], diffs: new Map(), failed: 'it takes long to read; load the page again in a while' };
    return { refs, diffs: await readDiffs(ports, push, refs) };
  } catch (error) {
    return { refs: [], diffs: new Map(), failed: whyNot(error, ports.log) };
  }
}

/** One line for people on why something could not be read; what is not theirs to know goes into the log. */
export function whyNot(error: unknown, log: Log): string {
  if (error instanceof RefgateError && error.blame !== 'refgate') return error.message;
  log.error({ err: error }, 'review of a held push failed');
  return 'something went wrong inside Refgate; see its log';
}

async function readDiffs(
  ports: { readonly reviews: PushReviews; readonly log: Log },
  push: HeldPush,
  refs: readonly RefReview[],
): Promise<ReadonlyMap<string, FileDiff>> {
  const diffs = new Map<string, FileDiff>();
  const end = performance.now() + diffsWithin;
  let left = mostLines;
  for (const { ref, path } of firstSmall(refs)) {
    const time = end - performance.now();
    if (time <= 0) break;
    const diff = await within(time, () => ports.reviews.diff(push, ref, path)).catch((error: unknown) => {
      ports.log.debug({ err: error }, 'diff of a held push failed');
      return undefined;
    });
    if (diff === undefined) continue;
    left -= lineCount(diff);
    if (left < 0) break;
    diffs.set(diffKey(ref, path), diff);
  }
  return diffs;
}

function firstSmall(refs: readonly RefReview[]): readonly { readonly ref: string; readonly path: string }[] {
  const isSmall = ({ size = 0, lfs }: ReviewFile): boolean => size <= smallFile && lfs !== true;
  return refs
    .flatMap(({ ref, files }) => files.filter(isSmall).map(({ path }) => ({ ref: ref.ref, path })))
    .slice(0, mostDiffs);
}

/** What `work` gives, or undefined when that takes more than `ms`; a later failure is nobody's. */
export async function within<T>(ms: number, work: () => Promise<T>): Promise<T | undefined> {
  const over = new AbortController();
  const working = work();
  working.catch(() => {});
  try {
    return await Promise.race([
      working,
      sleep(ms, undefined, { signal: over.signal }).catch(() => undefined),
    ]);
  } finally {
    over.abort();
  }
}
