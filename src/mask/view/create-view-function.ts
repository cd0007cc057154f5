import type { Confidence } from '../../domain/facts.ts';
import type { ObjectFormat, ObjectType, Oid } from '../../domain/git.ts';
import type { Scanner } from '../../inspect/secrets/scanner.ts';
import { SecretFinder } from './find-secrets.ts';
import { KnownNames } from './known-names.ts';
import { commitStretches, maskCommit } from './mask-commit.ts';
import { type Masker, maskContent, wholeContent, wholePlaceholder } from './mask-content.ts';
import { maskTag, tagStretches } from './mask-tag.ts';
import { eachEntry, maskTree } from './mask-tree.ts';
import { placeIn } from './object-parts.ts';
import { unscannedRule } from './placeholder.ts';
import type { FindOptions, FoundSecret, FoundSecrets, MaskedContent, ViewFunction } from './view-function.ts';

export interface ViewFunctionOptions {
  readonly format: ObjectFormat;
  /** 32 bytes; of the repository alone. */
  readonly key: Buffer;
  /** Without a deadline, so that what a view holds does not depend on how busy the machine was. */
  readonly scanner: Scanner;
  readonly fingerprintKey: Buffer;
  /** Less sure hits are shown. */
  readonly confidence: Confidence;
  readonly isAllowed: (fingerprint: string) => boolean;
}

const widths: Readonly<Record<ObjectFormat, number>> = { sha1: 20, sha256: 32 };

/**
 * The view function of one repository. Its methods throw what a rule throws, and OBJECT_MALFORMED (upstream) for a tree
 * that cannot be read.
 */
export function createViewFunction({ format, key, ...finding }: ViewFunctionOptions): ViewFunction {
  const finder = new SecretFinder(finding);
  const masker: Masker = { key, finder };
  const names = new KnownNames((name, unsorted) =>
    maskContent(masker, name, { encoding: 'text', form: unsorted ? 'unsorted' : 'plain' }, ''),
  );
  const width = widths[format];
  return {
    format,
    find: (content, options = {}) => find(finder, content, width, options),
    blob: (content) => maskContent(masker, content),
    tree: (content, viewOf) => maskTree(content, width, viewOf, names.mask),
    commit: (content, viewOf, named) => maskCommit(masker, format, content, viewOf, named),
    tag: (content, viewOf, named) => maskTag(masker, format, content, viewOf, named),
    name: (name) => names.mask(name, false),
    unread: (oid) => unreadBlob(masker, oid),
  };
}

function unreadBlob(masker: Masker, oid: Oid): MaskedContent {
  const name = Buffer.from(oid, 'hex');
  const withheld = { rule: unscannedRule, why: 'it is too large to be searched' };
  const placeholder = wholePlaceholder(masker, name, withheld);
  return wholeContent(name, Buffer.from(`${placeholder}\n`), placeholder, withheld);
}

type Stretch = { readonly start: number; readonly end: number };

function find(finder: SecretFinder, content: Buffer, width: number, options: FindOptions): FoundSecrets {
  const { type = 'blob', allowed = false } = options;
  if (type === 'blob') return finder.find(content, allowed);
  const found = textsOf(type, content, width).map((stretches) => {
    const text = Buffer.concat(stretches.map(({ start, end }) => content.subarray(start, end)));
    const { secrets, unscanned } = finder.find(text, allowed);
    const place = placeIn(stretches);
    return { secrets: secrets.map((secret) => movedTo(content, secret, place, type)), unscanned };
  });
  return {
    secrets: found.flatMap(({ secrets }) => secrets),
    unscanned: [...new Set(found.flatMap(({ unscanned }) => unscanned))],
  };
}

// What is searched as one text: all of a commit or tag but its links; each name of a tree.
function textsOf(type: Exclude<ObjectType, 'blob'>, content: Buffer, width: number): readonly Stretch[][] {
  if (type === 'commit') return [commitStretches(content)];
  if (type === 'tag') return [tagStretches(content)];
  const names: Stretch[][] = [];
  eachEntry(content, width, (_mode, start, end) => names.push([{ start, end }]));
  return names;
}

function movedTo(
  content: Buffer,
  { line: _, ...secret }: FoundSecret,
  place: (at: number) => number,
  type: ObjectType,
): FoundSecret {
  const start = place(secret.start);
  const moved = { ...secret, start, end: place(secret.end - 1) + 1 };
  return type === 'tree' ? moved : { ...moved, line: lineOf(content, start) };
}

function lineOf(content: Buffer, at: number): number {
  let line = 1;
  for (let next = content.indexOf(10); next >= 0 && next < at; next = content.indexOf(10, next + 1)) line++;
  return line;
}
