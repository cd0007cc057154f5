import type { HeldPushDesk } from '../approval/desk.ts';
import { isFinal } from '../approval/states.ts';
import type { HeldPush } from '../domain/approval.ts';
import { RefgateError } from '../domain/error.ts';
import type { PushRequest, RefReport } from '../domain/git.ts';
import type { PushTarget } from '../domain/ports.ts';
import type { LedgerEvent, LedgerReader, SessionOutcome } from '../domain/record.ts';
import { Turns } from '../inspect/turns.ts';
import { checkNames } from './check-names.ts';
import type { Decision } from './decide.ts';
import { asRefgateError } from './failures.ts';
import { judgeAgain } from './judge-again.ts';
import type { HeldEnds, Session, SpineDeps } from './open.ts';
import { type RelayJob, relayPush } from './relay-push.ts';

type RelayDeps = RelayJob['deps'] & Pick<SpineDeps, 'upstreams' | 'recorder' | 'closing' | 'facts'>;

export interface HeldRelayOptions {
  readonly desk: HeldPushDesk;
  readonly deps: RelayDeps;
  readonly ledger: LedgerReader;
  /** Removes the pack of a push from quarantine. */
  readonly discard: (session: string) => Promise<void>;
  /** Between two looks at a push whose relay was lost, in ms. */
  readonly lookEvery?: number;
}

/** Relays without a client that are under way at a time. */
const relaysAtOnce = 8;

/**
 * Completes approved pushes whose client is gone, with the held bytes, where
 * the policy says `onApprove: relay`; writes down how each approved push came
 * out; and removes packs that nobody needs any more.
 */
export class HeldRelay implements HeldEnds {
  readonly #options: HeldRelayOptions;
  readonly #running = new Set<Promise<void>>();
  readonly #relaying = new Set<string>();
  readonly #watched = new Set<string>();
  readonly #turns = new Turns(relaysAtOnce);
  readonly #closing = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #stopListening: (() => void) | undefined;

  constructor(options: HeldRelayOptions) {
    this.#options = options;
  }

  /** From now on; also for what a crash left behind. */
  async start(): Promise<void> {
    const { desk } = this.#options;
    this.#stopListening = desk.onChange((push) => this.#look(push));
    for (const push of desk.unfinished()) await this.#resume(push);
    for (const push of desk.live()) this.#look(push);
  }

  /** Waits for the relays that run. */
  async close(): Promise<void> {
    this.#stopListening?.();
    this.#closing.abort();
    clearTimeout(this.#timer);
    await Promise.allSettled(this.#running);
  }

  async finish(
    id: string,
    { outcome, failure }: Pick<Session, 'outcome' | 'failure'>,
    reports: readonly RefReport[],
  ): Promise<void> {
    const { desk, deps } = this.#options;
    if (outcome === 'unknown') return this.#watchLater(id);
    try {
      if (reports.some(({ ok }) => ok)) await desk.forwarded(id, reports);
      else if (failure !== undefined) await desk.failed(id, failure.code, failure.detail ?? failure.message);
      else await desk.failed(id, 'UPSTREAM_REFUSED', reports.map(tellReport).join('; '));
    } catch (error) {
      deps.log.error({ push: id, err: error }, 'end of a held push not recorded');
    }
  }

  async giveUp(id: string, { code, message }: RefgateError): Promise<void> {
    const { desk, deps } = this.#options;
    try {
      await desk.failed(id, code, message);
    } catch (error) {
      deps.log.error({ push: id, err: error }, 'end of a held push not recorded');
    }
  }

  #look(push: HeldPush): void {
    const { desk, discard } = this.#options;
    if (isFinal(push.state)) {
      // A client that waits may have the rest of it to relay; its leaving is told as well.
      if (!desk.isAttached(push.id)) this.#track(discard(push.session));
    } else if (push.state === 'approved' && push.onApprove === 'relay' && push.relayedBy === undefined) {
      if (desk.isAttached(push.id) || this.#relaying.has(push.id)) return;
      this.#relaying.add(push.id);
      this.#track(this.#claimAndRelay(push).finally(() => this.#relaying.delete(push.id)));
    }
  }

  #track(work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => this.#options.deps.log.error({ err: error }, 'held push not completed'))
      .finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }

  async #claimAndRelay(push: HeldPush): Promise<void> {
    const claimed = await this.#options.desk.claim(push.id, push.session);
    if (claimed !== undefined) await this.#relayInTurn(claimed);
  }

  /** Many that are approved at once leave room for clients that push now. */
  async #relayInTurn(push: HeldPush): Promise<void> {
    const { signal } = this.#closing;
    const endTurn = await this.#turns.take(signal).catch(() => undefined);
    // The next start begins it anew.
    if (endTurn === undefined) return;
    try {
      await this.#relay(push);
    } finally {
      endTurn();
    }
  }

  /** In the name of the session that brought the push, whose client is gone. */
  async #relay(push: HeldPush): Promise<void> {
    const { desk, deps } = this.#options;
    const context = { session: push.session, actor: push.principal.user };
    const session: RelayJob['session'] & { outcome: SessionOutcome | undefined } = {
      id: push.session,
      channel: { principal: push.principal },
      failure: undefined,
      outcome: undefined,
      record: async (code, data) => void (await deps.recorder.append(code, data, context)),
    };
    let upstream: PushTarget | undefined;
    let isBegun = false;
    try {
      const request = requestOf(push, desk.optionsOf(push.id));
      // Throws where the configuration has no such upstream any more.
      upstream = deps.upstreams.pushTarget(push.target);
      const found = await checkNames(deps, push.target, request, deps.closing);
      const [first] = [...found.values()].flat();
      if (first !== undefined) throw new RefgateError('CONFLICT', 'client', first.text);
      const answered = new Set(push.asks.map(({ rule }) => rule));
      await judgeAgain(deps, { ...push, answered });
      const decision: Decision = {
        policyVersion: push.policyVersion,
        refs: push.verdicts.map((one) => (one.effect === 'ask' ? { ...one, effect: 'allow' } : one)),
        relay: push.relay,
      };
      const { upstream: name, path } = push.target;
      isBegun = true;
      await session.record('push.decided', {
        policyVersion: decision.policyVersion,
        refs: [...decision.refs],
        relay: [...decision.relay],
        target: `${name}:${path}`,
        held: push.id,
      });
      const job: RelayJob = { deps, session, target: push.target, request, reporter: nobody };
      const result = await relayPush(job, upstream, decision, push.pack);
      // The upstream has acted, whether or not its answer can be written down.
      if (session.outcome !== 'unknown')
        await session
          .record('push.reported', { unpack: result.unpack, reports: [...result.reports] })
          .catch((err: unknown) =>
            deps.log.error({ push: push.id, err }, 'report of a held push not recorded'),
          );
      await this.finish(push.id, session, result.reports);
    } catch (error) {
      // The next start begins it anew.
      if (!isBegun && deps.closing.aborted) return;
      await this.giveUp(push.id, asRefgateError(error));
    } finally {
      upstream?.close();
    }
  }

  /** After a crash: what was not handed to the upstream may still go where the policy says so; the rest is what the ledger has settled. */
  async #resume(push: HeldPush): Promise<void> {
    const wasHanded = (await this.#relayEvents(push)).some(({ code }) => code === 'push.relayed');
    if (!wasHanded && push.onApprove === 'relay') return this.#track(this.#relayInTurn(push));
    if (await this.#settle(push)) return;
    if (wasHanded) return this.#watchLater(push.id);
    const stopped = new RefgateError('SHUTTING_DOWN', 'refgate', 'the server stopped before it was relayed');
    await this.giveUp(push.id, stopped);
  }

  /** Whether the ledger knows how the relay came out; then it is written down. */
  async #settle(push: HeldPush): Promise<boolean> {
    for (const { code, data } of await this.#relayEvents(push)) {
      if (code === 'push.reported') {
        const { reports } = data as { reports: RefReport[] };
        const names = new Set(push.relay.map(({ ref }) => ref));
        await this.finish(
          push.id,
          { outcome: 'ok', failure: undefined },
          reports.filter(({ ref }) => names.has(ref)),
        );
        return true;
      }
      if (code !== 'push.settled') continue;
      const { refs } = data as { refs: { ref: string; outcome: string }[] };
      const reports = refs.map(
        ({ ref, outcome }): RefReport =>
          outcome === 'applied'
            ? { ref, ok: true }
            : { ref, ok: false, reason: `found ${outcome} at the upstream` },
      );
      await this.finish(push.id, { outcome: 'ok', failure: undefined }, reports);
      return true;
    }
    return false;
  }

  /**
   * From the decision to relay the push on. It is in the session that claimed the push, or in the one that brought
   * it: a start after a crash goes on in its name.
   */
  async #relayEvents({ id, session, relayedBy = session }: HeldPush): Promise<readonly LedgerEvent[]> {
    for (const one of new Set([session, relayedBy])) {
      const events = await this.#options.ledger.sessionEvents(one);
      const from = events.findLastIndex(({ code, data }) => isDecided(code, data, id));
      if (from >= 0) return events.slice(from);
    }
    return [];
  }

  /** The settler watches the upstream; what it finds is taken over. */
  #watchLater(id: string): void {
    this.#watched.add(id);
    this.#timer ??= setTimeout(
      () => this.#track(this.#lookAgain()),
      this.#options.lookEvery ?? 5_000,
    ).unref();
  }

  async #lookAgain(): Promise<void> {
    const { desk, deps } = this.#options;
    this.#timer = undefined;
    for (const id of [...this.#watched]) {
      const push = await desk.get(id);
      if (push === undefined || isFinal(push.state) || (await this.#settle(push))) this.#watched.delete(id);
    }
    const [next] = this.#watched;
    if (next !== undefined && !deps.closing.aborted) this.#watchLater(next);
  }
}

function isDecided(code: string, data: object, id: string): boolean {
  return code === 'push.decided' && 'held' in data && data.held === id;
}

/** What was held, as a request that nobody waits for. */
function requestOf(
  { relay, atomic, objectFormat, pack }: HeldPush,
  pushOptions: readonly string[],
): PushRequest {
  return {
    updates: relay,
    pushOptions,
    atomic,
    quiet: true,
    report: 'v1',
    sideband: false,
    objectFormat,
    hasPack: pack !== undefined,
  };
}

const tellReport = (report: RefReport): string => `${report.ref}: ${report.ok ? 'ok' : report.reason}`;

/** Nobody listens any more; the upstream's words are in its own log. */
const nobody: RelayJob['reporter'] = {
  relayMessage: async () => {},
  explainError: async () => {},
};
