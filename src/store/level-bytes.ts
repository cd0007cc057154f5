import { mkdir } from 'node:fs/promises';
import { Level } from 'level';
import type { BytesStore, BytesWrite } from '../domain/store.ts';
import { openError, refuseHeadless } from './level.ts';

const rowsPerRead = 512;
const bytesPerRead = 1 << 20;

/**
 * Opens the LevelDB in `dir` with keys of bytes; the folder is made with mode 0700 when it is not there. Every write is
 * synced. Throws CONFLICT when another process has it open, CONFIG_INVALID when it cannot be opened for another reason.
 */
export async function openLevelBytes(dir: string): Promise<BytesStore> {
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await refuseHeadless(dir);
    const db = new Level<Buffer, Buffer>(dir, { keyEncoding: 'buffer', valueEncoding: 'buffer' });
    await db.open();
    return new LevelBytes(db);
  } catch (cause) {
    throw openError(dir, cause);
  }
}

class LevelBytes implements BytesStore {
  readonly #db: Level<Buffer, Buffer>;

  constructor(db: Level<Buffer, Buffer>) {
    this.#db = db;
  }

  getSync(key: Uint8Array): Buffer | undefined {
    return this.#db.getSync(bufferOf(key));
  }

  async write(batch: readonly BytesWrite[]): Promise<void> {
    const chain = this.#db.batch();
    for (const write of batch) {
      if (write.type === 'put') chain.put(bufferOf(write.key), bufferOf(write.value));
      else chain.del(bufferOf(write.key));
    }
    await chain.write({ sync: true });
  }

  async *range(prefix: Uint8Array, limit = -1): AsyncIterable<readonly [key: Buffer, value: Buffer]> {
    const rows = this.#db.iterator({ ...rangeOf(prefix), limit, highWaterMarkBytes: bytesPerRead });
    try {
      for (let read = await rows.nextv(rowsPerRead); read.length > 0; read = await rows.nextv(rowsPerRead)) {
        yield* read;
      }
    } finally {
      await rows.close();
    }
  }

  async *keys(prefix: Uint8Array): AsyncIterable<Buffer> {
    const keys = this.#db.keys({ ...rangeOf(prefix), highWaterMarkBytes: bytesPerRead });
    try {
      for (let read = await keys.nextv(rowsPerRead); read.length > 0; read = await keys.nextv(rowsPerRead)) {
        yield* read;
      }
    } finally {
      await keys.close();
    }
  }

  clear(prefix: Uint8Array): Promise<void> {
    return this.#db.clear(rangeOf(prefix));
  }

  close(): Promise<void> {
    return this.#db.close();
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** From the prefix to the first key behind everything that begins with it. */
function rangeOf(prefix: Uint8Array): { gte: Buffer; lt?: Buffer } {
  const end = Buffer.from(prefix);
  let last = end.length - 1;
  while (last >= 0 && end[last] === 0xff) last--;
  if (last < 0) return { gte: bufferOf(prefix) };
  end[last] = (end[last] as number) + 1;
  return { gte: bufferOf(prefix), lt: end.subarray(0, last + 1) };
}
