import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BytesStore } from '../../src/domain/store.ts';

/** A driver under test: `open` gives the same rows again after `close`. */
export interface BytesDriver {
  open(): Promise<BytesStore>;
  remove(): Promise<void>;
}

const bytes = (...values: number[]): Buffer => Buffer.from(values);

async function keysOf(store: BytesStore, prefix: Buffer, limit?: number): Promise<string[]> {
  const found: string[] = [];
  for await (const [key, value] of store.range(prefix, limit)) {
    assert.deepEqual(store.getSync(key), value);
    found.push(key.toString('hex'));
  }
  const keys: string[] = [];
  for await (const key of store.keys(prefix)) keys.push(key.toString('hex'));
  assert.deepEqual(keys.slice(0, found.length), found);
  return found;
}

/** The contract of the `BytesStore` port; every driver runs it. */
export function bytesStoreContract(name: string, make: () => Promise<BytesDriver>): void {
  const contract = (guarantee: string, run: (store: BytesStore, driver: BytesDriver) => Promise<void>) =>
    test(`${name}: ${guarantee}`, async () => {
      const driver = await make();
      const store = await driver.open();
      try {
        await run(store, driver);
      } finally {
        await store.close();
        await driver.remove();
      }
    });

  contract('every byte is allowed in keys and values', async (store) => {
    const every = Buffer.from(Uint8Array.from({ length: 256 }, (_, i) => i));
    await store.write([{ type: 'put', key: every, value: every }]);
    assert.deepEqual(store.getSync(every), every);
    assert.deepEqual(store.getSync(Uint8Array.from(every)), every);
    assert.equal(store.getSync(every.subarray(1)), undefined);
    await store.write([{ type: 'del', key: every }]);
    assert.equal(store.getSync(every), undefined);
  });

  contract('an empty value is a value', async (store) => {
    await store.write([{ type: 'put', key: bytes(0), value: bytes() }]);
    assert.equal(store.getSync(bytes(0))?.length, 0);
  });

  contract('a range holds the keys with its prefix, in the order of unsigned bytes', async (store) => {
    const keys = [
      bytes(1),
      bytes(1, 0),
      bytes(1, 255),
      bytes(1, 255, 255),
      bytes(2),
      bytes(0, 255),
      bytes(255, 255, 1),
    ];
    await store.write(keys.map((key) => ({ type: 'put', key, value: key })));
    assert.deepEqual(await keysOf(store, bytes(1)), ['01', '0100', '01ff', '01ffff']);
    assert.deepEqual(await keysOf(store, bytes(1), 2), ['01', '0100']);
    assert.deepEqual(await keysOf(store, bytes(1, 255)), ['01ff', '01ffff']);
    assert.deepEqual(await keysOf(store, bytes(255, 255)), ['ffff01']);
    assert.equal((await keysOf(store, bytes())).length, 7);
  });

  contract('what is cleared is the keys with the prefix and no others', async (store) => {
    const keys = [bytes(1), bytes(1, 255), bytes(2), bytes(0, 1)];
    await store.write(keys.map((key) => ({ type: 'put', key, value: key })));
    await store.clear(bytes(1));
    assert.deepEqual(await keysOf(store, bytes()), ['0001', '02']);
  });

  contract('a range that is left early keeps nothing open', async (store) => {
    const keys = Array.from({ length: 2000 }, (_, i) => bytes(i >> 8, i & 255));
    await store.write(keys.map((key) => ({ type: 'put', key, value: key })));
    for await (const _ of store.range(bytes())) break;
    for await (const _ of store.keys(bytes())) break;
    assert.equal((await keysOf(store, bytes())).length, 2000);
  });

  contract('what was written is there after it is opened anew', async (store, driver) => {
    await store.write([{ type: 'put', key: bytes(7), value: bytes(8) }]);
    await store.close();
    const again = await driver.open();
    assert.deepEqual(again.getSync(bytes(7)), bytes(8));
    await again.close();
  });
}
