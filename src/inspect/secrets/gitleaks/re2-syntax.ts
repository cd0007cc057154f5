/**
 * RE2's syntax (https://github.com/google/re2/wiki/Syntax) as Go's regexp
 * takes it, read into a tree. What is searched is bytes: a character beyond
 * ASCII is the sequence of its UTF-8 bytes, and in a class it stands for any byte from 128 on.
 */
import { allBytes, type ByteSet, bytesOf, foldBytes } from './byte-set.ts';
import {
  type CharSet,
  emptySet,
  negate,
  PatternError,
  perlClass,
  pointRange,
  posixClass,
  toBytes,
  unicodeClass,
  unite,
} from './re2-class.ts';

export type Assertion = 'text-start' | 'text-end' | 'line-start' | 'line-end' | 'word' | 'not-word';

export type Re2Node =
  | { readonly kind: 'set'; readonly set: ByteSet }
  | { readonly kind: 'assert'; readonly what: Assertion }
  | { readonly kind: 'group'; readonly index: number; readonly body: Re2Node }
  | { readonly kind: 'concat'; readonly parts: readonly Re2Node[] }
  | { readonly kind: 'either'; readonly parts: readonly Re2Node[] }
  | {
      readonly kind: 'repeat';
      readonly body: Re2Node;
      readonly min: number;
      /** Infinity when there is no bound. */
      readonly max: number;
      readonly lazy: boolean;
    };

export interface Re2Syntax {
  readonly root: Re2Node;
  /** Capturing groups, named ones included. */
  readonly groups: number;
}

/** Characters of one pattern. */
export const maxPatternLength = 16_384;
const maxDepth = 200;
/** RE2's own bound on counted repetition. */
const maxRepeat = 1_000;

interface Flags {
  readonly i: boolean;
  readonly m: boolean;
  readonly s: boolean;
}

const asciiEscapes: Readonly<Record<string, number>> = { a: 7, f: 12, t: 9, n: 10, r: 13, v: 11 };

/** Reads a pattern, or throws PatternError with what is wrong in it. */
export function parseRe2(source: string): Re2Syntax {
  if (source.length > maxPatternLength)
    throw new PatternError(`it is longer than ${maxPatternLength} characters`);
  return new Parser(source).parse();
}

class Parser {
  readonly #chars: readonly string[];
  #at = 0;
  #groups = 0;
  #depth = 0;
  #flags: Flags = { i: false, m: false, s: false };

  constructor(source: string) {
    this.#chars = [...source];
  }

  parse(): Re2Syntax {
    const root = this.#either();
    if (this.#peek() === ')') throw new PatternError('a ) has no ( before it');
    return { root, groups: this.#groups };
  }

  #peek(ahead = 0): string | undefined {
    return this.#chars[this.#at + ahead];
  }

  #rest(length: number): string {
    return this.#chars.slice(this.#at, this.#at + length).join('');
  }

  #either(): Re2Node {
    const parts = [this.#concat()];
    while (this.#peek() === '|') {
      this.#at++;
      parts.push(this.#concat());
    }
    return parts.length === 1 ? (parts[0] as Re2Node) : { kind: 'either', parts };
  }

  #concat(): Re2Node {
    const parts: Re2Node[] = [];
    for (let char = this.#peek(); char !== undefined && char !== '|' && char !== ')'; char = this.#peek()) {
      if (this.#rest(2) === '\\Q') parts.push(...this.#quoted());
      else {
        const node = this.#atom(char);
        if (node) parts.push(this.#repeated(node));
      }
    }
    return parts.length === 1 ? (parts[0] as Re2Node) : { kind: 'concat', parts };
  }

  /** `\Q...\E`; a repetition after it takes the last character alone. */
  #quoted(): Re2Node[] {
    this.#at += 2;
    const nodes: Re2Node[] = [];
    for (let char = this.#peek(); char !== undefined; char = this.#peek()) {
      if (this.#rest(2) === '\\E') {
        this.#at += 2;
        break;
      }
      this.#at++;
      nodes.push(this.#literal(char.codePointAt(0) ?? 0));
    }
    const last = nodes.pop();
    return last ? [...nodes, this.#repeated(last)] : [];
  }

  /** Undefined for `(?i)` and the like, which match nothing and stay in force to the end of the group. */
  #atom(char: string): Re2Node | undefined {
    switch (char) {
      case '(':
        return this.#group();
      case '[':
        return this.#class();
      case '\\':
        return this.#escape();
      default:
        break;
    }
    if (char === '*' || char === '+' || char === '?')
      throw new PatternError(`${char} has nothing before it to repeat`);
    this.#at++;
    if (char === '.') return { kind: 'set', set: this.#flags.s ? allBytes : allBytes ^ bytesOf('\n') };
    if (char === '^') return { kind: 'assert', what: this.#flags.m ? 'line-start' : 'text-start' };
    if (char === '$') return { kind: 'assert', what: this.#flags.m ? 'line-end' : 'text-end' };
    return this.#literal(char.codePointAt(0) ?? 0);
  }

  #literal(point: number): Re2Node {
    if (point < 128) {
      const set = 1n << BigInt(point);
      return { kind: 'set', set: this.#flags.i ? foldBytes(set) : set };
    }
    const parts = [...Buffer.from(String.fromCodePoint(point))].map(
      (byte): Re2Node => ({ kind: 'set', set: 1n << BigInt(byte) }),
    );
    return { kind: 'concat', parts };
  }

  #group(): Re2Node | undefined {
    const head = this.#rest(80);
    if (!head.startsWith('(?')) return this.#capture(1);
    if (/^\(\?(=|!|<=|<!)/.test(head))
      throw new PatternError(`RE2 has no look-around such as ${head.slice(0, 3)}`);
    const named = /^\(\?P?<([A-Za-z_]\w*)>/.exec(head);
    if (named) return this.#capture(named[0].length);
    const [whole, on = '', off, end] = /^\(\?([a-zA-Z]*)(?:-([a-zA-Z]+))?([:)])/.exec(head) ?? [];
    if (whole === undefined) throw new PatternError(`${head.slice(0, 12)} is not a group that RE2 knows`);
    const flags = this.#changed(on, off ?? '', whole);
    this.#at += whole.length;
    if (end === ')') {
      this.#flags = flags;
      return undefined;
    }
    return this.#inside(flags);
  }

  #changed(on: string, off: string, whole: string): Flags {
    const flags = { ...this.#flags };
    for (const [letters, value] of [
      [on, true],
      [off, false],
    ] as const)
      for (const letter of letters) {
        if (letter === 'U')
          throw new PatternError(`the flag U in ${whole} is not supported: write *? in place of *`);
        if (letter !== 'i' && letter !== 'm' && letter !== 's')
          throw new PatternError(`RE2 has no flag ${letter} (in ${whole})`);
        flags[letter] = value;
      }
    return flags;
  }

  #capture(length: number): Re2Node {
    this.#at += length;
    const index = ++this.#groups;
    return { kind: 'group', index, body: this.#inside(this.#flags) };
  }

  /** What stands in a group, up to and with its `)`; flags that it sets end with it. */
  #inside(flags: Flags): Re2Node {
    if (++this.#depth > maxDepth) throw new PatternError(`groups are nested deeper than ${maxDepth}`);
    const outer = this.#flags;
    this.#flags = flags;
    const body = this.#either();
    if (this.#peek() !== ')') throw new PatternError('a ( has no ) after it');
    this.#at++;
    this.#depth--;
    this.#flags = outer;
    return body;
  }

  #repeated(body: Re2Node): Re2Node {
    const bounds = this.#bounds();
    if (!bounds) return body;
    const lazy = this.#peek() === '?';
    if (lazy) this.#at++;
    const from = this.#at;
    if (this.#bounds())
      throw new PatternError(
        `${this.#chars.slice(from - 1, this.#at).join('')} repeats a repetition: put a group around it`,
      );
    return { kind: 'repeat', body, ...bounds, lazy };
  }

  /** `*`, `+`, `?`, `{n}`, `{n,}` or `{n,m}`; any other `{` is a literal. */
  #bounds(): { readonly min: number; readonly max: number } | undefined {
    const char = this.#peek();
    if (char === '*' || char === '+' || char === '?') {
      this.#at++;
      return { min: char === '+' ? 1 : 0, max: char === '?' ? 1 : Number.POSITIVE_INFINITY };
    }
    const [whole, low, comma, high] = /^\{(\d+)(,?)(\d*)\}/.exec(this.#rest(24)) ?? [];
    if (whole === undefined || (comma === '' && high !== '')) return undefined;
    this.#at += whole.length;
    const min = Number(low);
    const max = high !== '' ? Number(high) : comma === '' ? min : Number.POSITIVE_INFINITY;
    if (min > maxRepeat || (max !== Number.POSITIVE_INFINITY && max > maxRepeat))
      throw new PatternError(`${whole} repeats more than ${maxRepeat} times, which RE2 does not allow`);
    if (min > max) throw new PatternError(`${whole} runs backwards`);
    return { min, max };
  }

  #escape(): Re2Node {
    const asserted = ({ A: 'text-start', z: 'text-end', b: 'word', B: 'not-word' } as const)[
      this.#peek(1) ?? ''
    ];
    if (asserted) {
      this.#at += 2;
      return { kind: 'assert', what: asserted };
    }
    const set = this.#escapedSet();
    if (set) return { kind: 'set', set: toBytes(set, this.#flags.i) };
    return this.#literal(this.#escapedPoint());
  }

  /** `\d`, `\pN` and their like, in a class or outside. */
  #escapedSet(): CharSet | undefined {
    const letter = this.#peek(1) ?? '';
    const perl = /[dswDSW]/.test(letter) ? perlClass(letter) : undefined;
    if (perl) {
      this.#at += 2;
      return perl;
    }
    if (letter !== 'p' && letter !== 'P') return undefined;
    const [whole, braced, single] = /^\\[pP](?:\{(\^?\w+)\}|(\w))/.exec(this.#rest(40)) ?? [];
    if (whole === undefined) throw new PatternError(`${this.#rest(6)} names no Unicode class`);
    this.#at += whole.length;
    return unicodeClass(braced ?? single ?? '', letter === 'P');
  }

  /** One escaped character, in a class or outside. */
  #escapedPoint(): number {
    const next = this.#peek(1);
    if (next === undefined) throw new PatternError('it ends with a backslash');
    const hex = /^\\x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,8})\})/.exec(this.#rest(16));
    const octal = /^\\(0[0-7]{0,2}|[1-7][0-7]{1,2})/.exec(this.#rest(4));
    const found = hex ?? octal;
    if (found) {
      this.#at += found[0].length;
      const point = hex ? Number.parseInt(hex[1] ?? hex[2] ?? '', 16) : Number.parseInt(found[1] ?? '', 8);
      if (point > 0x10ffff) throw new PatternError(`${found[0]} is beyond Unicode`);
      return point;
    }
    if (/[1-9]/.test(next)) throw new PatternError(`RE2 has no back-reference such as \\${next}`);
    const control = asciiEscapes[next];
    if (control === undefined && (/[A-Za-z0-9]/.test(next) || next > '\x7f'))
      throw new PatternError(`\\${next} is not an escape that RE2 knows`);
    this.#at += 2;
    return control ?? next.charCodeAt(0);
  }

  #class(): Re2Node {
    const from = this.#at;
    this.#at++;
    const negated = this.#peek() === '^';
    if (negated) this.#at++;
    let set = emptySet;
    for (let first = true; first || this.#peek() !== ']'; first = false) {
      if (this.#peek() === undefined)
        throw new PatternError(`${this.#chars.slice(from, from + 12).join('')} has no ] to end it`);
      set = unite(set, this.#classPart());
    }
    this.#at++;
    const folded = this.#flags.i ? { ...set, ascii: foldBytes(set.ascii) } : set;
    return { kind: 'set', set: toBytes(negated ? negate(folded) : folded, false) };
  }

  #classPart(): CharSet {
    if (this.#rest(2) === '[:') {
      const named = /^\[:\^?[a-zA-Z]*:\]/.exec(this.#rest(16));
      if (named) {
        this.#at += named[0].length;
        return posixClass(named[0]);
      }
    }
    const from = this.#at;
    const escaped = this.#peek() === '\\' ? this.#escapedSet() : undefined;
    if (escaped) return escaped;
    const low = this.#classPoint();
    if (this.#peek() !== '-' || this.#peek(1) === ']' || this.#peek(1) === undefined)
      return pointRange(low, low);
    this.#at++;
    const high = this.#classPoint();
    if (high < low)
      throw new PatternError(`the range ${this.#chars.slice(from, this.#at).join('')} runs backwards`);
    return pointRange(low, high);
  }

  #classPoint(): number {
    if (this.#peek() === '\\') return this.#escapedPoint();
    const char = this.#peek() ?? '';
    this.#at++;
    return char.codePointAt(0) ?? 0;
  }
}
