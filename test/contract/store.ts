import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Store, StoreRange } from '../../src/domain/store.ts';

/** A driver under test: `open` gives the same rows again after `close`. */
export interface StoreDriver {
  open(): Promise<Store>;
  remove(): Promise<void>;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function rows(store: Store, range: StoreRange): Promise<string[]> {
  const found: string[] = [];
  for await (const [key, value] of store.range(range)) found.push(`${key}=${Buffer.from(value)}`);
  return found;
}

/** The contract of the `Store` port; every driver runs it. */
export function storeContract(name: string, make: () => Promise<StoreDriver>): void {
  const contract = (guarantee: string, run: (store: Store, driver: StoreDriver) => Promise<void>) =>
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

  contract('what was put is got, byte for byte', async (store) => {
    const every = Uint8Array.from({ length: 256 }, (_, i) => i);
    await store.write([{ type: 'put', key: 'a', value: every }]);
    assert.deepEqual(Buffer.from((await store.get('a')) ?? []), Buffer.from(every));
    assert.equal(await store.get('b'), undefined);
  });

  contract('an empty value is a value, and a deleted key is none', async (store) => {
    await store.write([{ type: 'put', key: 'a', value: new Uint8Array() }]);
    assert.equal((await store.get('a'))?.length, 0);
    await store.write([{ type: 'del', key: 'a' }]);
    assert.equal(await store.get('a'), undefined);
  });

  contract('within a batch the last write of a key wins', async (store) => {
    await store.write([
      { type: 'put', key: 'a', value: bytes('1') },
      { type: 'put', key: 'a', value: bytes('2') },
      { type: 'put', key: 'b', value: bytes('3') },
      { type: 'del', key: 'b' },
    ]);
    assert.deepEqual(await rows(store, { from: 'a', to: 'z' }), ['a=2']);
  });

  contract('a range runs in byte order, from inclusive, to exclusive', async (store) => {
    const keys = ['a/1', 'a', 'B', 'a/10', 'b', 'a0', 'a/2'];
    await store.write(keys.map((key) => ({ type: 'put', key, value: bytes(key) })));
    const all = ['B=B', 'a=a', 'a/1=a/1', 'a/10=a/10', 'a/2=a/2', 'a0=a0', 'b=b'];
    assert.deepEqual(await rows(store, { from: '', to: '~' }), all);
    assert.deepEqual(await rows(store, { from: 'a/', to: 'a0' }), all.slice(2, 5));
    assert.deepEqual(await rows(store, { from: 'a/', to: 'a0', reverse: true, limit: 2 }), [
      'a/2=a/2',
      'a/10=a/10',
    ]);
    assert.deepEqual(await rows(store, { from: 'x', to: 'x' }), []);
  });

  contract('a range longer than one read gives every row once', async (store) => {
    const keys = Array.from({ length: 2500 }, (_, i) => String(i).padStart(5, '0'));
    await store.write(keys.map((key) => ({ type: 'put', key, value: bytes('') })));
    assert.deepEqual(
      await rows(store, { from: '0', to: '9' }),
      keys.map((key) => `${key}=`),
    );
  });

  contract('a range that is left early can be left', async (store) => {
    await store.write(['a', 'b', 'c'].map((key) => ({ type: 'put', key, value: bytes(key) })));
    for await (const [key] of store.range({ from: 'a', to: 'z' })) {
      assert.equal(key, 'a');
      break;
    }
    assert.equal((await rows(store, { from: 'a', to: 'z' })).length, 3);
  });

  contract('a range sees one state, whatever is written meanwhile', async (store) => {
    await store.write(['a', 'b'].map((key) => ({ type: 'put', key, value: bytes('old') })));
    const seen: string[] = [];
    for await (const [key, value] of store.range({ from: 'a', to: 'z' })) {
      if (seen.length === 0) {
        await store.write([
          { type: 'put', key: 'b', value: bytes('new') },
          { type: 'put', key: 'c', value: bytes('new') },
        ]);
      }
      seen.push(`${key}=${Buffer.from(value)}`);
    }
    assert.deepEqual(seen, ['a=old', 'b=old']);
  });

  contract('an empty batch is written', async (store) => {
    await store.write([]);
  });

  contract('what was written is there after close and open', async (store, driver) => {
    await store.write([{ type: 'put', key: 'a', value: bytes('kept') }]);
    await store.close();
    const again = await driver.open();
    try {
      assert.equal(Buffer.from((await again.get('a')) ?? []).toString(), 'kept');
    } finally {
      await again.close();
    }
  });
}
