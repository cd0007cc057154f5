import type { AdvertisedRef, ObjectFormat, ObjectType, Oid, RefReport, RefUpdate } from './git.ts';

/** Where a repository really is: which upstream, and its path there (no leading slash, no `.git`). */
export interface Target {
  readonly upstream: string;
  readonly path: string;
}

export interface SourceCapabilities {
  readonly objectFormat: ObjectFormat;
  readonly filter: boolean;
  readonly shallow: boolean;
  readonly unborn: boolean;
  readonly waitForDone: boolean;
}

export interface LsRefsRequest {
  /** Complete or leading parts of ref names; empty means every ref. */
  readonly prefixes: readonly string[];
  readonly symrefs: boolean;
  readonly peel: boolean;
  readonly unborn: boolean;
}

/** gitprotocol-v2(5), fetch. Every list is in the order in which the client gave it. */
export interface FetchRequest {
  readonly wants: readonly Oid[];
  readonly haves: readonly Oid[];
  readonly done: boolean;
  readonly shallow: readonly Oid[];
  readonly deepen?: number;
  readonly deepenSince?: number;
  readonly deepenNot: readonly string[];
  readonly deepenRelative: boolean;
  readonly filter?: string;
  readonly thinPack: boolean;
  readonly noProgress: boolean;
  readonly includeTag: boolean;
  readonly ofsDelta: boolean;
  readonly waitForDone: boolean;
}

export interface ShallowInfo {
  readonly shallow: readonly Oid[];
  readonly unshallow: readonly Oid[];
}

/**
 * The answer to one fetch command. Without a pack, the round is over and the
 * client sends more haves.
 */
export interface FetchResponse {
  /** Common oids, in the upstream's order. Empty with `done`. */
  readonly acks: readonly Oid[];
  readonly ready: boolean;
  readonly shallowInfo?: ShallowInfo;
  /**
   * Sideband-64k pkt-lines as the upstream framed them (band byte first), cut
   * at any place, without the closing flush-pkt; framing has been checked, and
   * control characters on band 2 and 3 neutralised. Must be read to the end,
   * or `cancel`led.
   */
  readonly pack?: AsyncIterable<Buffer>;
  /** Gives up the rest of the answer; the source cannot be used afterwards. */
  cancel(): void;
}

/**
 * The read port: protocol v2, whatever is behind it. One source serves one
 * session; its calls are made one after another.
 */
export interface FetchSource {
  capabilities(): Promise<SourceCapabilities>;
  /** Batches of refs in the upstream's order. */
  lsRefs(request: LsRefsRequest): AsyncIterable<readonly AdvertisedRef[]>;
  fetch(request: FetchRequest): Promise<FetchResponse>;
  /** Of a repository that is shallow itself: its commits without parents, as of the refs that were listed last. */
  boundary?(): Promise<readonly Oid[]>;
  close(): void;
}

export interface PushCapabilities {
  readonly objectFormat: ObjectFormat;
  readonly atomic: boolean;
  readonly pushOptions: boolean;
  readonly deleteRefs: boolean;
}

export interface PushAdvertisement {
  readonly capabilities: PushCapabilities;
  /** Batches of refs in the upstream's order, without `.have` lines. Must be read to the end or the target closed. */
  readonly refs: AsyncIterable<readonly AdvertisedRef[]>;
}

/** What was decided to go upstream: exactly this, and nothing that the client wrote. */
export interface RelayOrder {
  readonly session: string;
  readonly updates: readonly RefUpdate[];
  readonly pushOptions: readonly string[];
  readonly atomic: boolean;
  readonly quiet: boolean;
  readonly objectFormat: ObjectFormat;
  /** The held pack; left out when every update deletes. */
  readonly pack?: { readonly file: string; readonly bytes: number; readonly sha256: string };
}

export interface RelayResult {
  /** The `unpack` line: `ok`, or the upstream's words. */
  readonly unpack: string;
  readonly reports: readonly RefReport[];
}

/**
 * The write port. `relay` throws UPSTREAM_LOST when the upstream took the
 * commands and then did not report: what it did is then unknown. Every other
 * RefgateError from it means that no ref was changed.
 */
export interface PushTarget {
  advertise(): Promise<PushAdvertisement>;
  /** Begins to open the upstream for the relay of this session, which need not come. Never throws; a relay without it takes longer. */
  prepare(session: string): void;
  /** @param onMessage is awaited before more of the upstream's answer is read. */
  relay(order: RelayOrder, onMessage: (band2: Buffer) => void | Promise<void>): Promise<RelayResult>;
  close(): void;
}

/** Opens the ports for a target; the driver behind it is chosen by configuration. */
export interface Upstreams {
  /**
   * @param stateless true when the caller makes only one call (lsRefs or fetch)
   *   and does not ask for capabilities, so that a driver may skip the advertisement.
   * @param objectFormat with `stateless`: what the client said, sha1 when left out.
   */
  fetchSource(target: Target, options?: { stateless?: boolean; objectFormat?: ObjectFormat }): FetchSource;
  pushTarget(target: Target): PushTarget;
}

/**
 * A pack that was received whole and checked: it is on disk, in a bare gitdir
 * of its own, with an idx v2. Nothing of it has gone anywhere.
 */
export interface HeldPack {
  readonly id: string;
  /** A bare repository that holds the objects of this push, and nothing else but borrowed delta bases. */
  readonly gitDir: string;
  /** The received bytes, exactly. */
  readonly file: string;
  readonly bytes: number;
  /** SHA-256 of the received bytes, hex. */
  readonly sha256: string;
  readonly objectFormat: ObjectFormat;
  readonly counts: Readonly<Record<ObjectType, number>>;
  /** The type of an object of the pack; undefined when it is not in the pack. */
  typeOf(oid: Oid): ObjectType | undefined;
  /** The parents of a commit of the pack; undefined when it is not a commit of the pack. */
  parentsOf(oid: Oid): readonly Oid[] | undefined;
  /** The object that a tag of the pack names; undefined when it is not a tag of the pack. */
  tagTarget(oid: Oid): { readonly oid: Oid; readonly type: ObjectType } | undefined;
  /** Removes everything from disk. May be called twice. */
  release(): Promise<void>;
}
