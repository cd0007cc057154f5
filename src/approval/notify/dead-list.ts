import type { DeadNotice } from '../../domain/approval.ts';
import type { Store, StoreWrite } from '../../domain/store.ts';
import {
  type DeadRow,
  deadKey,
  deadRange,
  formatRow,
  parseRow,
  partsOf,
  type QueueRow,
  queueKey,
} from './rows.ts';

/** What was given up: kept for people to see and to put back in line, at most `max` for each notifier. */
export class DeadList {
  readonly #store: Store;
  readonly #max: number;
  /** Oldest first. */
  readonly #ids = new Map<string, Set<string>>();

  constructor(store: Store, max: number) {
    this.#store = store;
    this.#max = max;
  }

  async load(): Promise<void> {
    for await (const [key] of this.#store.range(deadRange)) {
      const { name, id } = partsOf(key);
      this.#of(name).add(id);
    }
  }

  count(name: string): number {
    return this.#ids.get(name)?.size ?? 0;
  }

  /** Takes a row out of line and keeps it here; the oldest are forgotten where there are too many. Durable when it resolves. */
  async add(name: string, row: QueueRow, error: string, now: number): Promise<void> {
    const dead: DeadRow = { ...row, time: new Date(now).toISOString(), error };
    const ids = this.#of(name);
    const dropped = [...ids].slice(0, Math.max(0, ids.size + 1 - this.#max));
    await this.#store.write([
      { type: 'del', key: queueKey(name, row.id) },
      { type: 'put', key: deadKey(name, row.id), value: formatRow(dead) },
      ...dropped.map((id): StoreWrite => ({ type: 'del', key: deadKey(name, id) })),
    ]);
    for (const id of dropped) ids.delete(id);
    ids.add(row.id);
  }

  /** Newest first. */
  async list(): Promise<readonly DeadNotice[]> {
    const all: DeadNotice[] = [];
    for await (const [key, value] of this.#store.range(deadRange)) {
      const { id, summary, time, attempts, error } = parseRow<DeadRow>(value);
      all.push({
        id,
        notifier: partsOf(key).name,
        type: summary.type,
        push: summary.push,
        time,
        attempts,
        error,
      });
    }
    return all.sort((a, b) => (a.time < b.time ? 1 : -1));
  }

  /** The dead of this id, or all, by the notifier that they are of. */
  find(id: string | undefined): readonly { readonly name: string; readonly id: string }[] {
    return [...this.#ids].flatMap(([name, ids]) =>
      id === undefined ? [...ids].map((one) => ({ name, id: one })) : ids.has(id) ? [{ name, id }] : [],
    );
  }

  /** Puts one back in line, due at `now`, as if it had never been tried. False when somebody else did so meanwhile. */
  async revive(name: string, id: string, now: number): Promise<boolean> {
    const ids = this.#of(name);
    if (!ids.delete(id)) return false;
    try {
      const value = await this.#store.get(deadKey(name, id));
      if (value === undefined) return false;
      const { summary, push } = parseRow<DeadRow>(value);
      const row: QueueRow = { id, summary, ...(push === undefined ? {} : { push }), attempts: 0, due: now };
      await this.#store.write([
        { type: 'put', key: queueKey(name, id), value: formatRow(row) },
        { type: 'del', key: deadKey(name, id) },
      ]);
      return true;
    } catch (error) {
      ids.add(id);
      throw error;
    }
  }

  #of(name: string): Set<string> {
    const ids = this.#ids.get(name) ?? new Set();
    this.#ids.set(name, ids);
    return ids;
  }
}
