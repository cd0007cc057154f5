import express, { type Router } from 'express';
import type { AcceptedSecret, CheckLine } from '../../domain/admin.ts';
import { RefgateError } from '../../domain/error.ts';
import { answerForm, fieldOf } from '../form-fields.ts';
import { frameOf } from '../frame.ts';
import { Layout } from '../parts/layout.tsx';
import { peerText } from '../parts/peer-text.ts';
import { Empty, Time } from '../parts/pieces.tsx';
import { sendPage } from '../send-page.ts';
import { only, type Viewer, viewerOf } from '../viewer.ts';
import type { WebPorts } from '../web-ports.ts';
import { ConfirmForm } from './person-forms.tsx';
import { RepoMap } from './repo-map.tsx';

/** Where repositories go, whether one works, and which of their secrets are accepted. */
export function repoPages(ports: WebPorts): Router {
  const { upstreams, baselines } = ports;
  const router = express.Router();
  router.get('/repos', only('auditor'), (request, response) => {
    sendPage(
      response,
      <Layout title="Repositories" at="repos" {...frameOf(ports, request)}>
        <RepoMap lines={upstreams.repos()} upstreams={upstreams.list()} />
        <RepoForm />
      </Layout>,
    );
  });
  router.get('/repos/check', only('auditor'), async (request, response) => {
    const repo = repoOf(request.query['repo']);
    const target = upstreams.target(repo);
    const lines = target === undefined ? undefined : await checked(() => upstreams.check(target));
    sendPage(
      response,
      <Layout title={`Check of ${peerText(repo)}`} at="repos" {...frameOf(ports, request)}>
        {lines === undefined || target === undefined ? (
          <Empty>
            No line of <code>repos:</code> matches it. Add one to refgate.yaml, or{' '}
            <a href="/-/repos">look at those that are there</a>.
          </Empty>
        ) : (
          <>
            <p>
              It goes to <code>{target.path}</code> on the upstream <code>{target.upstream}</code>.
            </p>
            <CheckTable lines={lines} />
          </>
        )}
        <RepoForm repo={repo} />
      </Layout>,
      target === undefined ? 404 : 200,
    );
  });
  router.get('/repos/secrets', only('auditor'), (request, response) => {
    const repo = repoOf(request.query['repo']);
    const frame = frameOf(ports, request);
    sendPage(
      response,
      <Layout title={`Accepted secrets of ${peerText(repo)}`} at="repos" {...frame}>
        <Accepted viewer={frame.viewer} repo={repo} secrets={baselines.list(repo)} />
        <RepoForm repo={repo} />
      </Layout>,
    );
  });
  router.post('/repos/secrets/remove', only('admin'), async (request, response) => {
    const repo = repoOf(fieldOf(request, 'repo'));
    const back = `/-/repos/secrets?repo=${encodeURIComponent(repo)}`;
    await answerForm(request, response, back, async () => {
      await baselines.remove(repo, fieldOf(request, 'fingerprint'), viewerOf(request).user.name);
      return 'It is no longer accepted: a push that brings it is a finding again.';
    });
  });
  return router;
}

/** A repository as clients name it, without `.git`. @throws USAGE */
function repoOf(value: unknown): string {
  const text = typeof value === 'string' ? value.trim().replace(/\.git$/, '') : '';
  if (text !== '' && text.length <= 512) return text;
  throw new RefgateError('USAGE', 'client', 'name a repository, such as acme/web');
}

/** An agent that is not there is what the check finds, and no error of the page. */
async function checked(check: () => Promise<readonly CheckLine[]>): Promise<readonly CheckLine[]> {
  try {
    return await check();
  } catch (error) {
    if (!(error instanceof RefgateError) || error.blame === 'refgate') throw error;
    return [{ name: 'agent', outcome: 'failed', text: error.message }];
  }
}

function RepoForm({ repo = '' }: { readonly repo?: string }) {
  return (
    <form class="card" method="get" action="/-/repos/check">
      <h2>One repository</h2>
      <div class="row">
        <p>
          <label for="repo">Repository</label>
          <input id="repo" name="repo" required value={repo} maxLength={512} placeholder="acme/web" />
        </p>
        <button class="primary" type="submit">
          Check that it works
        </button>
        <button type="submit" formaction="/-/repos/secrets">
          Accepted secrets
        </button>
      </div>
      <p class="hint">The check asks the upstream with the credential of the agent, and changes nothing.</p>
    </form>
  );
}

const tones = { ok: 'good', failed: 'bad', skipped: 'mild' } as const;

function CheckTable({ lines }: { readonly lines: readonly CheckLine[] }) {
  const failed = lines.filter(({ outcome }) => outcome === 'failed').length;
  return (
    <>
      <p class={`message ${failed === 0 ? 'good' : 'bad'}`} role="status">
        {failed === 0 ? 'It works.' : 'It is not usable yet; what failed says what to do.'}
      </p>
      <div class="scroll">
        <table>
          <caption class="unseen">What works and what does not</caption>
          <thead>
            <tr>
              <th scope="col">Step</th>
              <th scope="col">Outcome</th>
              <th scope="col">What was found</th>
            </tr>
          </thead>
          <tbody>
            {lines.map(({ name, outcome, text }) => (
              <tr key={name}>
                <th scope="row">{peerText(name)}</th>
                <td>
                  <span class={`tag ${tones[outcome]}`}>{outcome}</span>
                </td>
                <td>{text === outcome ? '' : peerText(text)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

interface AcceptedProps {
  readonly viewer: Viewer;
  readonly repo: string;
  readonly secrets: readonly AcceptedSecret[];
}

function Accepted({ viewer, repo, secrets }: AcceptedProps) {
  if (secrets.length === 0)
    return (
      <Empty>
        None. What the repository holds already is found and accepted with{' '}
        <code>refgate secret baseline {peerText(repo)} --write --reason "…"</code>.
      </Empty>
    );
  const mayRemove = viewer.user.role === 'admin';
  return (
    <div class="scroll">
      <table>
        <caption class="unseen">Secrets that are accepted here, masked</caption>
        <thead>
          <tr>
            <th scope="col">Secret</th>
            <th scope="col">Rule</th>
            <th scope="col">One of its places</th>
            <th scope="col">Reason</th>
            <th scope="col">Accepted</th>
            {mayRemove && <th scope="col">Change</th>}
          </tr>
        </thead>
        <tbody>
          {secrets.map((secret) => (
            <tr key={secret.fingerprint}>
              <th scope="row">
                <code>{peerText(secret.sample)}</code>
              </th>
              <td>{secret.rule}</td>
              <td>{peerText(secret.path ?? '')}</td>
              <td>{peerText(secret.reason)}</td>
              <td>
                <Time at={secret.time} /> by {secret.actor}
              </td>
              {mayRemove && (
                <td>
                  <ConfirmForm
                    viewer={viewer}
                    action="/-/repos/secrets/remove"
                    summary="Remove"
                    fields={{ repo, fingerprint: secret.fingerprint }}
                    button="Accept it no longer"
                  >
                    Pushes that bring it are refused or held again, as the policy says.
                  </ConfirmForm>
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
