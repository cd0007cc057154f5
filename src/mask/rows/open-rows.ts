import { RefgateError } from '../../domain/error.ts';
import type { ObjectType, Oid } from '../../domain/git.ts';
import type { BytesStore } from '../../domain/store.ts';
import type { KeepFolder } from './keep-folder.ts';
import { OidLists } from './oid-lists.ts';
import { WritingBatch } from './row-batch.ts';
import {
  epochListPrefix,
  epochPrefix,
  metaKey,
  originalKey,
  parseOriginalOf,
  parseViewOf,
  secretKey,
  spansKey,
  viewKey,
} from './row-keys.ts';
import { deriveRowKeys, type RowKeys, unsealSecret } from './sealed-secret.ts';
import type { KeptSecret, Pin, RowBatch, ViewRows } from './view-rows.ts';

/**
 * The rows of one repository over a store and the folder with its key and pins. Closing them closes both. Throws
 * CONFIG_INVALID where the rows were written under another key.
 */
export async function openViewRows(store: BytesStore, keep: KeepFolder): Promise<ViewRows> {
  const keys = deriveRowKeys(keep.key);
  await checkKey(store, keys);
  return new Rows(store, keep, keys, await OidLists.load(store));
}

const keyName = 'key';

async function checkKey(store: BytesStore, keys: RowKeys): Promise<void> {
  const key = metaKey(keyName);
  const known = store.getSync(key);
  if (known === undefined) return store.write([{ type: 'put', key, value: keys.id }]);
  if (known.equals(keys.id)) return;
  const detail =
    'the rows of a masked view were written under another key; restore its folder keep from a backup, or remove its folder rows';
  throw new RefgateError('CONFIG_INVALID', 'operator', detail);
}

class Rows implements ViewRows {
  readonly #store: BytesStore;
  readonly #keep: KeepFolder;
  readonly #keys: RowKeys;
  readonly #lists: OidLists;

  constructor(store: BytesStore, keep: KeepFolder, keys: RowKeys, lists: OidLists) {
    this.#store = store;
    this.#keep = keep;
    this.#keys = keys;
    this.#lists = lists;
  }

  viewOf(original: Oid, epoch: number): { type: ObjectType; oid: Oid } | undefined {
    const pin = this.#keep.pinnedView(original);
    if (pin !== undefined) return { type: pin.type, oid: pin.view };
    if (!this.#lists.mayHold(original, epoch)) return undefined;
    const value = this.#store.getSync(originalKey(epoch, original));
    return value === undefined ? undefined : parseViewOf(value);
  }

  originalOf(view: Oid): { type: ObjectType; oid: Oid; epoch: number } | undefined {
    const value = this.#lists.mayHold(view) ? this.#store.getSync(viewKey(view)) : undefined;
    if (value !== undefined) return parseOriginalOf(value);
    const pinned = this.#keep.pinnedOriginal(view);
    return pinned === undefined ? undefined : { type: pinned.type, oid: pinned.original, epoch: 0 };
  }

  originalsFrom(prefix: string, epoch: number, limit: number): readonly Oid[] {
    return merged(this.#lists.from(prefix, limit, epoch), this.#keep.pinnedOriginals(), prefix, limit);
  }

  viewsFrom(prefix: string, limit: number): readonly Oid[] {
    return merged(this.#lists.from(prefix, limit), this.#keep.pinnedViews(), prefix, limit);
  }

  pinOf(original: Oid): Pin | undefined {
    return this.#keep.pinOf(original);
  }

  secretOf(placeholder: string): KeptSecret | undefined {
    const sealed = this.#store.getSync(secretKey(placeholder));
    return sealed === undefined ? undefined : unsealSecret(this.#keys, placeholder, sealed);
  }

  spansOf(original: Oid): readonly { start: number; end: number; rule: string }[] {
    const value = this.#store.getSync(spansKey(original));
    if (value === undefined) return [];
    const rows = JSON.parse(value.toString('utf8')) as readonly [number, number, string][];
    return rows.map(([start, end, rule]) => ({ start, end, rule }));
  }

  meta(name: string): Buffer | undefined {
    return this.#store.getSync(metaKey(name));
  }

  isAnyAffected(epoch: number): boolean {
    return this.#keep.pinCount > 0 || this.#lists.isAny(epoch);
  }

  batch(epoch: number): RowBatch {
    return new WritingBatch(this.#store, this.#keep, this.#keys, this.#lists, epoch);
  }

  /** The lists first: what is left after a crash is found by nobody, and removed the next time. */
  async dropEpoch(epoch: number): Promise<void> {
    this.#lists.forget(epoch);
    await this.#store.clear(epochListPrefix(epoch));
    await this.#store.clear(epochPrefix(epoch));
  }

  async check(): Promise<void> {
    for await (const _ of this.#store.range(Buffer.alloc(0)));
  }

  async close(): Promise<void> {
    this.#keep.close();
    await this.#store.close();
  }
}

function merged(found: readonly Oid[], pinned: Iterable<Oid>, prefix: string, limit: number): readonly Oid[] {
  const all = new Set(found);
  for (const oid of pinned) {
    if (all.size >= limit) break;
    if (oid.startsWith(prefix)) all.add(oid);
  }
  return [...all].sort();
}
