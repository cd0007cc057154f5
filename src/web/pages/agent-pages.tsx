import express, { type Router } from 'express';
import type { AgentCredential, AgentState } from '../../domain/admin.ts';
import { frameOf } from '../frame.ts';
import { Layout } from '../parts/layout.tsx';
import { peerText } from '../parts/peer-text.ts';
import { Empty, Message, Time } from '../parts/pieces.tsx';
import { sendPage } from '../send-page.ts';
import { only } from '../viewer.ts';
import type { WebPorts } from '../web-ports.ts';

/** The agents and what they hold, without what is secret of it: that never comes as far as here. */
export function agentPages(ports: WebPorts): Router {
  const router = express.Router();
  router.get('/agents', only('auditor'), async (request, response) => {
    const agents = await ports.agents.list();
    sendPage(
      response,
      <Layout title="Agents" at="agents" {...frameOf(ports, request)}>
        {agents.map((agent) => (
          <Agent key={agent.name} agent={agent} />
        ))}
        <HowToChange />
      </Layout>,
    );
  });
  return router;
}

function Agent({ agent }: { readonly agent: AgentState }) {
  const { name, alive, problem, embedded, since, pid, socket, upstreams, credentials } = agent;
  const id = `agent-${name}`;
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>
        {name} <span class={`tag ${alive ? 'good' : 'bad'}`}>{alive ? 'alive' : 'does not answer'}</span>
      </h2>
      {problem !== undefined && <Message tone="bad">{peerText(problem)}</Message>}
      <dl class="facts card">
        <dt>Runs</dt>
        <dd>{embedded ? 'started by this server' : 'by itself'}</dd>
        {since !== undefined && (
          <>
            <dt>Since</dt>
            <dd>
              <Time at={since} age />
              {pid !== undefined && `, process ${pid}`}
            </dd>
          </>
        )}
        <dt>Socket</dt>
        <dd>
          <code>{socket}</code>
        </dd>
        <dt>Upstreams</dt>
        <dd>{upstreams.join(', ') || 'none'}</dd>
      </dl>
      {alive && <CredentialTable credentials={credentials} />}
    </section>
  );
}

function CredentialTable({ credentials }: { readonly credentials: readonly AgentCredential[] }) {
  if (credentials.length === 0)
    return (
      <Empty>
        It holds no credential. An upstream that is a folder needs none; for others see below how to give it
        one.
      </Empty>
    );
  return (
    <div class="scroll">
      <table>
        <caption class="unseen">What the agent holds</caption>
        <thead>
          <tr>
            <th scope="col">Upstream</th>
            <th scope="col">Repositories</th>
            <th scope="col">Kind</th>
            <th scope="col">Known by</th>
            <th scope="col">Since</th>
          </tr>
        </thead>
        <tbody>
          {credentials.map((one) => (
            <tr key={`${one.upstream} ${one.pattern} ${one.kind}`}>
              <th scope="row">{one.upstream}</th>
              <td>
                <code>{peerText(one.pattern)}</code>
              </td>
              <td>{one.kind === 'deploy-key' ? 'deploy key' : 'user name and password'}</td>
              <td>
                <KnownBy credential={one} />
              </td>
              <td>
                <Time at={one.createdAt} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function KnownBy({ credential }: { readonly credential: AgentCredential }) {
  const { fingerprint, publicKey, user } = credential;
  if (publicKey === undefined) return <>{peerText(user ?? '')}</>;
  return (
    <details>
      <summary>
        <code>{fingerprint ?? 'public key'}</code>
      </summary>
      <code>{peerText(publicKey)}</code>
    </details>
  );
}

function HowToChange() {
  return (
    <section class="card" aria-labelledby="how">
      <h2 id="how">To change what an agent holds</h2>
      <p>
        Credentials go from your terminal to the agent, past this server and these pages. Type beside the
        server:
      </p>
      <pre>
        <code>
          {[
            'refgate deploy-key create --upstream NAME --repo acme/web',
            'refgate deploy-key import --upstream NAME --repo acme/web --file deploy_key',
            'refgate deploy-key remove --upstream NAME --repo acme/web',
            'refgate upstream credential NAME --user USER --password-file FILE',
            'refgate upstream credential NAME --remove',
          ].join('\n')}
        </code>
      </pre>
    </section>
  );
}
