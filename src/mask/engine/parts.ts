import type { ObjectFormat } from '../../domain/git.ts';
import type { BuildContext, BuildResult, ScanReport, Tips } from '../build/contract.ts';
import type { ViewRows } from '../rows/view-rows.ts';
import type { ViewFunction } from '../view/view-function.ts';

/** What a scan works with: everything of a build but an epoch. */
export type ScanContext = Omit<BuildContext, 'epoch'>;

/** What an engine is made of. The rules are compiled once for all repositories of a thread. */
export interface ViewParts {
  /** @param allowed fingerprints of values that are shown in clear. */
  viewFunction(format: ObjectFormat, key: Buffer, allowed: readonly string[]): ViewFunction;
  /**
   * The rows of the repository in the folder `dir`, and its key. Only one thread of one process may have them open: throws
   * CONFLICT, and CONFIG_INVALID where the key is lost (operator).
   */
  openRows(dir: string, format: ObjectFormat): Promise<{ readonly rows: ViewRows; readonly key: Buffer }>;
  scan(context: ScanContext, tips: Tips): Promise<ScanReport>;
  build(context: BuildContext, tips: Tips): Promise<BuildResult>;
  extend(context: BuildContext, tips: Tips): Promise<BuildResult>;
}
