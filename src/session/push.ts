import { performance } from 'node:perf_hooks';
import { RefgateError } from '../domain/error.ts';
import type { Oid, RefReport } from '../domain/git.ts';
import type { ContentAsked } from '../domain/policy.ts';
import type { RelayResult, Target } from '../domain/ports.ts';
import type { EventPayloads, SessionOutcome } from '../domain/record.ts';
import type { ChannelResult, PushFacts } from '../domain/session.ts';
import { emptyPack } from '../git/pack-stream.ts';
import { PktReader } from '../git/pkt-line.ts';
import { borrowPresent } from '../inspect/borrow.ts';
import { nothing, pushContents } from '../inspect/push-contents.ts';
import type { WalkableHeldPack } from '../inspect/quarantine.ts';
import { refFacts } from '../inspect/ref-facts.ts';
import { checkNames } from './check-names.ts';
import { type Decision, deciding, judging, refusals } from './decide.ts';
import { asRefgateError } from './failures.ts';
import { inSteps } from './in-steps.ts';
import { inspectedEvent } from './inspected-event.ts';
import { maskVerdicts } from './mask-facts.ts';
import type { Session, SpineDeps } from './open.ts';
import { PushReporter } from './push-reporter.ts';
import { advertisePush, type Push, readPush } from './read-push.ts';
import { relayPush } from './relay-push.ts';

/** How old the upstream's answer about names may be when the push is judged, in ms. */
const staleNamesMs = 2_000;

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
  let result: RelayResult;
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

async function judgeAndRelay(push: Push, reader: PktReader): Promise<RelayResult> {
  const { deps, session, target, request, reporter } = push;
  const upstream = deps.upstreams.pushTarget(target);
  const release = deps.pushSlots.take(session.channel.principal.user);
  const over = new AbortController();
  let held: WalkableHeldPack | undefined;
  try {
    await session.record('push.requested', requested(push));
    upstream.prepare(session.id);
    const freshNames = askNames(push, over.signal);
    held = await hold(push, reader);
    if (session.channel.mode === 'rpc') await expectEnd(reader);
    reporter.wait(deps.limits.keepAlive);
    const naming = freshNames();
    // One policy says what is looked at, and judges what was seen; that it is still in force is asked before the relay.
    const policy = deps.policy();
    const facts = await inspect(push, held, policy.asksForContent());
    const inPack = (oid: Oid): boolean => held?.typeOf(oid) !== undefined;
    const found = await naming;
    const goOn = (): void => expectClient(session);
    const verdict = await inSteps(judging(policy, session.channel, facts), goOn);
    const decision = await inSteps(deciding(verdict, request, facts, found, inPack), goOn);
    goOn();
    await session.record('push.decided', decided(push, decision, facts));
    await reporter.explain(decision);
    const refused = refusals(decision);
    const relayed =
      decision.relay.length > 0 ? await relayPush(push, upstream, decision, held) : nothingRelayed;
    session.outcome ??= outcomeOf(relayed.reports, refused);
    return { unpack: relayed.unpack, reports: [...relayed.reports, ...refused] };
  } finally {
    release();
    over.abort();
    upstream.close();
    await held?.release();
  }
}

const nothingRelayed: RelayResult = { unpack: 'ok', reports: [] };

function isGone(session: Session): boolean {
  return session.channel.signal.aborted || session.channel.output.destroyed;
}

function expectClient(session: Session): void {
  if (isGone(session)) throw new RefgateError('HUNG_UP', 'client', 'before the push was decided');
}

function requested({ deps, target, request }: Push): EventPayloads['push.requested'] {
  const { updates, pushOptions, atomic, agent } = request;
  return {
    target: `${target.upstream}:${target.path}`,
    updates: [...updates],
    pushOptions: pushOptions.map(deps.maskSecrets),
    atomic,
    ...(agent === undefined ? {} : { agent }),
  };
}

/** The upstream is asked while the pack comes in, and again when that took long; not beyond the end of the push. */
function askNames(
  { deps, session, target, request }: Push,
  over: AbortSignal,
): () => ReturnType<typeof checkNames> {
  const signal = AbortSignal.any([session.channel.signal, over]);
  const ask = (): ReturnType<typeof checkNames> => {
    const naming = checkNames(deps, target, request, signal);
    // Awaited later; it must not be unhandled when something else fails first.
    naming.catch(() => {});
    return naming;
  };
  const started = performance.now();
  const first = ask();
  return () => (performance.now() - started > staleNamesMs ? ask() : first);
}

/** The pack as it was received, whole and checked; undefined when every update deletes. The client is shown how far it is. */
async function hold(push: Push, reader: PktReader): Promise<WalkableHeldPack | undefined> {
  const { deps, session, target, request, reporter } = push;
  const { mode, signal } = session.channel;
  const { objectFormat } = request;
  const wait = (): void => reporter.wait(deps.limits.keepAlive);
  // The answer to an HTTP request begins when its body has been read.
  if (mode === 'stateful') wait();
  // Push options are looked at like content, also where nothing else comes.
  if (!request.hasPack && request.pushOptions.length === 0) return undefined;
  const pack = request.hasPack ? reader.rest() : only(emptyPack(objectFormat));
  const { progress } = reporter;
  const held = await deps.quarantine.hold(progress.count(pack, wait), {
    id: session.id,
    objectFormat,
    signal,
    borrow: (oids) => borrowPresent(() => deps.upstreams.fetchSource(target), oids, { objectFormat, signal }),
    onProgress: (work) => progress.take(work),
  });
  progress.end('done');
  return held;
}

async function* only(bytes: Buffer): AsyncIterable<Buffer> {
  yield bytes;
}

/** The end of an HTTP body is known: what follows the pack there is not overlooked. */
async function expectEnd(reader: PktReader): Promise<void> {
  if ((await reader.take()) !== null) throw new RefgateError('PACK_TRAILING', 'client');
}

/** What the push does to its refs, and what it brings: the two are asked of the upstream side by side. */
async function inspect(
  push: Push,
  held: WalkableHeldPack | undefined,
  asksForContent: ContentAsked,
): Promise<PushFacts> {
  const { deps, session, target, request } = push;
  const { channel } = session;
  const over = new AbortController();
  const signal = AbortSignal.any([channel.signal, over.signal]);
  const open = () => deps.upstreams.fetchSource(target);
  try {
    const [refs, brought] = await Promise.all([
      refFacts(request, held, { ancestry: deps.ancestry, source: open, signal }),
      held === undefined
        ? { contents: request.updates.map(() => nothing), findings: [] }
        : pushContents(request, held, {
            open,
            cache: deps.treeCache,
            repoKey: `${target.upstream}:${target.path}`,
            asksForContent,
            baseline: deps.baselineOf(channel.repo),
            signal,
          }),
    ]);
    const objects =
      held === undefined ? 0 : Object.values(held.counts).reduce((sum, count) => sum + count, 0);
    const facts: PushFacts = {
      refs,
      pushOptions: request.pushOptions,
      objects,
      bytes: held?.bytes ?? 0,
      ...brought,
      at: new Date().toISOString(),
      address: channel.client.address,
    };
    const { data, writes } = await inspectedEvent(session.id, facts, held, deps.maskSecrets);
    await session.record('push.inspected', data, writes);
    return facts;
  } finally {
    over.abort();
  }
}

function decided(
  { deps, target }: Push,
  decision: Decision,
  facts: PushFacts,
): EventPayloads['push.decided'] {
  const { policyVersion, relay } = decision;
  const refs = [...maskVerdicts(decision.refs, facts, deps.maskSecrets)];
  return { policyVersion, refs, relay: [...relay], target: `${target.upstream}:${target.path}` };
}

/** `refused` is our word, `rejected` the upstream's. */
function outcomeOf(relayed: readonly RefReport[], refused: readonly RefReport[]): SessionOutcome {
  const ok = relayed.filter((report) => report.ok).length;
  if (ok > 0) return ok === relayed.length + refused.length ? 'ok' : 'partial';
  return relayed.length > 0 ? 'rejected' : 'refused';
}

/** What is not known is not reported but settled later. */
async function recordReport(session: Session, { unpack, reports }: RelayResult): Promise<void> {
  if (session.outcome === 'unknown') return;
  await session.record('push.reported', { unpack, reports: [...reports] });
}
