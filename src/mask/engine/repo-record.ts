import type { EventCode, EventPayloads } from '../../domain/record.ts';
import type { StoreWrite } from '../../domain/store.ts';
import type { RepoDeps } from './repo-deps.ts';
import { putTarget, type TargetRow } from './target-row.ts';

/** An event that is written in one batch with what it tells. */
export type RowEvent = {
  [C in EventCode]: { readonly code: C; readonly data: EventPayloads[C]; readonly actor: string };
}[EventCode];

/** The row of one target: it counts once it is on disk, and changes come one after another. */
export class RepoRecord {
  readonly #deps: Pick<RepoDeps, 'store' | 'recorder'>;
  readonly #id: string;
  #row: TargetRow | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(deps: Pick<RepoDeps, 'store' | 'recorder'>, id: string, row: TargetRow | undefined) {
    this.#deps = deps;
    this.#id = id;
    this.#row = row;
  }

  get row(): TargetRow | undefined {
    return this.#row;
  }

  /**
   * Writes what `change` makes of the row as it then is, in one batch with the event and `more`. Throws what `change`, the
   * store and the recorder throw; memory stays as it was then.
   */
  change(
    change: (row: TargetRow | undefined) => TargetRow,
    { event, more = [] }: { readonly event?: RowEvent; readonly more?: readonly StoreWrite[] } = {},
  ): Promise<void> {
    const write = async (): Promise<void> => {
      const row = change(this.#row);
      const writes = [putTarget(this.#id, row), ...more];
      if (event === undefined) await this.#deps.store.write(writes);
      else await this.#deps.recorder.append(event.code, event.data, { actor: event.actor, writes });
      this.#row = row;
    };
    const written = this.#last.then(write);
    this.#last = written.catch(() => undefined);
    return written;
  }

  /** Where it cannot be written either: counts for this process only. */
  remember(row: TargetRow): void {
    this.#row = row;
  }
}
