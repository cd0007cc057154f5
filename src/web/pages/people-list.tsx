import type { UserRecord } from '../../domain/identity.ts';
import { CsrfField } from '../parts/layout.tsx';
import { Empty, Pager } from '../parts/pieces.tsx';
import type { Viewer } from '../viewer.ts';
import { RoleField } from './person-forms.tsx';
import { personHref } from './person-page.tsx';

/** What one page of the list shows. */
export interface PeoplePage {
  readonly search: string;
  readonly rows: readonly UserRecord[];
  /** How many were found in all. */
  readonly count: number;
  readonly isFirst: boolean;
  /** The page after this name is the next one. */
  readonly next?: string;
}

function listHref(search: string, after?: string): string {
  const query = new URLSearchParams();
  if (search !== '') query.set('q', search);
  if (after !== undefined) query.set('after', after);
  const text = query.toString();
  return `/-/people${text === '' ? '' : `?${text}`}`;
}

/** The search, one page of what it found, and the way to the next. */
export function PeopleList({ page }: { readonly page: PeoplePage }) {
  const { search, rows, count, isFirst, next } = page;
  return (
    <>
      <form class="row" method="get" action="/-/people">
        <p>
          <label for="q">Name, group, role, owner or address</label>
          <input id="q" name="q" type="search" value={search} maxLength={256} autocomplete="off" />
        </p>
        <button type="submit">Search</button>
      </form>
      {rows.length === 0 ? (
        <NobodyFound search={search} />
      ) : (
        <>
          <p class="hint">{count === 1 ? '1 user' : `${count} users`}</p>
          <div class="scroll">
            <table>
              <caption class="unseen">People and services</caption>
              <thead>
                <tr>
                  <th scope="col">Name</th>
                  <th scope="col">Kind</th>
                  <th scope="col">Role</th>
                  <th scope="col">Groups</th>
                  <th scope="col">Owner</th>
                  <th scope="col">State</th>
                </tr>
              </thead>
              <tbody>
                {rows.map((user) => (
                  <Row key={user.name} user={user} />
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
      <Pager
        next={next === undefined ? undefined : listHref(search, next)}
        first={isFirst ? undefined : listHref(search)}
      />
    </>
  );
}

function NobodyFound({ search }: { readonly search: string }) {
  if (search !== '')
    return (
      <Empty>
        Nobody is like that. <a href="/-/people">Show everybody</a>
      </Empty>
    );
  return (
    <Empty>
      Nobody is registered yet. An administrator adds people here, or with{' '}
      <code>refgate user add NAME --group dev</code>.
    </Empty>
  );
}

function Row({ user }: { readonly user: UserRecord }) {
  const { name, kind, role, groups, owner, disabled } = user;
  return (
    <tr>
      <th scope="row">
        <a href={personHref(name)}>{name}</a>
      </th>
      <td>{kind}</td>
      <td>{role}</td>
      <td>{groups.join(', ') || <span class="muted">none</span>}</td>
      <td>
        {owner === undefined ? <span class="muted">none</span> : <a href={personHref(owner)}>{owner}</a>}
      </td>
      <td>
        <span class={`tag ${disabled ? 'bad' : 'good'}`}>{disabled ? 'disabled' : 'enabled'}</span>
      </td>
    </tr>
  );
}

/** Registers somebody. */
export function NewUserForm({ viewer }: { readonly viewer: Viewer }) {
  return (
    <details class="card">
      <summary>Add a person or a service</summary>
      <form method="post" action="/-/people">
        <CsrfField viewer={viewer} />
        <div class="row">
          <p>
            <label for="name">Name</label>
            <input id="name" name="name" required maxLength={64} autocomplete="off" />
          </p>
          <p>
            <label for="kind">Kind</label>
            <select id="kind" name="kind">
              <option value="person">person</option>
              <option value="service">service</option>
            </select>
          </p>
          <RoleField chosen="user" />
          <p>
            <label for="new-groups">Groups</label>
            <input id="new-groups" name="groups" maxLength={4096} placeholder="dev ops" autocomplete="off" />
          </p>
          <p>
            <label for="new-owner">Owner, of a service or a second account</label>
            <input id="new-owner" name="owner" maxLength={64} autocomplete="off" />
          </p>
          <p>
            <label for="new-emails">Addresses in commits</label>
            <input id="new-emails" name="emails" maxLength={8192} autocomplete="off" />
          </p>
        </div>
        <button class="primary" type="submit">
          Add
        </button>
      </form>
    </details>
  );
}
