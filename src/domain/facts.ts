import type { ObjectType, Oid } from './git.ts';

/** A name, an address and a time, as an author, committer or tagger line gives them. */
export interface Signature {
  readonly name: string;
  readonly email: string;
  /** Seconds since 1970, UTC; what the line claims. */
  readonly time: number;
}

/** By the armour of the signature. Nothing is verified: the keys are the host's to know. */
export type SignatureKind = 'none' | 'openpgp' | 'ssh' | 'x509' | 'other';

/** A commit that no ref of the upstream reached before the push. */
export interface CommitFacts {
  readonly oid: Oid;
  readonly parents: readonly Oid[];
  readonly author: Signature;
  readonly committer: Signature;
  /** UTF-8, at most the first 16 KiB. */
  readonly message: string;
  /** Whether the message goes on. */
  readonly messageCut: boolean;
  readonly signature: SignatureKind;
}

/** What a tree entry is; `git ls-tree` shows 100644 (or the old 100664), 100755, 120000 and 160000. */
export type FileMode = 'file' | 'executable' | 'symlink' | 'submodule';

/**
 * `rename` is an add and a delete of one oid in one commit. `mode` changes
 * nothing but the mode. A file that becomes a symlink is a `modify`.
 */
export type ChangeKind = 'add' | 'modify' | 'delete' | 'rename' | 'mode';

/** One file that an update changes. */
export interface PathChange {
  /**
   * `new`: made by a new commit, against its parent; of a merge, what differs from all its parents.
   * `existing`: between the old and the new tip, by commits that the upstream has on other refs.
   */
  readonly source: 'new' | 'existing';
  /** The commit that makes the change; absent for `existing`. */
  readonly commit?: Oid;
  readonly kind: ChangeKind;
  /** With `/`, decoded as UTF-8; bytes that are not become U+FFFD. Of a `delete`, the path that is gone. */
  readonly path: string;
  /** Of a `rename`, where the content was. */
  readonly from?: string;
  /** Absent of a `delete`. */
  readonly mode?: FileMode;
  /** Absent of an `add`. */
  readonly oldMode?: FileMode;
  readonly oid?: Oid;
  readonly oldOid?: Oid;
  /** Bytes; absent of a `delete` and a submodule, and where the content is not in the push. */
  readonly size?: number;
  /** By its first bytes, such as `text`, `elf`, `zip`; absent where `size` is. See inspect/contents. */
  readonly type?: string;
  /** The content is a pointer of Git LFS. */
  readonly lfs?: true;
}

/**
 * How sure a shape is. A: a checksum or a structure that can be decoded. B: a
 * prefix of its own and a fixed length. C: needs a keyword or a partner near it. D: generic.
 */
export type SecretTier = 'A' | 'B' | 'C' | 'D';

/** `high` may block alone; `low` is a wrong checksum, a generic shape, or a value that is public by design. */
export type Confidence = 'high' | 'medium' | 'low';

export type FindingPlace =
  | 'file'
  | 'commit-message'
  | 'author'
  | 'committer'
  | 'tag-message'
  | 'tagger'
  | 'path'
  | 'ref'
  | 'push-option';

/** One secret candidate, where the push brings it in. The secret itself is nowhere in it. */
export interface Finding {
  readonly rule: string;
  /** The provider or kind, such as `github`, `private-key`, `generic`. */
  readonly family: string;
  readonly tier: SecretTier;
  readonly confidence: Confidence;
  readonly place: FindingPlace;
  /** The commit that brings it in; absent of tags, refs, push options, and of objects that no update reaches. */
  readonly commit?: Oid;
  readonly path?: string;
  /** Counted from 1; absent in binary content, and where it is not in a file or a message. */
  readonly line?: number;
  /** The object that holds it. */
  readonly oid?: Oid;
  /** Masked: enough to recognise it, too little to use it. */
  readonly sample: string;
  /** Keyed hash of the secret, 32 hex digits: the same secret gives the same wherever it is. */
  readonly fingerprint: string;
  /** How it was wrapped, outermost first: `base64`, `gzip`, `utf-16` and the like. */
  readonly decoded?: readonly string[];
  /** Its line holds `refgate:allow` or `gitleaks:allow`. */
  readonly comment?: true;
  /** `baseline`: was accepted for this repository. What the same path held upstream already is not a finding. */
  readonly state: 'new' | 'baseline';
}

/** Something that could not be established; the policy's `checks` say what follows from it. */
export interface UnknownFact {
  /** `history`: commits or changed paths. `content`: bytes that were not scanned. */
  readonly what: 'history' | 'content';
  /** One line: which, and why. */
  readonly text: string;
  readonly path?: string;
  readonly commit?: Oid;
  readonly oid?: Oid;
}

/** What one ref update brings. The lists can be long: they are walked, and not indexed. */
export interface RefContents {
  /** Parents before children. */
  readonly commits: Iterable<CommitFacts>;
  readonly changes: Iterable<PathChange>;
  readonly findings: readonly Finding[];
  readonly unknowns: readonly UnknownFact[];
  readonly counts: { readonly commits: number; readonly changes: number };
}

/** Objects of the pack that no update reaches. */
export interface HiddenObjects {
  readonly count: number;
  /** At most 20. */
  readonly examples: readonly { readonly oid: Oid; readonly type: ObjectType }[];
}

/**
 * What a file is by its first bytes. `script` begins with `#!`; `jar` is a zip
 * that begins with its manifest; `text` has no NUL near its beginning; `binary` is everything else.
 */
export const fileTypes = [
  'text',
  'script',
  'empty',
  'elf',
  'pe',
  'dos',
  'java-class',
  'mach-o',
  'wasm',
  'dex',
  'llvm-bitcode',
  'python-bytecode',
  'lua-bytecode',
  'ar',
  'deb',
  'rpm',
  'jar',
  'zip',
  'gzip',
  'bzip2',
  'xz',
  'zstd',
  'lz4',
  '7z',
  'rar',
  'cab',
  'xar',
  'tar',
  'cpio',
  'squashfs',
  'iso',
  'pdf',
  'postscript',
  'rtf',
  'ole2',
  'sqlite',
  'parquet',
  'java-keystore',
  'png',
  'jpeg',
  'gif',
  'webp',
  'wav',
  'avi',
  'bmp',
  'tiff',
  'ico',
  'psd',
  'avif',
  'heic',
  'mp4',
  'mp3',
  'flac',
  'ogg',
  'matroska',
  'woff',
  'woff2',
  'font',
  'git-pack',
  'binary',
] as const;

export type FileType = (typeof fileTypes)[number];
