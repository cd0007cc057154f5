import type { Notice, Seat } from '../../domain/approval.ts';
import type { RefFacts } from '../../domain/session.ts';
import { cut } from './peer-text.ts';

/**
 * What is kept and told of a notice. It is bounded however large the push is,
 * and holds no push option, no path of a pack and no credential.
 */
export interface Summary {
  readonly type: Notice['type'];
  /** RFC 3339. */
  readonly time: string;
  readonly push: string;
  readonly url: string;
  readonly user: string;
  readonly repo: string;
  /** The first 20. */
  readonly refs: readonly Pick<RefFacts, 'ref' | 'oldOid' | 'newOid' | 'kind' | 'fastForward'>[];
  readonly refCount: number;
  /** The first 10, each with its first lines. */
  readonly reasons: readonly { readonly rule: string; readonly text: string }[];
  readonly asks: readonly {
    readonly rule: string;
    readonly of: readonly string[];
    readonly approvals: number;
  }[];
  /** When it lapses, RFC 3339. */
  readonly deadline: string;
  readonly by: string;
  readonly reason?: string;
  /** Nothing happened: it was asked for, to see that it arrives. */
  readonly sample?: true;
}

/** The push, for who finds out whom its mails go to. */
export interface AddressedPush {
  readonly id: string;
  /** Who pushed. */
  readonly user: string;
  readonly repo: string;
  /** Of every ask, the first 100. */
  readonly seats: readonly Seat[];
}

const most = { refs: 20, reasons: 10, asks: 10, seats: 100, members: 200, lines: 3, line: 300, name: 512 };

/** @see Summary */
export function summarize({ type, time, push, url, by, reason }: Notice): Summary {
  return {
    type,
    time,
    push: push.id,
    url,
    user: push.principal.user,
    repo: push.repo,
    refs: push.refs.slice(0, most.refs).map(({ ref, oldOid, newOid, kind, fastForward }) => ({
      ref: cut(ref, most.name),
      oldOid,
      newOid,
      kind,
      ...(fastForward === undefined ? {} : { fastForward }),
    })),
    refCount: push.refs.length,
    reasons: reasonsOf(push.verdicts),
    asks: push.asks.slice(0, most.asks).map((asked) => ({
      rule: asked.rule,
      of: asked.seats.slice(0, most.asks).map((seat) => cut(seat.of, most.line)),
      approvals: asked.approvals,
    })),
    deadline: push.deadline,
    by,
    ...(reason === undefined ? {} : { reason: cut(reason, 2_000) }),
  };
}

/** @see AddressedPush */
export function addressedOf({ push }: Notice): AddressedPush {
  const seats = push.asks.flatMap((asked) => asked.seats.slice(0, most.seats)).slice(0, most.seats);
  return {
    id: push.id,
    user: push.principal.user,
    repo: push.repo,
    seats: seats.map((seat) => ({
      of: cut(seat.of, most.line),
      groups: seat.groups.slice(0, most.members),
      users: seat.users.slice(0, most.members),
    })),
  };
}

/** Several refs are often asked for by one rule with the same words: they are told once. */
function reasonsOf(verdicts: Notice['push']['verdicts']): Summary['reasons'] {
  const told = new Map<string, { readonly rule: string; readonly text: string }>();
  for (const { reasons } of verdicts) {
    for (const { rule, text } of reasons) {
      if (told.size === most.reasons) return [...told.values()];
      const first = text
        .slice(0, 8_192)
        .split('\n', most.lines)
        .map((line) => cut(line.trim(), most.line))
        .join('\n');
      told.set(`${rule}\n${first}`, { rule, text: first });
    }
  }
  return [...told.values()];
}

/** A notice of nothing, for trying a receiver. `url` is the page that it links to. */
export function sampleSummary(time: string, url: string): Summary {
  const oid = (digit: string): string => digit.repeat(40);
  return {
    type: 'push.held',
    time,
    push: 'p-sample0',
    url,
    user: 'nobody',
    repo: 'sample/repository',
    refs: [{ ref: 'refs/heads/main', oldOid: oid('1'), newOid: oid('2'), kind: 'update', fastForward: true }],
    refCount: 1,
    reasons: [{ rule: 'sample', text: 'this is a sample: nothing waits, and there is nothing to do' }],
    asks: [{ rule: 'sample', of: ['reviewers'], approvals: 1 }],
    deadline: time,
    by: 'refgate',
    sample: true,
  };
}
