import { createHash } from 'node:crypto';
import type { HeldPush, HeldState } from '../domain/approval.ts';
import type { Store, StoreWrite } from '../domain/store.ts';
import { isFinal } from './states.ts';

/** A held push as it is stored. */
export interface HeldRow {
  readonly push: HeldPush;
  /** Push options as the client sent them, secrets and all; only as long as the push is not in a final state. */
  readonly rawPushOptions: readonly string[];
}

/** What a list may be narrowed by. */
export interface HeldFilter {
  readonly user?: string | undefined;
  readonly repo?: string | undefined;
  readonly ref?: string | undefined;
  readonly state?: HeldState | undefined;
}

const folders = { push: 'held!push!', live: 'held!live!', by: 'held!by!' } as const;

/** A push of more refs than these is found by any ref, and then looked at itself. */
const maxIndexedRefs = 256;

/** Stands for the refs of a push that has too many of them; no ref name has a space. */
const manyRefs = 'many refs';

const nothing = new Uint8Array();

/** The last character of a folder's name is '!', and '"' comes after it. */
const end = (folder: string): string => `${folder.slice(0, -1)}"`;

/**
 * The writes that make the row durable, with the keys under which it is found.
 * In the index a push is from its opening (`isNew`) on, and under its state
 * once that is final; so none of its keys ever changes.
 */
export function putRow(row: HeldRow, isNew: boolean): StoreWrite[] {
  const { push } = row;
  const live = { key: folders.live + push.id };
  const isOver = isFinal(push.state);
  const keys = [...(isNew ? indexKeys(push, undefined) : []), ...(isOver ? indexKeys(push, push.state) : [])];
  const refs = Buffer.from(JSON.stringify(push.refs.length > maxIndexedRefs ? [] : refsOf(push)));
  return [
    { type: 'put', key: folders.push + push.id, value: Buffer.from(JSON.stringify(row)) },
    isOver ? { type: 'del', ...live } : { type: 'put', ...live, value: nothing },
    ...keys.map(({ key, isByRef }): StoreWrite => ({ type: 'put', key, value: isByRef ? nothing : refs })),
  ];
}

/** The row of one push; undefined when there is none. */
export async function readRow(store: Store, id: string): Promise<HeldRow | undefined> {
  const bytes = await store.get(folders.push + id);
  return bytes && JSON.parse(Buffer.from(bytes).toString());
}

/** Every push that is not in a final state. */
export async function readLive(store: Store): Promise<HeldRow[]> {
  const rows: HeldRow[] = [];
  for await (const [key] of store.range({ from: folders.live, to: end(folders.live) })) {
    const row = await readRow(store, key.slice(folders.live.length));
    if (row) rows.push(row);
  }
  return rows;
}

/** Where a push stands in every list, newest last. */
export function placeOf(push: HeldPush): string {
  return `${Date.parse(push.openedAt).toString(16).padStart(12, '0')}!${push.id}`;
}

/**
 * The ids of the pushes that may pass the filter, newest first, before the
 * place `before`. There are folders for user, repository and state in any
 * combination, in which each push is kept with its refs; and for ref and state.
 */
export async function* findIds(
  store: Store,
  filter: HeldFilter,
  before: string | undefined,
): AsyncGenerator<string> {
  const { ref, ...others } = filter;
  if (ref === undefined || others.user !== undefined || others.repo !== undefined) {
    yield* idsOf(placesIn(store, others, before, ref));
    return;
  }
  const exact = placesIn(store, filter, before);
  const many = placesIn(store, { ...filter, ref: manyRefs }, before);
  yield* idsOf(newestFirst(exact, many));
}

/** @param ref only of pushes that may have it */
async function* placesIn(
  store: Store,
  filter: HeldFilter,
  before: string | undefined,
  ref?: string,
): AsyncGenerator<string> {
  const folder = indexFolder(filter);
  const to = before === undefined ? end(folder) : folder + before;
  for await (const [key, value] of store.range({ from: folder, to, reverse: true })) {
    if (ref === undefined || mayHave(value, ref)) yield key.slice(folder.length);
  }
}

async function* idsOf(places: AsyncGenerator<string>): AsyncGenerator<string> {
  for await (const place of places) yield place.slice(place.lastIndexOf('!') + 1);
}

/** Merges two descending lists. */
async function* newestFirst(a: AsyncGenerator<string>, b: AsyncGenerator<string>): AsyncGenerator<string> {
  try {
    let [left, right] = await Promise.all([a.next(), b.next()]);
    while (!left.done || !right.done) {
      if (right.done || (!left.done && left.value > right.value)) {
        yield left.value;
        left = await a.next();
      } else {
        yield right.value;
        right = await b.next();
      }
    }
  } finally {
    await Promise.all([a.return(undefined), b.return(undefined)]);
  }
}

function mayHave(value: Uint8Array, ref: string): boolean {
  const refs = Buffer.from(value).toString();
  return refs === '[]' || refs.includes(JSON.stringify(ref));
}

function refsOf(push: HeldPush): readonly string[] {
  return push.refs.map((update) => update.ref);
}

function indexKeys(push: HeldPush, state: HeldState | undefined): { key: string; isByRef: boolean }[] {
  const { repo } = push;
  const { user } = push.principal;
  const refs = push.refs.length > maxIndexedRefs ? [manyRefs] : refsOf(push);
  const filters = [{ state }, { user, state }, { repo, state }, { user, repo, state }];
  const byRef = refs.map((ref) => ({ ref, state }));
  const keyOf = (filter: HeldFilter) => indexFolder(filter) + placeOf(push);
  return [
    ...filters.map((filter) => ({ key: keyOf(filter), isByRef: false })),
    ...byRef.map((filter) => ({ key: keyOf(filter), isByRef: true })),
  ];
}

function indexFolder({ user, repo, ref, state }: HeldFilter): string {
  const values = [user, repo, ref, state].map((value) => value ?? null);
  const digest = createHash('sha256').update(JSON.stringify(values)).digest('hex');
  return `${folders.by}${digest.slice(0, 32)}!`;
}
