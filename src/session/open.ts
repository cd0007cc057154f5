import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { HeldPushDesk } from '../approval/desk.ts';
import type { RefgateError } from '../domain/error.ts';
import type { RefReport, RefUpdate } from '../domain/git.ts';
import type { Authenticator, UserRecord } from '../domain/identity.ts';
import type { Log } from '../domain/log.ts';
import type { MaskedViews, ViewKey } from '../domain/mask.ts';
import type { Policy } from '../domain/policy.ts';
import type { Target, Upstreams } from '../domain/ports.ts';
import type { EventCode, EventPayloads, Recorder, SessionOutcome } from '../domain/record.ts';
import type { GitChannel, PushFacts } from '../domain/session.ts';
import type { StoreWrite } from '../domain/store.ts';
import type { Ancestry } from '../inspect/ancestry.ts';
import type { Quarantine } from '../inspect/quarantine.ts';
import type { TreeCache } from '../inspect/tree-cache.ts';
import type { MaskText } from './mask-facts.ts';
import type { ReaderText } from './reader-text.ts';
import type { RecentNames } from './recent-names.ts';
import type { Settler } from './settle.ts';
import type { UserSlots } from './user-slots.ts';
import { ChannelWriter } from './write-all.ts';

/** How a push that people approved came out, once its one relay is over. */
export interface HeldEnds {
  /** Never throws: what cannot be written down is found by the next start. */
  finish(
    id: string,
    session: Pick<Session, 'outcome' | 'failure'>,
    reports: readonly RefReport[],
  ): Promise<void>;
  /** Nothing was relayed. Never throws. */
  giveUp(id: string, error: RefgateError): Promise<void>;
}

/** What the spine stands on; built once by the composition root. */
export interface SpineDeps {
  readonly recorder: Recorder;
  readonly upstreams: Upstreams;
  readonly policy: () => Policy;
  readonly authenticator: Pick<Authenticator, 'stillValid'>;
  readonly mapRepo: (repo: string) => Target | undefined;
  readonly quarantine: Quarantine;
  /** What is shown to principals who do not read in clear. */
  readonly views: MaskedViews;
  readonly ancestry: Ancestry;
  readonly treeCache: TreeCache;
  readonly names: RecentNames;
  /** Makes secrets in a short text recognisable only, for what is written down of it. */
  readonly maskSecrets: MaskText;
  /** Fingerprints of findings that are accepted for a repository. */
  readonly baselineOf: (repo: string) => readonly string[];
  /** Each session costs the upstream a process or a channel. */
  readonly sessionSlots: UserSlots;
  /** Each push holds a pack on disk and takes a worker's time. */
  readonly pushSlots: UserSlots;
  readonly settler: Settler;
  /** Where pushes wait for people. */
  readonly desk: HeldPushDesk;
  readonly heldRelay: HeldEnds;
  /** Told of the refs that a push has moved at an upstream. Never throws and never waits. */
  readonly moved: (target: Target, updates: readonly RefUpdate[]) => void;
  /** The page of a held push. */
  readonly heldUrl: (id: string) => string;
  readonly users: () => Promise<readonly UserRecord[]>;
  /** What was kept of the push of a session, masked; undefined when it was not. */
  readonly facts: (session: string) => Promise<PushFacts | undefined>;
  /** Aborted when the server begins to stop: nobody's connection is kept waiting for people then. */
  readonly closing: AbortSignal;
  readonly limits: {
    readonly refUpdates: number;
    readonly fetchLines: number;
    /** Longest silence on band 2 while a client waits, in ms. */
    readonly keepAlive: number;
    /** How often a client that waits for people is told the time that is left, in ms. */
    readonly tellWait: number;
  };
  /** Whether pushes are asked to be self-contained (`no-thin`). */
  readonly noThin: boolean;
  readonly log: Log;
}

/** One service request of one client, while it lasts. */
export interface Session {
  readonly id: string;
  readonly channel: GitChannel;
  readonly out: ChannelWriter;
  readonly log: Log;
  /** What the client sees of the repository; undefined where it reads in clear. Set once the repository is known. */
  view: ViewKey | undefined;
  /** The text as this client may see it; words of an upstream may tell of anything. Never throws. */
  textFor(text: string, by?: 'upstream'): Promise<string>;
  /** The words of that text that are the client's own; undefined where it reads in clear. Set with `view`. */
  reader: ReaderText | undefined;
  /** Bytes read from the client; the stages add to it. */
  bytesIn: number;
  /** Set when the session is more than plainly `ok`. */
  outcome: SessionOutcome | undefined;
  /** What ended it, or kept a push from being relayed. */
  failure: RefgateError | undefined;
  /** The client has the whole report of its push: nothing that fails later may break the answer off. */
  isAnswered: boolean;
  /** @param writes become durable with the event, or not at all. */
  record<C extends EventCode>(code: C, data: EventPayloads[C], writes?: readonly StoreWrite[]): Promise<void>;
  /** The last event before the session's end, with which it is written in one go. */
  recordAtEnd<C extends EventCode>(code: C, data: EventPayloads[C]): void;
  /** Writes the end. Throws as `record` does. */
  end(data: EventPayloads['session.closed']): Promise<void>;
}

/** Sorts by time: nine base-36 digits of milliseconds, then 48 random bits. */
export function newSessionId(now: number): string {
  const random = (BigInt(`0x${randomBytes(6).toString('hex')}`) % 36n ** 8n).toString(36).padStart(8, '0');
  return `s-${now.toString(36).padStart(9, '0')}${random}`;
}

/** Writes the session's first two events; when that fails there is no session. @throws LEDGER_UNAVAILABLE */
export async function openSession(deps: SpineDeps, channel: GitChannel): Promise<Session> {
  const id = newSessionId(Math.trunc(performance.timeOrigin + performance.now()));
  const { principal } = channel;
  const context = { session: id, actor: principal.user };
  let last: (() => Promise<void>) | undefined;
  const session: Session = {
    id,
    channel,
    out: new ChannelWriter(channel.output, channel.signal),
    log: deps.log,
    view: undefined,
    reader: undefined,
    textFor: (text, by) => textFor(deps, session, text, by),
    bytesIn: 0,
    outcome: undefined,
    failure: undefined,
    isAnswered: false,
    async record(code, data, writes) {
      await deps.recorder.append(code, data, writes === undefined ? context : { ...context, writes });
    },
    recordAtEnd(code, data) {
      last = () => session.record(code, data);
    },
    async end(data) {
      const before = last?.();
      last = undefined;
      await Promise.all([before, session.record('session.closed', data)]);
    },
  };
  await Promise.all([
    session.record('session.opened', {
      transport: channel.transport,
      mode: channel.mode,
      service: channel.service,
      version: channel.version,
      repo: channel.repo,
      address: channel.client.address,
    }),
    session.record('session.authenticated', {
      user: principal.user,
      kind: principal.kind,
      groups: [...principal.groups],
      ...(principal.emails === undefined ? {} : { emails: [...principal.emails] }),
      credential: principal.credential,
    }),
  ]);
  return session;
}

/** What cannot be shown as the reader of a view may see it is not shown at all. */
async function textFor(
  { log }: Pick<SpineDeps, 'log'>,
  { id, reader }: Session,
  text: string,
  by: 'upstream' | undefined,
): Promise<string> {
  if (reader === undefined || text === '') return text;
  try {
    return await (by === 'upstream' ? reader.ofUpstream(text) : reader.of(text));
  } catch (err) {
    log.error({ session: id, err }, 'text not shown');
    return '[not shown; ask your administrator]';
  }
}
