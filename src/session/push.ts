import { performance } from 'node:perf_hooks';
import { RefgateError } from '../domain/error.ts';
import type { PushRequest, RefReport } from '../domain/git.ts';
import type { HeldPack, PushCapabilities, RelayOrder, RelayResult, Target } from '../domain/ports.ts';
import type { SessionOutcome } from '../domain/record.ts';
import type { ChannelResult, PushFacts } from '../domain/session.ts';
import { receivePackCapabilities, writeAdvertisement } from '../git/advertise.ts';
import { isZeroOid } from '../git/oid.ts';
import { PktReader } from '../git/pkt-line.ts';
import { PushRequestReader } from '../git/push-request.ts';
import { borrowPresent } from '../inspect/borrow.ts';
import { refFacts } from '../inspect/ref-facts.ts';
import { checkNames } from './check-names.ts';
import { type Decision, decide, refusals } from './decide.ts';
import { asRefgateError, outcomeOfError } from './failures.ts';
import type { Session, SpineDeps } from './open.ts';
import { PushReporter, refuseEach } from './push-reporter.ts';
import { isSettled, reportsOf } from './settle.ts';
import { agentName } from './version.ts';

/** A ref name has at most 1,024 bytes, and two oids 128. */
const bytesPerUpdate = 1_300;
const maxPushOptions = 64;
/** How old the upstream's answer about names may be when the push is judged. */
const staleNamesMs = 2_000;
const maxPushOptionBytes = 65_536;

/** One push, from the advertisement to the report. */
export async function servePush(deps: SpineDeps, session: Session, target: Target): Promise<ChannelResult> {
  const { channel } = session;
  const capabilities = channel.mode === 'rpc' ? undefined : await advertise(deps, session, target);
  if (channel.mode === 'advertise') return { exitStatus: 0 };
  const reader = new PktReader(channel.input, 'client');
  try {
    const request = await readRequest(deps, session, reader, capabilities);
    if (request !== null) await judgeAndReport(deps, session, target, request, reader);
    return { exitStatus: 0 };
  } finally {
    session.bytesIn = reader.bytesRead;
  }
}

async function advertise(deps: SpineDeps, session: Session, target: Target): Promise<PushCapabilities> {
  const { principal, repo, version } = session.channel;
  const upstream = deps.upstreams.pushTarget(target);
  try {
    const { capabilities, refs } = await upstream.advertise();
    const pushOptions = deps.policy().mayPushOptions(principal, repo);
    const honoured = receivePackCapabilities(capabilities, { agent: agentName, pushOptions });
    await session.out.writeAll(
      writeAdvertisement({
        service: 'receive-pack',
        version: version === 1 ? 1 : 0,
        objectFormat: capabilities.objectFormat,
        capabilities: deps.noThin ? honoured : honoured.filter((one) => one !== 'no-thin'),
        refs,
      }),
    );
    return capabilities;
  } finally {
    upstream.close();
  }
}

/** The whole request up to the pack. One that is refused after it was read to its end is told so in a report. */
async function readRequest(
  deps: SpineDeps,
  session: Session,
  reader: PktReader,
  advertised: PushCapabilities | undefined,
): Promise<PushRequest | null> {
  const { principal, repo } = session.channel;
  const lines = deps.limits.refUpdates;
  const requests = new PushRequestReader(reader, {
    capabilities: {
      // The second half of smart HTTP comes without an advertisement; what the upstream lacks, the agent finds out.
      ...(advertised ?? { atomic: true, deleteRefs: true }),
      pushOptions: deps.policy().mayPushOptions(principal, repo),
    },
    limits: { lines, bytes: lines * bytesPerUpdate },
    optionLimits: { lines: maxPushOptions, bytes: maxPushOptionBytes },
    shallow: 'drop',
    anyNamespace: true,
  });
  try {
    return await requests.read();
  } catch (error) {
    const { complete, refs, ...reply } = requests.reply;
    const known = asRefgateError(error);
    if (complete) {
      const updates = [...new Set(refs)].map((ref) => ({ ref }));
      await new PushReporter(session, { ...reply, updates }).refuseAll(known);
      session.isAnswered = true;
    }
    throw known;
  }
}

/** From the parsed request on, whatever happens is told in a report. */
async function judgeAndReport(
  deps: SpineDeps,
  session: Session,
  target: Target,
  request: PushRequest,
  reader: PktReader,
): Promise<void> {
  const reporter = new PushReporter(session, request);
  let result: RelayResult;
  try {
    result = await judgeAndRelay(deps, session, target, request, reader, reporter);
  } catch (error) {
    reporter.stop();
    const known = asRefgateError(error);
    if (!isGone(session)) {
      await reporter.refuseAll(known);
      session.isAnswered = true;
    }
    throw known;
  }
  session.outcome ??= outcomeOf(result.reports);
  // The upstream has acted: the client hears the truth even when it can no longer be written down.
  // What is not known is not reported but settled later.
  const recorded =
    session.outcome === 'unknown'
      ? Promise.resolve()
      : session.record('push.reported', { unpack: result.unpack, reports: [...result.reports] });
  await recorded.catch(() => undefined);
  // A client that is gone by now changes nothing of what happened.
  await reporter.report(result.unpack, result.reports).catch((error: unknown) => {
    if (!isGone(session)) throw error;
  });
  session.isAnswered = true;
  await recorded;
}

function isGone(session: Session): boolean {
  return session.channel.signal.aborted || session.channel.output.destroyed;
}

async function judgeAndRelay(
  deps: SpineDeps,
  session: Session,
  target: Target,
  request: PushRequest,
  reader: PktReader,
  reporter: PushReporter,
): Promise<RelayResult> {
  const { updates, pushOptions, atomic, agent } = request;
  const release = deps.pushSlots.take(session.channel.principal.user);
  let held: HeldPack | undefined;
  try {
    await session.record('push.requested', {
      target: `${target.upstream}:${target.path}`,
      updates: [...updates],
      pushOptions: [...pushOptions],
      atomic,
      ...(agent === undefined ? {} : { agent }),
    });
    const askNames = (): ReturnType<typeof checkNames> => {
      const naming = checkNames(deps, target, request, session.channel.signal);
      // Awaited below; it must not be unhandled when something else fails first.
      naming.catch(() => {});
      return naming;
    };
    // The upstream is asked while the pack comes in, and again when that took long.
    let naming = askNames();
    const started = performance.now();
    held = request.hasPack ? await hold(deps, session, target, request, reader) : undefined;
    if (session.channel.mode === 'rpc') await expectEnd(reader);
    if (performance.now() - started > staleNamesMs) naming = askNames();
    reporter.keepAlive(deps.limits.keepAlive);
    const facts = await inspect(deps, session, target, request, held);
    const names = await naming;
    const decision = decide(deps.policy(), session.channel, request, facts, names);
    if (isGone(session)) throw new RefgateError('HUNG_UP', 'client', 'before the push was decided');
    await session.record('push.decided', {
      policyVersion: decision.policyVersion,
      refs: [...decision.refs],
      relay: [...decision.relay],
      target: `${target.upstream}:${target.path}`,
    });
    await reporter.explain(decision);
    const refused = refusals(decision);
    if (decision.relay.length === 0) return { unpack: 'ok', reports: refused };
    const relayed = await relay(deps, session, target, request, decision, held, reporter);
    return { unpack: relayed.unpack, reports: [...relayed.reports, ...refused] };
  } finally {
    release();
    await held?.release();
  }
}

async function hold(
  deps: SpineDeps,
  session: Session,
  target: Target,
  request: PushRequest,
  reader: PktReader,
): Promise<HeldPack> {
  return deps.quarantine.hold(reader.rest(), {
    id: session.id,
    objectFormat: request.objectFormat,
    signal: session.channel.signal,
    borrow: (oids) =>
      borrowPresent(() => deps.upstreams.fetchSource(target), oids, {
        objectFormat: request.objectFormat,
        signal: session.channel.signal,
      }),
  });
}

/** The end of an HTTP body is known: what follows the pack there is not overlooked. */
async function expectEnd(reader: PktReader): Promise<void> {
  if ((await reader.take()) !== null) throw new RefgateError('PACK_TRAILING', 'client');
}

async function inspect(
  deps: SpineDeps,
  session: Session,
  target: Target,
  request: PushRequest,
  held: HeldPack | undefined,
): Promise<PushFacts> {
  const refs = await refFacts(request, held, {
    ancestry: deps.ancestry,
    source: () => deps.upstreams.fetchSource(target),
    signal: session.channel.signal,
  });
  const objects = held === undefined ? 0 : Object.values(held.counts).reduce((sum, count) => sum + count, 0);
  const facts: PushFacts = { refs, pushOptions: request.pushOptions, objects, bytes: held?.bytes ?? 0 };
  await session.record('push.inspected', {
    refs: [...refs],
    objects,
    bytes: facts.bytes,
    ...(held === undefined ? {} : { sha256: held.sha256 }),
  });
  return facts;
}

/** Time of check, time of use: asked again with nothing left to wait for. @throws AUTHENTICATION_FAILED, CONFLICT */
async function checkAgain(deps: SpineDeps, session: Session, decision: Decision): Promise<void> {
  if (!(await deps.authenticator.stillValid(session.channel.principal))) {
    throw new RefgateError(
      'AUTHENTICATION_FAILED',
      'client',
      'your key, token or account was ended while you pushed',
    );
  }
  if (deps.policy().version !== decision.policyVersion) {
    throw new RefgateError('CONFLICT', 'client', 'the policy changed while you pushed; push again');
  }
}

/** From the decision on nothing is thrown but what the ledger throws: whatever else goes wrong becomes the refs' reports. */
async function relay(
  deps: SpineDeps,
  session: Session,
  target: Target,
  request: PushRequest,
  decision: Decision,
  held: HeldPack | undefined,
  reporter: PushReporter,
): Promise<RelayResult> {
  try {
    await checkAgain(deps, session, decision);
  } catch (error) {
    return notRelayed(session, decision, asRefgateError(error), reporter);
  }
  const upstream = deps.upstreams.pushTarget(target);
  await session.record('push.relayed', { updates: [...decision.relay] });
  try {
    return await upstream.relay(orderOf(session, request, decision, held), (band2) =>
      reporter.relayMessage(band2),
    );
  } catch (error) {
    deps.log.warn({ session: session.id, err: error }, 'relay failed');
    const known = asRefgateError(error);
    // What is not a coded error of the port says nothing about the upstream's refs.
    if (known.code !== 'UPSTREAM_LOST' && known === error)
      return notRelayed(session, decision, known, reporter);
    session.failure = known;
    const outcomes = await deps.settler.afterLoss(session.id, target, decision.relay);
    if (!isSettled(outcomes)) session.outcome = 'unknown';
    return { unpack: 'ok', reports: reportsOf(outcomes) };
  } finally {
    upstream.close();
  }
}

function orderOf(
  session: Session,
  request: PushRequest,
  decision: Decision,
  held: HeldPack | undefined,
): RelayOrder {
  const needsPack = decision.relay.some((update) => !isZeroOid(update.newOid));
  return {
    session: session.id,
    updates: decision.relay,
    pushOptions: request.pushOptions,
    atomic: request.atomic,
    quiet: request.quiet,
    objectFormat: request.objectFormat,
    ...(held !== undefined && needsPack
      ? { pack: { file: held.file, bytes: held.bytes, sha256: held.sha256 } }
      : {}),
  };
}

/** The upstream's refs are as they were. */
async function notRelayed(
  session: Session,
  decision: Decision,
  error: RefgateError,
  reporter: PushReporter,
): Promise<RelayResult> {
  session.failure = error;
  session.outcome = outcomeOfError(error);
  await reporter.explainError(error);
  return { unpack: 'ok', reports: refuseEach(decision.relay, error) };
}

function outcomeOf(reports: readonly RefReport[]): SessionOutcome {
  const ok = reports.filter((report) => report.ok).length;
  if (ok === reports.length) return 'ok';
  if (ok > 0) return 'partial';
  return reports.some((report) => !report.reason?.startsWith('refused: ')) ? 'rejected' : 'refused';
}
