import type { HeldPush } from '../domain/approval.ts';
import type { Log } from '../domain/log.ts';

type Listener = (push: HeldPush) => void;

/** Who hears of changes: of all pushes, or of one. */
export class Watchers {
  readonly #log: Log;
  readonly #all = new Set<{ readonly call: Listener }>();
  readonly #one = new Map<string, Set<{ readonly call: Listener }>>();

  constructor(log: Log) {
    this.#log = log;
  }

  all(call: Listener): () => void {
    const watcher = { call };
    this.#all.add(watcher);
    return () => void this.#all.delete(watcher);
  }

  one(id: string, call: Listener): () => void {
    const watcher = { call };
    const set = this.#one.get(id) ?? new Set();
    this.#one.set(id, set.add(watcher));
    return () => {
      set.delete(watcher);
      if (set.size === 0 && this.#one.get(id) === set) this.#one.delete(id);
    };
  }

  tell(push: HeldPush): void {
    for (const watcher of [...this.#all, ...(this.#one.get(push.id) ?? [])]) {
      try {
        watcher.call(push);
      } catch (err) {
        this.#log.error({ err, push: push.id }, 'listener of held pushes failed');
      }
    }
  }

  /** Resolves with the push as soon as `isThere` says so of a change of it. Rejects with the signal's reason. */
  until(
    id: string,
    isThere: (push: HeldPush) => boolean,
    signal: AbortSignal,
    onChange?: Listener,
  ): Promise<HeldPush> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const onAbort = () => {
        unwatch();
        reject(signal.reason);
      };
      const unwatch = this.one(id, (push) => {
        if (!isThere(push)) return onChange?.(push);
        unwatch();
        signal.removeEventListener('abort', onAbort);
        resolve(push);
      });
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}
