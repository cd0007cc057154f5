import { Router } from 'express';
import type { KeyRecord, TokenRecord } from '../../domain/identity.ts';
import { frameOf, redirect } from '../frame.ts';
import { KeyTable, TokenTable } from '../parts/credential-tables.tsx';
import { CsrfField, Layout } from '../parts/layout.tsx';
import { peerText } from '../parts/peer-text.ts';
import { Empty, Time } from '../parts/pieces.tsx';
import { sendPage } from '../send-page.ts';
import type { SignInRecord } from '../sign-ins.ts';
import { type Viewer, viewerOf } from '../viewer.ts';
import type { WebPorts } from '../web-ports.ts';

/** `/account`: who the viewer is here, and everything that speaks in that name. */
export function accountPages(ports: WebPorts): Router {
  const { directory, signIns } = ports;
  const router = Router();
  router.get('/account', async (request, response) => {
    const frame = frameOf(ports, request);
    const { name } = frame.viewer.user;
    const [keys, tokens] = await Promise.all([directory.keys(name), directory.tokens(name)]);
    sendPage(
      response,
      <Layout title="Your account" at="account" {...frame}>
        <Who viewer={frame.viewer} />
        <SignInList viewer={frame.viewer} signIns={signIns.list(name)} />
        <KeyList keys={keys} />
        <TokenList tokens={tokens} current={frame.viewer.principal.credential.id} />
      </Layout>,
    );
  });
  router.post('/account/sign-ins/:id/revoke', async (request, response) => {
    const { user, web } = viewerOf(request);
    const { id } = request.params;
    await signIns.revoke(id, user.name, user.name);
    if (id === web) response.redirect(303, '/-/login');
    else redirect(request, response, '/-/account', { tone: 'good', text: 'That browser is signed out.' });
  });
  router.post('/account/sign-ins/revoke-others', async (request, response) => {
    const { user, web } = viewerOf(request);
    const others = signIns.list(user.name).filter(({ id }) => id !== web);
    for (const { id } of others) await signIns.revoke(id, user.name, user.name);
    redirect(request, response, '/-/account', { tone: 'good', text: 'All other browsers are signed out.' });
  });
  return router;
}

function Who({ viewer: { user } }: { readonly viewer: Viewer }) {
  return (
    <dl class="facts card">
      <dt>User</dt>
      <dd>
        {user.name} ({user.kind})
      </dd>
      <dt>Role</dt>
      <dd>{user.role}</dd>
      <dt>Groups</dt>
      <dd>{user.groups.length === 0 ? 'none' : user.groups.join(', ')}</dd>
      <dt>Addresses in commits</dt>
      <dd>{(user.emails ?? []).length === 0 ? 'none' : peerText((user.emails ?? []).join(', '))}</dd>
    </dl>
  );
}

function SignInList({
  viewer,
  signIns,
}: {
  readonly viewer: Viewer;
  readonly signIns: readonly SignInRecord[];
}) {
  return (
    <section aria-labelledby="sign-ins">
      <h2 id="sign-ins">Where you are signed in</h2>
      <div class="scroll">
        <table>
          <caption class="unseen">Browsers that are signed in as you</caption>
          <thead>
            <tr>
              <th scope="col">Since</th>
              <th scope="col">Last used</th>
              <th scope="col">From</th>
              <th scope="col">With</th>
              <th scope="col">Ends at the latest</th>
              <th scope="col">
                <span class="unseen">Action</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {signIns.map((signIn) => (
              <tr key={signIn.id}>
                <td>
                  <Time at={signIn.createdAt} age />
                </td>
                <td>
                  <Time at={signIn.seenAt} age />
                </td>
                <td>{signIn.address}</td>
                <td>
                  <code>{signIn.credential.id}</code>
                </td>
                <td>
                  <Time at={signIn.endsAt} />
                </td>
                <td>
                  <SignOutOne viewer={viewer} signIn={signIn} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {signIns.length > 1 && (
        <form method="post" action="/-/account/sign-ins/revoke-others">
          <CsrfField viewer={viewer} />
          <button class="danger" type="submit">
            Sign out all other browsers
          </button>
        </form>
      )}
    </section>
  );
}

function SignOutOne({ viewer, signIn }: { readonly viewer: Viewer; readonly signIn: SignInRecord }) {
  if (signIn.id === viewer.web) return <span class="tag mild">this browser</span>;
  return (
    <form method="post" action={`/-/account/sign-ins/${signIn.id}/revoke`}>
      <CsrfField viewer={viewer} />
      <button type="submit">
        Sign out<span class="unseen"> the browser at {signIn.address}</span>
      </button>
    </form>
  );
}

function KeyList({ keys }: { readonly keys: readonly KeyRecord[] }) {
  return (
    <section aria-labelledby="keys">
      <h2 id="keys">Your SSH keys</h2>
      {keys.length === 0 ? (
        <Empty>
          No key yet. An administrator adds yours with <code>refgate key add NAME FILE</code>.
        </Empty>
      ) : (
        <KeyTable caption="Your SSH keys" keys={keys} />
      )}
    </section>
  );
}

function TokenList({
  tokens,
  current,
}: {
  readonly tokens: readonly TokenRecord[];
  readonly current: string;
}) {
  return (
    <section aria-labelledby="tokens">
      <h2 id="tokens">Your tokens</h2>
      {tokens.length === 0 ? (
        <Empty>
          No token. An administrator makes one with <code>refgate token create NAME --ttl 8h</code>.
        </Empty>
      ) : (
        <TokenTable caption="Your tokens" tokens={tokens} current={current} />
      )}
    </section>
  );
}
