import type { KeyRecord, TokenRecord, UserRecord } from '../../domain/identity.ts';
import { KeyTable, TokenTable, tokenState } from '../parts/credential-tables.tsx';
import { peerText } from '../parts/peer-text.ts';
import { Empty, Time } from '../parts/pieces.tsx';
import type { SignInRecord } from '../sign-ins.ts';
import type { Viewer } from '../viewer.ts';
import { AddKeyForm, ChangeForms, ConfirmForm, NewTokenForm } from './person-forms.tsx';

/** The page of a user. */
export function personHref(name: string): string {
  return `/-/people/${encodeURIComponent(name)}`;
}

interface PersonProps {
  readonly viewer: Viewer;
  readonly user: UserRecord;
  readonly keys: readonly KeyRecord[];
  readonly tokens: readonly TokenRecord[];
  readonly signIns: readonly SignInRecord[];
}

/** Everything about one user; with forms where the viewer may change it. */
export function PersonPage({ viewer, user, keys, tokens, signIns }: PersonProps) {
  const action = personHref(user.name);
  const mayChange = viewer.user.role === 'admin';
  const mayAdd = mayChange && !user.disabled;
  const form = { viewer, action };
  return (
    <>
      <Facts user={user} />
      {mayChange && <ChangeForms {...form} user={user} />}
      <section aria-labelledby="keys">
        <h2 id="keys">SSH keys</h2>
        <Keys {...form} keys={keys} mayChange={mayChange} />
        {mayAdd && <AddKeyForm {...form} />}
      </section>
      <section aria-labelledby="tokens">
        <h2 id="tokens">Tokens</h2>
        <Tokens {...form} tokens={tokens} mayChange={mayChange} />
        {mayAdd && <NewTokenForm {...form} />}
      </section>
      <section aria-labelledby="sign-ins">
        <h2 id="sign-ins">Sign-ins</h2>
        <SignInTable signIns={signIns} />
        {mayChange && signIns.length > 0 && (
          <ConfirmForm
            viewer={viewer}
            action={`${action}/sign-ins/revoke`}
            summary="End all sign-ins"
            button={`Sign ${user.name} out everywhere`}
          >
            Every browser of {user.name} has to sign in anew.
          </ConfirmForm>
        )}
      </section>
      {mayAdd && (
        <section aria-labelledby="disable">
          <h2 id="disable">Disable</h2>
          <ConfirmForm
            viewer={viewer}
            action={`${action}/disable`}
            summary={`Disable ${user.name}`}
            button={`Disable ${user.name} for good`}
          >
            Every key, token and sign-in of {user.name} ends at once, and pushes that wait are canceled. A
            user that is disabled is not enabled again.
          </ConfirmForm>
        </section>
      )}
    </>
  );
}

function Facts({ user }: { readonly user: UserRecord }) {
  const none = <span class="muted">none</span>;
  return (
    <dl class="facts card">
      <dt>Kind</dt>
      <dd>{user.kind}</dd>
      <dt>State</dt>
      <dd>
        <span class={`tag ${user.disabled ? 'bad' : 'good'}`}>{user.disabled ? 'disabled' : 'enabled'}</span>
      </dd>
      <dt>Role</dt>
      <dd>{user.role}</dd>
      <dt>Groups</dt>
      <dd>{user.groups.join(', ') || none}</dd>
      <dt>Owner</dt>
      <dd>{user.owner === undefined ? none : <a href={personHref(user.owner)}>{user.owner}</a>}</dd>
      <dt>Addresses in commits</dt>
      <dd>{peerText((user.emails ?? []).join(', ')) || none}</dd>
      <dt>Since</dt>
      <dd>
        <Time at={user.createdAt} />
      </dd>
      <dt>Activity</dt>
      <dd>
        <a href={`/-/sessions?user=${encodeURIComponent(user.name)}`}>Sessions of {user.name}</a>
      </dd>
    </dl>
  );
}

interface TableProps {
  readonly viewer: Viewer;
  readonly action: string;
  readonly mayChange: boolean;
}

function Keys({ viewer, action, keys, mayChange }: TableProps & Pick<PersonProps, 'keys'>) {
  if (keys.length === 0)
    return (
      <Empty>No key: this user does not come in over SSH. Paste the line of a .pub file to add one.</Empty>
    );
  const remove = ({ fingerprint }: KeyRecord) => (
    <ConfirmForm
      viewer={viewer}
      action={`${action}/keys/remove`}
      summary="Remove"
      fields={{ fingerprint }}
      button="Remove the key"
    >
      It ends at once.
    </ConfirmForm>
  );
  return <KeyTable caption="SSH keys" keys={keys} change={mayChange ? remove : undefined} />;
}

function Tokens({ viewer, action, tokens, mayChange }: TableProps & Pick<PersonProps, 'tokens'>) {
  if (tokens.length === 0)
    return <Empty>No token: this user comes in neither over HTTP, nor to these pages or the API.</Empty>;
  const revoke = (token: TokenRecord) =>
    tokenState(token) === 'alive' && (
      <ConfirmForm
        viewer={viewer}
        action={`${action}/tokens/revoke`}
        summary="Revoke"
        fields={{ id: token.id }}
        button="Revoke the token"
      >
        It ends at once.
      </ConfirmForm>
    );
  return <TokenTable caption="Tokens" tokens={tokens} change={mayChange ? revoke : undefined} />;
}

function SignInTable({ signIns }: Pick<PersonProps, 'signIns'>) {
  if (signIns.length === 0) return <Empty>Not signed in to these pages anywhere.</Empty>;
  return (
    <div class="scroll">
      <table>
        <caption class="unseen">Where this user is signed in</caption>
        <thead>
          <tr>
            <th scope="col">Since</th>
            <th scope="col">Last used</th>
            <th scope="col">From</th>
            <th scope="col">With</th>
          </tr>
        </thead>
        <tbody>
          {signIns.map((one) => (
            <tr key={one.id}>
              <td>
                <Time at={one.createdAt} />
              </td>
              <td>
                <Time at={one.seenAt} age />
              </td>
              <td>{one.address}</td>
              <td>
                <code>{one.credential.id}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The one time that a token is shown. */
export function NewToken({ token, record }: { readonly token: string; readonly record: TokenRecord }) {
  return (
    <>
      <p class="message wait" role="status">
        Copy it now: it is shown this once, and kept only as a hash.
      </p>
      <pre>
        <code>{token}</code>
      </pre>
      <dl class="facts card">
        <dt>Id</dt>
        <dd>
          <code>{record.id}</code>
        </dd>
        <dt>Ends</dt>
        <dd>
          <Time at={record.expiresAt} />
        </dd>
      </dl>
      <p>
        It is the password of {record.user} for Git over HTTP, opens these pages, and is{' '}
        <code>REFGATE_TOKEN</code> for commands.
      </p>
      <p>
        <a href={personHref(record.user)}>Back to {record.user}</a>
      </p>
    </>
  );
}
