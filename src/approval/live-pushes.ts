import type { HeldPush, Outbox } from '../domain/approval.ts';
import type { EventPayloads, Recorder } from '../domain/record.ts';
import type { Store } from '../domain/store.ts';
import type { Change } from './changes.ts';
import { type HeldRow, putRow, readLive, readRow } from './held-rows.ts';
import { isFinal } from './states.ts';
import { noPush } from './told.ts';

/** Where held pushes are kept, and who is told of their changes. */
interface Keeping {
  readonly store: Store;
  readonly recorder: Recorder;
  readonly outbox: Outbox;
  /** The page of a push. */
  urlOf(id: string): string;
  /** Milliseconds since 1970. */
  clock(): number;
}

/**
 * The held pushes that are not in a final state, in memory as on disk. A
 * change is one batch with its event and its notice, and memory follows once
 * that is durable; when it cannot be recorded nothing changes.
 */
export class LivePushes {
  readonly #keeping: Keeping;
  readonly #pushes = new Map<string, HeldPush>();
  readonly #rawPushOptions = new Map<string, readonly string[]>();
  readonly #byBinding = new Map<string, string>();

  constructor(keeping: Keeping) {
    this.#keeping = keeping;
  }

  async load(): Promise<void> {
    for (const row of await readLive(this.#keeping.store)) this.#remember(row);
  }

  get pushes(): ReadonlyMap<string, HeldPush> {
    return this.#pushes;
  }

  get(id: string): HeldPush | undefined {
    return this.#pushes.get(id);
  }

  /** The live push, or the finished one that is stored. @throws NOT_FOUND */
  async need(id: string): Promise<HeldPush> {
    const push = this.#pushes.get(id) ?? (await this.stored(id));
    if (!push) throw noPush(id);
    return push;
  }

  async stored(id: string): Promise<HeldPush | undefined> {
    return (await readRow(this.#keeping.store, id))?.push;
  }

  byBinding(binding: string): string | undefined {
    return this.#byBinding.get(binding);
  }

  optionsOf(id: string): readonly string[] {
    const options = this.#rawPushOptions.get(id);
    if (!options) throw noPush(id);
    return options;
  }

  /** Makes the change durable, then visible. Throws what the recorder throws. */
  async apply(
    change: Change,
    rawPushOptions = this.#rawPushOptions.get(change.push.id) ?? [],
  ): Promise<void> {
    const { push, told, by } = change;
    const row = { push, rawPushOptions: isFinal(push.state) ? [] : rawPushOptions };
    const writes = [...putRow(row, !this.#pushes.has(push.id)), ...this.#noticeWrites(change)];
    await this.#keeping.recorder.append(told.code, told.data, { session: push.session, actor: by, writes });
    this.#remember(row);
  }

  /** Records what changes no row. */
  async note<C extends 'push.joined' | 'push.detached'>(
    code: C,
    data: EventPayloads[C],
    session: string,
  ): Promise<void> {
    await this.#keeping.recorder.append(code, data, { session, actor: 'refgate' });
  }

  #noticeWrites({ push, by, notice }: Change) {
    if (!notice) return [];
    const { outbox, urlOf, clock } = this.#keeping;
    return outbox.writes({
      type: notice.type,
      time: new Date(clock()).toISOString(),
      push,
      url: urlOf(push.id),
      by: notice.by ?? by,
      ...(notice.reason === undefined ? {} : { reason: notice.reason }),
    });
  }

  #remember({ push, rawPushOptions }: HeldRow): void {
    if (!isFinal(push.state)) {
      this.#pushes.set(push.id, push);
      this.#rawPushOptions.set(push.id, rawPushOptions);
      this.#byBinding.set(push.binding, push.id);
      return;
    }
    this.#pushes.delete(push.id);
    this.#rawPushOptions.delete(push.id);
    if (this.#byBinding.get(push.binding) === push.id) this.#byBinding.delete(push.binding);
  }
}
