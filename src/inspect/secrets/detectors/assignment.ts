/**
 * A name that says secret, an operator, and a value that looks generated. The
 * name is found by its keyword; what follows is read byte by byte, so a hit
 * costs little where nothing is assigned.
 */
import { z } from 'zod';
import type { Matcher, Span } from '../rule.ts';
import type { Detector } from './detector.ts';
import { looksChosen, looksGenerated } from './value.ts';

const longestName = 40;
const longestValue = 200;
const reach = longestName + 24 + longestValue;

const optionsSchema = z.object({
  /** What may stand around the value: in code it is quoted. */
  quoted: z.boolean(),
});

/** A rule with `detector = "assignment"`: one for quoted values, one for bare ones in files that hold settings. */
export const assignment: Detector = (given) => {
  const { quoted } = optionsSchema.parse(given);
  const matcher: Matcher = {
    before: longestName,
    after: reach,
    mayMatch: (data, _from, to, at, keyword) => isOperator(data[nameEnd(data, at + keyword.length, to)] ?? 0),
    find(data, from, to, at, keyword) {
      const operator = operatorAfter(data, at + keyword.length, to);
      if (operator === undefined) return undefined;
      const span = valueAt(data, operator, to, quoted);
      if (span === undefined) return undefined;
      const value = data.toString('latin1', span.start, span.end);
      const name = nameAround(data, from, at, keyword.length, to);
      if (isOwnName(name, value) || isHarmless(name)) return undefined;
      if (data[operator - 1] === comma && !/^(?=.*\d)[^_]{16}/.test(value)) return undefined;
      return looksGenerated(value) || (isPassword(name) && looksChosen(value)) ? span : undefined;
    },
  };
  return { matcher };
};

const comma = 0x2c;

const isName = (byte: number | undefined): boolean =>
  byte !== undefined &&
  ((byte >= 0x61 && byte <= 0x7a) ||
    (byte >= 0x41 && byte <= 0x5a) ||
    (byte >= 0x30 && byte <= 0x39) ||
    byte === 0x5f ||
    byte === 0x2d ||
    byte === 0x2e);

const isBlank = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x09;
const isQuote = (byte: number | undefined): boolean => byte === 0x22 || byte === 0x27 || byte === 0x60;

// The rest of the name, what closes it, a type, and then = : := => == , or the > of a tag: gives the place behind it.
function operatorAfter(data: Buffer, start: number, to: number): number | undefined {
  let i = nameEnd(data, start, to);
  if (data[i] === 0x3a && data[i + 1] !== 0x3d && data[i + 1] !== 0x3a) {
    const type = /^:\s?(?:string|str|String|&str|&'static str|text|TEXT)\s?=/.exec(
      data.toString('latin1', i, Math.min(to, i + 24)),
    );
    if (type !== null) return i + type[0].length;
  }
  const first = i;
  while (i < to && i - first < 3 && isOperator(data[i] as number)) i++;
  return i === first ? undefined : i;
}

// Behind the rest of the name, what closes it, and blanks.
function nameEnd(data: Buffer, start: number, to: number): number {
  let i = start;
  while (i < to && i - start < longestName && isName(data[i])) i++;
  i = skip(data, i, to, (byte) => byte === 0x5c || isQuote(byte) || byte === 0x5d || byte === 0x29, 4);
  return skip(data, i, to, isBlank, 20);
}

// = : > , ~ ?
const isOperator = (byte: number): boolean =>
  byte === 0x3d || byte === 0x3a || byte === 0x3e || byte === 0x2c || byte === 0x3f;

function skip(data: Buffer, at: number, to: number, which: (byte: number) => boolean, most: number): number {
  let i = at;
  while (i < to && i - at < most && which(data[i] as number)) i++;
  return i;
}

function valueAt(data: Buffer, at: number, to: number, quoted: boolean): Span | undefined {
  let i = skip(data, at, to, isBlank, 20);
  if (/[rbfuL@]/.test(String.fromCharCode(data[i] ?? 0)) && isQuote(data[i + 1])) i++;
  let escaped = false;
  if (data[i] === 0x5c && isQuote(data[i + 1])) {
    escaped = true;
    i++;
  }
  const quote = data[i] as number;
  if (!isQuote(quote)) return quoted ? undefined : bareAt(data, i, to);
  if (!quoted) return undefined;
  const start = i + 1;
  const end = data.subarray(0, Math.min(to, start + longestValue + 2)).indexOf(quote, start);
  if (end < 0) return undefined;
  return { start, end: escaped && data[end - 1] === 0x5c ? end - 1 : end };
}

// Up to white space or what parts values; a closing tag ends it too.
function bareAt(data: Buffer, start: number, to: number): Span | undefined {
  let end = start;
  while (end < to && end - start <= longestValue && !endsBare(data[end] as number)) end++;
  // What an opening bracket follows is a call.
  return end - start > longestValue || end === start || data[end] === 0x28 ? undefined : { start, end };
}

const enders = new Set(Buffer.from('"\'`<>,;&|(){}[]\\'));
const endsBare = (byte: number): boolean => byte <= 0x20 || byte >= 0x7f || enders.has(byte);

function nameAround(data: Buffer, from: number, at: number, length: number, to: number): string {
  let start = at;
  while (start > from && at - start < longestName && isName(data[start - 1])) start--;
  let end = at + length;
  while (end < to && end - at < longestName && isName(data[end])) end++;
  return data.toString('latin1', start, end);
}

const plain = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]/g, '');

function isOwnName(name: string, value: string): boolean {
  const left = plain(name);
  const right = plain(value);
  return left === right || left.endsWith(right) || (right.endsWith(left) && left.length > 5);
}

const isPassword = (name: string): boolean => /(?:pass(?:word|wd|phrase|code)?|pwd|secret)\d?$/i.test(name);

// Names that hold the word and mean something else.
const harmless =
  /public|pub[-_.]?key|author(?!iz|isation)|passage|passive|passenger|bypass|compass|passed|encompass|tokeni[sz]|tokens?(?:type|kind|name|count|length|limit|id|uri|url|endpoint|path|expir)|secret[-_.]?(?:name|id|arn|ref|version|path|type|manager)|(?:key|token|pass\w*|secret|auth)[-_.]?(?:id|ids|name|alias|file|path|url|uri|arn|hash|digest|checksum|type|length|size|policy|algorithm|label|prefix|suffix|pattern|regexp?|expires?|expiry|version|format|hint|field|header)$|key(?:s|board|code|frame|word|space|ring|note|stone|up|down|press|of)|monkey|turkey|hockey|donkey|jockey|foreign|primary|partition|sort|cache|translation|i18n|idempoten|csrf|nonce|integrity|checksum|digest|sha\d|fingerprint|commit|etag|uuid|guid|object|hashed?$/i;
const isHarmless = (name: string): boolean => harmless.test(name);
