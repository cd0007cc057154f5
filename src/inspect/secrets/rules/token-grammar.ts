/**
 * The grammar in which a rule writes a token. Text stands for itself, and:
 *
 *   {an:36} {an:20..40}          so many bytes of a class: an alpha lower upper digit hex HEX hexx b64 b64u b32
 *   {[A-Za-z0-9_.~-]:31..34}     the same with a class of one's own; in it, `\` takes a meaning away
 *   (a|b) (a)?                   one of several; one or none
 *   \                            takes away the meaning of the byte after it
 *
 * A token is ASCII. Counts are bounded, so every token has a greatest length.
 */

/** 256 entries: 1 where the byte belongs. */
export type ByteSet = Uint8Array;

export type TokenNode =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'class'; readonly set: ByteSet; readonly min: number; readonly max: number }
  | { readonly kind: 'choice'; readonly options: readonly TokenSequence[] };

export type TokenSequence = readonly TokenNode[];

/** What is wrong in a token, and where; the reader of the rule file says in which rule. */
export class TokenError extends Error {}

const greatestCount = 65_536;

const classRanges: Readonly<Record<string, string>> = {
  an: 'A-Za-z0-9',
  alpha: 'A-Za-z',
  lower: 'a-z',
  upper: 'A-Z',
  digit: '0-9',
  hex: '0-9a-f',
  HEX: '0-9A-F',
  hexx: '0-9A-Fa-f',
  b64: 'A-Za-z0-9+/',
  b64u: 'A-Za-z0-9_-',
  b32: 'A-Z2-7',
};

/** Throws TokenError with the place, counted from 1. */
export function parseToken(grammar: string): TokenSequence {
  const reader = new GrammarReader(grammar);
  const sequence = reader.sequence();
  if (!reader.done) throw reader.error('this closes or parts nothing; write a backslash before it');
  if (sequence.length === 0) throw new TokenError('a token cannot be empty');
  return sequence;
}

/** A class by its name, or as `[...]`. Throws TokenError. */
export function parseClass(name: string): ByteSet {
  const ranges = name.startsWith('[') && name.endsWith(']') ? name.slice(1, -1) : classRanges[name];
  if (ranges === undefined) {
    throw new TokenError(
      `no class is called ${name}; there are ${Object.keys(classRanges).join(' ')} and [...]`,
    );
  }
  return parseRanges(ranges);
}

function parseRanges(ranges: string): ByteSet {
  const set = new Uint8Array(256);
  for (let i = 0; i < ranges.length; ) {
    const [low, next] = classByte(ranges, i);
    i = next;
    let high = low;
    if (ranges[i] === '-' && i + 1 < ranges.length) [high, i] = classByte(ranges, i + 1);
    if (low > high)
      throw new TokenError(`the range that ends with ${String.fromCharCode(high)} is backwards`);
    set.fill(1, low, high + 1);
  }
  if (!set.includes(1)) throw new TokenError('a class cannot be empty');
  return set;
}

const escapes: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9 };

function classByte(ranges: string, at: number): [byte: number, next: number] {
  const escaped = ranges[at] === '\\' && at + 1 < ranges.length;
  const char = ranges[escaped ? at + 1 : at] ?? '';
  const byte = (escaped ? escapes[char] : undefined) ?? char.charCodeAt(0);
  if (byte > 127) throw new TokenError(`${char} is not ASCII`);
  return [byte, at + (escaped ? 2 : 1)];
}

class GrammarReader {
  private at = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  get done(): boolean {
    return this.at === this.text.length;
  }

  error(what: string): TokenError {
    return new TokenError(`${what} (character ${this.at + 1} of ${this.text})`);
  }

  sequence(): TokenNode[] {
    const nodes: TokenNode[] = [];
    let literal = '';
    const flush = (): void => {
      if (literal !== '') nodes.push({ kind: 'literal', text: literal });
      literal = '';
    };
    while (!this.done && this.peek() !== '|' && this.peek() !== ')') {
      const char = this.peek();
      if (char === '{') {
        flush();
        nodes.push(this.class());
      } else if (char === '(') {
        flush();
        nodes.push(this.choice());
      } else literal += this.literal();
    }
    flush();
    return nodes;
  }

  private peek(): string {
    return this.text[this.at] ?? '';
  }

  private literal(): string {
    if (this.peek() === '}' || this.peek() === '?') throw this.error('write a backslash before this');
    if (this.peek() === '\\') this.at++;
    const char = this.peek();
    if (char === '' || char > '\x7e') throw this.error('an ASCII character is missing here');
    this.at++;
    return char;
  }

  private choice(): TokenNode {
    const options: TokenSequence[] = [];
    do {
      this.at++;
      options.push(this.sequence());
    } while (this.peek() === '|');
    if (this.peek() !== ')') throw this.error('a ) is missing here');
    this.at++;
    if (this.peek() === '?') {
      this.at++;
      options.push([]);
    }
    return { kind: 'choice', options };
  }

  private class(): TokenNode {
    const found = /^\{(\[(?:\\.|[^\\\]])+\]|[A-Za-z0-9]+):(\d{1,6})(?:\.\.(\d{1,6}))?\}/.exec(
      this.text.slice(this.at),
    );
    if (found === null) throw this.error('a class is written like {an:36}, {an:20..40} or {[a-z]:5}');
    const [whole, name = '', low = '', high = low] = found;
    const [min, max] = [Number(low), Number(high)];
    if (min > max || max < 1 || max > greatestCount) {
      throw this.error(`a count goes from the smaller to the greater, and to ${greatestCount} at most`);
    }
    const set = parseClass(name);
    this.at += whole.length;
    return { kind: 'class', set, min, max };
  }
}

/** The bytes that the first class of a sequence takes; none when it has no class. */
export function firstClass(sequence: TokenSequence): ByteSet {
  const all = new Uint8Array(256);
  for (const node of sequence) {
    if (node.kind === 'class') return node.set;
    if (node.kind === 'choice') {
      for (const option of node.options) {
        const set = firstClass(option);
        for (let byte = 0; byte < 256; byte++) if (set[byte] === 1) all[byte] = 1;
      }
      if (all.includes(1)) return all;
    }
  }
  return all;
}

/** The same sequence from its end: it matches reversed bytes. */
export function reversed(sequence: TokenSequence): TokenSequence {
  return sequence.toReversed().map((node): TokenNode => {
    if (node.kind === 'literal') return { kind: 'literal', text: [...node.text].reverse().join('') };
    return node.kind === 'class' ? node : { kind: 'choice', options: node.options.map(reversed) };
  });
}

/** Bytes of the longest text that the sequence matches. */
export function greatestLength(sequence: TokenSequence): number {
  let length = 0;
  for (const node of sequence) {
    if (node.kind === 'literal') length += node.text.length;
    else if (node.kind === 'class') length += node.max;
    else length += Math.max(...node.options.map(greatestLength));
  }
  return length;
}
