import { mkdir, readdir } from 'node:fs/promises';
import { Level } from 'level';
import { RefgateError } from '../domain/error.ts';
import type { Store, StoreRange, StoreWrite } from '../domain/store.ts';

const rowsPerRead = 512;
const bytesPerRead = 1 << 20;

/**
 * Opens the LevelDB in `dir`, which is made with mode 0700 when it is not
 * there. Every write is synced. Throws CONFLICT when another process has it
 * open, CONFIG_INVALID when it cannot be opened for another reason.
 */
export async function openLevelStore(dir: string): Promise<Store> {
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await refuseHeadless(dir);
    // Not before: it opens by itself at the next tick.
    const db = new Level<string, Uint8Array>(dir, { keyEncoding: 'utf8', valueEncoding: 'view' });
    await db.open();
    return new LevelStore(db);
  } catch (cause) {
    throw openError(dir, cause);
  }
}

/** LevelDB takes a folder without CURRENT for a new one: it would begin an empty database, and delete the files of the old. */
export async function refuseHeadless(dir: string): Promise<void> {
  const names = await readdir(dir);
  if (names.includes('CURRENT') || !names.some((name) => /\.(ldb|sst|log)$/.test(name))) return;
  throw new Error('it holds files but no CURRENT; restore the folder from a backup');
}

/** CONFLICT where another process has it open, CONFIG_INVALID otherwise. */
export function openError(dir: string, cause: unknown): RefgateError {
  const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  if (reason instanceof Error && 'code' in reason && reason.code === 'LEVEL_LOCKED') {
    const advice = `another process has ${dir} open; stop it, or choose another data folder`;
    return new RefgateError('CONFLICT', 'operator', advice, { cause });
  }
  const text = reason instanceof Error ? reason.message : String(reason);
  return new RefgateError('CONFIG_INVALID', 'operator', `the database ${dir} cannot be opened: ${text}`, {
    cause,
  });
}

class LevelStore implements Store {
  readonly #db: Level<string, Uint8Array>;

  constructor(db: Level<string, Uint8Array>) {
    this.#db = db;
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#db.get(key);
  }

  async write(batch: readonly StoreWrite[]): Promise<void> {
    // The chained form costs a sixth of the processor time of `batch(array)`, which clones every write.
    const chain = this.#db.batch();
    for (const write of batch) {
      if (write.type === 'put') chain.put(write.key, write.value);
      else chain.del(write.key);
    }
    await chain.write({ sync: true });
  }

  async *range(range: StoreRange): AsyncIterable<readonly [key: string, value: Uint8Array]> {
    const rows = this.#db.iterator({
      gte: range.from,
      lt: range.to,
      reverse: range.reverse ?? false,
      limit: range.limit ?? -1,
      highWaterMarkBytes: bytesPerRead,
    });
    try {
      for (let read = await rows.nextv(rowsPerRead); read.length > 0; read = await rows.nextv(rowsPerRead)) {
        yield* read;
      }
    } finally {
      await rows.close();
    }
  }

  close(): Promise<void> {
    return this.#db.close();
  }
}
