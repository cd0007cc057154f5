import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { git } from '../support/git.ts';
import { testQuarantine } from '../support/held.ts';
import { copy, delta, entry, insert, ofsDelta, oidOf, pack } from '../support/pack-builder.ts';

const mib = 1024 * 1024;
const place = testQuarantine();

const noise = (bytes: number) =>
  createCipheriv('aes-128-ctr', Buffer.alloc(16, 1), Buffer.alloc(16)).update(Buffer.alloc(bytes));

/** An ofs-delta upon the entry just before it, stored without compressing it. */
function uponLast(entries: readonly Buffer[], bytes: Buffer): Buffer {
  return ofsDelta((entries.at(-1) as Buffer).length, bytes, 0);
}

function inserting(content: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < content.length; at += 127) {
    const part = content.subarray(at, at + 127);
    parts.push(Buffer.from([part.length]), part);
  }
  return Buffer.concat(parts);
}

test('bases that are too large to load and deltas that are too large to keep give what git makes of them', async () => {
  const block = mib - 1;
  const base = Buffer.alloc(70 * mib);
  for (let i = 0; i < 70; i++) base.fill(`block ${i} `, i * mib, (i + 1) * mib);
  const added = noise(9 * mib);
  const blocks = Array.from({ length: 69 }, (_, i) => (68 - i) * mib + 7);

  const entries = [entry('blob', base)];
  const second = Buffer.concat([...blocks.map((at) => base.subarray(at, at + block)), added]);
  const copies = blocks.map((at) => copy(at, block));
  entries.push(uponLast(entries, delta(base.length, second.length, ...copies, inserting(added))));
  const third = Buffer.concat([second.subarray(mib), Buffer.from('the end')]);
  const most = Array.from({ length: 78 }, (_, i) => [
    (i + 1) * mib,
    Math.min(mib, second.length - (i + 1) * mib),
  ]);
  const rest = most
    .filter(([, size]) => (size as number) > 0)
    .map(([at, size]) => copy(at as number, size as number));
  entries.push(uponLast(entries, delta(second.length, third.length, ...rest, insert('the end'))));
  const small = Buffer.concat([third.subarray(5, 25), Buffer.from('small')]);
  entries.push(uponLast(entries, delta(third.length, small.length, copy(5, 20), insert('small'))));

  const held = await place.hold(pack(entries));
  for (const content of [base, second, third, small])
    assert.equal(held.typeOf(oidOf('blob', content)), 'blob');
  const idx = readdirSync(join(held.gitDir, 'objects', 'pack')).find((name) =>
    name.endsWith('.idx'),
  ) as string;
  await git(['verify-pack', join('objects', 'pack', idx)], { cwd: held.gitDir });
  assert.deepEqual(
    readdirSync(held.gitDir).filter((name) => name.startsWith('base-')),
    [],
  );
  await held.release();
});
