import type { ComponentChildren } from 'preact';
import type { RefUpdate } from '../../domain/git.ts';
import type { EventCode, EventPayloads } from '../../domain/record.ts';
import { peerText } from './peer-text.ts';
import { ShortOid } from './pieces.tsx';

type Tone = 'good' | 'bad' | 'wait' | 'mild';

/** An event in words. */
export interface ToldEvent {
  readonly title: string;
  readonly tone: Tone;
  readonly body?: ComponentChildren;
}

/** Rows of one list that are told; the JSON beside them holds more. */
export const maxRows = 50;

/** By code, what tells an event; with links to the policy where these are wanted. */
export type Tellers = {
  readonly [C in EventCode]?: (data: EventPayloads[C], linksPolicy: boolean) => ToldEvent;
};

/** What each ref is to become. */
export function Updates({ updates }: { readonly updates: readonly RefUpdate[] }) {
  return (
    <ul>
      {updates.slice(0, maxRows).map(({ ref, oldOid, newOid }) => (
        <li key={ref}>
          <code class="ref">{peerText(ref)}</code> <ShortOid oid={oldOid} /> {'\u2192'}{' '}
          <ShortOid oid={newOid} />
        </li>
      ))}
      <More of={updates.length} />
    </ul>
  );
}

/** How many rows are not told. */
export function More({ of }: { readonly of: number }) {
  return of > maxRows ? <li class="muted">{`and ${of - maxRows} more`}</li> : null;
}
