import type { ViewMode } from '../domain/mask.ts';
import type { FetchRequest } from '../domain/ports.ts';
import type { FetchWork } from './fetch-work.ts';

/** The most names of one kind that one event holds; a request may have a million, and the ledger is kept. */
const maxRecorded = 10_000;

/** Writes what is wanted, before the upstream is asked for it. `haveCount` is left out where haves come later. */
export async function recordFetch(work: FetchWork, request: FetchRequest, haveCount?: number): Promise<void> {
  const { wants, filter, deepen, deepenSince, deepenNot } = request;
  await work.session.record('fetch.requested', {
    target: work.target,
    ...viewIn(work),
    wants: wants.slice(0, maxRecorded),
    wantCount: wants.length,
    ...(haveCount === undefined ? {} : { haveCount }),
    ...(filter === undefined ? {} : { filter }),
    ...(deepen === undefined ? {} : { depth: deepen }),
    ...(deepenSince === undefined ? {} : { deepenSince }),
    ...(deepenNot.length === 0 ? {} : { deepenNot: deepenNot.slice(0, maxRecorded) }),
  });
}

/** Writes which refs are to be listed, before the upstream is asked for them; no prefix means all. */
export async function recordLsRefs(work: FetchWork, prefixes: readonly string[]): Promise<void> {
  await work.session.record('fetch.requested', {
    target: work.target,
    ...viewIn(work),
    refPrefixes: prefixes.slice(0, maxRecorded),
    ...(prefixes.length > maxRecorded ? { refPrefixCount: prefixes.length } : {}),
  });
}

const viewIn = ({ session: { view } }: FetchWork): { readonly view?: ViewMode } =>
  view === undefined ? {} : { view: view.mode };
