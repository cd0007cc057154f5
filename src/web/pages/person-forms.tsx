import type { ComponentChildren } from 'preact';
import { type Role, roles, type UserRecord } from '../../domain/identity.ts';
import { CsrfField } from '../parts/layout.tsx';
import type { Viewer } from '../viewer.ts';

interface FormProps {
  readonly viewer: Viewer;
  readonly action: string;
}

/** The choice of a role, the least first. */
export function RoleField({ chosen }: { readonly chosen: Role }) {
  return (
    <p>
      <label for="role">Role</label>
      <select id="role" name="role">
        {roles.toReversed().map((one) => (
          <option key={one} value={one} selected={one === chosen}>
            {one}
          </option>
        ))}
      </select>
    </p>
  );
}

/** Role, groups, owner; and in a form of their own the addresses. */
export function ChangeForms({ viewer, action, user }: FormProps & { readonly user: UserRecord }) {
  return (
    <details class="card">
      <summary>Change role, groups, owner or addresses</summary>
      <form method="post" action={`${action}/change`}>
        <CsrfField viewer={viewer} />
        <div class="row">
          <RoleField chosen={user.role} />
          <p>
            <label for="groups">Groups</label>
            <input
              id="groups"
              name="groups"
              value={user.groups.join(' ')}
              maxLength={4096}
              autocomplete="off"
            />
          </p>
          <p>
            <label for="owner">Owner</label>
            <input id="owner" name="owner" value={user.owner ?? ''} maxLength={64} autocomplete="off" />
          </p>
          <button class="primary" type="submit">
            Save
          </button>
        </div>
      </form>
      <form method="post" action={`${action}/emails`}>
        <CsrfField viewer={viewer} />
        <p>
          <label for="emails">Addresses in commits, one a line</label>
          <textarea id="emails" name="emails" maxLength={8192} rows={3}>
            {(user.emails ?? []).join('\n')}
          </textarea>
        </p>
        <button type="submit">Save the addresses</button>
      </form>
    </details>
  );
}

/** Registers a key of the user. */
export function AddKeyForm({ viewer, action }: FormProps) {
  return (
    <details class="card">
      <summary>Add a key</summary>
      <form method="post" action={`${action}/keys`}>
        <CsrfField viewer={viewer} />
        <p>
          <label for="line">Public key: the one line of the .pub file</label>
          <textarea id="line" name="line" required maxLength={16384} rows={3} spellcheck={false} />
        </p>
        <button class="primary" type="submit">
          Add the key
        </button>
      </form>
    </details>
  );
}

/** Makes a token of the user, which the answer shows once. */
export function NewTokenForm({ viewer, action }: FormProps) {
  return (
    <details class="card">
      <summary>Make a token</summary>
      <form class="row" method="post" action={`${action}/tokens`}>
        <CsrfField viewer={viewer} />
        <p>
          <label for="ttl">How long it lives: 30m, 8h or 90d</label>
          <input id="ttl" name="ttl" required value="8h" pattern="[1-9][0-9]{0,6}[mhd]" autocomplete="off" />
        </p>
        <button class="primary" type="submit">
          Make the token
        </button>
      </form>
    </details>
  );
}

/** A button that first says what it does: without scripts, what asks back is a part of the page that opens. */
export function ConfirmForm(
  props: FormProps & {
    /** What opens it. */
    readonly summary: string;
    readonly fields?: Readonly<Record<string, string>>;
    readonly button: string;
    readonly children: ComponentChildren;
  },
) {
  const { viewer, action, summary, fields = {}, button, children } = props;
  return (
    <details>
      <summary>{summary}</summary>
      <form method="post" action={action}>
        <CsrfField viewer={viewer} />
        {Object.entries(fields).map(([name, value]) => (
          <input key={name} type="hidden" name={name} value={value} />
        ))}
        <p>{children}</p>
        <button class="danger" type="submit">
          {button}
        </button>
      </form>
    </details>
  );
}
