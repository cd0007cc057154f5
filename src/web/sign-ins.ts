import { createHash, randomBytes } from 'node:crypto';
import { RefgateError } from '../domain/error.ts';
import type { Directory, UserRecord } from '../domain/identity.ts';
import type { Log } from '../domain/log.ts';
import type { EventPayloads, Recorder } from '../domain/record.ts';
import type { Principal } from '../domain/session.ts';
import type { Store } from '../domain/store.ts';
import { deleteSignIn, putSignIn, readSignIns, type SignInRow } from './sign-in-rows.ts';

/** In ms. */
const minute = 60_000;
const idleLimit = 8 * 60 * minute;
const absoluteLimit = 24 * 60 * minute;
const rotateAfter = 15 * minute;
/** Requests that were on their way when the value changed still carry the one before. */
const overlap = minute;
/** Use is written down this often at least, so that the idle limit outlives a restart. */
const sweepEvery = 10 * minute;
/** The oldest ends when one more begins. */
const maxPerUser = 20;

/** Who a cookie stands for, as the directory has the user now. */
export interface SignedIn {
  /** Public id of the sign-in. */
  readonly id: string;
  readonly principal: Principal;
  readonly user: UserRecord;
  /** What forms of this sign-in carry. */
  readonly csrf: string;
  /** The value that takes the cookie's place; sent with the answer. */
  readonly renewed?: string;
}

/** A sign-in as its user sees it. Times are RFC 3339. */
export interface SignInRecord {
  readonly id: string;
  readonly address: string;
  readonly credential: Principal['credential'];
  readonly createdAt: string;
  readonly seenAt: string;
  /** When it ends at the latest. */
  readonly endsAt: string;
}

/** The sign-ins of people on the pages. */
export interface SignIns {
  /** `cookie` is told once, and kept only as its hash. Throws LEDGER_UNAVAILABLE. */
  create(
    principal: Principal,
    address: string,
  ): Promise<{ readonly cookie: string; readonly csrf: string; readonly id: string }>;
  /** @param use false for what the browser asks by itself, which does not keep an idle sign-in alive */
  find(cookie: string, use?: boolean): Promise<SignedIn | undefined>;
  /** Whether it goes on: not ended, not run out, and its user and credential alive. */
  holds(id: string): Promise<boolean>;
  /** Newest first. */
  list(user: string): readonly SignInRecord[];
  /** Ends one of this user's. @throws NOT_FOUND */
  revoke(id: string, user: string, actor: string): Promise<void>;
  /** What its user does at the end; nothing when it has ended already. */
  signOut(id: string): Promise<void>;
  /** Gives how many there were. */
  revokeAll(user: string, actor: string): Promise<number>;
  /** Calls back with the id of each sign-in that ends, and of all of them at `close`; gives what ends it. */
  onEnd(listener: (id: string) => void): () => void;
  /** Ends what listens, and no sign-in. */
  close(): void;
}

export interface SignInOptions {
  /** The one that `recorder` writes to. */
  readonly store: Store;
  readonly recorder: Recorder;
  readonly directory: Pick<Directory, 'stillValid' | 'user'>;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
}

/**
 * Opens the sign-ins that are in `store`. A sign-in lasts until its user or its credential ends, at most 24 hours, and at
 * most 8 hours without use. Its cookie changes every 15 minutes of use; one that is used later than a minute after its
 * successor was given out has been copied, and ends the sign-in.
 */
export async function openSignIns(options: SignInOptions): Promise<SignIns> {
  const signIns = new StoredSignIns(options, await readSignIns(options.store));
  await signIns.sweep();
  return signIns;
}

class StoredSignIns implements SignIns {
  readonly #options: SignInOptions;
  readonly #clock: () => number;
  /** By id. */
  readonly #rows = new Map<string, SignInRow>();
  /** Ids by the hash of every value that the sign-in has had. */
  readonly #byHash = new Map<string, string>();
  /** The newest value of a sign-in while the one before still works: by id, for at most a minute. */
  readonly #successors = new Map<string, { readonly value: string; readonly until: number }>();
  readonly #listeners = new Set<(id: string) => void>();
  readonly #sweeper: NodeJS.Timeout;
  #lastChange: Promise<unknown> = Promise.resolve();

  constructor(options: SignInOptions, rows: readonly SignInRow[]) {
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
    for (const row of rows) this.#keep(row);
    this.#sweeper = setInterval(() => {
      this.sweep().catch((err: unknown) => options.log.error({ err }, 'sign-ins could not be swept'));
    }, sweepEvery).unref();
  }

  create(principal: Principal, address: string) {
    return this.#change(async () => {
      const [oldest, ...others] = this.#of(principal.user);
      if (oldest !== undefined && others.length + 1 >= maxPerUser)
        await this.#end(oldest, 'revoked', 'refgate');
      const now = this.#clock();
      const cookie = randomBytes(32).toString('base64url');
      const csrf = randomBytes(32).toString('base64url');
      const id = `web-${randomBytes(8).toString('hex')}`;
      const row: SignInRow = {
        id,
        principal,
        address,
        csrf,
        value: hashOf(cookie),
        old: [],
        createdAt: now,
        seenAt: now,
        rotatedAt: now,
      };
      await this.#options.recorder.append(
        'web.signed-in',
        { web: id, address, credential: principal.credential },
        { actor: principal.user, writes: [putSignIn(row)] },
      );
      this.#keep(row);
      return { cookie, csrf, id };
    });
  }

  async find(cookie: string, use = true): Promise<SignedIn | undefined> {
    // Changes are one at a time; what a cookie means is known when those before it are done.
    await this.#lastChange;
    const hash = hashOf(cookie);
    const found = this.#rowOf(hash);
    if (found === undefined) return undefined;
    const user = await this.#userOf(found);
    if (user === undefined) return undefined;
    const now = this.#clock();
    const row = this.#rows.get(found.id);
    if (row === undefined) return undefined;
    if (hash !== row.value && (hash !== row.old.at(-1) || now >= row.rotatedAt + overlap)) {
      await this.#change(() => this.#end(row, 'stolen', 'refgate'));
      this.#options.log.warn({ web: row.id, user: user.name }, 'a replaced cookie was used: sign-in ended');
      return undefined;
    }
    if (use) this.#rows.set(row.id, { ...row, seenAt: now });
    const renewed = hash === row.value ? await this.#rotate(row.id, hash) : this.#successor(row.id);
    return {
      id: row.id,
      principal: { ...asNow(user), credential: row.principal.credential },
      user,
      csrf: row.csrf,
      ...(renewed === undefined ? {} : { renewed }),
    };
  }

  async holds(id: string): Promise<boolean> {
    const row = this.#rows.get(id);
    return row !== undefined && (await this.#userOf(row)) !== undefined;
  }

  list(user: string): readonly SignInRecord[] {
    return this.#of(user)
      .reverse()
      .filter((row) => !this.#isOver(row))
      .map((row) => ({
        id: row.id,
        address: row.address,
        credential: row.principal.credential,
        createdAt: time(row.createdAt),
        seenAt: time(row.seenAt),
        endsAt: time(Math.min(row.createdAt + absoluteLimit, row.seenAt + idleLimit)),
      }));
  }

  revoke(id: string, user: string, actor: string): Promise<void> {
    return this.#change(async () => {
      const row = this.#rows.get(id);
      if (row?.principal.user !== user)
        throw new RefgateError('NOT_FOUND', 'client', 'there is no such sign-in; see the list');
      await this.#end(row, 'revoked', actor);
    });
  }

  signOut(id: string): Promise<void> {
    return this.#change(async () => {
      const row = this.#rows.get(id);
      if (row !== undefined) await this.#end(row, 'user', row.principal.user);
    });
  }

  revokeAll(user: string, actor: string): Promise<number> {
    return this.#change(async () => {
      const rows = this.#of(user);
      for (const row of rows) await this.#end(row, 'revoked', actor);
      return rows.length;
    });
  }

  onEnd(listener: (id: string) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  close(): void {
    clearInterval(this.#sweeper);
    for (const id of this.#rows.keys()) this.#tell(id);
    this.#listeners.clear();
  }

  /** Forgets what ran out, and writes down when the others were used. */
  sweep(): Promise<void> {
    return this.#change(async () => {
      const over = [...this.#rows.values()].filter((row) => this.#isOver(row));
      const goingOn = [...this.#rows.values()].filter((row) => !this.#isOver(row));
      await this.#options.store.write([...over.map(deleteSignIn), ...goingOn.map(putSignIn)]);
      for (const row of over) this.#forget(row);
      const now = this.#clock();
      for (const [id, { until }] of this.#successors) if (now >= until) this.#successors.delete(id);
    });
  }

  /** The user as of now; a sign-in whose user or credential has ended, ends. */
  async #userOf(row: SignInRow): Promise<UserRecord | undefined> {
    if (this.#isOver(row)) return undefined;
    const { directory } = this.#options;
    const user = await directory.user(row.principal.user);
    // Pages go by the groups of now; only what ends the account or the credential ends the sign-in.
    const principal = { ...row.principal, groups: user?.groups ?? [] };
    if (user !== undefined && !user.disabled && (await directory.stillValid(principal))) return user;
    await this.#change(() => this.#end(row, 'ended', 'refgate'));
    return undefined;
  }

  /** A new value where it is time for one: written before it is told. */
  async #rotate(id: string, hash: string): Promise<string | undefined> {
    const isDue = () => this.#clock() >= (this.#rows.get(id)?.rotatedAt ?? Infinity) + rotateAfter;
    if (!isDue()) return undefined;
    return this.#change(async () => {
      const row = this.#rows.get(id);
      // Another request of the same browser may have been first.
      if (row === undefined || row.value !== hash) return this.#successor(id);
      const now = this.#clock();
      const value = randomBytes(32).toString('base64url');
      const rotated = { ...row, value: hashOf(value), old: [...row.old, row.value], rotatedAt: now };
      await this.#options.store.write([putSignIn(rotated)]);
      this.#keep(rotated);
      this.#successors.set(id, { value, until: now + overlap });
      return value;
    });
  }

  /** For a browser that did not get the answer that had it. */
  #successor(id: string): string | undefined {
    const successor = this.#successors.get(id);
    return successor !== undefined && this.#clock() < successor.until ? successor.value : undefined;
  }

  async #end(row: SignInRow, why: EventPayloads['web.signed-out']['why'], actor: string): Promise<void> {
    if (!this.#rows.has(row.id)) return;
    const context = { actor, writes: [deleteSignIn(row)] };
    await this.#options.recorder.append('web.signed-out', { web: row.id, why }, context);
    this.#forget(this.#rows.get(row.id) ?? row);
  }

  #keep(row: SignInRow): void {
    this.#rows.set(row.id, row);
    for (const hash of [row.value, ...row.old]) this.#byHash.set(hash, row.id);
  }

  #forget(row: SignInRow): void {
    this.#rows.delete(row.id);
    this.#successors.delete(row.id);
    for (const hash of [row.value, ...row.old]) this.#byHash.delete(hash);
    this.#tell(row.id);
  }

  #tell(id: string): void {
    for (const listener of this.#listeners) listener(id);
  }

  #rowOf(hash: string): SignInRow | undefined {
    const id = this.#byHash.get(hash);
    return id === undefined ? undefined : this.#rows.get(id);
  }

  /** Oldest first. */
  #of(user: string): SignInRow[] {
    const rows = [...this.#rows.values()].filter((row) => row.principal.user === user);
    return rows.sort((a, b) => a.createdAt - b.createdAt);
  }

  #isOver(row: SignInRow): boolean {
    const now = this.#clock();
    return now >= row.createdAt + absoluteLimit || now >= row.seenAt + idleLimit;
  }

  /** One change at a time, so that a sign-in that was ended is not written again. */
  #change<T>(work: () => Promise<T>): Promise<T> {
    const change = this.#lastChange.then(work);
    this.#lastChange = change.catch(() => {});
    return change;
  }
}

/** Groups and addresses may have changed since the sign-in. */
function asNow({ name, kind, groups, emails }: UserRecord): Omit<Principal, 'credential'> {
  return { user: name, kind, groups, ...(emails === undefined || emails.length === 0 ? {} : { emails }) };
}

/** The value has 256 random bits: no salt, no slow hash. */
function hashOf(value: string): string {
  return createHash('sha256').update(value).digest('hex');
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
