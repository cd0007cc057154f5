import express, { type Request, type Response, type Router } from 'express';
import { z } from 'zod';
import { type HeldPush, type HeldQuery, heldStates } from '../../domain/approval.ts';
import { type ErrorCode, RefgateError } from '../../domain/error.ts';
import { read } from '../answer.ts';
import { type Flash, frameOf, redirect } from '../frame.ts';
import { sendLargePage } from '../large-pages.ts';
import { DiffView } from '../parts/diff-view.tsx';
import { Layout } from '../parts/layout.tsx';
import { peerText } from '../parts/peer-text.ts';
import { Message, Pager } from '../parts/pieces.tsx';
import { NoPushes } from '../parts/push-empty.tsx';
import { PushFacts, PushRefs } from '../parts/push-facts.tsx';
import { type Filter, FilterForm, listHref, type Tab, Tabs, tabs } from '../parts/push-filter.tsx';
import { PushTable } from '../parts/push-list.tsx';
import { fileHref, Review } from '../parts/push-review.tsx';
import { Decision, type Draft, PushState } from '../parts/push-votes.tsx';
import { readRestored } from '../read-restored.ts';
import { readReview, whyNot, within } from '../read-review.ts';
import { sendPage } from '../send-page.ts';
import { type Viewer, viewerOf } from '../viewer.ts';
import { isOpen, sees, visiblePushes } from '../visible-pushes.ts';
import type { WebPorts } from '../web-ports.ts';

type PushPorts = Pick<WebPorts, 'held' | 'reviews' | 'log'> & {
  readonly ledger: Pick<WebPorts['ledger'], 'sessionEvents'>;
};

const perPage = 50;
/** How long the page of one file waits for its diff, in ms. */
const fileWithin = 5_000;

const pushId = z.string().max(64);
const blank = (value: unknown): unknown => (value === '' ? undefined : value);
const word = z.preprocess(blank, z.string().max(512).optional());
const listQuery = z.object({
  tab: z.enum(tabs).optional(),
  user: word,
  repo: word,
  ref: word,
  state: z.preprocess(blank, z.enum(heldStates).optional()),
  before: word,
});
const look = z.enum(['unified', 'split']).default('unified').catch('unified');
const fileQuery = z.object({ ref: z.string().max(4096), path: z.string().max(16_384), view: look });
const reasonText = z.preprocess(blank, z.string().max(4096).optional());
const voteForm = z.object({ kind: z.enum(['approve', 'deny', 'force']), reason: reasonText });
const cancelForm = z.object({ reason: reasonText });

/** The inbox, and the page of one push with its decision. */
export function pushPages(ports: PushPorts): Router {
  const router = express.Router();
  router.get('/pushes', (request, response) => showList(ports, request, response));
  router.get('/pushes/:id', (request, response) => showPush(ports, request, response));
  router.get('/pushes/:id/file', (request, response) => showFile(ports, request, response));
  // Where a refused form was sent is what the browser loads again.
  router.get(['/pushes/:id/vote', '/pushes/:id/cancel'], (request, response) => {
    redirect(request, response, `/-/pushes/${encodeURIComponent(read(pushId, request.params['id']))}`);
  });
  router.post('/pushes/:id/vote', (request, response) => {
    const { kind, reason } = read(voteForm, request.body);
    const draft: Draft = { form: kind === 'force' ? 'force' : 'vote', reason: reason ?? '' };
    return decide(ports, request, response, draft, async (push, viewer) => {
      const after = await ports.held.vote(
        push.id,
        { kind, ...(reason === undefined ? {} : { reason }) },
        voterOf(viewer),
      );
      return said(kind, after);
    });
  });
  router.post('/pushes/:id/cancel', (request, response) => {
    const { reason } = read(cancelForm, request.body);
    return decide(
      ports,
      request,
      response,
      { form: 'cancel', reason: reason ?? '' },
      async (push, viewer) => {
        await ports.held.cancel(push.id, reason, voterOf(viewer));
        return { tone: 'mild', text: `${push.id} is canceled.` };
      },
    );
  });
  return router;
}

function voterOf({ principal, user, via }: Viewer) {
  return { principal, role: user.role, via };
}

function said(kind: 'approve' | 'deny' | 'force', { id, state }: HeldPush): Flash {
  if (kind === 'deny')
    return {
      tone: 'mild',
      text: state === 'rejected' ? `${id} is refused.` : `Your vote against ${id} counts.`,
    };
  if (state === 'pending')
    return { tone: 'good', text: `Your vote for ${id} counts; more votes are needed.` };
  return { tone: 'good', text: `${id} is approved${kind === 'force' ? ', by force' : ''}.` };
}

function tabsOf({ user }: Viewer): readonly Tab[] {
  if (user.role === 'user') return ['yours', 'open', 'decided'];
  if (user.role === 'auditor') return ['open', 'decided', 'yours'];
  return tabs;
}

function queryOf(tab: Tab, viewer: Viewer, filter: Filter): HeldQuery {
  const { user, repo, ref, state } = filter;
  const given = Object.fromEntries(
    Object.entries({ user, repo, ref, state }).filter(([, value]) => value !== undefined),
  );
  const { name } = viewer.user;
  const limit = perPage;
  if (tab === 'waiting') return { state: 'pending', ...given, waitsFor: name, limit };
  if (tab === 'yours') return { state: 'all', ...given, user: name, limit };
  return { state: tab === 'open' ? 'open' : 'all', ...given, limit };
}

async function showList(ports: PushPorts, request: Request, response: Response): Promise<void> {
  const frame = frameOf(ports, request);
  const { viewer } = frame;
  const shown = tabsOf(viewer);
  const { tab = shown[0] ?? 'open', before, ...filter } = read(listQuery, request.query);
  const query = { ...queryOf(tab, viewer, filter), ...(before === undefined ? {} : { before }) };
  const { rows, next } = await visiblePushes(
    ports,
    viewer,
    query,
    (push) => tab !== 'decided' || !isOpen(push),
  );
  const isFiltered = Object.values(filter).some((value) => value !== undefined);
  sendPage(
    response,
    <Layout {...frame} title="Pushes" at="pushes" live="held">
      <Tabs at={tab} shown={shown} filter={filter} />
      <FilterForm at={tab} filter={filter} />
      <div data-live-region="list">
        {rows.length === 0 ? (
          <NoPushes tab={tab} viewer={viewer} isFiltered={isFiltered || before !== undefined} />
        ) : (
          <PushTable rows={rows.map((push) => rowOf(ports, push))} now={Date.now()} />
        )}
      </div>
      <Pager
        next={next === undefined ? undefined : listHref(tab, filter, next)}
        first={before === undefined ? undefined : listHref(tab, filter)}
      />
    </Layout>,
  );
}

function rowOf({ held }: PushPorts, push: HeldPush) {
  const approve = push.votes.filter(({ kind }) => kind !== 'deny').length;
  return {
    push,
    isAttached: held.isAttached(push.id),
    votes: { approve, deny: push.votes.length - approve },
  };
}

/** Who may not see it hears the same as of a push that is not there. */
async function pushOf(ports: PushPorts, request: Request): Promise<HeldPush> {
  const id = read(pushId, request.params['id']);
  const push = await ports.held.get(id);
  if (push === undefined || !(await sees(ports, viewerOf(request), push)))
    throw new RefgateError(
      'NOT_FOUND',
      'client',
      'there is no such push, or you may not see it; see /-/pushes',
    );
  return push;
}

async function showPush(
  ports: PushPorts,
  request: Request,
  response: Response,
  refused?: { readonly flash: Flash; readonly draft: Draft; readonly status: number },
): Promise<void> {
  const push = await pushOf(ports, request);
  const frame = frameOf(ports, request);
  const { viewer } = frame;
  const shown = read(look, request.query['view']);
  const [may, review, restored] = await Promise.all([
    ports.held.mayVote(push, { principal: viewer.principal, role: viewer.user.role }),
    readReview(ports, push),
    readRestored(ports.ledger, push),
  ]);
  const flash = refused?.flash ?? frame.flash;
  await sendLargePage(
    request,
    response,
    () => (
      <Layout
        {...frame}
        {...(flash === undefined ? {} : { flash })}
        title={`Push ${push.id}`}
        at="pushes"
        live="held"
      >
        <PushFacts push={push} viewer={viewer} />
        <PushState
          push={push}
          tally={ports.held.tally(push)}
          isAttached={ports.held.isAttached(push.id)}
          now={Date.now()}
        />
        <PushRefs push={push} restored={restored} />
        <div data-live-region="decide">
          <Decision push={push} may={may} viewer={viewer} draft={refused?.draft} />
        </div>
        <Review push={push} review={review} look={shown} />
      </Layout>
    ),
    refused?.status,
  );
}

const statuses: Partial<Record<ErrorCode, number>> = { CONFLICT: 409, VOTE_REFUSED: 403, USAGE: 400 };

/** Does it and shows the push anew; what the domain refuses is said above it, and the typed reason stays. */
async function decide(
  ports: PushPorts,
  request: Request,
  response: Response,
  draft: Draft,
  work: (push: HeldPush, viewer: Viewer) => Promise<Flash>,
): Promise<void> {
  const push = await pushOf(ports, request);
  try {
    const flash = await work(push, viewerOf(request));
    redirect(request, response, `/-/pushes/${encodeURIComponent(push.id)}`, flash);
  } catch (error) {
    const status = error instanceof RefgateError ? statuses[error.code] : undefined;
    if (status === undefined || !(error instanceof RefgateError)) throw error;
    const flash: Flash = { tone: 'bad', text: peerText(error.detail ?? error.message) };
    await showPush(ports, request, response, { flash, draft, status });
  }
}

async function showFile(ports: PushPorts, request: Request, response: Response): Promise<void> {
  const push = await pushOf(ports, request);
  const { ref, path, view } = read(fileQuery, request.query);
  const answer = await within(fileWithin, () => ports.reviews.diff(push, ref, path, true))
    .then((diff) => diff ?? 'it takes long to read; load the page again in a while')
    .catch((error: unknown) => {
      if (error instanceof RefgateError && error.code === 'NOT_FOUND') throw error;
      return whyNot(error, ports.log);
    });
  const other = view === 'split' ? 'unified' : 'split';
  await sendLargePage(request, response, () => (
    <Layout {...frameOf(ports, request)} title={`A file of push ${push.id}`} at="pushes">
      <p>
        <code>{peerText(path)}</code> on <code>{peerText(ref)}</code>
      </p>
      <p>
        <a href={`/-/pushes/${encodeURIComponent(push.id)}${view === 'split' ? '?view=split' : ''}`}>
          Back to the push
        </a>
        {' · '}
        <a href={fileHref(push, ref, path, other)}>{other === 'split' ? 'Side by side' : 'Unified'}</a>
      </p>
      {typeof answer === 'string' ? (
        <Message tone="bad">The file could not be read: {peerText(answer)}</Message>
      ) : (
        <DiffView diff={answer} path={path} look={view} />
      )}
    </Layout>
  ));
}
