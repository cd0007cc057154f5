import type { MaskPreview, MaskProgress, MaskStatus } from '../domain/mask.ts';

/** How many values would be masked: those that are not allowed. */
export function maskedCount({ values, valueCount }: MaskPreview): number {
  return valueCount - values.filter(({ allowed }) => allowed !== undefined).length;
}

/** What a view would change, in one sentence. */
export function previewSentence(preview: MaskPreview): string {
  const { commits, changedCommits } = preview;
  const values = maskedCount(preview);
  const named = `${values} ${values === 1 ? 'value' : 'values'}`;
  const of = `${changedCommits} of ${commits} ${commits === 1 ? 'commit' : 'commits'}`;
  return `${named} would change ${of} (${share(changedCommits, commits)})`;
}

/** How many values are shown in clear since the search: the commits were counted with them. */
export function allowedSince({ values, scannedAt }: MaskPreview): number {
  return values.filter(({ allowed }) => allowed !== undefined && allowed.time > scannedAt).length;
}

/** A part in percent, with a digit behind the point below ten: what is not nothing is never told as 0 %. */
export function share(part: number, whole: number): string {
  if (part === 0 || whole === 0) return '0 %';
  const percent = (100 * part) / whole;
  if (percent < 0.1) return 'less than 0.1 %';
  // 99.97 % is not all.
  if (part < whole && percent > 99.9) return 'more than 99.9 %';
  return `${percent < 10 || percent > 99 ? Number(percent.toFixed(1)) : Math.round(percent)} %`;
}

/** Whether something is being made that `status` will tell of again. */
export function isBusy({ state, progress }: MaskStatus): boolean {
  return state === 'scanning' || state === 'building' || progress !== undefined;
}

/** How far it is, such as `scan: 120 of 4,000 objects (3 %)` or `fetch: 59.0 MiB`. */
export function progressText({ step, done, total, unit }: MaskProgress): string {
  const isSize = unit === 'bytes';
  const numbers = [done, ...(total === undefined ? [] : [total])].map((count) =>
    isSize ? (count / 2 ** 20).toFixed(1) : count.toLocaleString('en'),
  );
  const percent = total ? ` (${Math.floor((100 * Math.min(done, total)) / total)} %)` : '';
  return `${step}: ${numbers.join(' of ')} ${isSize ? 'MiB' : unit}${percent}`;
}
