import express, { type Router } from 'express';
import { RefgateError } from '../../domain/error.ts';
import type { OidTranslation } from '../../domain/mask.ts';
import { frameOf } from '../frame.ts';
import { lookUpOid } from '../look-up-oid.ts';
import { Layout } from '../parts/layout.tsx';
import { peerText } from '../parts/peer-text.ts';
import { Message } from '../parts/pieces.tsx';
import { sendPage } from '../send-page.ts';
import { viewerOf } from '../viewer.ts';
import type { WebPorts } from '../web-ports.ts';

type Found = readonly OidTranslation[] | string;

/** What an oid of a masked view is upstream, and the other way round, for who may know. */
export function oidPage(ports: Pick<WebPorts, 'mask' | 'readModeOf' | 'log' | 'held'>): Router {
  const router = express.Router();
  router.get('/oid', async (request, response) => {
    const [id, repo] = [textOf(request.query['id']), textOf(request.query['repo']).replace(/\.git$/, '')];
    let found: Found = [];
    if (id !== '') {
      try {
        found = await lookUpOid(ports, viewerOf(request), id, repo === '' ? undefined : repo);
      } catch (error) {
        if (!(error instanceof RefgateError) || error.blame === 'refgate') throw error;
        found = error.detail ?? error.message;
      }
    }
    sendPage(
      response,
      <Layout title="Look up an oid" at="masking" {...frameOf(ports, request)}>
        <p class="hint">
          An agent that reads a masked view names commits as the view has them. This tells what they are
          upstream, and the other way round.
        </p>
        <LookUpForm id={id} repo={repo} />
        {typeof found === 'string' ? (
          <Message tone="mild">{peerText(found)}</Message>
        ) : (
          <Answer found={found} />
        )}
      </Layout>,
      typeof found === 'string' ? 404 : 200,
    );
  });
  return router;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.trim().slice(0, 512) : '';
}

function LookUpForm({ id, repo }: { readonly id: string; readonly repo: string }) {
  return (
    <form class="card" method="get" action="/-/oid">
      <div class="row">
        <p>
          <label for="id">Oid, at least seven digits</label>
          <input
            id="id"
            name="id"
            required
            value={id}
            minLength={7}
            maxLength={64}
            spellcheck={false}
            autocomplete="off"
          />
        </p>
        <p>
          <label for="repo">Repository; left out, every one</label>
          <input id="repo" name="repo" value={repo} maxLength={512} placeholder="acme/web" />
        </p>
        <button class="primary" type="submit">
          Look it up
        </button>
      </div>
    </form>
  );
}

function Answer({ found }: { readonly found: readonly OidTranslation[] }) {
  if (found.length === 0) return null;
  return (
    <div class="scroll">
      <table>
        <caption class="unseen">Objects on both sides</caption>
        <thead>
          <tr>
            <th scope="col">Repository</th>
            <th scope="col">Type</th>
            <th scope="col">In the view</th>
            <th scope="col">Upstream</th>
            <th scope="col">Sessions</th>
          </tr>
        </thead>
        <tbody>
          {found.map(({ repo, type, view, original, asked }) => (
            <tr key={`${repo} ${view} ${original}`}>
              <th scope="row">{peerText(repo)}</th>
              <td>{type}</td>
              <td>
                <Oid oid={view} isAsked={asked === 'view'} />
              </td>
              <td>
                <Oid oid={original} isAsked={asked === 'original'} />
              </td>
              <td>
                <a href={`/-/sessions?repo=${encodeURIComponent(repo)}`}>of this repository</a>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Oid({ oid, isAsked }: { readonly oid: string; readonly isAsked: boolean }) {
  return <code>{isAsked ? <mark>{oid}</mark> : oid}</code>;
}
