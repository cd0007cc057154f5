import { createHash, timingSafeEqual } from 'node:crypto';
import type { KeyRecord, UserRecord } from '../domain/identity.ts';
import type { Principal } from '../domain/session.ts';
import { fingerprintOf } from './public-key.ts';
import type { Rows, TokenRow } from './rows.ts';
import { hashToken, isToken } from './token.ts';

/** Stand in for what is not there, so that the same work is done for it. No name is empty, and no hash is all zeros. */
const nobody: UserRecord = {
  name: '',
  kind: 'person',
  groups: [],
  role: 'user',
  disabled: true,
  createdAt: '',
};
const noKey: KeyRecord = { user: '', fingerprint: '', type: '', comment: '', addedAt: '' };
const noToken: TokenRow = {
  record: { id: '', user: '', createdAt: '', expiresAt: new Date(0).toISOString() },
  hash: '00'.repeat(32),
};

/**
 * Users and credentials in memory, with the answers that the doors need. Each
 * answer takes the same steps whether the user or credential is known or not.
 */
export class Credentials {
  readonly users = new Map<string, UserRecord>();
  /** By fingerprint. */
  readonly keys = new Map<string, KeyRecord>();
  /** By public id. */
  readonly tokens = new Map<string, TokenRow>();
  readonly #tokensByHash = new Map<string, TokenRow>();

  constructor(rows: Rows) {
    for (const user of rows.users) this.users.set(user.name, user);
    for (const key of rows.keys) this.keys.set(key.fingerprint, key);
    for (const token of rows.tokens) this.setToken(token);
  }

  setToken(token: TokenRow): void {
    this.tokens.set(token.record.id, token);
    this.#tokensByHash.set(token.hash, token);
  }

  byPublicKey(blob: Buffer): Principal | undefined {
    const key = this.keys.get(fingerprintOf(blob)) ?? noKey;
    const user = this.users.get(key.user) ?? nobody;
    const principal = toPrincipal(user, { type: 'ssh-key', id: key.fingerprint });
    return user.disabled ? undefined : principal;
  }

  byToken(name: string, token: string, now: number): Principal | undefined {
    return this.#byToken(token, now, (user) => timingSafeEqual(digest(name), digest(user.name)));
  }

  byBearer(token: string, now: number): Principal | undefined {
    return this.#byToken(token, now, () => true);
  }

  #byToken(token: string, now: number, isExpected: (user: UserRecord) => boolean): Principal | undefined {
    const hash = hashToken(token);
    const row = this.#tokensByHash.get(hash.toString('hex')) ?? noToken;
    const user = this.users.get(row.record.user) ?? nobody;
    const principal = toPrincipal(user, { type: 'token', id: row.record.id });
    // No `&&`: every check is made, whatever the one before it said.
    const checks = [
      isToken(token),
      timingSafeEqual(hash, Buffer.from(row.hash, 'hex')),
      isExpected(user),
      isAlive(row, now),
      !user.disabled,
    ];
    return checks.includes(false) ? undefined : principal;
  }

  stillValid(principal: Principal, now: number): boolean {
    const { type, id } = principal.credential;
    const user = this.users.get(principal.user);
    if (!user || user.disabled || !isSameSet(user.groups, principal.groups)) return false;
    if (type === 'ssh-key') return this.keys.get(id)?.user === user.name;
    const token = this.tokens.get(id);
    return token !== undefined && token.record.user === user.name && isAlive(token, now);
  }
}

/** Grants and rules go by groups: who is in others by now is to be judged anew. */
function isSameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((one) => b.includes(one));
}

function isAlive({ record }: TokenRow, now: number): boolean {
  return record.revokedAt === undefined && now < Date.parse(record.expiresAt);
}

/** Of equal length for names of any length, so that they can be compared in constant time. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function toPrincipal(user: UserRecord, credential: Principal['credential']): Principal {
  const emails = user.emails === undefined || user.emails.length === 0 ? {} : { emails: user.emails };
  return { user: user.name, kind: user.kind, groups: user.groups, ...emails, credential };
}
