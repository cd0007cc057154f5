import { setTimeout as sleep } from 'node:timers/promises';
import type { RefReport, RefUpdate } from '../domain/git.ts';
import type { Log } from '../domain/log.ts';
import type { Target, Upstreams } from '../domain/ports.ts';
import type { EventPayloads, LedgerEvent, LedgerReader, Recorder, SessionOutcome } from '../domain/record.ts';
import { type Outcomes, TipWatch } from './tip-watch.ts';

/** How long a client whose upstream was lost is kept waiting for what the refs show, in ms. */
const clientPatience = 2_000;

/** How long the start of the server waits for upstreams to say where their refs are, in ms. */
const startPatience = 3_000;

const actor = 'refgate';

export interface SettlerOptions {
  readonly recorder: Recorder;
  readonly upstreams: Upstreams;
  /** How long an upstream may take to finish a push that it has whole, in ms; a ref that has not moved by then was not updated. */
  readonly patience: number;
  readonly log: Log;
}

type Decided = LedgerEvent<'push.decided'>;

/**
 * Finds out what became of pushes whose report was lost, from the upstream's
 * refs, and writes it down as `push.settled`. `applied`: the ref is where the
 * update puts it; `not-applied`: nothing was relayed, or it was still where it
 * was when the upstream's time was up; `unknown`: it is elsewhere, or the
 * upstream cannot be asked. What is not known yet is watched in the background.
 */
export class Settler {
  readonly #options: SettlerOptions;
  readonly #closing = new AbortController();
  readonly #watching = new Set<Promise<void>>();

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  /**
   * What the refs show of updates whose relay was lost, after a moment in which
   * the upstream may finish. `unknown` is settled later. Never throws: what
   * cannot be recorded is settled by the next start.
   */
  async afterLoss(session: string, target: Target, updates: readonly RefUpdate[]): Promise<Outcomes> {
    const { upstreams, patience, log } = this.#options;
    const watch = new TipWatch(upstreams, target, updates);
    try {
      await watch.watch(Math.min(clientPatience, patience), this.#closing.signal);
      if (watch.isOver) await this.#record(session, watch.outcomes('unknown'));
      else this.#inBackground(session, watch, patience, async () => {});
    } catch (error) {
      log.error({ session, err: error }, 'push not settled');
    }
    return watch.outcomes('unknown');
  }

  /**
   * Settles what a crash left open, and closes every open session. Returns when
   * the upstreams have been asked once, or do not answer; a push that may still
   * be at work there keeps its session open until it is settled.
   */
  async atStart(ledger: LedgerReader): Promise<void> {
    const unclosed = new Set(await ledger.unclosed());
    const firstLooks: Promise<void>[] = [];
    for (const { session, decided } of await ledger.unsettled()) {
      const events = await ledger.sessionEvents(session);
      const isOpen = unclosed.delete(session);
      const end = async (outcomes: Outcomes): Promise<void> => {
        if (isOpen) await this.#close(session, outcomeOf(decided, outcomes));
      };
      const relayed = events.find((event) => event.code === 'push.relayed');
      if (relayed === undefined) {
        const outcomes = decided.data.relay.map(({ ref }) => ({ ref, outcome: 'not-applied' as const }));
        await this.#record(session, outcomes);
        await end(outcomes);
      } else {
        firstLooks.push(this.#track(session, this.#settleRelayed(session, decided, relayed, end)));
      }
    }
    for (const session of unclosed) {
      const events = await ledger.sessionEvents(session);
      const waits = events.some(({ code }) => code === 'push.held' || code === 'push.joined');
      await this.#close(session, waits ? 'held' : 'aborted');
    }
    const late = new AbortController();
    const timer = sleep(startPatience, undefined, { signal: late.signal }).catch(() => undefined);
    await Promise.race([Promise.all(firstLooks), timer]);
    late.abort();
  }

  /** Stops watching; what is not settled stays open in the ledger for the next start. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#watching);
  }

  /** Resolves after the first look, and goes on in the background. */
  async #settleRelayed(
    session: string,
    decided: Decided,
    relayed: LedgerEvent,
    end: (outcomes: Outcomes) => Promise<void>,
  ): Promise<void> {
    const { upstreams, patience } = this.#options;
    const watch = new TipWatch(upstreams, parseTarget(decided.data.target), decided.data.relay);
    await watch.watch(0, this.#closing.signal);
    const left = Math.min(patience, Date.parse(relayed.time) + patience - Date.now());
    if (watch.isOver || left <= 0) await this.#finish(session, watch, end);
    else this.#inBackground(session, watch, left, end);
  }

  #inBackground(
    session: string,
    watch: TipWatch,
    ms: number,
    end: (outcomes: Outcomes) => Promise<void>,
  ): void {
    const finished = watch.watch(ms, this.#closing.signal).then(() => this.#finish(session, watch, end));
    void this.#track(session, finished);
  }

  /** Never rejects; what fails is settled by the next start. */
  #track(session: string, work: Promise<void>): Promise<void> {
    const tracked = work
      .catch((error: unknown) => {
        if (!this.#closing.signal.aborted)
          this.#options.log.error({ session, err: error }, 'push not settled');
      })
      .finally(() => this.#watching.delete(tracked));
    this.#watching.add(tracked);
    return tracked;
  }

  async #finish(session: string, watch: TipWatch, end: (outcomes: Outcomes) => Promise<void>): Promise<void> {
    const outcomes = watch.outcomes('not-applied');
    await this.#record(session, outcomes);
    await end(outcomes);
  }

  async #record(session: string, outcomes: Outcomes): Promise<void> {
    const { recorder, log } = this.#options;
    await recorder.append('push.settled', { refs: outcomes }, { session, actor });
    log.warn({ session, refs: outcomes }, 'push settled');
  }

  async #close(session: string, outcome: SessionOutcome): Promise<void> {
    const data: EventPayloads['session.closed'] = {
      outcome,
      code: 'SHUTTING_DOWN',
      detail: 'the server stopped before the session ended',
      bytesIn: 0,
      bytesOut: 0,
    };
    await this.#options.recorder.append('session.closed', data, { session, actor });
  }
}

/** Whether every outcome is known. */
export function isSettled(outcomes: Outcomes): boolean {
  return outcomes.every(({ outcome }) => outcome !== 'unknown');
}

/** What the upstream's report would have said, as far as its refs show it. */
export function reportsOf(outcomes: Outcomes): RefReport[] {
  const reason = 'the upstream was lost before it reported; fetch to see whether it was updated';
  return outcomes.map(({ ref, outcome }) =>
    outcome === 'applied' ? { ref, ok: true } : { ref, ok: false, reason },
  );
}

function outcomeOf(decided: Decided, outcomes: Outcomes): SessionOutcome {
  if (!isSettled(outcomes)) return 'unknown';
  const applied = outcomes.filter(({ outcome }) => outcome === 'applied').length;
  if (applied === decided.data.refs.length) return 'ok';
  return applied === 0 ? 'failed' : 'partial';
}

function parseTarget(text: string): Target {
  const colon = text.indexOf(':');
  return { upstream: text.slice(0, colon), path: text.slice(colon + 1) };
}
