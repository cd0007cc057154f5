import type { Oid } from '../../domain/git.ts';
import type { RowBatch, ViewRows } from '../rows/view-rows.ts';
import { unscannedRule } from '../view/placeholder.ts';
import type { BuildResult, Tips } from './contract.ts';

/** Which tips of the originals a view shows, and what came of it. */
export interface Watermark {
  readonly originals: Tips;
  readonly result: BuildResult;
}

const tipsName = (epoch: number): string => `tips:${epoch}`;
const placeholdersName = (epoch: number): string => `placeholders:${epoch}`;

/** Undefined before the first build of the epoch is done. */
export function readWatermark(rows: ViewRows, epoch: number): Watermark | undefined {
  const value = rows.meta(tipsName(epoch));
  return value === undefined ? undefined : (JSON.parse(value.toString()) as Watermark);
}

/** Written last: what it says is all there. */
export async function writeWatermark(rows: ViewRows, epoch: number, mark: Watermark): Promise<void> {
  const batch = rows.batch(epoch);
  batch.meta(tipsName(epoch), Buffer.from(JSON.stringify(mark)));
  await batch.write();
}

/** As if the epoch had never been built. */
export async function forget(rows: ViewRows, epoch: number): Promise<void> {
  const batch = rows.batch(epoch);
  batch.meta(tipsName(epoch), undefined);
  batch.meta(placeholdersName(epoch), undefined);
  await batch.write();
  await rows.dropEpoch(epoch);
}

/** The placeholders of the view of an epoch. */
export function readPlaceholders(rows: ViewRows, epoch: number): Set<string> {
  const value = rows.meta(placeholdersName(epoch))?.toString() ?? '';
  return new Set(value === '' ? [] : value.split('\n'));
}

/** Adds to the placeholders of the epoch what is new; gives how many there are, and how many of what could not be searched. */
export function addPlaceholders(
  rows: ViewRows,
  epoch: number,
  fresh: ReadonlySet<string>,
): { readonly count: number; readonly unscanned: number; readonly write: (batch: RowBatch) => void } {
  const all = readPlaceholders(rows, epoch);
  const before = all.size;
  for (const placeholder of fresh) all.add(placeholder);
  const text = Buffer.from([...all].join('\n'));
  const name = placeholdersName(epoch);
  const unscanned = [...all].filter((one) => one.startsWith(`REDACTED-${unscannedRule}-`)).length;
  return { count: all.size, unscanned, write: (batch) => all.size > before && batch.meta(name, text) };
}

export function sameTips(a: Tips, b: Tips): boolean {
  if (a.head !== b.head || a.refs.length !== b.refs.length) return false;
  const oids = new Map<string, Oid>(b.refs.map(({ ref, oid }) => [ref, oid]));
  return a.refs.every(({ ref, oid }) => oids.get(ref) === oid);
}
