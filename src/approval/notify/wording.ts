import { cut, oneLine } from './peer-text.ts';
import type { Summary } from './summary.ts';

/** A notice in words, for every kind of message. Each text is one line without control characters, but not escaped. */
export interface Wording {
  /** The same for all notices of one push: mails of one subject are one thread. */
  readonly subject: string;
  readonly title: string;
  readonly lines: readonly { readonly label: string; readonly text: string }[];
  readonly url: string;
  /** It was forced: whoever sees it should look. */
  readonly loud: boolean;
}

/** Somebody did it: `by` of the others is who pushed, or nobody. */
const decided: ReadonlySet<Summary['type']> = new Set([
  'push.approved',
  'push.rejected',
  'push.forced',
  'push.canceled',
]);

const mostRefs = 10;
const mostText = 6_000;

/** @see Wording */
export function wordingOf(summary: Summary): Wording {
  const push = `${oneLine(summary.user, 64)}'s push to ${oneLine(summary.repo, 128)}`;
  const title = `${push} ${happened(summary)}`;
  return {
    subject: `Push ${summary.push} to ${oneLine(summary.repo, 128)} by ${oneLine(summary.user, 64)}`,
    title: summary.sample ? `Sample: ${title}` : title,
    lines: bounded([
      { label: 'Push', text: summary.push },
      { label: 'Repository', text: oneLine(summary.repo, 256) },
      { label: 'Pushed by', text: oneLine(summary.user, 128) },
      ...refLines(summary),
      ...summary.reasons.map(({ rule, text }) => ({
        label: 'Why',
        text: text.startsWith(`${rule}: `)
          ? oneLine(text, 600)
          : `${oneLine(rule, 128)}: ${oneLine(text, 600)}`,
      })),
      ...(summary.type === 'push.held' ? askLines(summary) : []),
      ...(summary.by === 'refgate' || !decided.has(summary.type)
        ? []
        : [{ label: 'Decided by', text: oneLine(summary.by, 128) }]),
      ...(summary.reason === undefined ? [] : [{ label: 'Reason', text: oneLine(summary.reason, 600) }]),
    ]),
    url: summary.url,
    loud: summary.type === 'push.forced',
  };
}

function happened({ type, by }: Summary): string {
  const who = oneLine(by, 64);
  const words: Readonly<Record<Summary['type'], string>> = {
    'push.held': 'waits for approval',
    'push.approved': `was approved by ${who}`,
    'push.rejected': `was rejected by ${who}`,
    'push.forced': `was FORCED by ${who}, past the people who were asked`,
    'push.lapsed': 'lapsed: it was not decided, or not used, in time',
    'push.canceled': `was canceled by ${who}`,
    'push.forwarded': 'is done: the upstream has it',
    'push.failed': 'was approved and could not be forwarded',
  };
  return words[type];
}

function refLines({ refs, refCount }: Summary): Wording['lines'] {
  const shown = refs.slice(0, mostRefs).map(({ ref, oldOid, newOid, kind, fastForward }) => {
    const how = kind === 'update' && fastForward !== true ? 'update, not a fast-forward' : kind;
    return {
      label: 'Ref',
      text: `${oneLine(ref, 200)} ${oldOid.slice(0, 10)}..${newOid.slice(0, 10)} (${how})`,
    };
  });
  if (refCount <= shown.length) return shown;
  return [...shown, { label: 'Ref', text: `and ${refCount - shown.length} more` }];
}

function askLines({ asks, deadline }: Summary): Wording['lines'] {
  return [
    ...asks.map(({ rule, of, approvals }) => ({
      label: 'Asked',
      text: `${approvals} of ${of.map((name) => oneLine(name, 100)).join(', and of ')} (${oneLine(rule, 128)})`,
    })),
    { label: 'Until', text: oneLine(deadline, 40) },
  ];
}

/** Chats refuse messages that are too long. */
function bounded(lines: Wording['lines']): Wording['lines'] {
  let left = mostText;
  return lines.flatMap(({ label, text }) => {
    if (left < 2) return [];
    const short = cut(text, left);
    left -= short.length;
    return [{ label, text: short }];
  });
}
