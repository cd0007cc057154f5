import express, { type Request, type Response, type Router } from 'express';
import { RefgateError } from '../../domain/error.ts';
import type { MaskStatus } from '../../domain/mask.ts';
import { answerForm, fieldOf } from '../form-fields.ts';
import { frameOf } from '../frame.ts';
import { sendLargePage } from '../large-pages.ts';
import { allowedSince, isBusy, previewSentence } from '../mask-words.ts';
import { type Again, Layout } from '../parts/layout.tsx';
import { MaskTable, maskHref, OtherRepoForm } from '../parts/mask-table.tsx';
import { peerText } from '../parts/peer-text.ts';
import { Empty, Message, Time } from '../parts/pieces.tsx';
import { within } from '../read-review.ts';
import { sendPage } from '../send-page.ts';
import { only, type Viewer, viewerOf } from '../viewer.ts';
import type { WebPorts } from '../web-ports.ts';
import { AllowedValues, MaskChanges, MaskedValues, MaskFacts, PreviewForm } from './mask-repo.tsx';

type Ports = Pick<WebPorts, 'mask' | 'held'>;

/** After so many seconds a page is loaded again while something is being made. */
const againAfter = 5;

/** How long a page waits for a search to end; what takes longer goes on, and the page tells how far it is. */
const previewWithin = 2_000;

/** Masked views: how far each repository is, what would be masked, and what is shown in clear. */
export function maskPages(ports: Ports): Router {
  const { mask } = ports;
  const router = express.Router();
  const previews = new Previews(mask);
  router.get('/masking', only('auditor'), async (request, response) => {
    const frame = frameOf(ports, request);
    const to = request.query['repo'];
    if (typeof to === 'string' && to.trim() !== '') return response.redirect(303, maskHref(nameOf(to)));
    const all = await mask.list();
    sendPage(
      response,
      <Layout title="Masking" at="masking" {...frame} {...againOf(all.some(isBusy), true)}>
        <div data-live-region="views">
          <MaskTable all={all} />
        </div>
        <OtherRepoForm />
        <AllowedValues viewer={frame.viewer} values={mask.allowed()} back="/-/masking" />
      </Layout>,
    );
  });
  router.get('/masking/*repo', only('auditor'), (request, response) =>
    showRepo(ports, previews, request, response),
  );
  router.post('/masking/allow', only('admin'), (request, response) => {
    const { repo, back } = placeOf(request);
    return answerForm(request, response, back, async () => {
      const order = {
        fingerprint: fieldOf(request, 'fingerprint', 128),
        reason: reasonOf(request),
        ...(repo === undefined || fieldOf(request, 'where') === 'all' ? {} : { repo }),
      };
      await mask.allow(order, viewerOf(request).user.name);
      return 'It is shown in clear from now on; views that masked it are made anew.';
    });
  });
  router.post('/masking/disallow', only('admin'), (request, response) => {
    const back = fieldOf(request, 'back') === '/-/masking' ? '/-/masking' : placeOf(request).back;
    return answerForm(request, response, back, async () => {
      const repo = fieldOf(request, 'allowedIn');
      const value = { fingerprint: fieldOf(request, 'fingerprint', 128), ...(repo === '' ? {} : { repo }) };
      await mask.disallow(value, viewerOf(request).user.name);
      return 'It is masked again; views that showed it are made anew.';
    });
  });
  router.post('/masking/preview', only('admin'), (request, response) => {
    const { repo = '', back } = placeOf(request);
    return answerForm(request, response, back, async () => {
      const isDone = await previews.begin(repo);
      return isDone ? 'The repository is searched.' : 'The search goes on; this page tells how far it is.';
    });
  });
  for (const change of ['enable', 'disable', 'rebuild', 'stop', 'resume'] as const)
    router.post(`/masking/${change}`, only('admin'), (request, response) => {
      const { repo = '', back } = placeOf(request);
      return answerForm(request, response, back, async () => {
        await mask[change](repo, viewerOf(request).user.name);
        return done[change];
      });
    });
  return router;
}

const done = {
  enable: 'The view is being made; clients get it as soon as it is ready.',
  disable: 'Nobody sees the view any more, and it is removed.',
  rebuild: 'The view is made anew; until then the one that is there is served.',
  stop: 'It is stopped; nothing of it is lost.',
  resume: 'It goes on.',
} as const;

/** A repository as clients name it, without `.git`. @throws USAGE */
function nameOf(text: string): string {
  const name = text.trim().replace(/\.git$/, '');
  if (name !== '' && name.length <= 512) return name;
  throw new RefgateError('USAGE', 'client', 'name a repository, such as acme/web');
}

/** The repository that a form is about, and the page that it was on. */
function placeOf(request: Request): { readonly repo?: string; readonly back: string } {
  const repo = fieldOf(request, 'repo');
  return repo === '' ? { back: '/-/masking' } : { repo: nameOf(repo), back: maskHref(nameOf(repo)) };
}

/** @throws USAGE */
function reasonOf(request: Request): string {
  const reason = fieldOf(request, 'reason');
  if (reason.length >= 3) return reason;
  throw new RefgateError('USAGE', 'client', 'say in a few words why it is shown in clear');
}

/** @param hasText somebody may be typing a reason or a name. */
function againOf(isMade: boolean, hasText: boolean): { readonly again?: Again } {
  return isMade ? { again: { seconds: againAfter, hasText } } : {};
}

async function showRepo(
  ports: Ports,
  previews: Previews,
  request: Request,
  response: Response,
): Promise<void> {
  const { mask } = ports;
  const parts: unknown = request.params['repo'];
  const repo = nameOf(Array.isArray(parts) ? parts.join('/') : String(parts));
  const [status, preview] = await Promise.all([mask.status(repo), mask.lastPreview(repo)]);
  const frame = frameOf(ports, request);
  const failed = previews.failureOf(repo);
  const allowed = mask.allowed().filter((one) => one.repo === undefined || one.repo === repo);
  const isMade = isBusy(status) || previews.goesOn(repo);
  const hasText = frame.viewer.user.role === 'admin' && (preview?.values.length ?? 0) > 0;
  await sendLargePage(request, response, () => (
    <Layout title={`Masking of ${peerText(repo)}`} at="masking" {...frame} {...againOf(isMade, hasText)}>
      <div data-live-region="facts">
        {failed !== undefined && <Message tone="bad">The search failed: {peerText(failed)}</Message>}
        <MaskFacts status={status} isSearched={previews.goesOn(repo)} />
      </div>
      <div data-live-region="changes">
        <Changes viewer={frame.viewer} status={status} />
      </div>
      <div data-live-region="values">
        <h2>What would be masked</h2>
        {preview === undefined ? (
          <Empty>
            <p>
              {isMade
                ? 'The search has not ended yet; what it finds is listed here.'
                : 'The repository was not searched yet, so nobody knows what a view would change.'}
            </p>
          </Empty>
        ) : (
          <>
            <p>
              <strong>{`${previewSentence(preview)}.`}</strong> Searched <Time at={preview.scannedAt} age />.
              {allowedSince(preview) > 0 &&
                ' The commits were counted before some of these were shown in clear; search again to count them anew.'}
            </p>
            <MaskedValues viewer={frame.viewer} preview={preview} />
          </>
        )}
        {!isMade && <PreviewForm viewer={frame.viewer} repo={repo} isNew={preview === undefined} />}
      </div>
      <AllowedValues viewer={frame.viewer} values={allowed} back={maskHref(repo)} repo={repo} />
    </Layout>
  ));
}

function Changes({ viewer, status }: { readonly viewer: Viewer; readonly status: MaskStatus }) {
  return viewer.user.role === 'admin' ? <MaskChanges viewer={viewer} status={status} /> : null;
}

/** Searches that administrators began on a page: they go on when the browser has gone. */
class Previews {
  readonly #mask: WebPorts['mask'];
  readonly #going = new Set<string>();
  /** Why the last one failed, in one line. */
  readonly #failures = new Map<string, string>();

  constructor(mask: WebPorts['mask']) {
    this.#mask = mask;
  }

  goesOn(repo: string): boolean {
    return this.#going.has(repo);
  }

  failureOf(repo: string): string | undefined {
    return this.#failures.get(repo);
  }

  /** Whether it has ended already. @throws what it throws meanwhile */
  async begin(repo: string): Promise<boolean> {
    if (this.#going.has(repo)) return false;
    this.#going.add(repo);
    this.#failures.delete(repo);
    const search = this.#mask.preview(repo, new AbortController().signal, () => {});
    search
      .catch((error: unknown) => this.#failures.set(repo, lineOf(error)))
      .finally(() => this.#going.delete(repo));
    return (await within(previewWithin, () => search)) !== undefined;
  }
}

function lineOf(error: unknown): string {
  if (error instanceof RefgateError && error.blame !== 'refgate') return error.message;
  return 'something went wrong inside Refgate; see its log';
}
