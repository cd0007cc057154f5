import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { PushRequest } from '../../src/domain/git.ts';
import { createAncestry } from '../../src/inspect/ancestry.ts';
import { borrowObjects } from '../../src/inspect/borrow.ts';
import { defaultPackLimits, Quarantine } from '../../src/inspect/quarantine.ts';
import { refFacts } from '../../src/inspect/ref-facts.ts';
import { git, initBare, runGit, tempDir } from '../support/git.ts';
import { LocalSource } from '../support/local-source.ts';
import { QuietLog } from '../support/quiet-log.ts';
import { makeRepo } from '../support/repos.ts';

for (const thin of [true, false])
  test(`a ${thin ? 'thin' : 'self-contained'} pack is held with borrowed bases, and its ancestry agrees with git`, async (t) => {
    const dir = tempDir(t, 'held');
    const [work, upstream] = [join(dir, 'work.git'), join(dir, 'upstream.git')];
    const log = new QuietLog();
    await makeRepo(work, 'merges');
    await initBare(upstream);
    const at = { cwd: work };
    const old = await git(['rev-parse', 'main~2'], at);
    await git(['push', '--quiet', upstream, `${old}:refs/heads/main`, 'refs/heads/side-0'], at);
    const next = await git(['rev-parse', 'main'], at);
    const side = await git(['rev-parse', 'side-0'], at);
    const pack = await runGit(
      ['pack-objects', '--revs', '--stdout', '--quiet', '--delta-base-offset', ...(thin ? ['--thin'] : [])],
      { cwd: work, input: `${next}\n^${old}\n` },
    );
    const quarantine = new Quarantine({ dir: join(dir, 'quarantine'), limits: defaultPackLimits, log });
    t.after(() => quarantine.close());
    let borrowed = 0;
    const held = await quarantine.hold(
      (async function* () {
        yield pack.stdoutBytes;
      })(),
      {
        id: 'one',
        objectFormat: 'sha1',
        borrow: async (oids) => {
          borrowed += oids.length;
          const source = new LocalSource(upstream);
          try {
            return await borrowObjects(source, oids, { objectFormat: 'sha1' });
          } finally {
            source.close();
          }
        },
      },
    );
    try {
      assert.equal(borrowed > 0, thin);
      const request: PushRequest = {
        updates: [
          { ref: 'refs/heads/main', oldOid: old, newOid: next },
          { ref: 'refs/heads/side-0', oldOid: side, newOid: next },
          { ref: 'refs/heads/back', oldOid: next, newOid: old },
          { ref: 'refs/heads/aside', oldOid: next, newOid: side },
        ],
        pushOptions: [],
        atomic: false,
        quiet: false,
        report: 'v1',
        sideband: true,
        objectFormat: 'sha1',
        hasPack: true,
      };
      const ancestry = createAncestry({ maxCachedCommits: 100, log });
      const facts = await refFacts(request, held, { ancestry, source: () => new LocalSource(upstream) });
      assert.deepEqual(
        facts.map((one) => one.fastForward),
        [true, true, false, false],
      );
    } finally {
      await held.release();
    }
  });
