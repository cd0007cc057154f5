import type { ObjectType, Oid } from '../../domain/git.ts';

/** One object, whole. */
export interface GitObject {
  readonly oid: Oid;
  readonly type: ObjectType;
  readonly content: Buffer;
}

/** Reads objects of one repository on disk. */
export interface GitObjects {
  /** Undefined where it is not there. Concurrent calls are answered in their order. */
  read(oid: Oid): Promise<GitObject | undefined>;
  /** Undefined where it is not there. */
  info(oid: Oid): Promise<{ readonly type: ObjectType; readonly size: number } | undefined>;
  close(): void;
}
