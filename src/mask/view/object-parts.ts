/**
 * Commits and tags in parts: some are written anew, some are left out, and what remains is one text, in which secrets
 * are masked. What cannot be cut out of the text without breaking the object is not cut out: then nothing of it is shown.
 */
import { bytesOf, type Cut, type PlacedCut, spansOf } from './cuts.ts';
import type { Hit, Hits, SecretFinder } from './find-secrets.ts';
import { cutSecrets, type Masker, type Withheld } from './mask-content.ts';
import { unscannedRule } from './placeholder.ts';
import type { MaskedContent } from './view-function.ts';

/** One header line, with those that continue it. */
export interface Header {
  readonly keyword: string;
  readonly start: number;
  /** Behind its line end. */
  readonly end: number;
}

export interface ObjectLines {
  readonly headers: readonly Header[];
  /** Where the empty line before the message is; the end of the content where there is none. */
  readonly body: number;
}

const newline = 10;
const space = 0x20;

/** The headers of a commit or a tag, whatever they are. */
export function readObject(content: Buffer): ObjectLines {
  const headers: Header[] = [];
  let at = 0;
  while (at < content.length && content[at] !== newline) {
    const start = at;
    do {
      const next = content.indexOf(newline, at);
      at = next < 0 ? content.length : next + 1;
    } while (content[at] === space);
    const word = content.indexOf(space, start);
    const end = word < 0 || word > at ? at : word;
    headers.push({ keyword: content.toString('latin1', start, end).trimEnd(), start, end: at });
  }
  return { headers, body: at };
}

const links = { tree: /^tree [0-9a-f]{40,64}\n$/, parent: /^parent [0-9a-f]{40,64}\n$/ };

/** How many of a commit's headers name its tree and its parents, as git reads them: what is like them further down is text. */
export function linkCountOf(content: Buffer, { headers }: ObjectLines): number {
  let count = 0;
  for (const { start, end } of headers) {
    const pattern = count === 0 ? links.tree : links.parent;
    if (end - start > 80 || !pattern.test(content.toString('latin1', start, end))) break;
    count++;
  }
  return count;
}

/** A part of an object: `bytes` are written in its place, or its own bytes belong to the text. */
export type Part =
  | { readonly start: number; readonly end: number; readonly bytes: Buffer }
  | {
      readonly start: number;
      readonly end: number;
      /** Where in the object a cut may lie. */
      readonly cuttable: readonly { readonly start: number; readonly end: number }[];
    };

/** A header that stays: it may be cut anywhere but at its end; of an ident, in the name and in the address. */
export function headerPart(content: Buffer, { keyword, start, end }: Header): Part {
  const last = content[end - 1] === newline ? end - 1 : end;
  if (!idents.has(keyword)) return { start, end, cuttable: [{ start, end: last }] };
  const value = start + keyword.length + 1;
  const opened = content.indexOf(0x3c, value);
  const closed = content.lastIndexOf(0x3e, last - 1);
  if (opened < 0 || closed < opened || opened >= last) return { start, end, cuttable: [] };
  return {
    start,
    end,
    cuttable: [
      { start: value, end: opened },
      { start: opened + 1, end: closed },
    ],
  };
}

const idents: ReadonlySet<string> = new Set(['author', 'committer', 'tagger']);

/** The message, with the empty line before it. */
export const bodyPart = (start: number, end: number): Part => ({
  start,
  end,
  cuttable: [{ start: Math.min(start + 1, end), end }],
});

/** Secrets in what is left when the given stretches are taken out, with their places in the object. */
export function findIn(
  finder: SecretFinder,
  content: Buffer,
  stretches: readonly { readonly start: number; readonly end: number }[],
): Hits {
  const { hits, unscanned } = finder.hits(
    Buffer.concat(stretches.map(({ start, end }) => content.subarray(start, end))),
  );
  const place = placeIn(stretches);
  const placed = hits.map((hit): Hit => ({ ...hit, start: place(hit.start), end: place(hit.end - 1) + 1 }));
  return { hits: placed, unscanned };
}

/** Where a byte of joined stretches lies in the object. */
export function placeIn(
  stretches: readonly { readonly start: number; readonly end: number }[],
): (at: number) => number {
  return (at) => {
    let before = 0;
    for (const { start, end } of stretches) {
      if (at < before + end - start) return start + at - before;
      before += end - start;
    }
    return stretches.at(-1)?.end ?? 0;
  };
}

/**
 * The object made of the parts, with secrets in its text masked; or that it cannot be shown. Stretches between the parts are left out.
 * @param instead what is replaced in the text beside secrets, as places in the object.
 */
export function maskParts(
  masker: Masker,
  content: Buffer,
  parts: readonly Part[],
  instead: readonly Cut[],
  ending: Buffer,
): MaskedContent | { readonly withheld: Withheld } {
  const texts = parts.filter((part) => 'cuttable' in part);
  const text = Buffer.concat(texts.map(({ start, end }) => content.subarray(start, end)));
  const shifts = shiftsOf(texts);
  const moved = instead.map((cut) => {
    const shift = shifts.find(({ part }) => cut.start >= part.start && cut.end <= part.end)?.shift ?? 0;
    return { ...cut, start: cut.start - shift, end: cut.end - shift };
  });
  const masking = cutSecrets(masker, text, { encoding: 'text', instead: moved });
  if (masking !== undefined && 'withheld' in masking) return masking;
  const placed: PlacedCut[] = [];
  for (const cut of masking?.filled.placed ?? []) {
    const shift = shifts.find(({ part, shift }) =>
      part.cuttable.some(({ start, end }) => cut.start + shift >= start && cut.end + shift <= end),
    )?.shift;
    if (shift === undefined)
      return { withheld: { rule: unscannedRule, why: 'a secret is where it cannot be cut out' } };
    placed.push({ ...cut, start: cut.start + shift, end: cut.end + shift });
  }
  return assemble(content, parts, placed, ending);
}

interface Shift {
  readonly part: Extract<Part, { cuttable: unknown }>;
  /** From the place in the text to that in the object. */
  readonly shift: number;
}

function shiftsOf(parts: readonly Extract<Part, { cuttable: unknown }>[]): readonly Shift[] {
  let before = 0;
  return parts.map((part) => {
    const shift = part.start - before;
    before += part.end - part.start;
    return { part, shift };
  });
}

function assemble(
  content: Buffer,
  parts: readonly Part[],
  cuts: readonly PlacedCut[],
  ending: Buffer,
): MaskedContent {
  const pieces: Buffer[] = [];
  const placed: PlacedCut[] = [];
  let length = 0;
  const add = (piece: Buffer): void => {
    pieces.push(piece);
    length += piece.length;
  };
  for (const part of parts) {
    if ('bytes' in part) {
      add(part.bytes);
      continue;
    }
    let at = part.start;
    for (const cut of cuts.filter(({ start }) => start >= part.start && start < part.end)) {
      add(content.subarray(at, cut.start));
      const viewStart = length;
      add(bytesOf(cut.text, cut.wide));
      placed.push({ ...cut, viewStart, viewEnd: length });
      at = cut.end;
    }
    add(content.subarray(at, part.end));
  }
  add(ending);
  return { content: Buffer.concat(pieces), spans: spansOf(content, placed) };
}
