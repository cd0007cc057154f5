import type { ComponentChildren } from 'preact';
import type { HeldState } from '../../domain/approval.ts';
import type { SessionOutcome } from '../../domain/record.ts';

/** A time, exact for machines and readable for people; the browser's script shows it in local time and as an age. */
export function Time({ at, age = false }: { readonly at: string; readonly age?: boolean }) {
  return (
    <time dateTime={at} data-age={age ? '' : undefined}>
      {`${at.slice(0, 10)} ${at.slice(11, 19)} UTC`}
    </time>
  );
}

/** The first digits of an oid, with all of it for who asks. */
export function ShortOid({ oid }: { readonly oid: string }) {
  return (
    <code class="oid" title={oid}>
      {/^0+$/.test(oid) ? 'none' : oid.slice(0, 12)}
    </code>
  );
}

const tones: Readonly<Record<HeldState | SessionOutcome | 'open', 'good' | 'bad' | 'wait' | 'mild'>> = {
  open: 'mild',
  ok: 'good',
  partial: 'wait',
  held: 'wait',
  refused: 'bad',
  failed: 'bad',
  aborted: 'mild',
  unknown: 'bad',
  received: 'mild',
  processing: 'mild',
  pending: 'wait',
  approved: 'good',
  forwarded: 'good',
  rejected: 'bad',
  canceled: 'mild',
  lapsed: 'bad',
  error: 'bad',
};

/** A state or outcome as a coloured word. */
export function StateTag({ state }: { readonly state: HeldState | SessionOutcome | 'open' }) {
  return <span class={`tag ${tones[state]}`}>{state}</span>;
}

/** What to say where a list is empty: what that means, and what to do next. */
export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <div class="empty">{children}</div>;
}

/** A message above the content; `bad` is read out at once. */
export function Message({
  tone,
  children,
}: {
  readonly tone: 'good' | 'bad' | 'wait' | 'mild';
  readonly children: ComponentChildren;
}) {
  return (
    <p class={`message ${tone}`} role={tone === 'bad' ? 'alert' : 'status'}>
      {children}
    </p>
  );
}

/** A way to the next page of a list; nothing on the last one. */
export function Pager({
  next,
  first,
}: {
  readonly next?: string | undefined;
  readonly first?: string | undefined;
}) {
  if (next === undefined && first === undefined) return null;
  return (
    <nav class="pager" aria-label="Pages">
      {first !== undefined && <a href={first}>First page</a>}
      {next !== undefined && (
        <a rel="next" href={next}>
          Older
        </a>
      )}
    </nav>
  );
}

/** How a verdict of the policy looks. */
export const effectTones = { allow: 'good', ask: 'wait', deny: 'bad' } as const;

/** A number with its word. */
export function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

/** In binary units, with one digit behind the point where it says something. */
export function bytesText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let at = -1;
  while (value >= 1024 && at < units.length - 1) {
    value /= 1024;
    at += 1;
  }
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[at]}`;
}
