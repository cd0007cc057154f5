import type { Request, Router } from 'express';
import { z } from 'zod';
import { type HeldPush, heldStates, type MayVote, type Voter } from '../domain/approval.ts';
import { RefgateError } from '../domain/error.ts';
import { definedOnly, json, read } from './answer.ts';
import { actorOf, type CallerOf } from './api-needs.ts';
import { sendLargeJson } from './large-pages.ts';
import { readRestored } from './read-restored.ts';
import type { Viewer } from './viewer.ts';
import { isOpen, sees, visiblePushes } from './visible-pushes.ts';
import type { WebPorts } from './web-ports.ts';

type PushPorts = Pick<WebPorts, 'held' | 'reviews' | 'publicUrl'> & {
  readonly ledger: Pick<WebPorts['ledger'], 'sessionEvents'>;
};
type Caller = Viewer | 'operator';

const bounded = z.string().min(1).max(512);
const listQuery = z.strictObject({
  state: z.enum(['open', 'all', ...heldStates]).default('open'),
  user: bounded.optional(),
  repo: bounded.optional(),
  ref: bounded.optional(),
  waitsFor: z.literal('me').optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
  before: bounded.optional(),
});
const reason = z.string().max(4_096).optional();
const newVote = z.strictObject({ kind: z.enum(['approve', 'deny', 'force']), reason });
const cancellation = z.strictObject({ reason });
const reviewQuery = z.strictObject({
  commits: z.coerce.number().int().min(0).max(2_000).default(200),
  files: z.coerce.number().int().min(0).max(2_000).default(200),
});
const diffQuery = z.strictObject({
  ref: z.string().min(1).max(4_096),
  path: z.string().min(1).max(16_384),
  whole: z.enum(['true', 'false']).default('false'),
});

/** What the operator hears who votes. */
const votesArePersonal =
  'the admin socket is not a person, and votes are of persons; set REFGATE_URL, and REFGATE_TOKEN to the token of a reviewer, and leave --config out';

/**
 * Held pushes for the API. The operator reads all and may cancel; a caller with a token sees and does
 * what the pages show them: what they may not see is NOT_FOUND.
 */
export function pushRoutes(router: Router, ports: PushPorts, callerOf: CallerOf): void {
  const { held, reviews } = ports;
  const find = (request: Request): Promise<HeldPush> => pushOf(ports, request, callerOf(request));
  router.get(
    '/pushes',
    json(async (request) => {
      const { waitsFor, ...query } = definedOnly(read(listQuery, request.query));
      const caller = callerOf(request);
      const mine = waitsFor === undefined ? {} : { waitsFor: personOf(caller) };
      const { rows } = await visiblePushes(ports, caller, { ...query, ...mine });
      return rows.map((push) => shown(ports, push));
    }),
  );
  router.get(
    '/pushes/:id',
    json(async (request) => {
      const push = await find(request);
      const mayVote = await mayOf(ports, push, callerOf(request));
      const { isAttached, url, ...rest } = shown(ports, push);
      const restored = await readRestored(ports.ledger, push);
      const more = restored === undefined ? {} : { restored };
      return { push: rest, tally: held.tally(push), mayVote, isAttached, url, ...more };
    }),
  );
  router.get('/pushes/:id/review', async (request, response) => {
    const review = await reviews.review(await find(request), read(reviewQuery, request.query));
    await sendLargeJson(actorOf(callerOf(request)), response, review);
  });
  router.get('/pushes/:id/diff', async (request, response) => {
    const { ref, path, whole } = read(diffQuery, request.query);
    const diff = await reviews.diff(await find(request), ref, path, whole === 'true');
    await sendLargeJson(actorOf(callerOf(request)), response, diff);
  });
  router.post(
    '/pushes/:id/votes',
    json(async (request) => {
      const vote = definedOnly(read(newVote, request.body));
      const push = await find(request);
      return shown(ports, await held.vote(push.id, vote, voterOf(callerOf(request))));
    }),
  );
  router.post(
    '/pushes/:id/cancel',
    json(async (request) => {
      const { reason: why } = read(cancellation, request.body ?? {});
      const caller = callerOf(request);
      const push = await find(request);
      const voter = caller === 'operator' ? caller : voterOf(caller);
      return shown(ports, await held.cancel(push.id, why, voter));
    }),
  );
}

/** A push as the API shows it: where its pack lies is nobody's business. */
function shown({ held, publicUrl }: PushPorts, push: HeldPush) {
  const { pack, ...rest } = push;
  return {
    ...rest,
    ...(pack === undefined ? {} : { pack: { bytes: pack.bytes, sha256: pack.sha256 } }),
    isAttached: held.isAttached(push.id),
    url: `${publicUrl()}/-/pushes/${encodeURIComponent(push.id)}`,
  };
}

async function pushOf(ports: PushPorts, request: Request, caller: Caller): Promise<HeldPush> {
  const id = read(z.string().max(64), request.params['id']);
  const push = await ports.held.get(id);
  if (push !== undefined && (await sees(ports, caller, push))) return push;
  throw new RefgateError(
    'NOT_FOUND',
    'client',
    `there is no push ${id}, or you may not see it; see refgate push list`,
  );
}

async function mayOf({ held }: PushPorts, push: HeldPush, caller: Caller): Promise<MayVote> {
  if (caller !== 'operator')
    return held.mayVote(push, { principal: caller.principal, role: caller.user.role });
  const cancel = isOpen(push) && push.relayedBy === undefined;
  const why = push.state === 'pending' ? { why: votesArePersonal } : {};
  return { vote: false, force: false, cancel, needsReason: false, ...why };
}

function voterOf(caller: Caller): Voter {
  if (caller === 'operator') throw new RefgateError('VOTE_REFUSED', 'operator', votesArePersonal);
  return { principal: caller.principal, role: caller.user.role, via: caller.via };
}

function personOf(caller: Caller): string {
  if (caller === 'operator')
    throw new RefgateError('USAGE', 'operator', `nothing waits for the operator: ${votesArePersonal}`);
  return caller.user.name;
}
