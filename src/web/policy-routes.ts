import type { Request, Router } from 'express';
import { z } from 'zod';
import type { BacktestRow, PolicyAdmin, PolicyTrials } from '../domain/admin.ts';
import { RefgateError } from '../domain/error.ts';
import type { Log } from '../domain/log.ts';
import { json, read, sendLines } from './answer.ts';

const version = z.string().max(512);
const policyText = z.strictObject({ text: z.string().max(1_048_576), file: z.string().max(4_096) });
const backtestOrder = z.strictObject({
  ...policyText.shape,
  since: z.iso.datetime({ offset: true }),
  /** Also what would not change. */
  all: z.boolean().default(false),
});
const explainOrder = z.strictObject({ session: z.string().max(128), policy: policyText.optional() });

/** Judging takes the time of the server: so many backtests go on at once. */
const maxBacktests = 2;

/** Pushes after which progress is told. */
const progressEvery = 100;

/** The policy: what is in force, what was, and what another one would do. */
export function policyRoutes(
  router: Router,
  ports: { readonly policy: PolicyAdmin; readonly trials: PolicyTrials; readonly log: Log },
  actor: (request: Request) => string,
): void {
  const { policy, trials } = ports;
  let backtests = 0;
  router.get(
    '/policy',
    json(() => policy.current()),
  );
  router.get(
    '/policy/history',
    json(() => policy.history()),
  );
  router.get(
    '/policy/versions/:version',
    json(async (request) => {
      const wanted = read(version, request.params['version']);
      return { version: wanted, text: await policy.text(wanted) };
    }),
  );
  router.post(
    '/policy/check',
    json((request) => {
      const { text, file } = read(policyText, request.body);
      return policy.check(text, file);
    }),
  );
  router.post(
    '/policy/apply',
    json((request) => {
      const { text, file } = read(policyText, request.body);
      return policy.apply(text, file, actor(request));
    }),
  );
  router.post(
    '/policy/rollback',
    json((request) =>
      policy.rollback(read(z.strictObject({ version }), request.body).version, actor(request)),
    ),
  );
  router.post(
    '/policy/explain',
    json(async (request) => {
      const order = read(explainOrder, request.body);
      if (order.policy !== undefined) await policy.check(order.policy.text, order.policy.file);
      return trials.explain(order.session, order.policy);
    }),
  );
  // Newline-separated JSON: rows and progress while it works, then the summary or the error.
  router.post('/policy/backtest', async (request, response) => {
    const { text, file, since, all } = read(backtestOrder, request.body);
    if (backtests >= maxBacktests)
      throw new RefgateError('LIMIT_EXCEEDED', 'client', 'other policies are being tried; wait some seconds');
    backtests += 1;
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    try {
      await policy.check(text, file);
      const tally = new Tally();
      const rows = trials.backtest({ text, file }, since, () => tally.push(), gone.signal);
      await sendLines(response, ports.log, backtestLines(rows, tally, all));
    } finally {
      backtests -= 1;
    }
  });
}

async function* backtestLines(
  rows: AsyncIterable<BacktestRow>,
  tally: Tally,
  all: boolean,
): AsyncGenerator<object> {
  let told = 0;
  for await (const row of rows) {
    tally.add(row);
    if (all || 'notJudged' in row || row.was.effect !== row.would.effect) yield { row };
    if (tally.pushes < told + progressEvery) continue;
    told = tally.pushes;
    yield { progress: { done: told } };
  }
  yield { summary: tally.summary() };
}

class Tally {
  pushes = 0;
  #refs = 0;
  #notJudged = 0;
  readonly #changes = new Map<string, number>();

  push(): void {
    this.pushes += 1;
  }

  add(row: BacktestRow): void {
    if ('notJudged' in row) {
      this.#notJudged += 1;
      return;
    }
    this.#refs += 1;
    if (row.was.effect === row.would.effect) return;
    const change = `${row.was.effect} -> ${row.would.effect}`;
    this.#changes.set(change, (this.#changes.get(change) ?? 0) + 1);
  }

  /** `judged` and `notJudged` count pushes, `refs` and `changes` ref updates. */
  summary(): object {
    return {
      judged: this.pushes - this.#notJudged,
      notJudged: this.#notJudged,
      refs: this.#refs,
      changes: Object.fromEntries(this.#changes),
    };
  }
}
