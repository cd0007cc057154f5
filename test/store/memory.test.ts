import { storeContract } from '../contract/store.ts';
import { MemoryStore } from '../support/memory-store.ts';

storeContract('memory store of the tests', async () => {
  const store = new MemoryStore();
  return { open: async () => store, remove: async () => {} };
});
