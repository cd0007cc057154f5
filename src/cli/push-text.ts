import type { AskTally, HeldPush, MayVote, RefReview } from '../domain/approval.ts';
import type { Reason } from '../domain/policy.ts';
import type { EventPayloads } from '../domain/record.ts';
import { formatTable } from './output.ts';
import type { Paint } from './paint.ts';
import { visibleLines, visibleText } from './visible-text.ts';

/** A push as the API gives it: without the place of its pack. */
export type ShownPush = Omit<HeldPush, 'pack'> & {
  readonly pack?: { readonly bytes: number; readonly sha256: string };
};

/** What `push show` asks first. */
export interface PushDetail {
  readonly push: ShownPush;
  readonly tally: readonly AskTally[];
  readonly mayVote: MayVote;
  readonly isAttached: boolean;
  readonly url: string;
  /** Of a push of somebody who reads a masked view. */
  readonly restored?: EventPayloads['push.restored'];
}

/** Rows of one list that are printed; the rest is counted. */
const mostRows = 100;

/** Held pushes, one a line. */
export function formatPushes(pushes: readonly ShownPush[]): string {
  return formatTable(
    ['PUSH', 'STATE', 'OPENED', 'UNTIL', 'USER', 'REPO', 'REFS', 'VOTES', 'WHY'],
    pushes.map((push) => [
      push.id,
      push.state,
      push.openedAt,
      push.state === 'pending' || push.state === 'approved' ? push.deadline : '-',
      push.principal.user,
      push.repo,
      push.refs.length > 1 ? `${push.refs[0]?.ref} +${push.refs.length - 1}` : (push.refs[0]?.ref ?? '-'),
      votesText(push),
      push.asks.map(({ rule }) => rule).join(', ') || '-',
    ]),
  );
}

function votesText({ votes }: ShownPush): string {
  const against = votes.filter(({ kind }) => kind === 'deny').length;
  const count = votes.length - against;
  return against === 0 ? `${count} for` : `${count} for, ${against} against`;
}

/** Who pushes what, why it is held, and how the votes stand. */
export function formatPush(
  { push, tally, mayVote, isAttached, url, restored }: PushDetail,
  paint: Paint,
): string {
  const { principal } = push;
  const kind = principal.kind === 'service' ? ' (service)' : '';
  const facts: readonly (readonly [string, string])[] = [
    ['by', `${principal.user}${kind}, ${principal.credential.type} ${principal.credential.id}`],
    ['from', `${push.address} over ${push.transport}${isAttached ? ', and waits' : ''}`],
    ['repository', push.repo],
    [
      'brings',
      [
        counted(push.commits, 'commit'),
        counted(push.changes, 'file'),
        counted(push.pack?.bytes ?? 0, 'byte'),
        counted(push.findings, 'finding'),
      ].join(', '),
    ],
    ['opened', `${push.openedAt}, session ${push.session}, policy ${push.policyVersion}`],
    ...untilOrEnd(push),
    ['page', url],
  ];
  const head = `${paint.bold(`push ${visibleText(push.id)}`)}  ${paint.wait(push.state)}\n`;
  const rows = facts.map(([name, text]) => `  ${name.padEnd(10)}  ${visibleText(text)}\n`).join('');
  const why = mayVote.why === undefined ? '' : `\n${visibleText(mayVote.why)}\n`;
  return `${head}${rows}${formatRefs(push, paint)}${formatRestored(restored, paint)}${formatTally(tally, paint)}${formatVotes(push, paint)}${why}`;
}

/** How long it waits; of what has ended, when, by whom and why. */
function untilOrEnd({ state, deadline, steps }: ShownPush): readonly (readonly [string, string])[] {
  const last = steps.at(-1);
  if (state === 'pending' || state === 'approved' || last === undefined) return [['until', deadline]];
  const by = last.by === 'refgate' ? '' : `, by ${last.by}`;
  return [['ended', `${last.time}${by}${last.text === undefined ? '' : `, ${last.text}`}`]];
}

function formatRefs(push: ShownPush, paint: Paint): string {
  let text = `\n${paint.bold('refs')}\n`;
  push.refs.slice(0, mostRows).forEach((ref, at) => {
    const forced = ref.kind === 'update' && ref.fastForward !== true ? paint.bad(', non-fast-forward') : '';
    const verdict = push.verdicts[at];
    text += `  ${visibleText(ref.ref)}  ${shortOid(ref.oldOid)} -> ${shortOid(ref.newOid)}  ${ref.kind}${forced}`;
    text += `  ${verdict?.effect ?? ''}\n`;
    text += (verdict?.reasons ?? []).map((reason) => formatReason('', reason)).join('');
    text += (verdict?.warnings ?? []).map((reason) => formatReason('warning: ', reason)).join('');
    text += (verdict?.wouldSay ?? [])
      .map((reason) => formatReason(`on trial, ${reason.effect}: `, reason))
      .join('');
  });
  return text + more(push.refs.length - mostRows, 'refs');
}

/** Both oids of what changed on its way, and placeholders where their secrets were not. */
function formatRestored(restored: EventPayloads['push.restored'] | undefined, paint: Paint): string {
  if (restored === undefined || restored.pairCount + restored.placeholders.length === 0) return '';
  const { pairs, pairCount, placeholders } = restored;
  let text = `\n${paint.bold('put back from the masked view')}\n`;
  for (const { view, original } of pairs.slice(0, mostRows))
    text += `  ${shortOid(view)} in the view is ${shortOid(original)}\n`;
  text += more(pairCount - Math.min(pairs.length, mostRows), 'commits and tags');
  for (const { how, rule, path, line, commit } of placeholders.slice(0, mostRows)) {
    const where = `${path}${line === undefined ? '' : `:${line}`}`;
    text += `  ${paint.bad(`placeholder (${how})`)} ${visibleText(`${rule} in ${where}, commit ${commit.slice(0, 12)}`)}\n`;
  }
  return text + more(placeholders.length - mostRows, 'placeholders');
}

function formatReason(how: string, { rule, text }: Reason): string {
  const said = text.startsWith(`${rule}: `) ? text : `${rule}: ${text}`;
  return visibleLines(`${how}${said}`, '    ');
}

function shortOid(oid: string): string {
  return /^0+$/.test(oid) ? 'none' : visibleText(oid.slice(0, 12));
}

function formatTally(tally: readonly AskTally[], paint: Paint): string {
  const lines = tally.flatMap(({ asked, seats, deniedBy, met }) => [
    `  ${visibleText(asked.rule)}: ${met ? paint.good('met') : paint.wait('asks')}`,
    ...seats.map(({ seat, approvedBy, missing }) => {
      const by = approvedBy.length === 0 ? '' : ` (${approvedBy.join(', ')})`;
      return visibleText(`    ${seat.of}: ${asked.approvals - missing} of ${asked.approvals}${by}`);
    }),
    ...(deniedBy.length === 0 ? [] : [paint.bad(visibleText(`    against: ${deniedBy.join(', ')}`))]),
  ]);
  return lines.length === 0 ? '' : `\n${paint.bold('asked')}\n${lines.join('\n')}\n`;
}

function formatVotes({ votes }: ShownPush, paint: Paint): string {
  if (votes.length === 0) return '';
  const lines = votes.map(({ user, kind, time, reason }) => {
    const head = `  ${time}  ${visibleText(user)}  ${kind === 'approve' ? paint.good(kind) : paint.bad(kind)}\n`;
    return reason === undefined ? head : head + visibleLines(reason, '    ');
  });
  return `\n${paint.bold('votes')}\n${lines.join('')}`;
}

/** Commits, findings, unknowns and files of one ref, without their lines. */
export function formatReview(one: RefReview, paint: Paint): string {
  const base = one.base === undefined ? 'all of it is new' : `compared with ${shortOid(one.base)}`;
  let text = `\n${paint.bold(visibleText(one.ref.ref))}  ${base}\n`;
  if (one.gone !== undefined) text += `  ${visibleText(one.gone)}\n`;
  for (const { confidence, rule, place, path, line, sample } of one.findings.slice(0, mostRows)) {
    const where = path === undefined ? place : `${path}${line === undefined ? '' : `:${line}`}`;
    text += `  ${paint.bad(`secret (${confidence})`)} ${visibleText(`${rule} in ${where}: ${sample}`)}\n`;
  }
  text += more(one.findings.length - mostRows, 'findings');
  for (const { what, text: detail } of one.unknowns.slice(0, mostRows))
    text += `  ${paint.wait(`unknown ${what}`)} ${visibleText(detail)}\n`;
  for (const { oid, author, committer, message, signature } of one.commits.slice(0, mostRows)) {
    const subject = message.trim().split('\n', 1)[0] ?? '';
    const isOther = author.name !== committer.name || author.email !== committer.email;
    const by = `${author.name} <${author.email}>${isOther ? `, committed by ${committer.name} <${committer.email}>` : ''}`;
    text += `  ${paint.wait(shortOid(oid))} ${visibleText(subject)}  ${paint.dim(visibleText(`${by}, signature: ${signature}`))}\n`;
  }
  text += more(one.commitCount - Math.min(one.commits.length, mostRows), 'older commits');
  for (const { kind, path, sensitive, findings } of one.files.slice(0, mostRows)) {
    const marks = `${sensitive ? paint.wait('  sensitive') : ''}${findings > 0 ? paint.bad(`  ${findings} secrets`) : ''}`;
    text += `  ${kind.padEnd(6)} ${visibleText(path)}${marks}\n`;
  }
  return text + more(one.fileCount - Math.min(one.files.length, mostRows), 'files');
}

function more(count: number, what: string): string {
  return count > 0 ? `  and ${count} more ${what}\n` : '';
}

function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
