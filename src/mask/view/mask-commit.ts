import type { ObjectFormat, Oid } from '../../domain/git.ts';
import { type Masker, type Withheld, wholeContent, wholePlaceholder } from './mask-content.ts';
import { findIds, namesAffected } from './message-ids.ts';
import {
  bodyPart,
  findIn,
  type Header,
  headerPart,
  linkCountOf,
  maskParts,
  type ObjectLines,
  type Part,
  readObject,
} from './object-parts.ts';
import { type Dropped, linePart, unsignedLine, unsignedWord } from './unsigned.ts';
import type { MaskedContent, NamedOids, ViewOf } from './view-function.ts';

/** Headers that hold for the original bytes alone, or tell of them. */
const dropped: ReadonlySet<string> = new Set(['gpgsig', 'gpgsig-sha256', 'mergetag', unsignedWord]);

/** Of who asks for nothing that a text names. */
export const namesNothing: NamedOids = { viewOfAncestor: () => undefined, isAffected: () => false };

/**
 * A commit is affected where its tree or a parent is, where its text holds a secret or names an affected object, where an embedded tag is
 * affected, and where it has the header that ours have. Then it loses its signatures and embedded tags, and gets a header that stands for them.
 */
export function maskCommit(
  masker: Masker,
  format: ObjectFormat,
  content: Buffer,
  viewOf: ViewOf,
  named: NamedOids = namesNothing,
): MaskedContent | undefined {
  const lines = readObject(content);
  const linked = new Map<Header, Buffer>();
  for (const header of linksOf(content, lines)) {
    const view = linkOf(content, header, viewOf);
    if (view !== undefined) linked.set(header, linkTo(content, header, view));
  }
  const isAffected =
    linked.size > 0 ||
    lines.headers.some((header) => isForeign(content, header, viewOf)) ||
    namesAffected(content, namingStretches(content, lines), format, named.isAffected);
  if (!isAffected && !holdsSecret(masker, content, lines)) return undefined;
  const isBelowAffected = [...linked.keys()].some(({ keyword }) => keyword === 'parent');
  const parts = [...partsOf(content, lines, linked), bodyPart(lines.body, content.length)];
  const texts = parts.filter((part) => 'cuttable' in part);
  const ids = findIds(content, texts, format, isBelowAffected ? named : { ...named, ...noAncestors });
  const line = unsignedLine(masker.key, 'commit', content, droppedOf(lines));
  const all = [...parts.slice(0, -1), linePart(lines.body, line), ...parts.slice(-1)];
  const masked = maskParts(masker, content, all, ids, Buffer.alloc(0));
  return 'withheld' in masked ? withheldCommit(masker, content, lines, linked, masked.withheld) : masked;
}

const noAncestors = { viewOfAncestor: namesNothing.viewOfAncestor };

const linksOf = (content: Buffer, lines: ObjectLines): readonly Header[] =>
  lines.headers.slice(0, linkCountOf(content, lines));

/** All of a commit that may name something: everything but its links. */
export function namingStretches(
  content: Buffer,
  lines: ObjectLines = readObject(content),
): readonly { readonly start: number; readonly end: number }[] {
  return [
    ...lines.headers.slice(linkCountOf(content, lines)),
    { start: Math.min(lines.body, content.length), end: content.length },
  ];
}

/** All of a commit that is searched for secrets: everything but its links. */
export function commitStretches(
  content: Buffer,
  lines: ObjectLines = readObject(content),
): { readonly start: number; readonly end: number }[] {
  const { headers, body } = lines;
  const own = headers.slice(linkCountOf(content, lines));
  return [...own.map((header) => withoutLink(content, header)), { start: body, end: content.length }];
}

// Of an embedded tag without the line that names its object.
function withoutLink(content: Buffer, { keyword, start, end }: Header): { start: number; end: number } {
  if (keyword !== 'mergetag') return { start, end };
  const first = content.indexOf(10, start);
  return { start: first < 0 ? end : Math.min(end, first + 1), end };
}

function holdsSecret({ finder }: Masker, content: Buffer, lines: ObjectLines): boolean {
  const { hits, unscanned } = findIn(finder, content, commitStretches(content, lines));
  return hits.length + unscanned.length > 0;
}

function linkOf(content: Buffer, { keyword, start, end }: Header, viewOf: ViewOf): Oid | undefined {
  const oid = content.toString('latin1', start + keyword.length + 1, end).replace(/\n$/, '');
  return /^[0-9a-f]+$/.test(oid) ? viewOf(oid) : undefined;
}

/** The header with another oid in it, as long as its own. */
export function linkTo(content: Buffer, { keyword, start, end }: Header, view: Oid): Buffer {
  const link = Buffer.from(content.subarray(start, end));
  link.write(view, keyword.length + 1, 'latin1');
  return link;
}

function isForeign(content: Buffer, { keyword, start, end }: Header, viewOf: ViewOf): boolean {
  if (keyword === unsignedWord) return true;
  if (keyword !== 'mergetag') return false;
  const first = content.toString('latin1', start, Math.min(end, start + 100));
  const oid = /^mergetag object ([0-9a-f]{40,64})\n/.exec(first)?.[1];
  return oid !== undefined && viewOf(oid) !== undefined;
}

function partsOf(content: Buffer, lines: ObjectLines, linked: ReadonlyMap<Header, Buffer>): Part[] {
  const links = new Set(linksOf(content, lines));
  return lines.headers
    .filter(({ keyword }) => !dropped.has(keyword))
    .map((header) => {
      const { start, end } = header;
      if (!links.has(header)) return headerPart(content, header);
      return { start, end, bytes: linked.get(header) ?? content.subarray(start, end) };
    });
}

function droppedOf({ headers }: ObjectLines): Dropped[] {
  return headers.flatMap(({ keyword, start, end }, index) =>
    dropped.has(keyword) ? [{ start, end, index }] : [],
  );
}

// Its links and times, and nothing else.
function withheldCommit(
  masker: Masker,
  content: Buffer,
  lines: ObjectLines,
  linked: ReadonlyMap<Header, Buffer>,
  withheld: Withheld,
): MaskedContent {
  const placeholder = wholePlaceholder(masker, content, withheld);
  const links = new Set(linksOf(content, lines));
  const pieces = lines.headers.flatMap((header) => {
    if (links.has(header)) return [linked.get(header) ?? content.subarray(header.start, header.end)];
    const isIdent = header.keyword === 'author' || header.keyword === 'committer';
    return isIdent ? [withheldIdent(content, header, placeholder)] : [];
  });
  const view = Buffer.concat([...pieces, Buffer.from(`\n${placeholder}\n`)]);
  return wholeContent(content, view, placeholder, withheld);
}

/** An ident of which only the time is shown. */
export function withheldIdent(content: Buffer, { keyword, start, end }: Header, placeholder: string): Buffer {
  const time = /> (\d{1,19} [+-]\d{4})\n?$/.exec(content.toString('latin1', start, end))?.[1] ?? '0 +0000';
  return Buffer.from(`${keyword} ${placeholder} <${placeholder}> ${time}\n`);
}
