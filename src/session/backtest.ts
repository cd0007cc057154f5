import { setImmediate } from 'node:timers/promises';
import type { BacktestRow, ExplainedPush, JudgedRef, PolicyTrials } from '../domain/admin.ts';
import { RefgateError } from '../domain/error.ts';
import type { PushRequest } from '../domain/git.ts';
import type { Policy, Reason, RefVerdict } from '../domain/policy.ts';
import type { EventCode, EventPayloads, LedgerEvent, LedgerReader } from '../domain/record.ts';
import type { Principal, PushFacts } from '../domain/session.ts';
import type { Store } from '../domain/store.ts';
import { type LoadedPolicy, loadPolicy } from '../policy/load.ts';
import { commitsAmong, deciding, judging } from './decide.ts';
import { inSteps } from './in-steps.ts';
import { readFacts } from './kept-facts.ts';

export interface BacktestDeps {
  readonly reader: LedgerReader;
  /** The one that the ledger is in. */
  readonly store: Store;
}

/** Sessions that are asked for at a time. */
const pageRows = 200;

/** A push as it is in the ledger; what is undefined was not recorded, because the push ended before. */
interface Recorded {
  readonly session: string;
  readonly repo: string;
  readonly principal: Principal;
  readonly requested: EventPayloads['push.requested'] | undefined;
  readonly inspected: EventPayloads['push.inspected'] | undefined;
  readonly decided: Judgement | undefined;
  readonly openedAt: string;
}

/**
 * Judges every recorded push since a time (RFC 3339) again, newest first, one
 * at a time: by the facts that were kept, for the principal as it was proved
 * then, and at the time of then. What the checks beside the policy found then
 * is taken over. A push whose facts are missing or cut is told as not judged,
 * and never guessed. It ends early, without an error, once `signal` is aborted.
 * Throws LEDGER_CORRUPT when facts were changed.
 */
export async function* backtest(
  deps: BacktestDeps,
  policy: LoadedPolicy,
  since: string,
  onPush: (done: number) => void = () => {},
  signal?: AbortSignal,
): AsyncGenerator<BacktestRow> {
  let done = 0;
  for await (const push of recordedPushes(deps.reader, since, signal)) {
    yield* await judgeAgain(deps, policy, push);
    onPush(++done);
    // One push may take long: others get their turn.
    await setImmediate();
  }
}

async function* recordedPushes(
  reader: LedgerReader,
  since: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Recorded> {
  let before: string | undefined;
  while (!signal?.aborted) {
    const page = await reader.sessions({
      since,
      limit: pageRows,
      ...(before === undefined ? {} : { before }),
    });
    for (const row of page) {
      if (row.service !== 'receive-pack' || row.mode === 'advertise') continue;
      if (signal?.aborted) return;
      const push = readPush(row.id, await reader.sessionEvents(row.id));
      if (push?.requested !== undefined) yield push;
    }
    before = page.at(-1)?.id;
    if (page.length < pageRows || before === undefined) return;
  }
}

/** Undefined when the session is not one of a proved principal. */
function readPush(session: string, events: readonly LedgerEvent[]): Recorded | undefined {
  const opened = find(events, 'session.opened');
  const who = find(events, 'session.authenticated')?.data;
  if (opened === undefined || who === undefined) return undefined;
  return {
    session,
    repo: opened.data.repo,
    openedAt: opened.time,
    principal: {
      user: who.user,
      kind: who.kind === 'service' ? 'service' : 'person',
      groups: who.groups,
      ...(who.emails === undefined ? {} : { emails: who.emails }),
      credential: who.credential,
    },
    requested: find(events, 'push.requested')?.data,
    inspected: find(events, 'push.inspected')?.data,
    // Of a push that people were asked about, what the policy said.
    decided: find(events, 'push.held') ?? find(events, 'push.decided'),
  };
}

function find<C extends EventCode>(events: readonly LedgerEvent[], code: C): LedgerEvent<C> | undefined {
  return events.find((event): event is LedgerEvent<C> => event.code === code);
}

type Judgement = LedgerEvent<'push.held'> | LedgerEvent<'push.decided'>;

/** A push that can be judged again. */
interface Whole {
  readonly requested: EventPayloads['push.requested'];
  readonly decided: Judgement;
  readonly facts: PushFacts;
}

/** The facts of a push with what else judging needs, or why there are none. */
async function readWhole(deps: BacktestDeps, push: Recorded): Promise<Whole | string> {
  const { requested, inspected, decided } = push;
  if (requested === undefined || inspected === undefined || decided === undefined)
    return 'it ended before it was judged';
  if (inspected.kept === undefined) return 'its facts were not kept';
  if (!inspected.kept.complete) return 'its facts were too many to keep them all';
  const facts = await readFacts(deps.store, push.session, inspected.kept);
  return facts === undefined ? 'its kept facts are gone' : { requested, decided, facts };
}

async function judgeAgain(
  deps: BacktestDeps,
  policy: LoadedPolicy,
  push: Recorded,
): Promise<readonly BacktestRow[]> {
  const head = headOf(push);
  const whole = await readWhole(deps, push);
  if (typeof whole === 'string') return [{ ...head, notJudged: whole }];
  const would = await decideAgain(policy, push, whole);
  if (would === undefined) return [{ ...head, notJudged: 'the policy could not be evaluated' }];
  const verdicts = new Map(would.map((verdict) => [verdict.ref, verdict]));
  return whole.decided.data.refs.flatMap((was) => {
    const now = verdicts.get(was.ref);
    return now === undefined ? [] : [{ ...head, ref: was.ref, was: judged(was), would: judged(now) }];
  });
}

function headOf({ session, repo, principal, decided, openedAt }: Recorded) {
  return { session, time: decided?.time ?? openedAt, user: principal.user, repo };
}

/** What people made of a push that they were asked about is not what the policy said. */
function judged({ effect, reasons, asks }: RefVerdict): JudgedRef {
  const onlyAsked =
    asks !== undefined && asks.length > 0 && reasons.every(({ code }) => code.startsWith('APPROVAL_'));
  return {
    effect: onlyAsked ? 'ask' : effect,
    rules: [...new Set(reasons.map((reason) => reason.rule))],
  };
}

async function decideAgain(
  policy: Policy,
  push: Recorded,
  whole: Whole,
): Promise<readonly RefVerdict[] | undefined> {
  const { requested, decided, facts } = whole;
  const request: PushRequest = {
    updates: requested.updates,
    pushOptions: requested.pushOptions,
    atomic: requested.atomic,
    quiet: true,
    report: 'none',
    sideband: false,
    objectFormat: requested.updates[0]?.newOid.length === 64 ? 'sha256' : 'sha1',
    hasPack: facts.objects > 0,
  };
  try {
    const verdict = await inSteps(judging(policy, push, facts));
    const tips = new Set(request.updates.map(({ newOid }) => newOid));
    // A ref that is pushed alone takes no other one with it.
    const contents = request.updates.length > 1 ? (facts.contents ?? []) : [];
    const brought = await inSteps(commitsAmong(tips, contents));
    const found = foundThen(decided.data.refs);
    const decision = await inSteps(deciding(verdict, request, facts, found, (oid) => brought.has(oid)));
    return decision.refs;
  } catch (error) {
    if (error instanceof RefgateError && error.code === 'INTERNAL') return undefined;
    throw error;
  }
}

/** What the check of names found when the push was judged: the policy cannot say it again. */
function foundThen(refs: readonly RefVerdict[]): ReadonlyMap<string, readonly Reason[]> {
  return new Map(
    refs.flatMap(({ ref, reasons }) => {
      const found = reasons.filter((reason) => reason.code === 'REF_NAME_INVALID');
      return found.length === 0 ? [] : [[ref, found] as const];
    }),
  );
}

/** The recorded pushes as administrators try policies on them. `load` gives a kept version. */
export function createPolicyTrials(
  deps: BacktestDeps & { readonly load: (version: string) => Promise<LoadedPolicy> },
): PolicyTrials {
  return {
    backtest: ({ text, file }, since, onPush, signal) =>
      backtest(deps, loadPolicy(text, file), since, onPush, signal),
    explain: (session, policy) => explainPush(deps, session, policy),
  };
}

async function explainPush(
  deps: BacktestDeps & { readonly load: (version: string) => Promise<LoadedPolicy> },
  session: string,
  given: { readonly text: string; readonly file: string } | undefined,
): Promise<ExplainedPush> {
  const events = await deps.reader.sessionEvents(session);
  const push = readPush(session, events);
  if (push === undefined) throw notFound(`there is no session ${session}; see refgate session list`);
  if (push.requested === undefined) throw notFound(`session ${session} is not a push`);
  const whole = await readWhole(deps, push);
  if (typeof whole === 'string') throw notFound(`session ${session} cannot be explained: ${whole}`);
  const judgedBy = whole.decided.data.policyVersion;
  const policy = given === undefined ? await deps.load(judgedBy) : loadPolicy(given.text, given.file);
  return {
    ...headOf(push),
    version: policy.version,
    judgedBy,
    explanation: await inSteps(policy.explaining(push.principal, push.repo, whole.facts)),
  };
}

function notFound(detail: string): RefgateError {
  return new RefgateError('NOT_FOUND', 'operator', detail);
}
