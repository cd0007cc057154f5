import { RefgateError } from '../domain/error.ts';
import type { ObjectFormat, Oid } from '../domain/git.ts';
import type { FetchRequest, FetchSource } from '../domain/ports.ts';
import {
  type BorrowLimits,
  defaultBorrowLimits,
  type ReadOptions,
  readBorrowedPack,
} from './borrowed-pack.ts';
import type { BorrowedObject } from './quarantine.ts';

export interface BorrowOptions {
  readonly objectFormat: ObjectFormat;
  readonly limits?: BorrowLimits;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Objects of the upstream by oid, of any type, each hashed by us. Nothing is
 * given when the upstream lacks any of them. The source is the
 * caller's, and cannot be used afterwards. Throws what the source throws, and LIMIT_EXCEEDED (refgate).
 */
export async function borrowObjects(
  source: FetchSource,
  oids: readonly Oid[],
  options: BorrowOptions,
): Promise<readonly BorrowedObject[]> {
  const asked = new Set(oids);
  if (asked.size === 0) return [];
  const found: BorrowedObject[] = [];
  const limits = options.limits ?? defaultBorrowLimits;
  let room = limits.maxKeptBytes;
  const take = (object: BorrowedObject): boolean => {
    if (!asked.delete(object.oid)) return true;
    room -= object.content.length;
    if (room < 0)
      throw new RefgateError('LIMIT_EXCEEDED', 'refgate', `over ${limits.maxKeptBytes} bytes to borrow`);
    found.push(object);
    return asked.size > 0;
  };
  const reading = { format: options.objectFormat, limits, keep: 'all', take } as const;
  try {
    // The filter drops a tree that was asked for when a commit of the same request leads to it: it is asked for again.
    for (let before = asked.size + 1; asked.size > 0 && asked.size < before; ) {
      before = asked.size;
      await fetchObjects(source, { wants: [...asked], haves: [], deepen: 1 }, options.signal, reading);
    }
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
  return found;
}

/** Requests of one `borrowPresent`, at most. */
export const maxRequests = 32;

/**
 * Like borrowObjects, and gives what there is where some is absent: an upstream
 * that lacks one want gives nothing, so the wants are halved. `open` gives a new
 * source for each request, which is closed here.
 */
export async function borrowPresent(
  open: () => FetchSource,
  oids: readonly Oid[],
  options: BorrowOptions,
): Promise<readonly BorrowedObject[]> {
  const found: BorrowedObject[] = [];
  const groups: (readonly Oid[])[] = [[...new Set(oids)]];
  for (let requests = 0; requests < maxRequests; requests++) {
    const wants = groups.shift();
    if (wants === undefined) break;
    const source = open();
    try {
      const objects = await borrowObjects(source, wants, options);
      found.push(...objects);
      const middle = wants.length >> 1;
      if (objects.length === 0 && middle > 0) groups.push(wants.slice(0, middle), wants.slice(middle));
    } finally {
      source.close();
    }
  }
  return found;
}

/**
 * One fetch of wanted objects and of commits, without the trees and blobs
 * below them where the upstream can filter; `treeDepth` 1 gives the root tree of each commit as well. Reading ends early when `take` says so,
 * and then the source cannot be used any more. Throws HUNG_UP once `signal` aborts.
 */
export async function fetchObjects(
  source: FetchSource,
  ask: {
    readonly wants: readonly Oid[];
    readonly haves: readonly Oid[];
    readonly deepen?: number;
    readonly treeDepth?: 0 | 1;
  },
  signal: AbortSignal | undefined,
  options: ReadOptions,
): Promise<void> {
  if (signal?.aborted) throw new RefgateError('HUNG_UP', 'client');
  const close = () => source.close();
  signal?.addEventListener('abort', close, { once: true });
  try {
    const { filter, shallow, objectFormat } = await source.capabilities();
    if (objectFormat !== options.format)
      throw new RefgateError('UPSTREAM_PROTOCOL', 'upstream', `its object format is ${objectFormat}`);
    const response = await source.fetch({
      ...emptyRequest,
      wants: ask.wants,
      haves: ask.haves,
      ...(ask.deepen !== undefined && shallow ? { deepen: ask.deepen } : {}),
      ...(filter ? { filter: `tree:${ask.treeDepth ?? 0}` } : {}),
    });
    if (!response.pack) throw new RefgateError('UPSTREAM_PROTOCOL', 'upstream', 'no pack came after done');
    if (!(await readBorrowedPack(response.pack, options))) response.cancel();
  } catch (error) {
    if (signal?.aborted) throw new RefgateError('HUNG_UP', 'client', undefined, { cause: error });
    throw error;
  } finally {
    signal?.removeEventListener('abort', close);
  }
}

/** A fetch of nothing, in one answer without deltas upon what it does not hold: what is wanted is filled in. */
export const emptyRequest: FetchRequest = {
  wants: [],
  haves: [],
  done: true,
  shallow: [],
  deepenNot: [],
  deepenRelative: false,
  thinPack: false,
  noProgress: true,
  includeTag: false,
  ofsDelta: true,
  waitForDone: false,
};

/** The words of git, JGit and libgit2 for a want that they do not have. */
export function isAbsent(error: unknown): boolean {
  return (
    error instanceof RefgateError &&
    (error.code === 'UPSTREAM_REFUSED' || error.code === 'UPSTREAM_PROTOCOL') &&
    /not our ref|not valid|object not found|missing object|bad object/i.test(error.message)
  );
}
