import assert from 'node:assert/strict';
import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { RefgateError } from '../../src/domain/error.ts';
import { defaultPackLimits, Quarantine } from '../../src/inspect/quarantine.ts';
import { runCommand, tempDir } from '../support/git.ts';
import { streamOf } from '../support/held.ts';
import { blob, pack } from '../support/pack-builder.ts';
import { QuietLog } from '../support/quiet-log.ts';

/** Holds a pack of half a megabyte, then a small one, in a process that may not write files over 64 KiB. */
const script = `
import { randomBytes } from 'node:crypto';
const { Quarantine, defaultPackLimits } = await import(process.env.QUARANTINE);
const { entry, pack, blob } = await import(process.env.BUILDER);
const log = { debug() {}, info() {}, warn() {}, error() {} };
const quarantine = new Quarantine({ dir: process.env.DIR, limits: defaultPackLimits, log });
async function* one(bytes) { yield bytes; }
for (const [id, bytes] of [['large', pack([entry('blob', randomBytes(500_000))])], ['small', pack([blob('x')])]]) {
  const options = { id, objectFormat: 'sha1', borrow: async () => [] };
  await quarantine.hold(one(bytes), options).then(
    async (held) => { console.log(id, 'held'); await held.release(); },
    (error) => console.log(id, error.code, error.blame, error.detail),
  );
}
await quarantine.close();
`;

test('a disk that takes no more is an error of ours, leaves nothing, and the next pack is held', async (t) => {
  const dir = join(tempDir(t), 'quarantine');
  const run = await runCommand(
    'sh',
    ['-c', 'ulimit -f 128; exec "$0" --input-type=module -e "$1"', process.execPath, script],
    {
      env: {
        ...process.env,
        DIR: dir,
        QUARANTINE: new URL('../../src/inspect/quarantine.js', import.meta.url).href,
        BUILDER: new URL('../support/pack-builder.js', import.meta.url).href,
      },
    },
  );
  assert.match(run.stdout, /^large INTERNAL refgate .*EFBIG.*\nsmall held\n$/, run.stderr);
  assert.deepEqual(readdirSync(dir), []);
});

test('a worker that runs out of memory is an error of ours, and the process goes on', async (t) => {
  const dir = join(tempDir(t), 'quarantine');
  const options = { dir, limits: defaultPackLimits, log: new QuietLog() };
  const starved = new Quarantine({ ...options, workerHeapMiB: 1 });
  t.after(() => starved.close());
  const hold = (quarantine: Quarantine, id: string) =>
    quarantine.hold(streamOf([pack([blob('x')])]), { id, objectFormat: 'sha1', borrow: async () => [] });
  await assert.rejects(
    hold(starved, 'starved'),
    (error: RefgateError) =>
      error instanceof RefgateError && error.code === 'INTERNAL' && error.blame === 'refgate',
  );
  assert.deepEqual(readdirSync(dir), []);
  const fed = new Quarantine(options);
  t.after(() => fed.close());
  await (await hold(fed, 'fed')).release();
});

test('a held pack that cannot be removed is logged, and release does not throw', async (t) => {
  const dir = join(tempDir(t), 'quarantine');
  const log = new QuietLog();
  const quarantine = new Quarantine({ dir, limits: defaultPackLimits, log });
  t.after(() => quarantine.close());
  const held = await quarantine.hold(streamOf([pack([blob('x')])]), {
    id: 'stuck',
    objectFormat: 'sha1',
    borrow: async () => [],
  });
  renameSync(dir, `${dir}.away`);
  writeFileSync(dir, 'in the way');
  await held.release();
  assert.deepEqual(
    log.lines.filter((line) => line.startsWith('error')),
    ['error held pack not removed'],
  );
});
