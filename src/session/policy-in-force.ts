import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { PolicyAdmin, PolicyVersion } from '../domain/admin.ts';
import { RefgateError } from '../domain/error.ts';
import type { Log } from '../domain/log.ts';
import type { Recorder } from '../domain/record.ts';
import type { Store } from '../domain/store.ts';
import { type LoadedPolicy, loadPolicy } from '../policy/load.ts';
import { PolicyCheck } from './check-policy.ts';

/**
 * The one policy that judges now, and every version before it. A change is in
 * the ledger before it takes effect, and takes effect at once for whoever asks
 * afterwards. An invalid text never replaces a valid one.
 */
export interface PolicyInForce extends PolicyAdmin {
  /** Throws POLICY_INVALID (operator) while no policy has ever been applied. */
  current(): LoadedPolicy;
  /** A kept version, ready to judge, whatever is in force. @throws NOT_FOUND, POLICY_INVALID */
  load(version: string): Promise<LoadedPolicy>;
  /**
   * For the start of the server: applies the file of the configuration when it
   * has changed since it was applied last. An unreadable or invalid file leaves
   * the version of the last run in force and is logged; throws POLICY_INVALID when there is none.
   */
  loadFile(path: string): Promise<void>;
  /** Calls back with each version that comes into force from now on. The listener must not throw. */
  onApplied(listener: (version: string) => void): void;
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();

const currentKey = 'policy!current';
const historyStart = 'policy!history!';
const textStart = 'policy!text!';

/** What `policy!current` and each row of the history hold. */
interface Applied extends PolicyVersion {
  readonly fileName: string;
}

/** Opens what the last run left. Throws POLICY_INVALID when the stored version cannot be read any more. */
export async function openPolicyInForce(deps: {
  readonly store: Store;
  readonly recorder: Recorder;
  readonly log: Log;
}): Promise<PolicyInForce> {
  const kept = await readJson<Applied>(deps.store, currentKey);
  let policy: LoadedPolicy | undefined;
  if (kept) {
    const text = await deps.store.get(`${textStart}${kept.version}`);
    if (!text)
      throw new RefgateError('POLICY_INVALID', 'operator', `version ${kept.version} is lost from the store`);
    policy = loadPolicy(decoder.decode(text), kept.fileName, { log: deps.log });
  }
  return new StoredPolicy(deps, policy);
}

class StoredPolicy implements PolicyInForce {
  readonly #store: Store;
  readonly #recorder: Recorder;
  readonly #log: Log;
  #policy: LoadedPolicy | undefined;
  readonly #check = new PolicyCheck();
  /** The changes, one after another. */
  #queue: Promise<unknown> = Promise.resolve();
  #configured: string | undefined;
  readonly #listeners: ((version: string) => void)[] = [];

  constructor(deps: { store: Store; recorder: Recorder; log: Log }, policy: LoadedPolicy | undefined) {
    this.#store = deps.store;
    this.#recorder = deps.recorder;
    this.#log = deps.log;
    this.#policy = policy;
  }

  onApplied(listener: (version: string) => void): void {
    this.#listeners.push(listener);
  }

  current(): LoadedPolicy {
    if (this.#policy) return this.#policy;
    throw new RefgateError(
      'POLICY_INVALID',
      'operator',
      'no policy has been applied; run refgate policy apply FILE',
    );
  }

  check(text: string, file: string): Promise<{ readonly version: string }> {
    return this.#check.check({ text, file });
  }

  apply(text: string, file: string, actor: string): Promise<{ version: string; previous?: string }> {
    const change = this.#queue.then(() => this.#apply(text, file, actor));
    this.#queue = change.catch(() => {});
    return change;
  }

  async rollback(version: string, actor: string): Promise<{ version: string; previous?: string }> {
    const text = await this.text(version);
    const file = (await this.#appliedAs(version))?.fileName ?? `version ${version}`;
    const change = this.#queue.then(() => this.#apply(text, file, actor, true));
    this.#queue = change.catch(() => {});
    return change;
  }

  async load(version: string): Promise<LoadedPolicy> {
    if (this.#policy?.version === version) return this.#policy;
    const text = await this.text(version);
    return loadPolicy(text, (await this.#appliedAs(version))?.fileName ?? version, { log: this.#log });
  }

  /** The newest row of the history that names the version. */
  async #appliedAs(version: string): Promise<Applied | undefined> {
    for await (const row of this.#rows()) if (row.version === version) return row;
    return undefined;
  }

  /** The history, newest first. */
  async *#rows(): AsyncGenerator<Applied> {
    const range = { from: historyStart, to: `${historyStart}~`, reverse: true };
    for await (const [, value] of this.#store.range(range)) yield JSON.parse(decoder.decode(value));
  }

  async history(): Promise<readonly PolicyVersion[]> {
    const versions: PolicyVersion[] = [];
    for await (const { version, appliedAt, actor } of this.#rows())
      versions.push({ version, appliedAt, actor });
    return versions;
  }

  async text(version: string): Promise<string> {
    const kept = /^[0-9a-f]{12}$/.test(version) ? await this.#store.get(`${textStart}${version}`) : undefined;
    if (!kept) {
      const near = nearest(
        version,
        (await this.history()).map((one) => one.version),
      );
      const advice = near.length === 0 ? 'none was applied yet' : `the nearest are ${near.join(', ')}`;
      const detail = `there is no policy version ${JSON.stringify(version)}; ${advice}; see refgate policy history`;
      throw new RefgateError('NOT_FOUND', 'operator', detail);
    }
    return decoder.decode(kept);
  }

  async loadFile(path: string): Promise<void> {
    this.#configured = resolve(path);
    try {
      const text = await readPolicyFile(path);
      const { version } = loadPolicy(text, path);
      // A file that has not changed does not take back what was applied after it.
      const seen = await this.#store.get(fileKey(this.#configured));
      const changed = seen === undefined || decoder.decode(seen) !== version;
      if (changed || !this.#policy) await this.apply(text, path, 'refgate');
      else if (version !== this.#policy.version)
        this.#log.warn(
          { file: path, version: this.#policy.version },
          'policy applied later than the file stays',
        );
    } catch (error) {
      if (!(error instanceof RefgateError && error.code === 'POLICY_INVALID')) throw error;
      await this.#recordRejection(path, error);
      if (!this.#policy) throw error;
      this.#log.error(
        { file: path, err: error, version: this.#policy.version },
        'policy file refused, last version stays',
      );
    }
  }

  async #apply(
    text: string,
    file: string,
    actor: string,
    rollback = false,
  ): Promise<{ version: string; previous?: string }> {
    let policy: LoadedPolicy;
    try {
      policy = loadPolicy(text, file, { log: this.#log });
    } catch (error) {
      await this.#recordRejection(file, error, actor);
      throw error;
    }
    const { version } = policy;
    const previous = this.#policy?.version;
    const mark = resolve(file) === this.#configured ? [put(fileKey(this.#configured), version)] : [];
    if (previous === version) {
      if (mark.length > 0) await this.#store.write(mark);
      return { version, previous };
    }
    const data = previous === undefined ? { version } : { version, previous };
    // The text first, so that a version that the ledger names can always be read; the pointer last.
    await this.#store.write([put(`${textStart}${version}`, text)]);
    const event = await this.#recorder.append(
      'admin.policy-applied',
      rollback ? { ...data, rollback } : data,
      { actor },
    );
    const applied = JSON.stringify({
      version,
      appliedAt: event.time,
      actor,
      fileName: file,
    } satisfies Applied);
    const row = `${historyStart}${String(event.seq).padStart(16, '0')}`;
    await this.#store.write([put(row, applied), put(currentKey, applied), ...mark]);
    this.#policy = policy;
    this.#log.info({ ...data, actor }, 'policy applied');
    for (const listener of this.#listeners) listener(version);
    return data;
  }

  async #recordRejection(file: string, error: unknown, actor = 'refgate'): Promise<void> {
    const reason = error instanceof Error ? error.message : 'unknown cause';
    await this.#recorder.append('admin.policy-rejected', { file, reason: reason.slice(0, 2000) }, { actor });
  }
}

/** At most three versions that begin as the given text does, or share most digits with it; the newest of equals first. */
function nearest(given: string, versions: readonly string[]): readonly string[] {
  const likeness = (version: string): number => {
    let prefix = 0;
    while (prefix < version.length && version[prefix] === given[prefix]) prefix += 1;
    return prefix * 100 + [...version].filter((digit, at) => digit === given[at]).length;
  };
  return [...new Set(versions)].sort((a, b) => likeness(b) - likeness(a)).slice(0, 3);
}

async function readPolicyFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new RefgateError('POLICY_INVALID', 'operator', `${path}: cannot be read`, { cause });
  }
}

async function readJson<T>(store: Store, key: string): Promise<T | undefined> {
  const value = await store.get(key);
  return value === undefined ? undefined : (JSON.parse(decoder.decode(value)) as T);
}

/** Keys are ASCII, paths are not. */
function fileKey(path: string): string {
  return `policy!file!${createHash('sha256').update(path).digest('hex')}`;
}

function put(key: string, value: string) {
  return { type: 'put', key, value: encoder.encode(value) } as const;
}
