import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { RefgateError } from '../domain/error.ts';
import { loadRuleSet } from '../inspect/secrets/load-rule-set.ts';
import { Scanner } from '../inspect/secrets/scanner.ts';
import { buildView } from '../mask/build/build-view.ts';
import { extendView } from '../mask/build/extend-view.ts';
import { scanOriginals } from '../mask/build/scan-originals.ts';
import { answerAsks } from '../mask/engine/answer-asks.ts';
import type { ViewThreadSettings } from '../mask/engine/messages.ts';
import type { ViewParts } from '../mask/engine/parts.ts';
import { RepoViews } from '../mask/engine/repo-views.ts';
import { openKeepFolder } from '../mask/rows/keep-folder.ts';
import { openViewRows } from '../mask/rows/open-rows.ts';
import { createViewFunction } from '../mask/view/create-view-function.ts';
import { openLevelBytes } from '../store/level-bytes.ts';

/** The thread in which masked views are made, kept and looked up: everything about masking that takes time or memory. */

const port = parentPort;
if (port === null) throw new Error('this file is started as a worker');

const { secrets, confidence } = workerData as ViewThreadSettings;
/** More than a push is searched with: what is not searched is not shown, and nobody waits for a single object. */
const limits = { depth: 3, matches: 100_000 };

let compiled: Scanner | undefined;

/** With the first view: rules that cannot be compiled fail every question, so that nothing is shown unmasked. */
function scanner(): Scanner {
  const { ruleFiles, defaults } = secrets;
  compiled ??= new Scanner(loadRuleSet({ files: ruleFiles, defaults }).rules, {
    ...limits,
    deadlineMs: Number.POSITIVE_INFINITY,
  });
  return compiled;
}

const parts: ViewParts = {
  viewFunction(format, key, allowed) {
    const known = new Set(allowed);
    const isAllowed = (fingerprint: string): boolean => known.has(fingerprint);
    const fingerprintKey = Buffer.from(secrets.fingerprintKey);
    return createViewFunction({ format, key, scanner: scanner(), fingerprintKey, confidence, isAllowed });
  },
  async openRows(dir) {
    // The lock of the database comes first: it keeps a second process from the other files of the folder, too.
    const store = await openLevelBytes(join(dir, 'rows')).catch(tellDamage);
    try {
      const keep = openKeepFolder(join(dir, 'keep'));
      return { rows: await openViewRows(store, keep), key: keep.key };
    } catch (error) {
      await store.close();
      throw error;
    }
  },
  scan: scanOriginals,
  build: buildView,
  extend: extendView,
};

/** Only what is open elsewhere is not damaged. */
function tellDamage(cause: unknown): never {
  if (!(cause instanceof RefgateError) || cause.code !== 'CONFIG_INVALID') throw cause;
  const detail = cause.detail?.replace('; restore the folder from a backup', '');
  throw new RefgateError('VIEW_DAMAGED', 'operator', detail, { cause });
}

answerAsks(port, (repo) => RepoViews.open(parts, repo));
