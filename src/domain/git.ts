/** Git's nouns, in Git's words (gitglossary(7)). Values only. */

/** An object id in lower-case hex: 40 digits for SHA-1, 64 for SHA-256. */
export type Oid = string;

export type ObjectFormat = 'sha1' | 'sha256';

export type ObjectType = 'commit' | 'tree' | 'blob' | 'tag';

export type Service = 'upload-pack' | 'receive-pack' | 'upload-archive';

export type ProtocolVersion = 0 | 1 | 2;

/** One line of a push: the zero oid stands for "does not exist". */
export interface RefUpdate {
  readonly ref: string;
  readonly oldOid: Oid;
  readonly newOid: Oid;
}

export type RefUpdateKind = 'create' | 'update' | 'delete';

/** One ref as an upstream shows it. `oid` is null for an unborn HEAD. */
export interface AdvertisedRef {
  readonly ref: string;
  readonly oid: Oid | null;
  readonly peeled?: Oid;
  readonly symrefTarget?: string;
}

/** `ng` with a reason, or ok, for one ref: one line of report-status. */
export interface RefReport {
  readonly ref: string;
  readonly ok: boolean;
  /** Why not; one line, without control characters. */
  readonly reason?: string;
  /** report-status-v2 option lines, such as `refname refs/heads/x`, as the upstream gave them. */
  readonly options?: readonly string[];
}

/** What a client asks of receive-pack, parsed strictly. The pack follows on the stream unless every update deletes. */
export interface PushRequest {
  readonly updates: readonly RefUpdate[];
  readonly pushOptions: readonly string[];
  readonly atomic: boolean;
  readonly quiet: boolean;
  readonly report: 'none' | 'v1' | 'v2';
  readonly sideband: boolean;
  readonly objectFormat: ObjectFormat;
  /** The client's `agent=` capability, for the record. */
  readonly agent?: string;
  readonly hasPack: boolean;
}
