/** A folder of one masked repository, with all that a build works with: real git, real rows. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ObjectFormat } from '../../src/domain/git.ts';
import { loadRuleSet } from '../../src/inspect/secrets/load-rule-set.ts';
import { Scanner } from '../../src/inspect/secrets/scanner.ts';
import type { BuildContext, Tips } from '../../src/mask/build/contract.ts';
import { openKeepFolder } from '../../src/mask/rows/keep-folder.ts';
import { openViewRows } from '../../src/mask/rows/open-rows.ts';
import type { ViewRows } from '../../src/mask/rows/view-rows.ts';
import { createViewFunction } from '../../src/mask/view/create-view-function.ts';
import type { ViewFunction } from '../../src/mask/view/view-function.ts';
import { openLevelBytes } from '../../src/store/level-bytes.ts';
import { git, runGit } from './git.ts';

export interface MaskFolder {
  readonly dir: string;
  readonly originals: string;
  readonly key: Buffer;
  readonly rows: ViewRows;
  view(epoch?: number): string;
  viewFunction(allowed?: readonly string[]): ViewFunction;
  context(changes?: Partial<BuildContext>): BuildContext;
  /** Removes it. */
  close(): Promise<void>;
}

let scanner: Scanner | undefined;
const fingerprintKey = randomBytes(32);

/** @param originals a bare repository; it is read where it is. */
export async function openMaskFolder(originals: string, format: ObjectFormat = 'sha1'): Promise<MaskFolder> {
  const dir = mkdtempSync(join(tmpdir(), 'refgate-mask-'));
  const rulesOf = () => loadRuleSet({ files: [], defaults: true }).rules;
  scanner ??= new Scanner(rulesOf(), { deadlineMs: Number.POSITIVE_INFINITY });
  const search = scanner;
  const keep = openKeepFolder(join(dir, 'keep'));
  const rows = await openViewRows(await openLevelBytes(join(dir, 'rows')), keep);
  const temporary = join(dir, 'tmp');
  mkdirSync(temporary);
  const view = (epoch = 1): string => join(dir, `view.${epoch}.git`);
  const viewFunction = (allowed: readonly string[] = []): ViewFunction =>
    createViewFunction({
      format,
      key: keep.key,
      scanner: search,
      fingerprintKey,
      confidence: 'medium',
      isAllowed: (fingerprint) => allowed.includes(fingerprint),
    });
  const context = (changes: Partial<BuildContext> = {}): BuildContext => ({
    folder: { originals, view, temporary },
    format,
    view: viewFunction(),
    rows,
    epoch: 1,
    signal: new AbortController().signal,
    onProgress: () => {},
    ...changes,
  });
  const close = async (): Promise<void> => {
    await rows.close();
    rmSync(dir, { recursive: true, force: true });
  };
  return { dir, originals, key: keep.key, rows, view, viewFunction, context, close };
}

/** The refs of a repository, and its HEAD. */
export async function tipsOf(gitDir: string): Promise<Tips> {
  const lines = await git(['for-each-ref', '--format=%(objectname) %(refname)'], { cwd: gitDir });
  const refs = lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ oid: line.slice(0, line.indexOf(' ')), ref: line.slice(line.indexOf(' ') + 1) }));
  const head = await runGit(['symbolic-ref', 'HEAD'], { cwd: gitDir });
  return head.status === 0 ? { refs, head: head.stdout.trim() } : { refs };
}
