/**
 * Attack: a secret in bytes that no delta inserts.
 * 1. Scanners that are quick look only at what a delta inserts: the rest was in its base, and was searched there.
 * 2. Mallory makes a pack by hand. One blob holds the secret, and its path is one where findings are accepted.
 * 3. A second blob, for another path, is a delta of the first that copies all of it and inserts an innocent line.
 * 4. A third is put together from copies alone, out of halves that are no secret where they stand.
 * Each blob has what was found in its base where it was copied from, and every seam is searched.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { defaultPackLimits, Quarantine } from '../../src/inspect/quarantine.ts';
import { tempDir } from '../support/git.ts';
import { streamOf } from '../support/held.ts';
import {
  commit,
  commitLines,
  copy,
  delta,
  entry,
  insert,
  oidOf,
  pack,
  refDelta,
  tree,
  treeEntry,
} from '../support/pack-builder.ts';
import { QuietLog } from '../support/quiet-log.ts';

const token = (n: number) => `tok_${String(n).repeat(24)}`;
const filler = (name: string) => Array.from({ length: 500 }, (_, n) => `${name} ${n} is quiet\n`).join('');

const ruleFile =
  "[[rules]]\nid = \"test-token\"\nregex = '''\\btok_[0-9a-z]{24}\\b'''\nkeywords = [\"tok_\"]\n";

test('what a delta copies is found at every path that gets it, and so is what only its copies make', async (t) => {
  const half = token(2).slice(0, 14);
  const parts = [
    `${filler('one')}${token(1)}\n`,
    `${filler('two')}${half}`,
    ` - ${token(2).slice(14)}\nend\n`,
  ];
  const base = Buffer.from(parts.join(''));
  const [first, second] = [
    (parts[0] as string).length,
    (parts[0] as string).length + (parts[1] as string).length,
  ];
  const line = 'an innocent line\n';
  const copied = Buffer.concat([Buffer.from(line), base]);
  const joined = Buffer.concat([base.subarray(first, second), base.subarray(second + 3)]);
  const baseOid = oidOf('blob', base);
  const files = tree(
    treeEntry('100644', 'a-accepted.txt', baseOid),
    treeEntry('100644', 'b-copied.txt', oidOf('blob', copied)),
    treeEntry('100644', 'c-joined.txt', oidOf('blob', joined)),
  );
  const made = commit(commitLines([], oidOf('tree', files)));
  const bytes = pack([
    entry('commit', made),
    entry('tree', files),
    entry('blob', base),
    refDelta(baseOid, delta(base.length, copied.length, insert(line), copy(0, base.length))),
    refDelta(
      baseOid,
      delta(
        base.length,
        joined.length,
        copy(first, second - first),
        copy(second + 3, base.length - second - 3),
      ),
    ),
  ]);
  const quarantine = new Quarantine({
    dir: join(tempDir(t), 'quarantine'),
    limits: defaultPackLimits,
    log: new QuietLog(),
    secrets: {
      ruleFiles: [{ path: 'test.toml', text: ruleFile }],
      defaults: false,
      fingerprintKey: Buffer.alloc(32, 1),
    },
  });
  t.after(() => quarantine.close());
  const held = await quarantine.hold(streamOf([bytes]), {
    id: 'one',
    objectFormat: 'sha1',
    borrow: async () => [],
  });
  const update = { ref: 'refs/heads/new', newOid: oidOf('commit', made), difference: false, content: false };
  const order = { updates: [update], pushOptions: [], unreached: [], known: [], baseline: [] };
  const { updates } = await held.walk(order, async () => []);
  await held.release();
  assert.deepEqual(updates[0]?.findings.map(({ path, line: at }) => `${path} ${at}`).sort(), [
    'a-accepted.txt 501',
    'b-copied.txt 502',
    'c-joined.txt 501',
  ]);
});
