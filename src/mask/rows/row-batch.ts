import { RefgateError } from '../../domain/error.ts';
import type { ObjectType, Oid } from '../../domain/git.ts';
import type { BytesStore, BytesWrite } from '../../domain/store.ts';
import type { KeepFolder } from './keep-folder.ts';
import type { OidLists } from './oid-lists.ts';
import {
  formatOriginalOf,
  formatViewOf,
  metaKey,
  originalKey,
  secretKey,
  spansKey,
  viewKey,
} from './row-keys.ts';
import { type RowKeys, sealSecret } from './sealed-secret.ts';
import type { KeptSecret, Pin, RowBatch } from './view-rows.ts';

/** Collects the writes of one step. Pins are on disk before anything else of the batch. */
export class WritingBatch implements RowBatch {
  readonly #store: BytesStore;
  readonly #keep: KeepFolder;
  readonly #keys: RowKeys;
  readonly #lists: OidLists;
  readonly #epoch: number;
  readonly #writes: BytesWrite[] = [];
  readonly #pins: { original: Oid; pin: Pin }[] = [];
  readonly #originals: Oid[] = [];
  readonly #views: Oid[] = [];
  readonly #secrets = new Set<string>();
  #isWritten = false;

  constructor(store: BytesStore, keep: KeepFolder, keys: RowKeys, lists: OidLists, epoch: number) {
    this.#store = store;
    this.#keep = keep;
    this.#keys = keys;
    this.#lists = lists;
    this.#epoch = epoch;
  }

  pair(type: ObjectType, original: Oid, view: Oid): void {
    this.#put(originalKey(this.#epoch, original), formatViewOf(type, view));
    this.#originals.push(original);
    this.#viewOf(type, original, view);
  }

  pin(original: Oid, pin: Pin): void {
    this.#pins.push({ original, pin });
    this.#viewOf(pin.type, original, pin.view);
  }

  #viewOf(type: ObjectType, original: Oid, view: Oid): void {
    this.#put(viewKey(view), formatOriginalOf(type, original, this.#epoch));
    this.#views.push(view);
  }

  secret(placeholder: string, kept: KeptSecret): void {
    const key = secretKey(placeholder);
    // The first object that held it stays the first.
    if (this.#secrets.has(placeholder) || this.#store.getSync(key) !== undefined) return;
    this.#secrets.add(placeholder);
    this.#put(key, sealSecret(this.#keys, placeholder, kept));
  }

  spans(
    original: Oid,
    spans: readonly { readonly start: number; readonly end: number; readonly rule: string }[],
  ): void {
    const rows = spans.map(({ start, end, rule }) => [start, end, rule]);
    this.#put(spansKey(original), Buffer.from(JSON.stringify(rows), 'utf8'));
  }

  meta(name: string, value: Buffer | undefined): void {
    if (name === 'key') throw new RefgateError('INTERNAL', 'refgate', 'the name is taken');
    if (value === undefined) this.#writes.push({ type: 'del', key: metaKey(name) });
    else this.#put(metaKey(name), value);
  }

  #put(key: Buffer, value: Buffer): void {
    this.#writes.push({ type: 'put', key, value });
  }

  async write(): Promise<void> {
    if (this.#isWritten) throw new RefgateError('INTERNAL', 'refgate', 'a batch of rows is written once');
    this.#isWritten = true;
    this.#keep.addPins(this.#pins);
    await this.#lists.inTurn(() => {
      const lists = [...this.#lists.add(this.#originals, this.#epoch), ...this.#lists.add(this.#views)];
      return this.#store.write([...this.#writes, ...lists]);
    });
  }
}
