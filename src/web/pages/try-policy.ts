import type { BacktestRow, PolicyAdmin, PolicyTrials } from '../../domain/admin.ts';
import { RefgateError } from '../../domain/error.ts';

/** How many pushes a draft may be tried on, and for how long at most, in ms. */
export const trialSizes = [20, 100, 500] as const;
const maxTrialMs = 5_000;

/** Rows that are shown; the summary counts all of them. */
const maxShown = 200;

/** One thing that is wrong with a draft. */
export interface DraftProblem {
  readonly line: number;
  readonly column: number;
  readonly text: string;
}

export type JudgedRow = Extract<BacktestRow, { readonly ref: string }>;

/** What a draft would have made of the last pushes. */
export interface Trial {
  readonly version: string;
  /** Pushes that were looked at, and those of them that could not be judged again. */
  readonly pushes: number;
  readonly notJudged: number;
  readonly refs: number;
  /** Refs by what changes, such as `allow → deny`. */
  readonly changes: ReadonlyMap<string, number>;
  /** The first of the refs that would be judged otherwise. */
  readonly changed: readonly JudgedRow[];
  /** Why not so many pushes were looked at as were asked for. */
  readonly ended?: 'time' | 'history';
}

/** What is wrong with the text; empty when it can be applied. */
export async function problemsOf(
  policy: Pick<PolicyAdmin, 'check'>,
  text: string,
): Promise<readonly DraftProblem[]> {
  try {
    await policy.check(text, draft);
    return [];
  } catch (error) {
    if (!(error instanceof RefgateError)) throw error;
    // Too many drafts at once: this one is kept, to be sent again.
    if (error.code !== 'POLICY_INVALID' && error.code !== 'LIMIT_EXCEEDED') throw error;
    return (error.detail ?? error.message).split('\n').map(toProblem);
  }
}

const draft = 'draft';

function toProblem(line: string): DraftProblem {
  const [, row, column, text] = /^draft:(\d+):(\d+): (.*)$/s.exec(line) ?? [];
  return { line: Number(row ?? 1), column: Number(column ?? 1), text: text ?? line };
}

/**
 * Judges the last `size` pushes by the text, and ends after that many, after 5
 * seconds, or with `signal`, whatever comes first. @throws POLICY_INVALID
 */
export async function tryPolicy(
  ports: { readonly policy: Pick<PolicyAdmin, 'check'>; readonly trials: PolicyTrials },
  text: string,
  size: number,
  signal: AbortSignal,
  maxMs = maxTrialMs,
): Promise<Trial> {
  const { version } = await ports.policy.check(text, draft);
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  const timer = setTimeout(() => over.abort(), maxMs);
  const count = new TrialCount();
  try {
    const from = new Date(0).toISOString();
    for await (const row of ports.trials.backtest({ text, file: draft }, from, undefined, until)) {
      if (!count.takes(row, size)) break;
      if (until.aborted) break;
    }
  } finally {
    clearTimeout(timer);
  }
  const ended = until.aborted ? ('time' as const) : count.pushes < size ? ('history' as const) : undefined;
  return { version, ...count.result(), ...(ended === undefined ? {} : { ended }) };
}

class TrialCount {
  pushes = 0;
  #last: string | undefined;
  #notJudged = 0;
  #refs = 0;
  readonly #changes = new Map<string, number>();
  readonly #changed: JudgedRow[] = [];

  /** False when the row is of one push more than is wanted, and was not taken. */
  takes(row: BacktestRow, size: number): boolean {
    if (row.session !== this.#last) {
      if (this.pushes === size) return false;
      this.pushes += 1;
      this.#last = row.session;
    }
    if ('notJudged' in row) this.#notJudged += 1;
    else this.#take(row);
    return true;
  }

  #take(row: JudgedRow): void {
    this.#refs += 1;
    if (row.was.effect === row.would.effect) return;
    const change = `${row.was.effect} \u2192 ${row.would.effect}`;
    this.#changes.set(change, (this.#changes.get(change) ?? 0) + 1);
    if (this.#changed.length < maxShown) this.#changed.push(row);
  }

  result(): Omit<Trial, 'version' | 'ended'> {
    return {
      pushes: this.pushes,
      notJudged: this.#notJudged,
      refs: this.#refs,
      changes: this.#changes,
      changed: this.#changed,
    };
  }
}
