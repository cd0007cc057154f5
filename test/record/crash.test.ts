import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { openLedger } from '../../src/record/ledger.ts';
import { openLevelStore } from '../../src/store/level.ts';
import { QuietLog } from '../support/quiet-log.ts';

/** Appends without end from eight writers, and prints the number of each event once it is durable. */
function writer(dir: string): string {
  const module = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
  return `
    const { openLevelStore } = await import(${module('../../src/store/level.js')});
    const { openLedger } = await import(${module('../../src/record/ledger.js')});
    const { QuietLog } = await import(${module('../support/quiet-log.js')});
    const ledger = await openLedger({ store: await openLevelStore(${JSON.stringify(dir)}), log: new QuietLog() });
    for (let writer = 0; writer < 8; writer++) (async () => {
      for (;;) {
        const event = await ledger.append('server.started', { version: String(writer) }, { actor: 'refgate' });
        process.stdout.write(event.seq + '\\n');
      }
    })();`;
}

test('kill -9 while events are appended: every event that was confirmed is there, and the sequence goes on', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'refgate-crash-'));
  try {
    let confirmed = -1;
    for (const events of [1, 50, 300]) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', writer(dir)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const exited = once(child, 'exit');
      const enough = confirmed + events;
      for await (const line of createInterface({ input: child.stdout })) {
        // The last line may be cut by the kill; a cut number is smaller than the whole.
        confirmed = Math.max(confirmed, Number(line));
        if (confirmed >= enough) child.kill('SIGKILL');
      }
      await exited;
      const store = await openLevelStore(dir);
      const ledger = await openLedger({ store, log: new QuietLog() });
      const { size } = await ledger.verify();
      assert.ok(size > confirmed, `${size} events, ${confirmed} confirmed`);
      const next = await ledger.append('server.started', { version: 'again' }, { actor: 'refgate' });
      assert.equal(next.seq, size);
      confirmed = next.seq;
      await ledger.close();
      await store.close();
    }
  } finally {
    await rm(dir, { recursive: true });
  }
});
