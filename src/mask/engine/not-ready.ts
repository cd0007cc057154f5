import { RefgateError } from '../../domain/error.ts';
import type { MaskProgress } from '../../domain/mask.ts';
import type { TargetRow } from './target-row.ts';

/** Seconds after which it is worth to ask again. */
const again = 10;

/** What a reader is told whose view is not there. `row` is absent while nothing of the repository is known. */
export function notReady(repo: string, row: TargetRow | undefined, progress?: MaskProgress): RefgateError {
  return new RefgateError('VIEW_NOT_READY', 'operator', `${repo} ${why(repo, row, progress)}`);
}

function why(repo: string, row: TargetRow | undefined, progress: MaskProgress | undefined): string {
  const retry = `try again in ${again} seconds`;
  switch (row?.state) {
    case 'review':
      return row.disabled
        ? `is not shown masked: an administrator disabled it; ask for \`refgate mask enable ${repo}\``
        : `holds what would be masked, and an administrator has not looked at it yet; ask for \`refgate mask preview ${repo}\` and \`refgate mask enable ${repo}\``;
    case 'stopped':
      return `is not made ready: an administrator stopped it; ask for \`refgate mask resume ${repo}\``;
    case 'failed':
      return `could not be made ready, as \`refgate mask status ${repo}\` tells your administrator; ${retry}`;
    case 'ready':
      return `is being brought up to date${far(progress)}; ${retry}`;
    case 'building':
      return `is being made${far(progress)}; ${retry}`;
    default:
      return `is being searched for secrets${far(progress)}; ${retry}`;
  }
}

function far(progress: MaskProgress | undefined): string {
  if (progress === undefined) return '';
  const { step, done, total, unit } = progress;
  return ` (${step}: ${done}${total === undefined ? '' : ` of ${total}`} ${unit})`;
}
