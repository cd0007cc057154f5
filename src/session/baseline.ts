import type { AcceptedSecret, RepoSecret } from '../domain/admin.ts';
import { RefgateError } from '../domain/error.ts';
import type { Recorder } from '../domain/record.ts';
import type { Store, StoreWrite } from '../domain/store.ts';

const folder = 'baseline!';

/** What one repository may have; a list that is longer than this accepts too much to mean anything. */
const maxPerRepo = 100_000;

/** Accepted secrets that are written with one event. */
const maxPerEvent = 5_000;

/** The secrets that are accepted in each repository, in memory as they are in the store. */
export interface Baselines {
  /** Fingerprints, for the walk of a push. */
  of(repo: string): readonly string[];
  list(repo: string): readonly AcceptedSecret[];
  /** Gives how many were not accepted before. Throws LIMIT_EXCEEDED. */
  accept(repo: string, secrets: readonly RepoSecret[], reason: string, actor: string): Promise<number>;
  /** @throws NOT_FOUND */
  remove(repo: string, fingerprint: string, actor: string): Promise<void>;
}

/**
 * Opens the baselines in `store`, the one that `recorder` writes to. A change is one batch with its
 * event, and memory follows once it is durable.
 */
export async function openBaselines(options: {
  readonly store: Store;
  readonly recorder: Recorder;
  readonly clock?: () => number;
}): Promise<Baselines> {
  const known = new Map<string, Map<string, AcceptedSecret>>();
  for await (const [key, value] of options.store.range({ from: folder, to: `${folder}~` })) {
    const [, repo = ''] = key.split('!');
    const secret = JSON.parse(Buffer.from(value).toString()) as AcceptedSecret;
    listOf(known, repo).set(secret.fingerprint, secret);
  }
  return new RecordedBaselines(known, options.recorder, options.clock ?? Date.now);
}

type Known = Map<string, Map<string, AcceptedSecret>>;

function listOf(known: Known, repo: string): Map<string, AcceptedSecret> {
  const list = known.get(repo) ?? new Map<string, AcceptedSecret>();
  known.set(repo, list);
  return list;
}

class RecordedBaselines implements Baselines {
  readonly #known: Known;
  readonly #recorder: Recorder;
  readonly #clock: () => number;
  #lastChange: Promise<unknown> = Promise.resolve();

  constructor(known: Known, recorder: Recorder, clock: () => number) {
    this.#known = known;
    this.#recorder = recorder;
    this.#clock = clock;
  }

  of(repo: string): readonly string[] {
    return [...(this.#known.get(repo)?.keys() ?? [])];
  }

  list(repo: string): readonly AcceptedSecret[] {
    return [...(this.#known.get(repo)?.values() ?? [])].sort((a, b) =>
      a.fingerprint < b.fingerprint ? -1 : 1,
    );
  }

  accept(repo: string, secrets: readonly RepoSecret[], reason: string, actor: string): Promise<number> {
    return this.#change(async () => {
      const had = this.#known.get(repo);
      const fresh = secrets.filter((one) => had?.has(one.fingerprint) !== true);
      if ((had?.size ?? 0) + fresh.length > maxPerRepo) throw tooMany(repo);
      const time = new Date(this.#clock()).toISOString();
      const accepted = fresh.map(
        ({ fingerprint, rule, path, sample }): AcceptedSecret => ({
          fingerprint,
          rule,
          ...(path === undefined ? {} : { path }),
          sample,
          reason,
          time,
          actor,
        }),
      );
      // Even when nothing is new, somebody has looked and said so.
      for (let at = 0; at === 0 || at < accepted.length; at += maxPerEvent) {
        const part = accepted.slice(at, at + maxPerEvent);
        const writes = part.map((one) => put(repo, one));
        const data = { repo, count: secrets.length, added: part.length, reason };
        await this.#recorder.append('admin.baseline-written', data, { actor, writes });
        for (const one of part) listOf(this.#known, repo).set(one.fingerprint, one);
      }
      return accepted.length;
    });
  }

  remove(repo: string, fingerprint: string, actor: string): Promise<void> {
    return this.#change(async () => {
      if (this.#known.get(repo)?.has(fingerprint) !== true) {
        const detail = `${fingerprint} is not accepted in ${repo}; see refgate secret baseline ${repo} --list`;
        throw new RefgateError('NOT_FOUND', 'operator', detail);
      }
      const writes: StoreWrite[] = [{ type: 'del', key: keyOf(repo, fingerprint) }];
      await this.#recorder.append('admin.baseline-removed', { repo, fingerprint }, { actor, writes });
      this.#known.get(repo)?.delete(fingerprint);
    });
  }

  /** One change at a time, so that what was checked still holds when it is written. */
  #change<T>(work: () => Promise<T>): Promise<T> {
    const change = this.#lastChange.then(work);
    this.#lastChange = change.catch(() => {});
    return change;
  }
}

/** Names of repositories have neither `!` nor anything beyond ASCII. */
function keyOf(repo: string, fingerprint: string): string {
  return `${folder}${repo}!${fingerprint}`;
}

function put(repo: string, secret: AcceptedSecret): StoreWrite {
  const value = Buffer.from(JSON.stringify(secret));
  return { type: 'put', key: keyOf(repo, secret.fingerprint), value };
}

function tooMany(repo: string): RefgateError {
  const detail = `${repo} would have over ${maxPerRepo} accepted secrets; leave paths out with the rules instead`;
  return new RefgateError('LIMIT_EXCEEDED', 'operator', detail);
}
