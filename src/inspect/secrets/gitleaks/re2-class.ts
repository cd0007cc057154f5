import { allBytes, type ByteSet, byteRange, bytesOf, foldBytes, highBytes, noBytes } from './byte-set.ts';

/** A pattern that RE2 itself refuses, or that cannot be run here; `message` says what is wrong and quotes it. */
export class PatternError extends Error {}

/**
 * Members of a class: those in ASCII one by one; of the others only whether
 * none, some or all are in it, because what is searched is bytes.
 */
export interface CharSet {
  readonly ascii: ByteSet;
  readonly beyond: 'none' | 'some' | 'all';
}

const asciiBytes = byteRange(0, 127);
const lastPoint = 0x10ffff;

export const emptySet: CharSet = { ascii: noBytes, beyond: 'none' };

export function unite(one: CharSet, other: CharSet): CharSet {
  const beyond = [one.beyond, other.beyond];
  return {
    ascii: one.ascii | other.ascii,
    beyond: beyond.includes('all') ? 'all' : beyond.includes('some') ? 'some' : 'none',
  };
}

export function negate(set: CharSet): CharSet {
  const beyond = { none: 'all', some: 'some', all: 'none' } as const;
  return { ascii: set.ascii ^ asciiBytes, beyond: beyond[set.beyond] };
}

/** Both ends inclusive, in code points. */
export function pointRange(from: number, to: number): CharSet {
  const ascii = from > 127 ? noBytes : byteRange(from, Math.min(to, 127));
  const beyond = to < 128 ? 'none' : from <= 128 && to >= lastPoint ? 'all' : 'some';
  return { ascii, beyond };
}

/** As bytes: where anything beyond ASCII is a member, every byte from 128 on is. */
export function toBytes(set: CharSet, ignoreCase: boolean): ByteSet {
  const ascii = ignoreCase ? foldBytes(set.ascii) : set.ascii;
  return set.beyond === 'none' ? ascii : ascii | highBytes;
}

const digit = byteRange(0x30, 0x39);
const lower = byteRange(0x61, 0x7a);
const upper = byteRange(0x41, 0x5a);
const alnum = digit | lower | upper;
const graph = byteRange(0x21, 0x7e);

/** RE2's `\d`, `\s` and `\w` are ASCII; `\s` has no vertical tab. */
const perlClasses: Readonly<Record<string, ByteSet>> = {
  d: digit,
  s: bytesOf('\t\n\f\r '),
  w: alnum | bytesOf('_'),
};

const posixClasses: Readonly<Record<string, ByteSet>> = {
  alnum,
  alpha: lower | upper,
  ascii: asciiBytes,
  blank: bytesOf('\t '),
  cntrl: byteRange(0, 31) | bytesOf('\x7f'),
  digit,
  graph,
  lower,
  print: graph | bytesOf(' '),
  punct: graph & (alnum ^ allBytes),
  space: byteRange(9, 13) | bytesOf(' '),
  upper,
  word: alnum | bytesOf('_'),
  xdigit: digit | byteRange(0x41, 0x46) | byteRange(0x61, 0x66),
};

/** `\d`, `\D` and the like; undefined when the letter names none. */
export function perlClass(letter: string): CharSet | undefined {
  const known = perlClasses[letter.toLowerCase()];
  if (known === undefined) return undefined;
  const set: CharSet = { ascii: known, beyond: 'none' };
  return letter === letter.toLowerCase() ? set : negate(set);
}

/** `[:alpha:]` and `[:^alpha:]`, without the brackets of the class around it. Throws PatternError. */
export function posixClass(text: string): CharSet {
  const [, not, name] = /^\[:(\^?)([a-z]*):\]$/.exec(text) ?? [];
  const known = name !== undefined && Object.hasOwn(posixClasses, name) ? posixClasses[name] : undefined;
  if (known === undefined) throw new PatternError(`there is no class ${text}`);
  const set: CharSet = { ascii: known, beyond: 'none' };
  return not === '' ? set : negate(set);
}

/** `\pN`, `\p{Greek}`, `\P{L}`, `\p{^L}`: a general category or a script. Throws PatternError. */
export function unicodeClass(name: string, negated: boolean): CharSet {
  const bare = name.replace(/^\^/, '');
  const not = negated !== name.startsWith('^');
  if (bare === 'Any') return not ? emptySet : pointRange(0, lastPoint);
  const known = compileProperty(`General_Category=${bare}`) ?? compileProperty(`Script=${bare}`);
  if (known === undefined) throw new PatternError(`there is no Unicode class named ${bare}`);
  let ascii = noBytes;
  for (let byte = 0; byte < 128; byte++)
    if (known.test(String.fromCharCode(byte))) ascii |= 1n << BigInt(byte);
  return { ascii: not ? ascii ^ asciiBytes : ascii, beyond: 'some' };
}

function compileProperty(property: string): RegExp | undefined {
  if (!/^[A-Za-z_=]+$/.test(property)) return undefined;
  try {
    return new RegExp(`\\p{${property}}`, 'u');
  } catch {
    return undefined;
  }
}
