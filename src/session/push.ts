import { RefgateError } from '../domain/error.ts';
import type { RefReport } from '../domain/git.ts';
import type { RefVerdict } from '../domain/policy.ts';
import type { PushTarget, RelayResult, Target } from '../domain/ports.ts';
import type { EventPayloads, SessionOutcome } from '../domain/record.ts';
import type { ChannelResult } from '../domain/session.ts';
import { PktReader } from '../git/pkt-line.ts';
import { askPeople, type PeopleDecision } from './ask-people.ts';
import { checkNames } from './check-names.ts';
import { type Decision, refusals } from './decide.ts';
import { asRefgateError } from './failures.ts';
import { judgeAgain } from './judge-again.ts';
import { type Judged, judgePush, type PeopleAsked } from './judge-push.ts';
import type { Session, SpineDeps } from './open.ts';
import { PushReporter } from './push-reporter.ts';
import { advertisePush, type Push, readPush } from './read-push.ts';
import { type RelayPack, relayPush } from './relay-push.ts';

/** What the client hears. `isHeld`: the ledger has it from the held push already, or it is not decided yet. */
type PushResult = RelayResult & { readonly isHeld?: true };

/** One push, from the advertisement to the report. */
export async function servePush(deps: SpineDeps, session: Session, target: Target): Promise<ChannelResult> {
  const { channel } = session;
  const upstreamCan = channel.mode === 'rpc' ? undefined : await advertisePush(deps, session, target);
  if (channel.mode === 'advertise') return { exitStatus: 0 };
  const reader = new PktReader(channel.input, 'client');
  try {
    const request = await readPush(deps, session, reader, upstreamCan);
    if (request !== null) {
      const reporter = new PushReporter(session, request);
      await answerPush({ deps, session, target, request, reporter }, reader);
    }
    return { exitStatus: 0 };
  } finally {
    session.bytesIn = reader.bytesRead;
  }
}

/** From the parsed request on, whatever happens is told in a report. */
async function answerPush(push: Push, reader: PktReader): Promise<void> {
  const { session, reporter } = push;
  let result: PushResult;
  try {
    result = await judgeAndRelay(push, reader);
  } catch (error) {
    reporter.stop();
    const known = asRefgateError(error);
    if (!isGone(session)) {
      await reporter.refuseAll(known);
      session.isAnswered = true;
    }
    throw known;
  }
  // The upstream has acted: the client hears the truth even when it can no longer be written down.
  const recorded = recordReport(session, result);
  await recorded.catch(() => undefined);
  // A client that is gone by now changes nothing of what happened.
  await reporter.report(result.unpack, result.reports).catch((error: unknown) => {
    if (!isGone(session)) throw error;
  });
  session.isAnswered = true;
  await recorded;
}

async function judgeAndRelay(push: Push, reader: PktReader): Promise<PushResult> {
  const { deps, session, target } = push;
  // Opened ahead while the pack comes in; a push that waits for people opens it anew.
  const ahead = deps.upstreams.pushTarget(target);
  const release = deps.pushSlots.take(session.channel.principal.user);
  let judged: Judged | undefined;
  try {
    ahead.prepare(session.id);
    judged = await judgePush(push, reader);
    release();
    expectClient(session);
    const { asked } = judged;
    if (asked !== undefined) {
      ahead.close();
      return await waitAndRelay(judged, asked);
    }
    const { decision } = judged;
    await session.record('push.decided', decided(push, decision, judged.shown));
    await push.reporter.explain(decision);
    return await relay(judged.push, ahead, decision, judged.pack);
  } finally {
    release();
    ahead.close();
    await judged?.release();
  }
}

/** The human vote: the one thing in the way of a push that may take as long as people take. */
function waitAndRelay(judged: Judged, asked: PeopleAsked): Promise<PushResult> {
  const { push } = judged;
  return askPeople(push, judged, asked, async (said) => {
    if (!('reports' in said)) return relaySaid(push, judged, said);
    push.session.outcome = said.is === 'waits' ? 'held' : outcomeOf(said.reports, []);
    return { unpack: 'ok', reports: said.reports, isHeld: true };
  });
}

async function relaySaid(
  push: Push,
  judged: Judged,
  said: Extract<PeopleDecision, { readonly decision: Decision }>,
): Promise<PushResult> {
  const { deps, session, target } = push;
  const { decision, held } = said;
  let upstream: PushTarget | undefined;
  try {
    upstream = deps.upstreams.pushTarget(target);
    const shown = shownAs(decision, judged);
    await session.record('push.decided', { ...decided(push, decision, shown), held: held.id });
    await push.reporter.explain(decision);
    await checkNamesAgain(push, decision);
    await judgeAgain(deps, {
      session: session.id,
      principal: session.channel.principal,
      repo: session.channel.repo,
      relay: decision.relay,
      answered: new Set(held.asks.map(({ rule }) => rule)),
    });
    const result = await relay(push, upstream, decision, said.pack);
    if (said.is === 'agreed') await deps.heldRelay.finish(held.id, session, result.reports);
    return result;
  } catch (error) {
    if (said.is === 'agreed') await deps.heldRelay.giveUp(held.id, asRefgateError(error));
    throw error;
  } finally {
    upstream?.close();
  }
}

async function relay(
  push: Push,
  upstream: PushTarget,
  decision: Decision,
  pack: RelayPack | undefined,
): Promise<PushResult> {
  const refused = refusals(decision);
  const relayed =
    decision.relay.length > 0 ? await relayPush(push, upstream, decision, pack) : nothingRelayed;
  push.session.outcome ??= outcomeOf(relayed.reports, refused);
  return { unpack: relayed.unpack, reports: [...relayed.reports, ...refused] };
}

const nothingRelayed: RelayResult = { unpack: 'ok', reports: [] };

/** Much may have been pushed while people made up their minds. @throws CONFLICT */
async function checkNamesAgain({ deps, target, request }: Push, { relay }: Decision): Promise<void> {
  if (relay.length === 0) return;
  const found = await checkNames(deps, target, { ...request, updates: relay }, deps.closing);
  const [first] = [...found.values()].flat();
  if (first !== undefined) throw new RefgateError('CONFLICT', 'client', first.text);
}

/** The masked texts of what was judged, with what people made of it. */
function shownAs(decision: Decision, { shown, decision: before }: Judged): readonly RefVerdict[] {
  return decision.refs.map((verdict, index) => {
    const same = verdict.reasons === before.refs[index]?.reasons;
    return same ? { ...verdict, reasons: shown[index]?.reasons ?? [] } : verdict;
  });
}

function isGone(session: Session): boolean {
  return session.channel.signal.aborted || session.channel.output.destroyed;
}

function expectClient(session: Session): void {
  if (isGone(session)) throw new RefgateError('HUNG_UP', 'client', 'before the push was decided');
}

function decided(
  { target }: Push,
  { policyVersion, relay }: Decision,
  shown: readonly RefVerdict[],
): EventPayloads['push.decided'] {
  return { policyVersion, refs: [...shown], relay: [...relay], target: `${target.upstream}:${target.path}` };
}

/** `refused` is our word, `rejected` the upstream's. */
function outcomeOf(relayed: readonly RefReport[], refused: readonly RefReport[]): SessionOutcome {
  const ok = relayed.filter((report) => report.ok).length;
  if (ok > 0) return ok === relayed.length + refused.length ? 'ok' : 'partial';
  return relayed.length > 0 ? 'rejected' : 'refused';
}

/** What is not known is not reported but settled later. */
async function recordReport(session: Session, { unpack, reports, isHeld }: PushResult): Promise<void> {
  if (session.outcome === 'unknown' || isHeld) return;
  await session.record('push.reported', { unpack, reports: [...reports] });
}
