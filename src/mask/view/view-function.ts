import type { Confidence } from '../../domain/facts.ts';
import type { ObjectFormat, ObjectType, Oid } from '../../domain/git.ts';

/** One secret in one piece of content, as the view function sees it. */
export interface FoundSecret {
  /** Bytes of the content; end exclusive. */
  readonly start: number;
  readonly end: number;
  readonly rule: string;
  readonly family: string;
  readonly confidence: Confidence;
  readonly fingerprint: string;
  /** Masked. */
  readonly sample: string;
  /** Counted from 1; absent in binary content. */
  readonly line?: number;
  /** It is shown in clear; only where those were asked for, too. */
  readonly allowed?: true;
}

/** A secret and what stands for it. */
export interface MaskedSpan {
  /**
   * In the original content; end exclusive. In UTF-16 from the byte of the first character to that of the last one, without the
   * zero byte before or after it.
   */
  readonly start: number;
  readonly end: number;
  /** In the content of the view; where the length is kept, with the hyphens that fill it. */
  readonly viewStart: number;
  readonly viewEnd: number;
  readonly rule: string;
  /** The placeholder's text (ASCII), also where it is written in UTF-16. */
  readonly placeholder: string;
  /** The bytes of the original between `start` and `end`. */
  readonly secret: Buffer;
}

export interface MaskedContent {
  readonly content: Buffer;
  /** In the order of their places; of a `whole` one entry that spans everything. */
  readonly spans: readonly MaskedSpan[];
  /** Why the content is one placeholder as a whole. */
  readonly whole?: string;
}

/** A tree with other entries. */
export interface MaskedTree {
  readonly content: Buffer;
  /** Names that hold a secret. */
  readonly names: readonly {
    readonly original: Buffer;
    readonly view: Buffer;
    readonly spans: readonly MaskedSpan[];
  }[];
}

/** The view of an object that an oid names: undefined where it is the same. */
export type ViewOf = (oid: Oid) => Oid | undefined;

/** What whole oids in a text are told by; each is asked for in lower-case hex. */
export interface NamedOids {
  /**
   * Its view where it is an affected ancestor; and of the view of one, itself: such text of an original is masked by the
   * rule `lit`.
   */
  readonly viewOfAncestor: ViewOf;
  /**
   * Whether it is that of an affected original of any type. Where it is no ancestor a keyed alias takes its place, and what
   * names it is affected itself.
   */
  readonly isAffected: (oid: Oid) => boolean;
}

export interface FindOptions {
  readonly type?: ObjectType;
  readonly allowed?: boolean;
}

export interface FoundSecrets {
  /** In the order of their places. */
  readonly secrets: readonly FoundSecret[];
  /** Why some of it could not be searched, one line each: then it becomes one placeholder as a whole. */
  readonly unscanned: readonly string[];
}

/**
 * What of an object a reader sees. Pure: it depends on the content, the rules, the allowed values and the key of the
 * repository, and on nothing else. Each gives undefined where the object is shown as it is.
 * Injective: two originals never have one view.
 */
export interface ViewFunction {
  readonly format: ObjectFormat;
  /**
   * What would be masked in a blob, a message, a name; with `type`, in an object of that type, where places are those of the
   * object. Text that looks like a placeholder is found by the rule `lit`, and cannot be allowed. Each secret on its own, also where several become one
   * placeholder. `allowed`: with those that are shown in clear since they are allowed.
   */
  find(content: Buffer, options?: FindOptions): FoundSecrets;
  blob(content: Buffer): MaskedContent | undefined;
  /** Swaps oids, masks names, and sorts again where a name changed. Odd modes and byte order stay. */
  tree(content: Buffer, viewOf: ViewOf): MaskedTree | undefined;
  /**
   * @param viewOf of the tree, the parents, and what embedded tags name.
   * @param named of what the text of the commit names; without it ids in the text stay.
   */
  commit(content: Buffer, viewOf: ViewOf, named?: NamedOids): MaskedContent | undefined;
  /** @param named as of a commit, where ancestors are what the tag names and all before it. */
  tag(content: Buffer, viewOf: ViewOf, named?: NamedOids): MaskedContent | undefined;
  /** A file name or a ref name. */
  name(name: Buffer): MaskedContent | undefined;
  /** A blob that is too large to be read: one placeholder as a whole, by its oid. */
  unread(oid: Oid): MaskedContent;
}
