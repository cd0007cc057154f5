import { type HeldState, heldStates } from '../../domain/approval.ts';

/** The tabs of the inbox. */
export const tabs = ['waiting', 'yours', 'open', 'decided'] as const;
export type Tab = (typeof tabs)[number];

/** What the inbox is asked for, beside the tab. */
export interface Filter {
  readonly user?: string | undefined;
  readonly repo?: string | undefined;
  readonly ref?: string | undefined;
  readonly state?: HeldState | undefined;
}

const names: Readonly<Record<Tab, string>> = {
  waiting: 'Waiting for you',
  yours: 'Yours',
  open: 'All open',
  decided: 'Decided',
};

/** The address of the inbox with this tab and filter. */
export function listHref(tab: Tab, filter: Filter, before?: string): string {
  const query = new URLSearchParams({ tab });
  for (const key of ['user', 'repo', 'ref', 'state'] as const) {
    const value = filter[key];
    if (value !== undefined) query.set(key, value);
  }
  if (before !== undefined) query.set('before', before);
  return `/-/pushes?${query}`;
}

/** The ways between the lists. */
export function Tabs({
  at,
  shown,
  filter,
}: {
  readonly at: Tab;
  readonly shown: readonly Tab[];
  readonly filter: Filter;
}) {
  return (
    <nav class="push-tabs" aria-label="Lists of pushes">
      <ul>
        {shown.map((tab) => (
          <li key={tab}>
            <a href={listHref(tab, filter)} aria-current={tab === at ? 'page' : undefined}>
              {names[tab]}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

/** The search within one list. */
export function FilterForm({ at, filter }: { readonly at: Tab; readonly filter: Filter }) {
  const texts = [
    { key: 'user', label: 'User', example: 'alice' },
    { key: 'repo', label: 'Repository', example: 'acme/web' },
    { key: 'ref', label: 'Ref', example: 'refs/heads/main' },
  ] as const;
  return (
    <form class="row push-filter" method="get" action="/-/pushes">
      <input type="hidden" name="tab" value={at} />
      {texts.map(({ key, label, example }) => (
        <label key={key}>
          {label}
          <input name={key} value={filter[key] ?? ''} placeholder={example} autocomplete="off" />
        </label>
      ))}
      <label>
        State
        <select name="state">
          <option value="">any</option>
          {heldStates.map((state) => (
            <option key={state} value={state} selected={state === filter.state}>
              {state}
            </option>
          ))}
        </select>
      </label>
      <button type="submit">Search</button>
    </form>
  );
}
