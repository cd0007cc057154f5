import type { Readable, Writable } from 'node:stream';
import type { Finding, HiddenObjects, RefContents } from './facts.ts';
import type { ProtocolVersion, RefUpdate, RefUpdateKind, Service } from './git.ts';
import type { PlaceholderUse } from './mask.ts';

export type PrincipalKind = 'person' | 'service';

/** A proved identity. */
export interface Principal {
  readonly user: string;
  readonly kind: PrincipalKind;
  readonly groups: readonly string[];
  /** Addresses that are this user's in commits, in lower case; absent when none is known. */
  readonly emails?: readonly string[];
  readonly credential: {
    readonly type: 'ssh-key' | 'token';
    /** `SHA256:...` fingerprint of a key, or the public id of a token. */
    readonly id: string;
  };
}

/**
 * One service request of one client, after authentication. `stateful` is one
 * SSH exec: the server advertises first and both sides talk until the end.
 * `advertise` and `rpc` are the two halves of smart HTTP: `input` of
 * `advertise` is empty, `output` of both is the response body.
 */
export interface GitChannel {
  readonly transport: 'ssh' | 'http';
  readonly mode: 'stateful' | 'advertise' | 'rpc';
  readonly service: Service;
  readonly version: ProtocolVersion;
  readonly principal: Principal;
  /** Canonical `owner/repo`, without `.git`, as the client named it. */
  readonly repo: string;
  /** `address` is the peer's IP address. */
  readonly client: { readonly address: string };
  readonly input: Readable;
  readonly output: Writable;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
}

/** `ok`: all was done; `partial`: some refs were refused; `held`: it waits for people; `refused`: by us; `rejected`: by the upstream. */
export type SessionOutcome =
  | 'ok'
  | 'partial'
  | 'held'
  | 'refused'
  | 'rejected'
  | 'failed'
  | 'aborted'
  | 'unknown';

/**
 * How a session ended, for the transport: the SSH exit status, or nothing more
 * to say on HTTP. Everything that people read has been written already.
 */
export interface ChannelResult {
  readonly exitStatus: 0 | 1;
  /** How the session ended, for the counters. */
  readonly outcome?: SessionOutcome;
}

/** What is known of one ref update once the pack is held. */
export interface RefFacts extends RefUpdate {
  readonly kind: RefUpdateKind;
  readonly namespace: 'branch' | 'tag' | 'other';
  /** Only for updates. `unknown` is judged as false. */
  readonly fastForward?: boolean | 'unknown';
}

export interface PushFacts {
  readonly refs: readonly RefFacts[];
  readonly pushOptions: readonly string[];
  readonly objects: number;
  readonly bytes: number;
  /** What each update brings, in the order of `refs`; absent where a push is only imagined by its refs. */
  readonly contents?: readonly RefContents[];
  readonly hidden?: HiddenObjects;
  /** Secrets that belong to no update alone: in push options, and in objects that no update reaches. */
  readonly findings?: readonly Finding[];
  /** Of a push of somebody who reads a view: placeholders that are not where they were. */
  readonly placeholders?: readonly PlaceholderUse[];
  /** When the push is judged, RFC 3339. */
  readonly at?: string;
  /** The client's IP address. */
  readonly address?: string;
}
