import type { VaultChange } from './admin.ts';
import type { Asked, HeldState, VoteKind } from './approval.ts';
import type { Finding, HiddenObjects, UnknownFact } from './facts.ts';
import type { Oid, ProtocolVersion, RefReport, RefUpdate, Service } from './git.ts';
import type { OidPair, PlaceholderUse, ViewMode } from './mask.ts';
import type { RefVerdict } from './policy.ts';
import type { Principal, RefFacts, SessionOutcome } from './session.ts';
import type { StoreWrite } from './store.ts';

/** One change of a deploy key or an upstream credential; `repo` is a repository or a pattern. */
interface VaultEvent {
  change: Exclude<VaultChange['do'], 'list'>;
  upstream: string;
  repo: string;
}

/** Where the facts of a push are kept beside the ledger, and how they are told to be whole. */
export interface KeptFacts {
  /** SHA-256 of what is kept, hex. */
  readonly sha256: string;
  /** As kept, which is compressed. */
  readonly bytes: number;
  /** Commits, changed paths, findings and unknowns. */
  readonly rows: number;
  /** False when the facts were too many, and what is kept is only their beginning. */
  readonly complete: boolean;
}

/** What one ref update brings, counted. */
export interface ContentCounts {
  readonly commits: number;
  readonly changes: number;
  readonly findings: number;
  readonly unknowns: number;
}

/** Every event of the ledger: its code and the shape of its payload. Codes are never reused. */
export interface EventPayloads {
  'session.opened': {
    transport: 'ssh' | 'http';
    mode: 'stateful' | 'advertise' | 'rpc';
    service: Service;
    version: ProtocolVersion;
    repo: string;
    address: string;
  };
  'session.authenticated': {
    user: string;
    kind: string;
    groups: string[];
    emails?: string[];
    credential: Principal['credential'];
  };
  'fetch.requested': {
    target: string;
    /** Ref prefixes of ls-refs; absent when only a fetch was made. */
    refPrefixes?: string[];
    /** How many prefixes were asked for; present only when `refPrefixes` does not hold them all. */
    refPrefixCount?: number;
    /** The first 10,000 of them. */
    wants?: Oid[];
    wantCount?: number;
    haveCount?: number;
    filter?: string;
    depth?: number;
    deepenSince?: number;
    deepenNot?: string[];
    /** How the client reads the repository, where that is not in clear: oids are then those of its view. */
    view?: ViewMode;
  };
  /** git archive, of a view; the arguments as they were given. */
  'archive.requested': { target: string; view: ViewMode; args: string[] };
  'archive.served': { bytes: number };
  'fetch.served': { bytes: number; refs: number; pack: boolean };
  'push.requested': {
    target: string;
    updates: RefUpdate[];
    pushOptions: string[];
    atomic: boolean;
    agent?: string;
    /** How the client reads the repository, where that is not in clear: `updates` are then those of its view. */
    view?: ViewMode;
  };
  /** A push of somebody who reads a view, put back onto the originals: `updates` are what is judged and relayed from here on. */
  'push.restored': {
    updates: RefUpdate[];
    /** Commits and tags that became others; the first 1,000. */
    pairs: OidPair[];
    pairCount: number;
    placeholders: PlaceholderUse[];
  };
  'push.inspected': {
    refs: RefFacts[];
    objects: number;
    bytes: number;
    sha256?: string;
    /** In the order of `refs`. */
    contents?: ContentCounts[];
    /** The first 100 of the push; all of them are among the kept facts. */
    findings?: Finding[];
    /** The first 100 of the push. */
    unknowns?: UnknownFact[];
    hidden?: HiddenObjects;
    /** How many are not where they were; each is among the kept facts. */
    placeholders?: number;
    /** All facts, as the policy judged them. */
    kept?: KeptFacts;
  };
  /** `held`: people decided it, under this id. */
  'push.decided': {
    policyVersion: string;
    refs: RefVerdict[];
    relay: RefUpdate[];
    target: string;
    held?: string;
  };
  /** The push waits for people: `pending`. */
  'push.held': {
    push: string;
    binding: string;
    policyVersion: string;
    target: string;
    refs: RefVerdict[];
    relay: RefUpdate[];
    asks: Asked[];
    onApprove: 'relay' | 'retry';
    deadline: string;
  };
  /** The same update was pushed again, in this session, while it waits. */
  'push.joined': { push: string };
  /** Nobody's connection waits any more; the push does. */
  'push.detached': { push: string };
  'push.voted': {
    push: string;
    vote: VoteKind;
    reason?: string;
    groups: string[];
    via: 'page' | 'api';
    credential: Principal['credential'];
  };
  /** `forced`: somebody broke the glass, with this reason; nobody else had to agree. */
  'push.approved': { push: string; by: string[]; forced?: string; deadline: string };
  'push.rejected': { push: string; by: string[]; reason?: string };
  'push.canceled': { push: string; reason: string };
  /** `from`: the state in which its time was up. */
  'push.lapsed': { push: string; from: HeldState };
  /** The approval is used up, whatever comes of it: this session relays the push. */
  'push.claimed': { push: string; session: string };
  'push.forwarded': { push: string; reports: RefReport[] };
  'push.failed': { push: string; code: string; text: string };
  /** The agent has been handed the decided updates. */
  'push.relayed': { updates: RefUpdate[] };
  'push.reported': { unpack: string; reports: RefReport[] };
  /** Written at start for a push that was decided and never reported. */
  'push.settled': { refs: { ref: string; outcome: 'applied' | 'not-applied' | 'unknown' }[] };
  'session.closed': {
    outcome: SessionOutcome;
    code?: string;
    detail?: string;
    bytesIn: number;
    bytesOut: number;
  };
  'admin.user-added': {
    user: string;
    kind: string;
    groups: string[];
    role: string;
    emails?: string[];
    owner?: string;
  };
  /** All that the user is from now on. */
  'admin.user-changed': { user: string; role: string; groups: string[]; owner?: string };
  /** All addresses that the user has from now on. */
  'admin.user-emails': { user: string; emails: string[] };
  'admin.user-disabled': { user: string };
  'admin.key-added': { user: string; fingerprint: string };
  'admin.key-removed': { user: string; fingerprint: string };
  'admin.token-created': { user: string; token: string; expiresAt: string };
  'admin.token-revoked': { user: string; token: string };
  /** `rollback`: the text is one that was in force before, named by its version. */
  'admin.policy-applied': { version: string; previous?: string; rollback?: true };
  'admin.policy-rejected': { file: string; reason: string };
  /** Secrets that a repository holds were accepted: pushes of them are findings no more. `count`: how many the scan found. */
  'admin.baseline-written': { repo: string; count: number; added: number; reason: string };
  'admin.baseline-removed': { repo: string; fingerprint: string };
  /** A value was found in no view any more, or in each again; `repo` absent: of all repositories. */
  'admin.mask-allowed': { fingerprint: string; repo?: string; reason: string };
  'admin.mask-disallowed': { fingerprint: string; repo?: string };
  'admin.mask-enabled': {
    repo: string;
    target: string;
    values: number;
    changedCommits: number;
    commits: number;
  };
  'admin.mask-disabled': { repo: string; target: string };
  'admin.mask-rebuilt': { repo: string; target: string };
  'admin.mask-stopped': { repo: string; target: string };
  'admin.mask-resumed': { repo: string; target: string };
  /** A view is served from now on, or another epoch of it. `refs`: a digest of the refs of the view. */
  'mask.view-served': {
    target: string;
    epoch: number;
    rules: string;
    values: number;
    changedCommits: number;
    commits: number;
    refs: string;
  };
  /** The gateway signed a ticket for a change at the agent's vault; the change itself is the agent's to make. */
  'admin.vault-authorised': VaultEvent;
  /** The agent made the change, by the word of the operator's command line, which spoke to it. */
  'admin.vault-changed': VaultEvent;
  /** `web`: the public id of the sign-in. */
  'web.signed-in': { web: string; address: string; credential: Principal['credential'] };
  /** `ended`: the user or the credential did. `stolen`: a cookie was used after its successor, so two browsers had it. */
  'web.signed-out': { web: string; why: 'user' | 'revoked' | 'ended' | 'stolen' };
  'server.started': { version: string };
  'server.stopped': Record<string, never>;
}

export type EventCode = keyof EventPayloads;

export type { SessionOutcome };

export interface LedgerEvent<C extends EventCode = EventCode> {
  /** Format version of the leaf. */
  readonly v: 1;
  readonly seq: number;
  /** Wall clock, RFC 3339 with milliseconds, UTC. */
  readonly time: string;
  /** Monotonic milliseconds since the process started. */
  readonly mono: number;
  readonly code: C;
  /** Session id; absent on administrative events. */
  readonly session?: string;
  /** Who acted: user name, or `operator` on the admin socket, or `refgate` itself. */
  readonly actor: string;
  readonly data: EventPayloads[C];
}

/** Who acts, in which session, and what must become durable with the event. */
export interface EventContext {
  readonly session?: string;
  readonly actor: string;
  /** Writes to the ledger's own store that are applied in the same batch as the event: both are durable, or neither. */
  readonly writes?: readonly StoreWrite[];
}

/** The write side of the ledger. Resolves once the event is durable on disk; throws LEDGER_UNAVAILABLE. */
export interface Recorder {
  append<C extends EventCode>(
    code: C,
    data: EventPayloads[C],
    context: EventContext,
  ): Promise<LedgerEvent<C>>;
}

/** One row of `session list`, kept up to date in the same batch as the events. */
export interface SessionSummary {
  readonly id: string;
  readonly openedAt: string;
  readonly closedAt?: string;
  readonly user?: string;
  readonly repo: string;
  readonly transport: 'ssh' | 'http';
  readonly service: Service;
  readonly mode: 'stateful' | 'advertise' | 'rpc';
  readonly address: string;
  /** The refs of a push, at most the first 256 of them. */
  readonly refs: readonly string[];
  /** How many refs the push names; present only when `refs` does not hold them all. */
  readonly refCount?: number;
  /** Absent while the session is open. */
  readonly outcome?: SessionOutcome;
  readonly code?: string;
  readonly bytesIn?: number;
  readonly bytesOut?: number;
}

export interface SessionQuery {
  readonly user?: string;
  readonly repo?: string;
  readonly ref?: string;
  readonly outcome?: SessionOutcome;
  /** RFC 3339; inclusive. */
  readonly since?: string;
  readonly until?: string;
  /** Newest first; at most this many. */
  readonly limit: number;
  /** Id of the last row of the page before. */
  readonly before?: string;
}

/** What one day (UTC) of the ledger holds, counted as the events were written. */
export interface DayCounts {
  /** `2026-01-31`. */
  readonly day: string;
  /** Pushes that were closed, by outcome. */
  readonly pushes: Readonly<Partial<Record<SessionOutcome, number>>>;
  readonly fetches: number;
  /** Refs that a rule or a check denied or asked about, by its name. */
  readonly rules: Readonly<Record<string, number>>;
  /** New secrets of the first 100 of each push, by rule of the scanner. */
  readonly findings: Readonly<Record<string, number>>;
  /** Pushes that people decided, and the ms that they waited in all. */
  readonly decided: { readonly count: number; readonly waited: number };
}

/** The ledger, counted by day. */
export interface LedgerCounts {
  /** Days that hold anything, oldest first, from `since` to `until` (`2026-01-31`, inclusive). */
  days(since: string, until: string): Promise<readonly DayCounts[]>;
}

/** The read side of the ledger. */
export interface LedgerReader {
  sessions(query: SessionQuery): Promise<readonly SessionSummary[]>;
  sessionEvents(id: string): Promise<readonly LedgerEvent[]>;
  /** Sessions that have `push.decided` with something to relay, and neither `push.reported` nor `push.settled`. */
  unsettled(): Promise<readonly { session: string; decided: LedgerEvent<'push.decided'> }[]>;
  /** Sessions without `session.closed`. */
  unclosed(): Promise<readonly string[]>;
  head(): Promise<{ size: number; rootHash: string }>;
  /** Recomputes every leaf hash and the root; throws LEDGER_CORRUPT naming the first bad sequence number. */
  verify(onProgress?: (done: number, total: number) => void): Promise<{ size: number; rootHash: string }>;
}
