/**
 * Git's globs, as wildmatch.c reads them with WM_PATHNAME (gitignore(5),
 * "PATTERN FORMAT"): `*` and `?` stay within one component, `[...]` never
 * matches a slash, and `**` as a whole component crosses any number of them.
 * Matching walks all states at once, so that no pattern can make it slow.
 */

type Token =
  | { readonly kind: 'char'; readonly char: string }
  | { readonly kind: 'one' }
  | { readonly kind: 'class'; readonly negated: boolean; readonly has: (point: number) => boolean }
  /** Any run; `slash` says whether it crosses slashes. */
  | { readonly kind: 'run'; readonly slash: boolean }
  /** `**` and its slash: nothing at all, or `through` and then on. */
  | { readonly kind: 'fork' }
  | { readonly kind: 'through' };

export interface GlobOptions {
  /** Without it the text is one component: `*`, `?` and `[...]` match a slash too. */
  readonly pathname: boolean;
}

/** A pattern that cannot be compiled; `message` says what is wrong with it. */
export class GlobError extends Error {}

export const maxGlobLength = 1024;

/** Counts the states visited, for whoever wants to know what a match has cost. */
export interface Meter {
  steps: number;
}

/** One compiled pattern. Matching costs at most (length of pattern + 1) x (length of text + 1) steps. */
export class Glob {
  readonly source: string;
  readonly #tokens: readonly Token[];
  readonly #pathname: boolean;

  constructor(source: string, options: GlobOptions = { pathname: true }) {
    this.source = source;
    this.#pathname = options.pathname;
    this.#tokens = compile(source, options.pathname);
  }

  matches(text: string, meter?: Meter): boolean {
    const tokens = this.#tokens;
    let states = new Uint8Array(tokens.length + 1);
    enter(states, tokens, 0);
    for (const char of text) {
      const next = new Uint8Array(tokens.length + 1);
      for (const [at, token] of tokens.entries()) {
        if (meter) meter.steps++;
        if (states[at] === 1) step(next, tokens, at, token, char, this.#pathname);
      }
      states = next;
    }
    return states[tokens.length] === 1;
  }
}

function enter(states: Uint8Array, tokens: readonly Token[], first: number): void {
  let at = first;
  while (states[at] !== 1) {
    states[at] = 1;
    const kind = tokens[at]?.kind;
    if (kind === 'run') at += 1;
    else if (kind === 'fork') {
      states[at + 1] = 1;
      at += 2;
    } else return;
  }
}

function step(
  next: Uint8Array,
  tokens: readonly Token[],
  at: number,
  token: Token,
  char: string,
  pathname: boolean,
): void {
  const barred = pathname && char === '/';
  switch (token.kind) {
    case 'char':
      if (token.char === char) enter(next, tokens, at + 1);
      break;
    case 'one':
      if (!barred) enter(next, tokens, at + 1);
      break;
    case 'class':
      if (!barred && token.has(char.codePointAt(0) ?? 0) !== token.negated) enter(next, tokens, at + 1);
      break;
    case 'run':
      if (token.slash || !barred) enter(next, tokens, at);
      break;
    case 'through':
      next[at] = 1;
      if (char === '/') enter(next, tokens, at + 1);
      break;
    case 'fork':
      break;
  }
}

function compile(source: string, pathname: boolean): readonly Token[] {
  if (source === '') throw new GlobError('is empty');
  if (source.length > maxGlobLength) throw new GlobError(`is longer than ${maxGlobLength} characters`);
  const chars = [...source];
  const tokens: Token[] = [];
  let at = 0;
  while (at < chars.length) {
    const char = chars[at] ?? '';
    if (char === '*') at = readStars(chars, at, pathname, tokens);
    else if (char === '[') at = readClass(chars, at, tokens);
    else {
      if (char === '?') tokens.push({ kind: 'one' });
      else if (char !== '\\') tokens.push({ kind: 'char', char });
      else {
        at++;
        const escaped = chars[at];
        if (escaped === undefined) throw new GlobError('ends with a backslash that escapes nothing');
        tokens.push({ kind: 'char', char: escaped });
      }
      at++;
    }
  }
  return tokens;
}

function readStars(chars: readonly string[], from: number, pathname: boolean, tokens: Token[]): number {
  let at = from;
  while (chars[at] === '*') at++;
  const whole = at - from > 1 && (from === 0 || chars[from - 1] === '/');
  if (!pathname) tokens.push({ kind: 'run', slash: true });
  else if (whole && at === chars.length) tokens.push({ kind: 'run', slash: true });
  else if (whole && chars[at] === '/') {
    tokens.push({ kind: 'fork' }, { kind: 'through' });
    at++;
  } else tokens.push({ kind: 'run', slash: false });
  return at;
}

const namedClasses: Readonly<Record<string, RegExp>> = {
  alnum: /[A-Za-z0-9]/,
  alpha: /[A-Za-z]/,
  digit: /[0-9]/,
  lower: /[a-z]/,
  upper: /[A-Z]/,
  punct: /[!-/:-@[-`{-~]/,
  xdigit: /[0-9A-Fa-f]/,
};

/** `[abc]`, `[!a-z]`, `[^a]`, `[[:digit:]]`; a `]` that comes first is a literal. */
function readClass(chars: readonly string[], from: number, tokens: Token[]): number {
  let at = from + 1;
  const negated = chars[at] === '!' || chars[at] === '^';
  if (negated) at++;
  const parts: ((point: number) => boolean)[] = [];
  for (let first = true; first || chars[at] !== ']'; first = false) {
    if (chars[at] === '[' && chars[at + 1] === ':') {
      const close = chars.indexOf(']', at + 2);
      const name = chars.slice(at + 2, close - 1).join('');
      const known = Object.hasOwn(namedClasses, name) ? namedClasses[name] : undefined;
      if (close < 0 || chars[close - 1] !== ':' || !known)
        throw new GlobError(`has an unknown character class [:${name}:]`);
      parts.push((point) => known.test(String.fromCodePoint(point)));
      at = close + 1;
      continue;
    }
    const low = readMember(chars, at);
    at = low.next;
    let high = low.point;
    if (chars[at] === '-' && chars[at + 1] !== undefined && chars[at + 1] !== ']') {
      const end = readMember(chars, at + 1);
      if (end.point < low.point) throw new GlobError('has a range in [...] that runs backwards');
      high = end.point;
      at = end.next;
    }
    parts.push((point) => point >= low.point && point <= high);
  }
  tokens.push({ kind: 'class', negated, has: (point) => parts.some((part) => part(point)) });
  return at + 1;
}

function readMember(chars: readonly string[], at: number): { point: number; next: number } {
  const escaped = chars[at] === '\\';
  const point = chars[escaped ? at + 1 : at]?.codePointAt(0);
  if (point === undefined) throw new GlobError('has a [ without its ]');
  return { point, next: at + (escaped ? 2 : 1) };
}
