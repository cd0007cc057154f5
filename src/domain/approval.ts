import type { CommitFacts, FileMode, Finding, PathChange, UnknownFact } from './facts.ts';
import type { ObjectFormat, Oid, RefReport, RefUpdate } from './git.ts';
import type { Role } from './identity.ts';
import type { RefVerdict } from './policy.ts';
import type { Target } from './ports.ts';
import type { Principal, RefFacts } from './session.ts';
import type { StoreWrite } from './store.ts';

/** In the order in which a push may pass them. */
export const heldStates = [
  'received',
  'processing',
  'pending',
  'approved',
  'forwarded',
  'rejected',
  'canceled',
  'lapsed',
  'error',
] as const;

/**
 * The way of a push that people decide about. `received` and `processing` are
 * before it is held, and `pending` until enough votes are cast. `forwarded`,
 * `rejected`, `canceled`, `lapsed` and `error` are final.
 */
export type HeldState = (typeof heldStates)[number];

/** Nothing follows these. */
export const finalStates: ReadonlySet<HeldState> = new Set<HeldState>([
  'forwarded',
  'rejected',
  'canceled',
  'lapsed',
  'error',
]);

/** Some people of whom votes are asked. */
export interface Seat {
  /** As people are told: the name of a group, or `owners of /src (CODEOWNERS)`. */
  readonly of: string;
  /** Members of any of these groups, and these users. */
  readonly groups: readonly string[];
  readonly users: readonly string[];
}

/** What one rule asks for, with everybody named who may vote. */
export interface Asked {
  readonly rule: string;
  /** The refs of the push that it is about. */
  readonly refs: readonly string[];
  /** Each of them must give `approvals`. */
  readonly seats: readonly Seat[];
  readonly approvals: number;
  /** So many votes against, from anybody who may vote here, end it. */
  readonly denials: number;
  /** Whether one person's vote may count on several seats; else it counts on one of them. */
  readonly shared: boolean;
  /** Whether votes give a reason: `true`, or a pattern that it must match. */
  readonly reason?: boolean | string;
  /** Members of any of these groups may force the push, with a reason. */
  readonly breakGlass?: readonly string[];
}

export type VoteKind = 'approve' | 'deny' | 'force';

/** One vote of one person. A person's later vote takes the place of the earlier one. */
export interface Vote {
  readonly user: string;
  /** The person behind the account: owners of accounts are followed to the end. */
  readonly person: string;
  /** The groups of the user when this vote, or a later one of anybody, was cast. */
  readonly groups: readonly string[];
  readonly kind: VoteKind;
  readonly reason?: string;
  /** RFC 3339. */
  readonly time: string;
  readonly via: 'page' | 'api';
  readonly credential: Principal['credential'];
}

/** A change of state: when, by whom (a user, or `refgate`), and why. */
export interface HeldStep {
  readonly state: HeldState;
  readonly time: string;
  readonly by: string;
  readonly text?: string;
}

/** A push that waits, or has waited, for people. Texts in it are masked. */
export interface HeldPush {
  /** `p-` and seven lower-case letters and digits. */
  readonly id: string;
  /** The session that brought it; it names the directory in quarantine. */
  readonly session: string;
  readonly state: HeldState;
  /** SHA-256 of what an approval is for: user, repository, target, every ref with its old and new oid, push options, policy version. */
  readonly binding: string;
  readonly principal: Principal;
  /** The person behind the pushing account when the push was opened; without it, the account itself. */
  readonly person?: string;
  readonly transport: 'ssh' | 'http';
  /** The client's IP address. */
  readonly address: string;
  /** As the client names it. */
  readonly repo: string;
  readonly target: Target;
  readonly atomic: boolean;
  readonly objectFormat: ObjectFormat;
  /** Every update of the request, with what is known of it. */
  readonly refs: readonly RefFacts[];
  /** In the same order: `ask`, or `allow` for a ref that waits with the others; `deny` for one that was refused already. */
  readonly verdicts: readonly RefVerdict[];
  /** What goes upstream once approved. */
  readonly relay: readonly RefUpdate[];
  readonly pushOptions: readonly string[];
  /** Absent when every update deletes. `file` is there as long as the push is not in a final state. */
  readonly pack?: { readonly file: string; readonly bytes: number; readonly sha256: string };
  readonly objects: number;
  readonly commits: number;
  readonly changes: number;
  readonly findings: number;
  readonly policyVersion: string;
  readonly asks: readonly Asked[];
  readonly onApprove: 'relay' | 'retry';
  /** RFC 3339. */
  readonly openedAt: string;
  /** When it lapses; moved by the approval, which holds for as long again. */
  readonly deadline: string;
  /** How long an approval may take, and how long it holds, in ms. */
  readonly within: number;
  readonly votes: readonly Vote[];
  readonly steps: readonly HeldStep[];
  /** The session that relays it, or has: the approval is used up. */
  readonly relayedBy?: string;
  /** What the upstream said. */
  readonly reports?: readonly RefReport[];
}

/** Who votes, or cancels. */
export interface Voter {
  readonly principal: Principal;
  readonly role: Role;
  readonly via: 'page' | 'api';
}

export interface HeldQuery {
  /** `open` is pending and approved; `all` is everything. */
  readonly state?: 'open' | 'all' | HeldState;
  readonly user?: string;
  readonly repo?: string;
  readonly ref?: string;
  /** Only what this user may vote on and has not. */
  readonly waitsFor?: string;
  /** Newest first; at most this many. */
  readonly limit: number;
  /** Id of the last row of the page before. */
  readonly before?: string;
}

/** One of the asks, counted. */
export interface AskTally {
  readonly asked: Asked;
  readonly seats: readonly {
    readonly seat: Seat;
    readonly approvedBy: readonly string[];
    readonly missing: number;
  }[];
  readonly deniedBy: readonly string[];
  readonly met: boolean;
}

/** What somebody may do about a push, and why not. `why` is one line that ends with what to do. */
export interface MayVote {
  readonly vote: boolean;
  readonly force: boolean;
  readonly cancel: boolean;
  readonly needsReason: boolean;
  readonly why?: string;
}

/** The held pushes as people see and decide them. */
export interface HeldPushes {
  /** Throws NOT_FOUND for an unknown `before`. */
  list(query: HeldQuery): Promise<readonly HeldPush[]>;
  get(id: string): Promise<HeldPush | undefined>;
  /** How many are pending, and how many of them this user may vote on and has not. */
  counts(user?: string): { readonly pending: number; readonly waiting: number };
  tally(push: HeldPush): readonly AskTally[];
  mayVote(push: HeldPush, voter: Pick<Voter, 'principal' | 'role'>): Promise<MayVote>;
  /** Whether a client's connection waits for it now. */
  isAttached(id: string): boolean;
  /** @throws NOT_FOUND, CONFLICT when it is decided already, VOTE_REFUSED, USAGE when the reason is missing or does not fit */
  vote(
    id: string,
    vote: { readonly kind: VoteKind; readonly reason?: string },
    voter: Voter,
  ): Promise<HeldPush>;
  /** By its user, or an administrator, or the operator at the admin socket. @throws NOT_FOUND, CONFLICT, VOTE_REFUSED */
  cancel(id: string, reason: string | undefined, voter: Voter | 'operator'): Promise<HeldPush>;
  /** Calls back after every change, with what it became; gives what ends it. The listener must not throw. */
  onChange(listener: (push: HeldPush) => void): () => void;
}

/** What people are told of. */
export interface Notice {
  readonly type:
    | 'push.held'
    | 'push.approved'
    | 'push.rejected'
    | 'push.forced'
    | 'push.lapsed'
    | 'push.canceled'
    | 'push.forwarded'
    | 'push.failed';
  /** RFC 3339. */
  readonly time: string;
  readonly push: HeldPush;
  /** The page of the push. */
  readonly url: string;
  /** Who did it: a user, or `refgate`. */
  readonly by: string;
  readonly reason?: string;
}

/** Where notices become durable together with their event, and are sent from afterwards. */
export interface Outbox {
  /** Belong into the batch of the event. */
  writes(notice: Notice): readonly StoreWrite[];
  /** Called once they are durable. Never throws and never waits. */
  wake(): void;
}

/** Who is told, and how it goes. */
export interface NotifierStatus {
  readonly name: string;
  readonly kind: 'webhook' | 'slack' | 'teams' | 'email';
  /** Where to, without anything secret. */
  readonly where: string;
  readonly waiting: number;
  readonly dead: number;
  /** RFC 3339. */
  readonly lastSent?: string;
  readonly lastError?: { readonly time: string; readonly text: string };
}

/** A notice that was given up. */
export interface DeadNotice {
  readonly id: string;
  readonly notifier: string;
  readonly type: Notice['type'];
  readonly push: string;
  /** RFC 3339. */
  readonly time: string;
  readonly attempts: number;
  readonly error: string;
}

export interface NotifyAdmin {
  status(): Promise<readonly NotifierStatus[]>;
  dead(): Promise<readonly DeadNotice[]>;
  /** Puts dead notices back in line: one by its id, or all. Gives how many. @throws NOT_FOUND */
  retry(id: string | undefined, actor: string): Promise<number>;
  /** Sends a sample at once. Throws NOT_FOUND, and NOTIFY_FAILED with what the receiver said. */
  test(name: string): Promise<void>;
}

/** One file of a review: what the whole update does to it, and not commit by commit. */
export interface ReviewFile {
  readonly kind: PathChange['kind'];
  readonly path: string;
  readonly from?: string;
  readonly mode?: FileMode;
  readonly oldMode?: FileMode;
  readonly oid?: Oid;
  readonly oldOid?: Oid;
  /** Bytes of the new content, where known. */
  readonly size?: number;
  /** As in PathChange. */
  readonly type?: string;
  readonly lfs?: true;
  /** Acts on builds, hosts or checkouts: workflows, CODEOWNERS, .gitattributes, .npmrc and the like. */
  readonly sensitive: boolean;
  /** Secrets that the push brings at this path. */
  readonly findings: number;
}

/** What one update would do, for people. */
export interface RefReview {
  readonly ref: RefFacts;
  /** What the files are compared with: a commit, or nothing (all of it is new). */
  readonly base?: Oid;
  /** Newest first; the first of them. */
  readonly commits: readonly CommitFacts[];
  readonly commitCount: number;
  /** By path; the first of them. */
  readonly files: readonly ReviewFile[];
  readonly fileCount: number;
  /** Files were left out because there are too many to compare. */
  readonly isCut: boolean;
  readonly findings: readonly Finding[];
  readonly unknowns: readonly UnknownFact[];
  /** Why there are no files to see, in one line. */
  readonly gone?: string;
}

/** A piece of a line; `kind` is a class name of highlight.js without its prefix, such as `keyword`. */
export interface DiffToken {
  readonly text: string;
  readonly kind?: string;
}

export interface DiffLine {
  readonly is: 'same' | 'added' | 'removed';
  /** Line numbers, counted from 1. */
  readonly old?: number;
  readonly new?: number;
  readonly tokens: readonly DiffToken[];
}

export interface DiffHunk {
  readonly oldStart: number;
  readonly oldLines: number;
  readonly newStart: number;
  readonly newLines: number;
  readonly lines: readonly DiffLine[];
}

/** The difference of one file, with secrets masked. */
export interface FileDiff {
  readonly is: 'text' | 'binary' | 'large' | 'mode' | 'submodule' | 'gone';
  /** In one line, why there are no hunks, or what is left out. */
  readonly note?: string;
  readonly added: number;
  readonly removed: number;
  readonly hunks: readonly DiffHunk[];
}

/** Held pushes, to be read before they are decided. */
export interface PushReviews {
  /** Of every update of the push, in its order. `commits` and `files`: how many are given, 200 when not said. Throws what the upstream throws. */
  review(
    push: HeldPush,
    most?: { readonly commits?: number; readonly files?: number },
  ): Promise<readonly RefReview[]>;
  /** @param whole also a file that is folded for its size, up to 1 MiB. @throws NOT_FOUND, and what the upstream throws */
  diff(push: HeldPush, ref: string, path: string, whole?: boolean): Promise<FileDiff>;
}
