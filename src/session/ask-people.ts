import { bindingOf } from '../approval/binding.ts';
import type { Entered, NewHold } from '../approval/desk.ts';
import type { HeldPush } from '../domain/approval.ts';
import type { RefReport } from '../domain/git.ts';
import { agreed, type Decision, disagreed, refusals } from './decide.ts';
import type { Judged, PeopleAsked } from './judge-push.ts';
import type { Push } from './read-push.ts';
import type { RelayPack } from './relay-push.ts';
import { reasonOf, tellHeld, tellJoined, tellLeft, tellStays, tellVotes } from './tell-held.ts';
import { type Terms, termsOf } from './terms.ts';

/** What became of a push that people were asked about. */
export type PeopleDecision =
  /** `agreed`: this session relays it, with the bytes that people saw; nobody else does. */
  | {
      readonly is: 'agreed' | 'disagreed';
      readonly held: HeldPush;
      readonly decision: Decision;
      readonly pack: RelayPack | undefined;
    }
  /** It waits on without this client, or another session has relayed it: this is what the client hears. */
  | { readonly is: 'waits' | 'done'; readonly held: HeldPush; readonly reports: readonly RefReport[] };

/**
 * Holds the push under an id, joins the one that waits already, or takes the approval that there is, and keeps the client
 * waiting for the people as long as the policy says. The held pack stays where it is until `then`, which is told what
 * became of it, is done. Throws HOLD_QUOTA, and what the ledger and `then` throw.
 */
export async function askPeople<T>(
  push: Push,
  judged: Judged,
  asked: PeopleAsked,
  then: (said: PeopleDecision) => Promise<T>,
): Promise<T> {
  const { desk } = push.deps;
  const terms = termsOf(judged.decision.refs.flatMap(({ asks = [] }) => asks));
  const entered = await desk.enter(newHold(push, judged, asked, terms));
  const detach = desk.attach(entered.push.id);
  try {
    // However many clients wait for one update, its pack is on disk once.
    await (entered.how === 'opened' ? judged.keep() : judged.release());
    return await then(await decisionOf(push, judged, asked, terms, entered));
  } finally {
    detach();
  }
}

async function decisionOf(
  push: Push,
  { decision }: Judged,
  asked: PeopleAsked,
  terms: Terms,
  { push: held, how, superseded = [] }: Entered,
): Promise<PeopleDecision> {
  const { deps, session, request } = push;
  const { desk } = deps;
  const { pack } = held;
  session.reader?.keep(deps.heldUrl(held.id), ...superseded);
  if (how !== 'approved') {
    const url = deps.heldUrl(held.id);
    const wait = request.sideband ? terms.wait : 0;
    const replaced = superseded.map((id) => `it takes the place of ${id}, which is canceled`);
    const text = { url, notes: [...asked.notes, ...replaced], wait };
    await push.reporter.say(how === 'opened' ? tellHeld(held, text) : tellJoined(held, text)).catch(() => {});
  }
  const now = how === 'approved' ? held : await waitFor(push, held, terms.wait);
  if (now.state === 'pending') return await stays(push, decision, now);
  if (now.state !== 'approved' && now.state !== 'forwarded') {
    const refused = disagreed(decision, request, (rule) => reasonOf(now, rule), asked.isShared);
    return { is: 'disagreed', held: now, decision: refused, pack };
  }
  const claimed = await desk.claim(held.id, session.id);
  if (claimed !== undefined)
    return { is: 'agreed', held: claimed, decision: agreed(decision, request), pack };
  return await others(push, decision, held.id);
}

function newHold(
  { deps, session, target, request }: Push,
  { decision, shown, pack }: Judged,
  asked: PeopleAsked,
  terms: Terms,
): NewHold {
  const { channel } = session;
  const { repo } = channel;
  const by = channel.principal.user;
  const { updates, pushOptions } = request;
  const { policyVersion } = decision;
  return {
    session: session.id,
    binding: bindingOf({ user: by, repo, target, updates, pushOptions, policyVersion }),
    principal: channel.principal,
    transport: channel.transport,
    address: channel.client.address,
    repo,
    target,
    atomic: request.atomic,
    objectFormat: request.objectFormat,
    refs: asked.refs,
    verdicts: shown,
    relay: decision.relay,
    pushOptions: pushOptions.map(deps.maskSecrets),
    rawPushOptions: pushOptions,
    ...(pack === undefined ? {} : { pack }),
    objects: asked.objects,
    commits: asked.commits,
    changes: asked.changes,
    findings: asked.findings,
    policyVersion,
    asks: asked.asks,
    onApprove: terms.onApprove,
    within: terms.within,
    steps: [
      { state: 'received', time: asked.requestedAt, by },
      { state: 'processing', time: asked.inspectedAt, by: 'refgate' },
    ],
  };
}

/** For the lapse of a push to be written down, in ms. */
const lapseGrace = 10_000;

/** The push once it no longer waits for votes, or as it is when the client is gone or has waited long enough. */
async function waitFor(
  { deps, session, request, reporter }: Push,
  held: HeldPush,
  ms: number,
): Promise<HeldPush> {
  const { desk } = deps;
  const now = async (): Promise<HeldPush> => (await desk.get(held.id)) ?? held;
  if (!request.sideband || ms <= 0) return now();
  const left = Date.parse(held.deadline) - Date.now();
  // A client that may wait to the end hears of the end itself.
  const patience = Math.max(0, ms < left ? ms : left + lapseGrace);
  const over = AbortSignal.any([session.channel.signal, deps.closing, AbortSignal.timeout(patience)]);
  const until = Date.now() + Math.min(ms, left);
  const tell = (): void => reporter.status(tellLeft(until - Date.now()));
  const timer = setInterval(tell, deps.limits.tellWait).unref();
  let told = held;
  try {
    tell();
    return await desk.settled(held.id, over, (changed) => {
      const lines = tellVotes(told, changed, desk.tally(changed));
      told = changed;
      reporter.mention(lines);
    });
  } catch (error) {
    if (!over.aborted) throw error;
    return await now();
  } finally {
    clearInterval(timer);
  }
}

/** The client leaves, and the push waits on. */
async function stays({ deps, reporter }: Push, decision: Decision, held: HeldPush): Promise<PeopleDecision> {
  const url = deps.heldUrl(held.id);
  const then =
    held.onApprove === 'relay' ? 'it goes on by itself once approved' : 'push again after approval';
  const reports = decision.refs
    .filter(({ effect }) => effect !== 'deny')
    .map(({ ref }): RefReport => ({ ref, ok: false, reason: `held as ${held.id}: ${url}; ${then}` }));
  await reporter.say(tellStays(held, url)).catch(() => {});
  return { is: 'waits', held, reports: [...reports, ...refusals(decision)] };
}

/** Another session with the same update has the approval: this client hears what became of it there. */
async function others(push: Push, decision: Decision, id: string): Promise<PeopleDecision> {
  const { deps, session } = push;
  const over = AbortSignal.any([session.channel.signal, deps.closing]);
  let held: HeldPush;
  try {
    held = await deps.desk.finished(id, over);
  } catch (error) {
    const now = over.aborted ? await deps.desk.get(id) : undefined;
    if (now === undefined) throw error;
    return await stays(push, decision, now);
  }
  const said = new Map(held.reports?.map((report) => [report.ref, report]));
  const reports = decision.relay.map(
    ({ ref }): RefReport =>
      said.get(ref) ?? { ref, ok: false, reason: `held as ${id}: ${held.steps.at(-1)?.text ?? held.state}` },
  );
  return { is: 'done', held, reports: [...reports, ...refusals(decision)] };
}
