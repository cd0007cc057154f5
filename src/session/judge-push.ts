import { performance } from 'node:perf_hooks';
import type { Asked } from '../domain/approval.ts';
import { RefgateError } from '../domain/error.ts';
import type { Finding } from '../domain/facts.ts';
import type { Oid } from '../domain/git.ts';
import type { ContentAsked, Policy, Reason, RefVerdict } from '../domain/policy.ts';
import type { FetchSource } from '../domain/ports.ts';
import type { EventPayloads } from '../domain/record.ts';
import type { PushFacts, RefFacts } from '../domain/session.ts';
import { emptyPack } from '../git/pack-stream.ts';
import type { PktReader } from '../git/pkt-line.ts';
import { borrowPresent } from '../inspect/borrow.ts';
import { nothing, pushContents } from '../inspect/push-contents.ts';
import type { WalkableHeldPack } from '../inspect/quarantine.ts';
import { refFacts } from '../inspect/ref-facts.ts';
import { checkNames } from './check-names.ts';
import { asksPeople, type Decision, deciding, judging, waitsTogether } from './decide.ts';
import { inSteps } from './in-steps.ts';
import { inspectedEvent } from './inspected-event.ts';
import { maskVerdicts } from './mask-facts.ts';
import type { Session } from './open.ts';
import { codeownersFor } from './read-codeowners.ts';
import type { Push } from './read-push.ts';
import type { RelayPack } from './relay-push.ts';
import { type OriginalPush, restorePush } from './restore-push.ts';
import { seatsOf } from './seats.ts';

/** How old the upstream's answer about names may be when the push is judged, in ms. */
const staleNamesMs = 2_000;

/** A push that is held and judged; small, because it may have to wait for long. */
export interface Judged {
  /** The push as its upstream will get it. */
  readonly push: Push;
  readonly decision: Decision;
  /** The verdicts as they are written down. */
  readonly shown: readonly RefVerdict[];
  readonly pack?: RelayPack;
  /** Leaves the pack on disk when the push ends. */
  readonly keep: () => Promise<void>;
  readonly release: () => Promise<void>;
  /** What people are asked; only where the decision asks. */
  readonly asked?: PeopleAsked;
}

/** All that is kept of a push for the people who decide about it. */
export interface PeopleAsked {
  readonly asks: readonly Asked[];
  /** For the person who pushes: what might keep the push waiting for ever. */
  readonly notes: readonly string[];
  readonly refs: readonly RefFacts[];
  readonly objects: number;
  readonly commits: number;
  readonly changes: number;
  readonly findings: number;
  /** The refs that wait with the asked ones could not go without them. */
  readonly isShared: boolean;
  /** When the push came, and when it was looked at; RFC 3339. */
  readonly requestedAt: string;
  readonly inspectedAt: string;
}

/** Takes the push in, looks at it and judges it. What was held is released when this throws. */
export async function judgePush(push: Push, reader: PktReader): Promise<Judged> {
  const { deps, session } = push;
  const over = new AbortController();
  const requestedAt = new Date().toISOString();
  let held: WalkableHeldPack | undefined;
  try {
    await session.record('push.requested', requested(push));
    const freshNames = askNames(push, over.signal);
    held = await hold(push, reader);
    if (session.channel.mode === 'rpc') await expectEnd(reader);
    push.reporter.wait(deps.limits.keepAlive);
    const naming = freshNames();
    // One policy says what is looked at, and judges what was seen; that it is still in force is asked before the relay.
    const policy = deps.policy();
    const original = await restorePush(push, held);
    held = original.held;
    const facts = await inspect(original, policy.asksForContent());
    return await judge({ push: original.push, held, facts, policy, found: await naming, requestedAt });
  } catch (error) {
    await held?.release();
    throw error;
  } finally {
    over.abort();
  }
}

interface Seen {
  readonly push: Push;
  readonly held: WalkableHeldPack | undefined;
  readonly facts: PushFacts;
  readonly policy: Policy;
  readonly found: ReadonlyMap<string, readonly Reason[]>;
  readonly requestedAt: string;
}

async function judge({ push, held, facts, policy, found, requestedAt }: Seen): Promise<Judged> {
  const { deps, session, request } = push;
  const inPack = (oid: Oid): boolean => held?.typeOf(oid) !== undefined;
  const goOn = (): void => expectClient(session);
  const verdict = await inSteps(judging(policy, session.channel, facts), goOn);
  const reasons = new Map(found);
  let asked: PeopleAsked | undefined;
  let decision: Decision;
  // A ref of which nobody can be asked is refused, and that may change what becomes of the others.
  for (;;) {
    decision = await inSteps(deciding(verdict, request, facts, reasons, inPack), goOn);
    if (!asksPeople(decision)) break;
    const seats = await seatsOf({
      verdicts: decision.refs,
      facts,
      user: session.channel.principal.user,
      users: deps.users,
      codeowners: (ref) => codeownersFor(push, ref),
    });
    if ('asks' in seats) {
      const isShared = await inSteps(waitsTogether(decision, request, facts, inPack), goOn);
      asked = { ...seats, ...sizesOf(facts), isShared, requestedAt };
      break;
    }
    const before = reasons.size;
    for (const [ref, reason] of seats.refused) reasons.set(ref, [...(reasons.get(ref) ?? []), reason]);
    if (reasons.size === before) throw new RefgateError('INTERNAL', 'refgate', 'asks without anybody to ask');
  }
  return {
    push,
    decision,
    shown: maskVerdicts(decision.refs, facts, deps.maskSecrets),
    ...(held === undefined ? {} : { pack: { file: held.file, bytes: held.bytes, sha256: held.sha256 } }),
    keep: held?.keep ?? nothingToDo,
    release: held?.release ?? nothingToDo,
    ...(asked === undefined ? {} : { asked }),
  };
}

const nothingToDo = async (): Promise<void> => {};

function sizesOf({ refs, objects, contents = [], findings = [] }: PushFacts) {
  const sum = (of: (one: (typeof contents)[number]) => number): number =>
    contents.reduce((total, one) => total + of(one), 0);
  return {
    refs,
    objects,
    commits: sum((one) => one.counts.commits),
    changes: sum((one) => one.counts.changes),
    findings: findings.length + sum((one) => one.findings.length),
    inspectedAt: new Date().toISOString(),
  };
}

function expectClient({ channel }: Session): void {
  if (channel.signal.aborted || channel.output.destroyed)
    throw new RefgateError('HUNG_UP', 'client', 'before the push was decided');
}

function requested({ deps, session: { view }, target, request }: Push): EventPayloads['push.requested'] {
  const { updates, pushOptions, atomic, agent } = request;
  return {
    target: `${target.upstream}:${target.path}`,
    updates: [...updates],
    pushOptions: pushOptions.map(deps.maskSecrets),
    atomic,
    ...(agent === undefined ? {} : { agent }),
    ...(view === undefined ? {} : { view: view.mode }),
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
  // Deltas of a client are against what it was shown.
  const open = (): FetchSource =>
    session.view === undefined ? deps.upstreams.fetchSource(target) : deps.views.source(session.view);
  const held = await deps.quarantine.hold(progress.count(pack, wait), {
    id: session.id,
    objectFormat,
    signal,
    borrow: (oids) => borrowPresent(open, oids, { objectFormat, signal }),
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
  { push, held, placeholders, moved = [] }: OriginalPush,
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
            movedSecrets: moved.filter(({ isUse }) => !isUse || asksForContent.placeholders),
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
      ...(placeholders === undefined ? brought : { ...withoutSamples(brought), placeholders }),
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

/**
 * What is found in a push that was put back onto the originals is what its pusher does not see: the part of it
 * that a sample shows is not told either.
 */
function withoutSamples<Brought extends Pick<PushFacts, 'contents' | 'findings'>>(brought: Brought): Brought {
  const hide = (finding: Finding): Finding => ({ ...finding, sample: '***' });
  const { contents = [], findings = [] } = brought;
  return {
    ...brought,
    contents: contents.map((one) => ({ ...one, findings: one.findings.map(hide) })),
    findings: findings.map(hide),
  };
}
