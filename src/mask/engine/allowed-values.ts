import { RefgateError } from '../../domain/error.ts';
import type { AllowedValue } from '../../domain/mask.ts';
import type { Recorder } from '../../domain/record.ts';
import type { Store } from '../../domain/store.ts';

const folder = 'mask/allowed/';

/** What every view may show in clear; more means nothing any more. */
const maxValues = 100_000;

type Named = Pick<AllowedValue, 'fingerprint' | 'repo'>;

const keyOf = ({ fingerprint, repo }: Named): string => `${folder}${fingerprint}/${repo ?? ''}`;

/** The values that are shown in clear, in memory as they are in the store. A change is one batch with its event. */
export class AllowedValues {
  readonly #known: Map<string, AllowedValue>;
  readonly #recorder: Recorder;
  readonly #clock: () => number;
  #version = 0;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(known: Map<string, AllowedValue>, recorder: Recorder, clock: () => number) {
    this.#known = known;
    this.#recorder = recorder;
    this.#clock = clock;
  }

  static async open(store: Store, recorder: Recorder, clock: () => number): Promise<AllowedValues> {
    const known = new Map<string, AllowedValue>();
    for await (const [key, value] of store.range({ from: folder, to: `${folder}~` }))
      known.set(key, JSON.parse(Buffer.from(value).toString()) as AllowedValue);
    return new AllowedValues(known, recorder, clock);
  }

  list(): readonly AllowedValue[] {
    return [...this.#known.values()];
  }

  /** Grows with every change. */
  get version(): number {
    return this.#version;
  }

  /** Sorted fingerprints: those of all repositories, and of the ones that are asked for. */
  of(isMine: (repo: string) => boolean): readonly string[] {
    const mine = this.list().filter(({ repo }) => repo === undefined || isMine(repo));
    return [...new Set(mine.map(({ fingerprint }) => fingerprint))].sort();
  }

  find(fingerprint: string, isMine: (repo: string) => boolean): AllowedValue | undefined {
    return this.list().find(
      (one) => one.fingerprint === fingerprint && (one.repo === undefined || isMine(one.repo)),
    );
  }

  /** @throws USAGE, LIMIT_EXCEEDED */
  allow(value: Named & { readonly reason: string }, actor: string): Promise<void> {
    const { fingerprint, reason, repo } = value;
    if (!/^[0-9a-f]{32}$/.test(fingerprint)) {
      const detail = `a fingerprint is 32 hex digits, as a preview shows it, not ${JSON.stringify(fingerprint)}`;
      throw new RefgateError('USAGE', 'operator', detail);
    }
    if (reason.trim() === '') throw new RefgateError('USAGE', 'operator', 'say why: a reason is missing');
    const named: Named = { fingerprint, ...(repo === undefined ? {} : { repo }) };
    return this.#change(async () => {
      if (this.#known.size >= maxValues)
        throw new RefgateError('LIMIT_EXCEEDED', 'operator', `over ${maxValues} allowed values`);
      const row: AllowedValue = { ...named, reason, actor, time: new Date(this.#clock()).toISOString() };
      const put = { type: 'put', key: keyOf(named), value: Buffer.from(JSON.stringify(row)) } as const;
      await this.#recorder.append('admin.mask-allowed', { ...named, reason }, { actor, writes: [put] });
      this.#known.set(keyOf(named), row);
    });
  }

  /** @throws NOT_FOUND */
  disallow(value: Named, actor: string): Promise<void> {
    const { fingerprint, repo } = value;
    const named: Named = { fingerprint, ...(repo === undefined ? {} : { repo }) };
    return this.#change(async () => {
      if (!this.#known.has(keyOf(named)))
        throw new RefgateError('NOT_FOUND', 'operator', `${fingerprint} ${notAllowed(repo)}`);
      const writes = [{ type: 'del', key: keyOf(named) }] as const;
      await this.#recorder.append('admin.mask-disallowed', named, { actor, writes });
      this.#known.delete(keyOf(named));
    });
  }

  #change(change: () => Promise<void>): Promise<void> {
    const done = this.#last.then(change).then(() => {
      this.#version++;
    });
    this.#last = done.catch(() => undefined);
    return done;
  }
}

function notAllowed(repo: string | undefined): string {
  const where = repo === undefined ? 'everywhere' : `in ${repo}`;
  return `is not among what is shown in clear ${where}; \`refgate mask allowed\` lists values with their repositories`;
}
