import type { ObjectFormat } from '../../domain/git.ts';
import { linkTo, namesNothing, withheldIdent } from './mask-commit.ts';
import { type Masker, type Withheld, wholeContent, wholePlaceholder } from './mask-content.ts';
import { findIds, namesAffected } from './message-ids.ts';
import {
  bodyPart,
  findIn,
  type Header,
  headerPart,
  maskParts,
  type ObjectLines,
  type Part,
  readObject,
} from './object-parts.ts';
import { type Dropped, unsignedLine, unsignedWord } from './unsigned.ts';
import type { MaskedContent, NamedOids, ViewOf } from './view-function.ts';

const droppedHeaders: ReadonlySet<string> = new Set(['gpgsig', 'gpgsig-sha256']);

const signature = /^-----BEGIN (?:PGP SIGNATURE|PGP MESSAGE|SIGNED MESSAGE|SSH SIGNATURE)-----/m;
const ourLine = new RegExp(`(?<=\n)${unsignedWord} [0-9a-f]{32}\n?$`);

/** A tag in what stays and what does not. */
interface TagLines extends ObjectLines {
  /** Where the signature begins, or the last line where it is like ours. */
  readonly bodyEnd: number;
  readonly isLikeOurs: boolean;
}

/**
 * A tag is affected where its object is, where its text holds a secret or names an affected object, and where it ends as ours do. Then it loses
 * its signatures and gets a last line that stands for them.
 */
export function maskTag(
  masker: Masker,
  format: ObjectFormat,
  content: Buffer,
  viewOf: ViewOf,
  named: NamedOids = namesNothing,
): MaskedContent | undefined {
  const lines = readTag(content);
  const [first] = lines.headers;
  const link = first && linkOf(content, first, viewOf);
  const isAffected =
    link !== undefined ||
    lines.isLikeOurs ||
    namesAffected(content, tagNamingStretches(content, lines), format, named.isAffected);
  if (!isAffected && !holdsSecret(masker, content)) return undefined;
  const parts = [...partsOf(content, lines, link), bodyPart(lines.body, lines.bodyEnd)];
  const texts = parts.filter((part) => 'cuttable' in part);
  const isBehind = link !== undefined;
  const { viewOfAncestor } = isBehind ? named : namesNothing;
  const ids = findIds(content, texts, format, { ...named, viewOfAncestor });
  const dropped = droppedOf(content, lines);
  const line = unsignedLine(masker.key, 'tag', content, dropped);
  const ending = line === '' ? line : separatorOf(content, lines) + line;
  const masked = maskParts(masker, content, parts, ids, Buffer.from(ending));
  return 'withheld' in masked ? withheldTag(masker, content, lines, link, masked.withheld) : masked;
}

/** All of a tag that may name something: everything but its first line. */
export function tagNamingStretches(
  content: Buffer,
  { headers, body }: ObjectLines = readObject(content),
): readonly { readonly start: number; readonly end: number }[] {
  return [...headers.slice(headers[0]?.keyword === 'object' ? 1 : 0), { start: body, end: content.length }];
}

/** All of a tag that is searched for secrets: everything but its link. */
export function tagStretches(content: Buffer): { readonly start: number; readonly end: number }[] {
  const { headers, body } = readObject(content);
  const own = headers.filter(({ keyword }) => keyword !== 'object');
  return [...own, { start: body, end: content.length }];
}

function holdsSecret({ finder }: Masker, content: Buffer): boolean {
  const { hits, unscanned } = findIn(finder, content, tagStretches(content));
  return hits.length + unscanned.length > 0;
}

function readTag(content: Buffer): TagLines {
  const lines = readObject(content);
  const text = content.toString('latin1', lines.body);
  const signed = signature.exec(text);
  const ours = signed === null ? ourLine.exec(text) : null;
  const at = signed?.index ?? ours?.index;
  return {
    ...lines,
    bodyEnd: at === undefined ? content.length : lines.body + at,
    isLikeOurs: ours !== null,
  };
}

function linkOf(content: Buffer, header: Header, viewOf: ViewOf): Buffer | undefined {
  const { keyword, start, end } = header;
  if (keyword !== 'object') return undefined;
  const oid = content.toString('latin1', start + 7, end).replace(/\n$/, '');
  const view = /^[0-9a-f]+$/.test(oid) ? viewOf(oid) : undefined;
  return view === undefined ? undefined : linkTo(content, header, view);
}

function partsOf(content: Buffer, { headers }: TagLines, link: Buffer | undefined): Part[] {
  return headers
    .filter(({ keyword }) => !droppedHeaders.has(keyword))
    .map((header) => {
      const { keyword, start, end } = header;
      if (keyword === 'object' && header === headers[0])
        return { start, end, bytes: link ?? content.subarray(start, end) };
      if (keyword === 'type' && header === headers[1])
        return { start, end, bytes: content.subarray(start, end) };
      return headerPart(content, header);
    });
}

function droppedOf(content: Buffer, { headers, bodyEnd }: TagLines): Dropped[] {
  const dropped: Dropped[] = headers.flatMap(({ keyword, start, end }, index) =>
    droppedHeaders.has(keyword) ? [{ start, end, index }] : [],
  );
  if (bodyEnd < content.length) dropped.push({ start: bodyEnd, end: content.length, index: headers.length });
  // How the text ended before our line was put behind it.
  if (dropped.length > 0)
    dropped.push({ start: 0, end: 0, index: separatorOf(content, { headers, bodyEnd }).length });
  return dropped;
}

// Our line stands in the message, at the beginning of a line.
function separatorOf(content: Buffer, { headers, bodyEnd }: Pick<TagLines, 'headers' | 'bodyEnd'>): string {
  const header = headers.at(-1)?.end ?? 0;
  if (bodyEnd > header) return content[bodyEnd - 1] === 10 ? '' : '\n';
  return content[header - 1] === 10 ? '\n' : '\n\n';
}

// Its link and time, and nothing else.
function withheldTag(
  masker: Masker,
  content: Buffer,
  { headers }: TagLines,
  link: Buffer | undefined,
  withheld: Withheld,
): MaskedContent {
  const placeholder = wholePlaceholder(masker, content, withheld);
  const pieces = headers.flatMap((header, index) => {
    const own = content.subarray(header.start, header.end);
    if (header.keyword === 'object') return [index === 0 ? (link ?? own) : own];
    if (header.keyword === 'type') return [own];
    if (header.keyword === 'tag') return [Buffer.from(`tag ${placeholder}\n`)];
    return header.keyword === 'tagger' ? [withheldIdent(content, header, placeholder)] : [];
  });
  const view = Buffer.concat([...pieces, Buffer.from(`\n${placeholder}\n`)]);
  return wholeContent(content, view, placeholder, withheld);
}
