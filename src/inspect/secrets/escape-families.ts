/** The escapes of one family: all begin with the same byte. */
export interface EscapeFamily {
  readonly name: string;
  readonly begin: number;
  /** In lower case: the beginnings that are a reason to decode. */
  readonly anchors: readonly string[];
  /** How many must stand close together; 1 where each counts. */
  readonly least: number;
  /** Whether what was found at an anchor is worth decoding; absent where the anchor says enough. */
  counts?(data: Buffer, at: number): boolean;
  /** The escape that begins at `at`, as `escapeOf` packs it; 0 when there is none. */
  decode(data: Buffer, at: number, end: number): number;
}

/** A number, because one is made for each escape: `byte` is -1 where it stands for nothing. */
const escapeOf = (byte: number, length: number): number => length * 512 + byte + 1;
export const byteOfEscape = (packed: number): number => (packed & 511) - 1;
export const lengthOfEscape = (packed: number): number => packed >> 9;

/** Stands for every character that is not latin1. */
const otherCharacter = 0x1a;
const asciiHex = ['2', '3', '4', '5', '6', '7'];

function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** The value of so many hex digits; -1 when they are not. */
function readHex(data: Buffer, at: number, end: number, digits: number): number {
  if (at + digits > end) return -1;
  let value = 0;
  for (let i = at; i < at + digits; i++) {
    const digit = hexDigit(data[i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

const byteOf = (value: number): number => (value < 256 ? value : otherCharacter);

const simple: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, b: 8, f: 12, v: 11, '0': 0, e: 27 };
const simpleBytes = new Int16Array(256).fill(-1);
for (const [letter, byte] of Object.entries(simple)) simpleBytes[letter.charCodeAt(0)] = byte;
for (const letter of '"\'\\/`') simpleBytes[letter.charCodeAt(0)] = letter.charCodeAt(0);

const letterX = 120;
const letterU = 117;
const openBrace = 123;
const closeBrace = 125;

const backslashes: EscapeFamily = {
  name: 'escaped',
  begin: 92,
  // Of JSON within JSON, what stands between a name and its value.
  anchors: [...asciiHex.flatMap((digit) => [`\\x${digit}`, `\\u00${digit}`]), '\\u{', '\\":'],
  least: 1,
  decode(data, at, end) {
    const kind = data[at + 1];
    if (kind === undefined || at + 1 >= end) return 0;
    if (kind === letterX) return fixedHex(data, at, end, 2);
    if (kind !== letterU) {
      const byte = simpleBytes[kind] as number;
      return byte < 0 ? 0 : escapeOf(byte, 2);
    }
    if (data[at + 2] !== openBrace) return fixedHex(data, at, end, 4);
    let digits = 0;
    while (digits < 6 && at + 3 + digits < end && hexDigit(data[at + 3 + digits]) >= 0) digits++;
    if (digits === 0 || data[at + 3 + digits] !== closeBrace) return 0;
    return escapeOf(byteOf(readHex(data, at + 3, end, digits)), digits + 4);
  },
};

// A letter of its own follows the first byte.
function fixedHex(data: Buffer, at: number, end: number, digits: number): number {
  const value = readHex(data, at + 2, end, digits);
  return value < 0 ? 0 : escapeOf(byteOf(value), digits + 2);
}

const percent: EscapeFamily = {
  name: 'percent',
  begin: 37,
  anchors: asciiHex.map((digit) => `%${digit}`),
  least: 1,
  decode: twoDigits,
};

function twoDigits(data: Buffer, at: number, end: number): number {
  const value = readHex(data, at + 1, end, 2);
  return value < 0 ? 0 : escapeOf(value, 3);
}

const quotedPrintable: EscapeFamily = {
  name: 'quoted-printable',
  begin: 61,
  anchors: ['=3d', '=5f', '=2d', '=\n', '=\r\n'],
  least: 1,
  // A soft break stands within a word; the end of a line of code after an equals sign does not.
  counts(data, at) {
    const next = data[at + 1] as number;
    if (next !== 10 && next !== 13) return true;
    const after = data[next === 10 ? at + 2 : at + 3];
    return at > 0 && (data[at - 1] as number) > 32 && after !== undefined && after > 32;
  },
  decode(data, at, end) {
    const softBreak = data[at + 1] === 13 ? at + 2 : at + 1;
    if (softBreak < end && data[softBreak] === 10) return escapeOf(-1, softBreak + 1 - at);
    return twoDigits(data, at, end);
  },
};

const entities = ['quot"', "apos'", 'amp&', 'lt<', 'gt>'].map((entry) => ({
  text: Buffer.from(`${entry.slice(0, -1)};`),
  byte: entry.charCodeAt(entry.length - 1),
}));
const hashSign = 35;
const semicolon = 59;

const html: EscapeFamily = {
  name: 'html',
  begin: 38,
  anchors: ['&#', '&quot;', '&amp;'],
  least: 1,
  decode(data, at, end) {
    if (data[at + 1] === hashSign) return numbered(data, at, end);
    for (const { text, byte } of entities) {
      if (data[at + 1] !== text[0] || at + 1 + text.length > end) continue;
      if (text.compare(data, at + 1, at + 1 + text.length) === 0) return escapeOf(byte, text.length + 1);
    }
    return 0;
  },
};

// &#65; with up to seven digits, or &#x41; with up to six of hex.
function numbered(data: Buffer, at: number, end: number): number {
  const isHex = ((data[at + 2] ?? 0) | 32) === letterX;
  const base = isHex ? 16 : 10;
  const first = at + (isHex ? 3 : 2);
  const limit = Math.min(end, first + (isHex ? 6 : 7));
  let value = 0;
  let next = first;
  for (; next < limit; next++) {
    const digit = hexDigit(data[next]);
    if (digit < 0 || digit >= base) break;
    value = value * base + digit;
  }
  if (next === first || next >= end || data[next] !== semicolon) return 0;
  return escapeOf(byteOf(value), next + 1 - at);
}

const comma = 44;
const zeroX: EscapeFamily = {
  name: 'hex',
  begin: 48,
  anchors: asciiHex.map((digit) => `0x${digit}`),
  least: 12,
  // What separates the numbers of a list belongs to the number before it.
  decode(data, at, end) {
    if (((data[at + 1] as number) | 32) !== letterX) return 0;
    const found = fixedHex(data, at, end, 2);
    if (found === 0 || hexDigit(data[at + 4]) >= 0) return 0;
    let next = at + lengthOfEscape(found);
    while (next < end && (data[next] === comma || (data[next] as number) <= 32)) next++;
    return escapeOf(byteOfEscape(found), next - at);
  },
};

export const escapeFamilies: readonly EscapeFamily[] = [backslashes, percent, quotedPrintable, html, zeroX];
