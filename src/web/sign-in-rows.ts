import type { Principal } from '../domain/session.ts';
import type { Store, StoreWrite } from '../domain/store.ts';

/** A sign-in as it is stored: of the cookie only hashes. Times are ms since 1970. */
export interface SignInRow {
  readonly id: string;
  readonly principal: Principal;
  /** The IP address that it began at. */
  readonly address: string;
  readonly csrf: string;
  /** SHA-256 of the value that the cookie has now, hex. */
  readonly value: string;
  /** Of the values before it, oldest first. */
  readonly old: readonly string[];
  readonly createdAt: number;
  readonly seenAt: number;
  /** Since when the cookie has its value. */
  readonly rotatedAt: number;
}

const folder = 'web!sign-in!';

/** `"` is the character after `!`. */
const range = { from: folder, to: 'web!sign-in"' };

/** The write that keeps it. */
export function putSignIn(row: SignInRow): StoreWrite {
  return { type: 'put', key: folder + row.id, value: Buffer.from(JSON.stringify(row)) };
}

/** The write that ends it. */
export function deleteSignIn({ id }: Pick<SignInRow, 'id'>): StoreWrite {
  return { type: 'del', key: folder + id };
}

/** All that are stored, also those whose time is up. */
export async function readSignIns(store: Store): Promise<SignInRow[]> {
  const rows: SignInRow[] = [];
  for await (const [, value] of store.range(range)) rows.push(JSON.parse(Buffer.from(value).toString()));
  return rows;
}
