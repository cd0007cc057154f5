import express, { type Router } from 'express';
import type { HeldPushes } from '../../domain/approval.ts';
import { RefgateError } from '../../domain/error.ts';
import type { LedgerEvent, LedgerReader, SessionSummary } from '../../domain/record.ts';
import { frameOf } from '../frame.ts';
import { sendLargePage } from '../large-pages.ts';
import { Layout } from '../parts/layout.tsx';
import { peerText } from '../parts/peer-text.ts';
import { bytesText, Empty, Pager, StateTag, Time } from '../parts/pieces.tsx';
import { sendPage } from '../send-page.ts';
import { seesAll, type Viewer, viewerOf } from '../viewer.ts';
import { outcomes, readSessionForm, type SessionForm, sessionFields } from './session-form.ts';
import { SessionPage, userOf } from './session-page.tsx';

const rowsOnPage = 50;

/** What clients did: the search, and every session by itself. Who does not see everything sees own sessions only. */
export function sessionPages(ports: { readonly ledger: LedgerReader; readonly held: HeldPushes }): Router {
  const router = express.Router();
  router.get('/sessions', async (request, response) => {
    const viewer = viewerOf(request);
    const form = readSessionForm(request.query, seesAll(viewer) ? undefined : viewer.user.name);
    const before = form.filter?.before;
    if (before !== undefined && !mayRead(viewer, await ports.ledger.sessionEvents(before))) throw noSession();
    const { rows, next } = await findRows(ports.ledger, form);
    sendPage(
      response,
      <Layout title="Sessions" at="sessions" {...frameOf(ports, request)}>
        <SearchForm form={form} viewer={viewer} />
        {form.filter !== undefined && <Rows rows={rows} isNarrowed={isNarrowed(form)} />}
        <Pager next={next} first={form.filter?.before === undefined ? undefined : hrefOf(form)} />
      </Layout>,
      form.filter === undefined ? 400 : 200,
    );
  });
  router.get('/sessions/:id', async (request, response) => {
    const id = request.params.id ?? '';
    const viewer = viewerOf(request);
    const events = await ports.ledger.sessionEvents(id);
    if (!mayRead(viewer, events)) throw noSession();
    await sendLargePage(request, response, () => (
      <Layout title={`Session ${id}`} at="sessions" {...frameOf(ports, request)}>
        <SessionPage events={events} linksPolicy={seesAll(viewer)} />
      </Layout>
    ));
  });
  return router;
}

function mayRead(viewer: Viewer, events: readonly LedgerEvent[]): boolean {
  return events.length > 0 && (seesAll(viewer) || userOf(events) === viewer.user.name);
}

function noSession(): RefgateError {
  return new RefgateError('NOT_FOUND', 'client', 'there is no such session; look for it among the sessions');
}

/** One row more is asked for than is shown: it says whether there is a next page. */
async function findRows(
  ledger: LedgerReader,
  form: SessionForm,
): Promise<{ readonly rows: readonly SessionSummary[]; readonly next: string | undefined }> {
  if (form.filter === undefined) return { rows: [], next: undefined };
  const found = await ledger.sessions({ ...form.filter, limit: rowsOnPage + 1 });
  const rows = found.slice(0, rowsOnPage);
  const last = rows.at(-1);
  const hasNext = found.length > rowsOnPage && last !== undefined;
  return { rows, next: hasNext ? hrefOf(form, last.id) : undefined };
}

function hrefOf({ typed }: SessionForm, before?: string): string {
  const query = new URLSearchParams();
  for (const field of sessionFields) if (typed[field] !== '') query.set(field, typed[field]);
  if (before !== undefined) query.set('before', before);
  const text = query.toString();
  return `/-/sessions${text === '' ? '' : `?${text}`}`;
}

function isNarrowed({ typed }: SessionForm): boolean {
  return sessionFields.some((field) => typed[field] !== '');
}

const labels: Readonly<Record<(typeof sessionFields)[number], readonly [label: string, example: string]>> = {
  user: ['User', ''],
  repo: ['Repository', 'acme/web'],
  ref: ['Ref', 'refs/heads/main'],
  outcome: ['Outcome', ''],
  since: ['From (UTC)', '2026-01-31'],
  until: ['Until (UTC)', '2026-01-31'],
};

function SearchForm({ form, viewer }: { readonly form: SessionForm; readonly viewer: Viewer }) {
  const own = seesAll(viewer) ? undefined : viewer.user.name;
  return (
    <form class="look-search" method="get" action="/-/sessions">
      {sessionFields.map((field) => {
        const problem = form.problems[field];
        const shared = {
          id: `search-${field}`,
          'aria-invalid': problem === undefined ? undefined : ('true' as const),
          'aria-describedby': problem === undefined ? undefined : `search-${field}-problem`,
        };
        return (
          <div key={field} class="field">
            <label for={shared.id}>{labels[field][0]}</label>
            {field === 'outcome' ? (
              <OutcomeSelect chosen={form.typed.outcome} shared={shared} />
            ) : field === 'user' && own !== undefined ? (
              <input {...shared} type="text" value={own} disabled />
            ) : (
              <input
                {...shared}
                type="text"
                name={field}
                value={form.typed[field]}
                placeholder={labels[field][1]}
                spellcheck={false}
                autocomplete="off"
              />
            )}
            {problem !== undefined && (
              <p class="problem" id={`search-${field}-problem`}>
                {problem}
              </p>
            )}
          </div>
        );
      })}
      <div class="field go">
        <button type="submit" class="primary">
          Search
        </button>
        {isNarrowed(form) && <a href="/-/sessions">Clear</a>}
      </div>
    </form>
  );
}

function OutcomeSelect({
  chosen,
  shared,
}: {
  readonly chosen: string;
  readonly shared: { readonly id: string };
}) {
  return (
    <select {...shared} name="outcome">
      <option value="">any</option>
      {outcomes.map((outcome) => (
        <option key={outcome} value={outcome} selected={outcome === chosen}>
          {outcome}
        </option>
      ))}
    </select>
  );
}

function Rows({
  rows,
  isNarrowed,
}: {
  readonly rows: readonly SessionSummary[];
  readonly isNarrowed: boolean;
}) {
  if (rows.length === 0)
    return (
      <Empty>
        {isNarrowed ? (
          <p>
            No session passes this search. <a href="/-/sessions">Look at all of them</a>, or ask for less.
          </p>
        ) : (
          <p>Nobody has pushed or fetched yet. Clone a repository through Refgate, and it is here.</p>
        )}
      </Empty>
    );
  return (
    <div class="scroll look-sessions">
      <table>
        <caption class="unseen">Sessions, newest first</caption>
        <thead>
          <tr>
            <th scope="col">Opened</th>
            <th scope="col">User</th>
            <th scope="col">Repository</th>
            <th scope="col">What</th>
            <th scope="col">Refs</th>
            <th scope="col">Outcome</th>
            <th scope="col" class="number">
              In / out
            </th>
          </tr>
        </thead>
        <tbody>{rows.map((row) => Row({ row }))}</tbody>
      </table>
    </div>
  );
}

const maxRefsShown = 3;

function Row({ row }: { readonly row: SessionSummary }) {
  const more = (row.refCount ?? row.refs.length) - maxRefsShown;
  return (
    <tr key={row.id}>
      <th scope="row">
        <a href={`/-/sessions/${encodeURIComponent(row.id)}`}>
          <Time at={row.openedAt} />
        </a>
      </th>
      <td>{peerText(row.user ?? '-')}</td>
      <td>{peerText(row.repo)}</td>
      <td>{whatOf(row)}</td>
      <td class="refs">
        {row.refs.slice(0, maxRefsShown).map((ref) => (
          <code key={ref} class="ref">
            {peerText(ref)}
          </code>
        ))}
        {more > 0 && <span class="muted">{` and ${more} more`}</span>}
      </td>
      <td>
        <StateTag state={row.outcome ?? 'open'} />
        {row.code !== undefined && <code class="muted"> {row.code}</code>}
      </td>
      <td class="number">
        {row.bytesIn === undefined ? '' : `${bytesText(row.bytesIn)} / ${bytesText(row.bytesOut ?? 0)}`}
      </td>
    </tr>
  );
}

function whatOf({ service, mode, transport }: SessionSummary): string {
  const verb = service === 'receive-pack' ? 'push' : 'fetch';
  return `${verb}${mode === 'advertise' ? ' (refs shown)' : ''} over ${transport === 'ssh' ? 'SSH' : 'HTTP'}`;
}
