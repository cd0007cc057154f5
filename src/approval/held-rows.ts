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

/** What a list may be narrowed by; each combination has its own folder of keys. */
export interface HeldFilter {
  readonly user?: string | undefined;
  readonly repo?: string | undefined;
  readonly state?: HeldState | undefined;
}

const folders = { push: 'held!push!', live: 'held!live!', by: 'held!by!' } as const;

/** More refs than these are not in the index; such a push is looked at itself. */
const maxIndexedRefs = 256;

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
  const refs = Buffer.from(JSON.stringify(push.refs.length > maxIndexedRefs ? [] : refsOf(push)));
  return [
    { type: 'put', key: folders.push + push.id, value: Buffer.from(JSON.stringify(row)) },
    isOver ? { type: 'del', ...live } : { type: 'put', ...live, value: new Uint8Array() },
    ...(isNew ? indexKeys(push, undefined) : []).map((key) => ({ type: 'put' as const, key, value: refs })),
    ...(isOver ? indexKeys(push, push.state) : []).map((key) => ({ type: 'put' as const, key, value: refs })),
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
 * The ids of the pushes that pass the filter, newest first, of one range of
 * the store. @param ref only pushes that may have it; @param before a place.
 */
export async function* findIds(
  store: Store,
  filter: HeldFilter,
  ref: string | undefined,
  before: string | undefined,
): AsyncGenerator<string> {
  const folder = indexFolder(filter);
  const to = before === undefined ? end(folder) : folder + before;
  for await (const [key, value] of store.range({ from: folder, to, reverse: true })) {
    if (ref !== undefined && !mayHave(value, ref)) continue;
    yield key.slice(key.lastIndexOf('!') + 1);
  }
}

function mayHave(value: Uint8Array, ref: string): boolean {
  const refs = Buffer.from(value).toString();
  return refs === '[]' || refs.includes(JSON.stringify(ref));
}

function refsOf(push: HeldPush): readonly string[] {
  return push.refs.map((update) => update.ref);
}

function indexKeys(push: HeldPush, state: HeldState | undefined): string[] {
  const { repo } = push;
  const { user } = push.principal;
  const filters = [{ state }, { user, state }, { repo, state }, { user, repo, state }];
  return filters.map((filter) => indexFolder(filter) + placeOf(push));
}

function indexFolder({ user, repo, state }: HeldFilter): string {
  const values = [user ?? null, repo ?? null, state ?? null];
  const digest = createHash('sha256').update(JSON.stringify(values)).digest('hex');
  return `${folders.by}${digest.slice(0, 32)}!`;
}
