import { RefgateError } from '../domain/error.ts';
import type { Directory, KeyRecord, TokenRecord, UserRecord } from '../domain/identity.ts';
import type { Recorder } from '../domain/record.ts';
import type { Principal } from '../domain/session.ts';
import type { Store } from '../domain/store.ts';
import { changeUserRecord, checkOwner, keepAnAdmin, type UserChange } from './change-user.ts';
import { Credentials } from './credentials.ts';
import { checkUserName, normaliseEmails, normaliseGroups } from './name.ts';
import { parsePublicKey } from './public-key.ts';
import { deleteKey, putKey, putToken, putUser, readRows, type TokenRow } from './rows.ts';
import { hashToken, makeToken, makeTokenId } from './token.ts';
import { checkTtl } from './ttl.ts';

/**
 * Opens the directory of users, public keys and tokens in `store`, the same
 * store that `recorder` writes to. A change is one batch with its event: after
 * a crash there are both or neither, and memory follows once the batch is
 * durable. When the event cannot be recorded nothing changes. `clock` gives
 * milliseconds since 1970.
 */
export async function openDirectory(options: {
  store: Store;
  recorder: Recorder;
  clock?: () => number;
}): Promise<Directory> {
  const credentials = new Credentials(await readRows(options.store));
  return new RecordedDirectory(credentials, options.recorder, options.clock ?? Date.now);
}

class RecordedDirectory implements Directory {
  readonly #known: Credentials;
  readonly #recorder: Recorder;
  readonly #clock: () => number;
  readonly #listeners: (() => void)[] = [];
  #lastChange: Promise<unknown> = Promise.resolve();

  constructor(known: Credentials, recorder: Recorder, clock: () => number) {
    this.#known = known;
    this.#recorder = recorder;
    this.#clock = clock;
  }

  onEnded(listener: () => void): void {
    this.#listeners.push(listener);
  }

  #ended(): void {
    for (const listener of this.#listeners) listener();
  }

  async byPublicKey(blob: Buffer): Promise<Principal | undefined> {
    return this.#known.byPublicKey(blob);
  }

  async byToken(user: string, token: string): Promise<Principal | undefined> {
    return this.#known.byToken(user, token, this.#clock());
  }

  async byBearer(token: string): Promise<Principal | undefined> {
    return this.#known.byBearer(token, this.#clock());
  }

  async stillValid(principal: Principal): Promise<boolean> {
    return this.#known.stillValid(principal, this.#clock());
  }

  addUser(
    user: Pick<UserRecord, 'name' | 'kind' | 'groups' | 'role' | 'emails' | 'owner'>,
    actor: string,
  ): Promise<UserRecord> {
    return this.#change(async () => {
      const name = checkUserName(user.name);
      const groups = normaliseGroups(user.groups);
      if (this.#known.users.has(name)) throw conflict(`there is a user ${name}`);
      const { kind, role, owner } = user;
      const emails = normaliseEmails(user.emails ?? []);
      this.#refuseTaken(name, emails);
      if (owner !== undefined) checkOwner(this.#known.users, name, owner);
      const given = {
        ...(emails.length === 0 ? {} : { emails }),
        ...(owner === undefined ? {} : { owner }),
      };
      const record = { name, kind, groups, role, disabled: false, createdAt: this.#now(), ...given };
      const data = { user: name, kind, groups, role, ...given };
      await this.#recorder.append('admin.user-added', data, { actor, writes: [putUser(record)] });
      this.#known.users.set(name, record);
      return record;
    });
  }

  changeUser(name: string, change: UserChange, actor: string): Promise<UserRecord> {
    return this.#change(async () => {
      const user = this.#user(name);
      const record = changeUserRecord(this.#known.users, user, change);
      if (record === user) return user;
      const { role, owner } = record;
      const data = {
        user: name,
        role,
        groups: [...record.groups],
        ...(owner === undefined ? {} : { owner }),
      };
      await this.#recorder.append('admin.user-changed', data, { actor, writes: [putUser(record)] });
      this.#known.users.set(name, record);
      this.#ended();
      return record;
    });
  }

  changeEmails(
    name: string,
    change: { add?: readonly string[]; remove?: readonly string[] },
    actor: string,
  ): Promise<UserRecord> {
    return this.#change(async () => {
      const user = this.#user(name);
      const had = user.emails ?? [];
      const removed = new Set(normaliseEmails(change.remove ?? []));
      const emails = normaliseEmails([...had.filter((one) => !removed.has(one)), ...(change.add ?? [])]);
      if (emails.join(' ') === had.join(' ')) return user;
      this.#refuseTaken(name, emails);
      const record = { ...user, emails };
      const writes = [putUser(record)];
      await this.#recorder.append('admin.user-emails', { user: name, emails }, { actor, writes });
      this.#known.users.set(name, record);
      return record;
    });
  }

  /** Whose commit it is must have one answer. */
  #refuseTaken(name: string, emails: readonly string[]): void {
    for (const other of this.#known.users.values()) {
      const taken = other.name === name ? undefined : emails.find((one) => other.emails?.includes(one));
      if (taken !== undefined)
        throw conflict(`the address ${taken} belongs to ${other.name}; remove it there first`);
    }
  }

  disableUser(name: string, actor: string): Promise<void> {
    return this.#change(async () => {
      const user = this.#user(name);
      if (user.disabled) return;
      keepAnAdmin(this.#known.users, user);
      const record = { ...user, disabled: true };
      await this.#recorder.append(
        'admin.user-disabled',
        { user: name },
        { actor, writes: [putUser(record)] },
      );
      this.#known.users.set(name, record);
      this.#ended();
    });
  }

  async users(): Promise<readonly UserRecord[]> {
    return [...this.#known.users.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async user(name: string): Promise<UserRecord | undefined> {
    return this.#known.users.get(name);
  }

  addKey(user: string, line: string, actor: string): Promise<KeyRecord> {
    return this.#change(async () => {
      const { type, fingerprint, comment } = parsePublicKey(line);
      this.#enabledUser(user);
      const owner = this.#known.keys.get(fingerprint)?.user;
      if (owner !== undefined)
        throw conflict(`the key ${fingerprint} belongs to ${owner}; remove it there first`);
      const record: KeyRecord = { user, fingerprint, type, comment, addedAt: this.#now() };
      await this.#recorder.append(
        'admin.key-added',
        { user, fingerprint },
        { actor, writes: [putKey(record)] },
      );
      this.#known.keys.set(fingerprint, record);
      return record;
    });
  }

  async keys(user?: string): Promise<readonly KeyRecord[]> {
    if (user !== undefined) this.#user(user);
    const keys = [...this.#known.keys.values()].filter((key) => user === undefined || key.user === user);
    return keys.sort((a, b) => Date.parse(a.addedAt) - Date.parse(b.addedAt));
  }

  removeKey(user: string, fingerprint: string, actor: string): Promise<void> {
    return this.#change(async () => {
      this.#user(user);
      const key = this.#known.keys.get(fingerprint);
      if (key?.user !== user) throw notFound(`${user} has no key ${fingerprint}`);
      const writes = [deleteKey(fingerprint)];
      await this.#recorder.append('admin.key-removed', { user, fingerprint }, { actor, writes });
      this.#known.keys.delete(fingerprint);
      this.#ended();
    });
  }

  createToken(user: string, ttl: number, actor: string): Promise<{ token: string; record: TokenRecord }> {
    return this.#change(async () => {
      checkTtl(ttl);
      this.#enabledUser(user);
      const token = makeToken();
      const createdAt = this.#now();
      const expiresAt = new Date(Date.parse(createdAt) + ttl).toISOString();
      const record: TokenRecord = { id: makeTokenId(), user, createdAt, expiresAt };
      const row: TokenRow = { record, hash: hashToken(token).toString('hex') };
      const data = { user, token: record.id, expiresAt };
      await this.#recorder.append('admin.token-created', data, { actor, writes: [putToken(row)] });
      this.#known.setToken(row);
      return { token, record };
    });
  }

  async tokens(user?: string): Promise<readonly TokenRecord[]> {
    if (user !== undefined) this.#user(user);
    const tokens = [...this.#known.tokens.values()].map((row) => row.record);
    const wanted = tokens.filter((token) => user === undefined || token.user === user);
    return wanted.sort((a, b) => Date.parse(a.createdAt) - Date.parse(b.createdAt));
  }

  revokeToken(id: string, actor: string): Promise<void> {
    return this.#change(async () => {
      const token = this.#known.tokens.get(id);
      if (!token) throw notFound(`there is no token ${id}`);
      if (token.record.revokedAt !== undefined) return;
      const row: TokenRow = { ...token, record: { ...token.record, revokedAt: this.#now() } };
      const data = { user: row.record.user, token: id };
      await this.#recorder.append('admin.token-revoked', data, { actor, writes: [putToken(row)] });
      this.#known.setToken(row);
      this.#ended();
    });
  }

  /** One change at a time, so that what was checked still holds when it is written. */
  #change<T>(work: () => Promise<T>): Promise<T> {
    const change = this.#lastChange.then(work);
    this.#lastChange = change.catch(() => {});
    return change;
  }

  #user(name: string): UserRecord {
    const user = this.#known.users.get(name);
    if (!user) throw notFound(`there is no user ${name}`);
    return user;
  }

  #enabledUser(name: string): void {
    if (this.#user(name).disabled) throw conflict(`the user ${name} is disabled`);
  }

  #now(): string {
    return new Date(this.#clock()).toISOString();
  }
}

function notFound(text: string): RefgateError {
  return new RefgateError('NOT_FOUND', 'operator', text);
}

function conflict(text: string): RefgateError {
  return new RefgateError('CONFLICT', 'operator', text);
}
