import type { HeldPush, HeldPushes, PushReviews } from '../../domain/approval.ts';
import type { Target } from '../../domain/ports.ts';
import type { LedgerCounts, LedgerEvent, LedgerReader } from '../../domain/record.ts';
import type { WebPorts } from '../web-ports.ts';
import { concernedNow } from './concerned.ts';

/**
 * The same ports, which note what the answer is about that is being made: whatever repositories, pushes and sessions
 * come through them. No route has to think of it.
 */
export function notingPorts(ports: WebPorts): WebPorts {
  return {
    ...ports,
    ledger: notingLedger(ports),
    held: notingHeld(ports),
    reviews: notingReviews(ports),
    trials: {
      async *backtest(...order) {
        for await (const row of ports.trials.backtest(...order)) {
          const concerned = concernedNow();
          concerned?.noteRepo(row.repo);
          concerned?.noteSession(row.session);
          yield row;
        }
      },
      explain: async (...order) => {
        const explained = await ports.trials.explain(...order);
        concernedNow()?.noteRepo(explained.repo);
        concernedNow()?.noteSession(explained.session);
        return explained;
      },
    },
  };
}

function notingLedger(ports: Pick<WebPorts, 'ledger'>): LedgerReader & LedgerCounts {
  return {
    sessions: async (query) => {
      const rows = await ports.ledger.sessions(query);
      const concerned = concernedNow();
      if (concerned === undefined) return rows;
      for (const { repo } of rows) concerned.noteRepo(repo);
      concerned.holdsWords = true;
      return rows;
    },
    sessionEvents: async (id) => {
      const events = await ports.ledger.sessionEvents(id);
      noteEvents(id, events);
      return events;
    },
    unsettled: () => ports.ledger.unsettled(),
    unclosed: () => ports.ledger.unclosed(),
    head: () => ports.ledger.head(),
    verify: (onProgress) => ports.ledger.verify(onProgress),
    days: (since, until) => ports.ledger.days(since, until),
  };
}

/** With the target of then: the map may lead elsewhere by now. */
function noteEvents(id: string, events: readonly LedgerEvent[]): void {
  const concerned = concernedNow();
  const opened = events.find(({ code }) => code === 'session.opened');
  if (concerned === undefined || opened === undefined || !('repo' in opened.data)) return;
  const repo = String(opened.data.repo);
  concerned.noteSession(id, events);
  const targets = events.flatMap(({ data }) =>
    'target' in data && typeof data.target === 'string' ? [targetOf(data.target)] : [],
  );
  for (const target of targets.length === 0 ? [undefined] : targets) concerned.noteRepo(repo, target);
}

/** As events write it: `upstream:path`. */
function targetOf(text: string): Target | undefined {
  const at = text.indexOf(':');
  return at < 1 ? undefined : { upstream: text.slice(0, at), path: text.slice(at + 1) };
}

function note(push: HeldPush): HeldPush {
  const concerned = concernedNow();
  concerned?.noteRepo(push.repo, push.target);
  concerned?.noteSession(push.session);
  return push;
}

function notingHeld(ports: Pick<WebPorts, 'held'>): HeldPushes {
  return {
    list: async (query) => (await ports.held.list(query)).map(note),
    get: async (id) => {
      const push = await ports.held.get(id);
      return push && note(push);
    },
    counts: (user) => ports.held.counts(user),
    tally: (push) => ports.held.tally(note(push)),
    mayVote: (push, voter) => ports.held.mayVote(push, voter),
    isAttached: (id) => ports.held.isAttached(id),
    vote: async (...vote) => note(await ports.held.vote(...vote)),
    cancel: async (...cancellation) => note(await ports.held.cancel(...cancellation)),
    onChange: (listener) => ports.held.onChange(listener),
  };
}

function noteContent(push: HeldPush): HeldPush {
  const concerned = concernedNow();
  if (concerned !== undefined) concerned.holdsContent = true;
  return note(push);
}

function notingReviews(ports: Pick<WebPorts, 'reviews'>): PushReviews {
  return {
    review: (push, most) => ports.reviews.review(noteContent(push), most),
    diff: (push, ...file) => ports.reviews.diff(noteContent(push), ...file),
  };
}
