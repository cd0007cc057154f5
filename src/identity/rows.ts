import { createHash } from 'node:crypto';
import type { KeyRecord, TokenRecord, UserRecord } from '../domain/identity.ts';
import type { Store, StoreWrite } from '../domain/store.ts';

/** A token as it is stored: never the token itself. */
export interface TokenRow {
  readonly record: TokenRecord;
  /** SHA-256 of the token, hex. */
  readonly hash: string;
}

const folders = { user: 'identity/user/', key: 'identity/key/', token: 'identity/token/' } as const;

/** The last character of a folder's name is '/', and '0' comes after it. */
const end = (folder: string): string => `${folder.slice(0, -1)}0`;

const keyKey = (fingerprint: string): string =>
  folders.key + createHash('sha256').update(fingerprint).digest('hex');

export function putUser(user: UserRecord): StoreWrite {
  return put(folders.user + user.name, user);
}

export function putKey(key: KeyRecord): StoreWrite {
  return put(keyKey(key.fingerprint), key);
}

export function deleteKey(fingerprint: string): StoreWrite {
  return { type: 'del', key: keyKey(fingerprint) };
}

export function putToken(token: TokenRow): StoreWrite {
  return put(folders.token + token.record.id, token);
}

function put(key: string, row: object): StoreWrite {
  return { type: 'put', key, value: Buffer.from(JSON.stringify(row)) };
}

/** Everything that the store knows of users, their keys and their tokens. */
export interface Rows {
  readonly users: readonly UserRecord[];
  readonly keys: readonly KeyRecord[];
  readonly tokens: readonly TokenRow[];
}

export async function readRows(store: Store): Promise<Rows> {
  return {
    users: await readFolder<UserRecord>(store, folders.user),
    keys: await readFolder<KeyRecord>(store, folders.key),
    tokens: await readFolder<TokenRow>(store, folders.token),
  };
}

async function readFolder<T>(store: Store, folder: string): Promise<T[]> {
  const rows: T[] = [];
  for await (const [, value] of store.range({ from: folder, to: end(folder) })) {
    rows.push(JSON.parse(Buffer.from(value).toString()));
  }
  return rows;
}
