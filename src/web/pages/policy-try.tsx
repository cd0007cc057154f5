import type { Request, Response, Router } from 'express';
import { z } from 'zod';
import { read } from '../answer.ts';
import { frameOf } from '../frame.ts';
import { CsrfField, Layout } from '../parts/layout.tsx';
import { peerText } from '../parts/peer-text.ts';
import { Empty, effectTones, Message, Time } from '../parts/pieces.tsx';
import { sendPage } from '../send-page.ts';
import { only, type Viewer, viewerOf } from '../viewer.ts';
import { inForce, PolicyMenu, type PolicyPorts } from './policy-menu.tsx';
import {
  type DraftProblem,
  type JudgedRow,
  problemsOf,
  type Trial,
  trialSizes,
  tryPolicy,
} from './try-policy.ts';

const usualSize = 100;

const tryForm = z.object({
  text: z.string().max(1_048_576),
  pushes: z.coerce.number().optional(),
});

/** Judging takes the time of the server: so many trials go on at once. */
const maxTrials = 2;

/** A draft of the policy, and what there is to say about it. */
export interface Draft {
  readonly text: string;
  readonly size?: number;
  readonly problems?: readonly DraftProblem[];
  readonly trial?: Trial;
  readonly isBusy?: boolean;
}

/** A draft is checked, and tried on the last pushes; nothing changes by it. */
export function policyTrial(router: Router, ports: PolicyPorts): void {
  const readers = only('auditor');
  let trials = 0;
  router.get('/policy/try', readers, (request, response) => {
    sendDraft(response, ports, request, { text: inForce(ports.policy)?.text ?? '' });
  });
  router.post('/policy/try', readers, async (request, response) => {
    const { text: typed, pushes } = read(tryForm, request.body);
    const size = trialSizes.find((one) => one === pushes) ?? usualSize;
    const text = draftOf(typed);
    const problems = await problemsOf(ports.policy, text);
    if (problems.length > 0) return sendDraft(response, ports, request, { text, size, problems });
    if (trials >= maxTrials) return sendDraft(response, ports, request, { text, size, isBusy: true });
    trials += 1;
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    try {
      const trial = await tryPolicy(ports, text, size, gone.signal);
      if (!response.destroyed) sendDraft(response, ports, request, { text, size, trial });
    } finally {
      trials -= 1;
    }
  });
}

/** Browsers send the lines of a field with CR LF; policies are kept with LF. */
export function draftOf(typed: string): string {
  return typed.replaceAll('\r\n', '\n');
}

/** The page of a draft, with everything that is known about it. */
export function sendDraft(response: Response, ports: PolicyPorts, request: Request, draft: Draft): void {
  const { text, size = usualSize, problems = [], trial, isBusy = false } = draft;
  const viewer = viewerOf(request);
  sendPage(
    response,
    <Layout title="Try a draft" at="policy" {...frameOf(ports, request)}>
      <PolicyMenu at="Try a draft" />
      {isBusy && (
        <Message tone="wait">
          Other drafts are being tried; wait some seconds, and try this one again.
        </Message>
      )}
      {problems.length > 0 && <Problems problems={problems} text={text} />}
      {trial !== undefined && <Result trial={trial} />}
      <DraftForm viewer={viewer} text={text} size={size} hasProblems={problems.length > 0} />
    </Layout>,
    problems.length > 0 ? 422 : isBusy ? 503 : 200,
  );
}

function DraftForm({
  viewer,
  text,
  size,
  hasProblems,
}: {
  readonly viewer: Viewer;
  readonly text: string;
  readonly size: number;
  readonly hasProblems: boolean;
}) {
  return (
    <form method="post" action="/-/policy/try" class="look-draft">
      <CsrfField viewer={viewer} />
      <label for="draft-text">Draft</label>
      <textarea
        id="draft-text"
        name="text"
        rows={24}
        spellcheck={false}
        aria-invalid={hasProblems ? 'true' : undefined}
        aria-describedby={hasProblems ? 'draft-problems' : undefined}
      >
        {/* A line feed at the very beginning of a field is dropped by browsers. */}
        {`\n${text}`}
      </textarea>
      <p class="go">
        <label for="draft-pushes">Judge again the last</label>
        <select id="draft-pushes" name="pushes">
          {trialSizes.map((one) => (
            <option key={one} value={one} selected={one === size}>
              {one}
            </option>
          ))}
        </select>
        <span>pushes</span>
        <button type="submit" class="primary">
          Try
        </button>
        {viewer.user.role === 'admin' && (
          <button type="submit" formAction="/-/policy/apply">
            Apply…
          </button>
        )}
      </p>
    </form>
  );
}

const maxProblems = 100;

function Problems({ problems, text }: { readonly problems: readonly DraftProblem[]; readonly text: string }) {
  const lines = text.split('\n');
  return (
    <section id="draft-problems" aria-labelledby="draft-problems-title">
      <h2 id="draft-problems-title">{`It cannot be applied: ${problems.length} problem${problems.length === 1 ? '' : 's'}`}</h2>
      <ul class="look-problems">
        {problems.slice(0, maxProblems).map(({ line, column, text: what }) => (
          <li key={`${line}:${column} ${what}`}>
            <p>
              <strong>{`Line ${line}, column ${column}: `}</strong>
              {peerText(what)}
            </p>
            <pre>
              <span class="muted">{`${line}  `}</span>
              {peerText((lines[line - 1] ?? '').slice(0, 200))}
            </pre>
          </li>
        ))}
      </ul>
    </section>
  );
}

const ends = {
  time: 'The time was up before that; try fewer pushes.',
  history: 'There are no more of them.',
} as const;

function Result({ trial }: { readonly trial: Trial }) {
  const { pushes, notJudged, refs, changes, changed, ended } = trial;
  const count = [...changes.values()].reduce((sum, one) => sum + one, 0);
  return (
    <section aria-labelledby="trial-title">
      <h2 id="trial-title">
        {count === 0
          ? 'Nothing would be judged otherwise'
          : `${count} of ${refs} refs would be judged otherwise`}
      </h2>
      <p>
        {`The draft is valid. It was tried on the last ${pushes} push${pushes === 1 ? '' : 'es'}`}
        {notJudged > 0 && `, of which ${notJudged} cannot be judged again`}
        {'. '}
        {ended !== undefined && ends[ended]}
      </p>
      {pushes === 0 && (
        <Empty>
          <p>Nobody has pushed yet; when somebody has, a draft can be tried on it.</p>
        </Empty>
      )}
      {count > 0 && (
        <>
          <ul>
            {[...changes].map(([change, number]) => (
              <li key={change}>{`${change}: ${number}`}</li>
            ))}
          </ul>
          <Changed rows={changed} />
          {count > changed.length && <p class="hint">{`The first ${changed.length} of them.`}</p>}
        </>
      )}
    </section>
  );
}

function Changed({ rows }: { readonly rows: readonly JudgedRow[] }) {
  return (
    <div class="scroll look-changed">
      <table>
        <caption class="unseen">Refs that would be judged otherwise</caption>
        <thead>
          <tr>
            <th scope="col">Push</th>
            <th scope="col">User</th>
            <th scope="col">Repository</th>
            <th scope="col">Ref</th>
            <th scope="col">Was</th>
            <th scope="col">Would be</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ session, time, user, repo, ref, was, would }) => (
            <tr key={`${session} ${ref}`}>
              <th scope="row">
                <a href={`/-/sessions/${encodeURIComponent(session)}`}>
                  <Time at={time} />
                </a>
              </th>
              <td>{peerText(user)}</td>
              <td>{peerText(repo)}</td>
              <td class="refs">
                <code class="ref">{peerText(ref)}</code>
              </td>
              <td>
                <Effect judged={was} />
              </td>
              <td>
                <Effect judged={would} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Effect({ judged: { effect, rules } }: { readonly judged: JudgedRow['was'] }) {
  return (
    <>
      <span class={`tag ${effectTones[effect]}`}>{effect}</span> {rules.slice(0, 20).map(peerText).join(', ')}
    </>
  );
}
