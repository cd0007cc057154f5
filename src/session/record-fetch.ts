import type { FetchRequest } from '../domain/ports.ts';
import type { FetchWork } from './fetch-work.ts';

/** Writes what is wanted, before the upstream is asked for it. */
export async function recordFetch(work: FetchWork, request: FetchRequest): Promise<void> {
  const { filter, deepen, deepenSince, deepenNot } = request;
  await work.session.record('fetch.requested', {
    target: work.target,
    wants: [...request.wants],
    wantCount: request.wants.length,
    haveCount: request.haves.length,
    ...(filter === undefined ? {} : { filter }),
    ...(deepen === undefined ? {} : { depth: deepen }),
    ...(deepenSince === undefined ? {} : { deepenSince }),
    ...(deepenNot.length === 0 ? {} : { deepenNot: [...deepenNot] }),
  });
}
