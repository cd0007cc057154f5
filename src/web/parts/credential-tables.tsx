import type { ComponentChildren } from 'preact';
import type { KeyRecord, TokenRecord } from '../../domain/identity.ts';
import { peerText } from './peer-text.ts';
import { Time } from './pieces.tsx';

interface TableProps<Row> {
  readonly caption: string;
  /** What can be done about a row; without it there is no such column. */
  readonly change?: ((row: Row) => ComponentChildren) | undefined;
}

/** SSH keys of one user. */
export function KeyTable({
  caption,
  keys,
  change,
}: TableProps<KeyRecord> & { readonly keys: readonly KeyRecord[] }) {
  return (
    <div class="scroll">
      <table>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            <th scope="col">Fingerprint</th>
            <th scope="col">Type</th>
            <th scope="col">Comment</th>
            <th scope="col">Added</th>
            {change && <th scope="col">Change</th>}
          </tr>
        </thead>
        <tbody>
          {keys.map((key) => (
            <tr key={key.fingerprint}>
              <th scope="row">
                <code>{key.fingerprint}</code>
              </th>
              <td>{peerText(key.type)}</td>
              <td>{peerText(key.comment)}</td>
              <td>
                <Time at={key.addedAt} />
              </td>
              {change && <td>{change(key)}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Tokens of one user, newest first; `current` is the id of the one that is in use on this page. */
export function TokenTable({
  caption,
  tokens,
  current,
  change,
}: TableProps<TokenRecord> & { readonly tokens: readonly TokenRecord[]; readonly current?: string }) {
  return (
    <div class="scroll">
      <table>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            <th scope="col">Id</th>
            <th scope="col">Made</th>
            <th scope="col">Ends</th>
            <th scope="col">State</th>
            {change && <th scope="col">Change</th>}
          </tr>
        </thead>
        <tbody>
          {[...tokens].reverse().map((token) => (
            <tr key={token.id}>
              <th scope="row">
                <code>{token.id}</code>
                {token.id === current && (
                  <>
                    {' '}
                    <span class="tag mild">in use here</span>
                  </>
                )}
              </th>
              <td>
                <Time at={token.createdAt} />
              </td>
              <td>
                <Time at={token.revokedAt ?? token.expiresAt} />
              </td>
              <td>{tokenState(token)}</td>
              {change && <td>{change(token)}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Whether a token opens anything now. */
export function tokenState(token: TokenRecord): 'alive' | 'revoked' | 'expired' {
  if (token.revokedAt !== undefined) return 'revoked';
  return Date.parse(token.expiresAt) <= Date.now() ? 'expired' : 'alive';
}
