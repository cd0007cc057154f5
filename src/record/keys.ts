/** Where the ledger keeps things in the store. Every key begins with `ledger/`. */
export const ledgerPrefix = 'ledger/';

export const headKey = 'ledger/head';

/** Sequence numbers and times are 14 hex digits (2^53 and more), so that keys sort as numbers do. */
const digits = 14;

export function sortable(number: number): string {
  return number.toString(16).padStart(digits, '0');
}

export const leafKey = (seq: number): string => `ledger/leaf/${sortable(seq)}`;
export const blobKey = (digest: string): string => `ledger/blob/${digest}`;
export const sessionKey = (id: string): string => `ledger/session/${id}`;
export const sessionEventKey = (id: string, seq: number): string =>
  `ledger/session-event/${id}/${sortable(seq)}`;
export const unsettledKey = (id: string): string => `ledger/unsettled/${id}`;
export const unclosedKey = (id: string): string => `ledger/unclosed/${id}`;
export const dayKey = (day: string): string => `ledger/day/${day}`;
export const heldSinceKey = (push: string): string => `ledger/held-since/${push}`;

/** The number or name after the last slash. */
export function lastPart(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1);
}

export function lastNumber(key: string): number {
  return Number.parseInt(lastPart(key), 16);
}

/** Every key under a folder; '0' is the character after '/'. */
export function under(folder: string): { from: string; to: string } {
  return { from: `${folder}/`, to: `${folder}0` };
}
