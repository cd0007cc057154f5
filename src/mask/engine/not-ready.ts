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
        ? `is not shown masked: an administrator disabled it; ${ask(`refgate mask enable ${repo}`)}`
        : `holds what would be masked, and an administrator has not looked at it yet; ${ask(`refgate mask preview ${repo}`, `refgate mask enable ${repo}`)}`;
    case 'stopped':
      return `is not made ready: an administrator stopped it; ${ask(`refgate mask resume ${repo}`)}`;
    case 'failed':
      return `could not be made ready; tell an administrator, who sees why with \`refgate mask status ${repo}\`, and ${retry}`;
    case 'ready':
      return `is being brought up to date${far(progress)}; ${retry}`;
    case 'building':
      return `is being made${far(progress)}; ${retry}`;
    default:
      return `is being searched for secrets${far(progress)}; ${retry}`;
  }
}

/** Whoever reads this may be a program: it says that trying again alone does not help. */
function ask(...commands: readonly string[]): string {
  return `it cannot be read until one runs ${commands.map((one) => `\`${one}\``).join(' and ')}: ask for that`;
}

/** A long row of digits would be taken for an oid, and not shown: sizes are in MiB, and thousands are marked. */
function far(progress: MaskProgress | undefined): string {
  if (progress === undefined) return '';
  const { step, done, total, unit } = progress;
  const isSize = unit === 'bytes';
  const numbers = [done, ...(total === undefined ? [] : [total])].map((count) =>
    isSize ? (count / 2 ** 20).toFixed(1) : count.toLocaleString('en'),
  );
  return ` (${step}: ${numbers.join(' of ')} ${isSize ? 'MiB' : unit})`;
}
