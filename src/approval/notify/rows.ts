import type { StoreRange } from '../../domain/store.ts';
import type { Dispatch } from './sender.ts';

/**
 * The rows of notices: `notify!q!NAME!ID` waits, `notify!dead!NAME!ID` was
 * given up, `notify!state!NAME` is how it went last. Names hold no `!`, and
 * ids sort by their time.
 */

export interface QueueRow extends Dispatch {
  readonly attempts: number;
  /** When the next attempt is due, in ms since 1970. */
  readonly due: number;
}

export interface DeadRow extends QueueRow {
  /** When it was given up, RFC 3339. */
  readonly time: string;
  readonly error: string;
}

export interface LaneState {
  readonly lastSent?: string;
  readonly lastError?: { readonly time: string; readonly text: string };
}

export const queueKey = (name: string, id: string): string => `notify!q!${name}!${id}`;
export const deadKey = (name: string, id: string): string => `notify!dead!${name}!${id}`;
export const stateKey = (name: string): string => `notify!state!${name}`;

/** `"` follows `!` in ASCII. */
export const queueRange: StoreRange = { from: 'notify!q!', to: 'notify!q"' };
export const deadRange: StoreRange = { from: 'notify!dead!', to: 'notify!dead"' };

/** The notifier and the id that a key of either kind names. */
export function partsOf(key: string): { readonly name: string; readonly id: string } {
  const [, , name = '', id = ''] = key.split('!');
  return { name, id };
}

export function formatRow(row: QueueRow | DeadRow | LaneState): Uint8Array {
  return Buffer.from(JSON.stringify(row));
}

/** Rows are ours; what is not JSON throws. */
export function parseRow<T extends QueueRow | DeadRow | LaneState>(bytes: Uint8Array): T {
  return JSON.parse(Buffer.from(bytes).toString('utf8')) as T;
}
