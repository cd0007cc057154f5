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
  /** What every matching text begins with, which settles most of them. */
  readonly #prefix: string;
  /** What follows it. */
  readonly #tokens: readonly Token[];
  /** What every matching text ends with, and what it holds in between: they settle most of the others. */
  readonly #suffix: string;
  readonly #inner: string;
  readonly #shape: Shape;
  readonly #pathname: boolean;

  constructor(source: string, options: GlobOptions = { pathname: true }) {
    this.source = source;
    this.#pathname = options.pathname;
    const tokens = compile(source, options.pathname);
    const literal = tokens.findIndex((token) => token.kind !== 'char');
    const head = literal < 0 ? tokens : tokens.slice(0, literal);
    this.#prefix = head.map((token) => (token.kind === 'char' ? token.char : '')).join('');
    this.#tokens = tokens.slice(head.length);
    const runs = literalRuns(this.#tokens);
    this.#suffix = this.#tokens.at(-1)?.kind === 'char' ? (runs.at(-1) ?? '') : '';
    const between = this.#suffix === '' ? runs : runs.slice(0, -1);
    this.#inner = between.reduce((longest, run) => (run.length > longest.length ? run : longest), '');
    this.#shape = shapeOf(this.#tokens, this.#prefix, this.#suffix);
  }

  matches(text: string, meter?: Meter): boolean {
    if (!text.startsWith(this.#prefix)) return false;
    const tokens = this.#tokens;
    if (tokens.length === 0) return text.length === this.#prefix.length;
    if (this.#suffix !== '' && !text.endsWith(this.#suffix)) return false;
    if (this.#shape === 'rest') return true;
    if (this.#shape === 'last-component')
      return text.length === this.#suffix.length || text.at(-this.#suffix.length - 1) === '/';
    if (this.#inner !== '' && !text.includes(this.#inner, this.#prefix.length)) return false;
    let states = new StateSet(tokens);
    let next = new StateSet(tokens);
    states.enter(0);
    for (const char of text.slice(this.#prefix.length)) {
      next.clear();
      for (const at of states.list) {
        if (meter) meter.steps++;
        step(next, at, tokens[at], char, this.#pathname);
      }
      [states, next] = [next, states];
      if (states.list.length === 0) return false;
    }
    return states.has(tokens.length);
  }
}

/**
 * What is left to ask once the prefix and the suffix agree. `rest`: nothing, as
 * for `src/**` and `**\/*.exe`; `last-component`: where it begins, as for `**\/name`.
 */
type Shape = 'rest' | 'last-component' | 'states';

function shapeOf(tokens: readonly Token[], prefix: string, suffix: string): Shape {
  const [first, second, third] = tokens;
  if (tokens.length === 1 && first?.kind === 'run' && first.slash) return 'rest';
  if (tokens.length === 3 && first?.kind === 'fork' && third?.kind === 'run' && third.slash) return 'rest';
  const tail = [...suffix].length;
  if (prefix !== '' || tail === 0 || suffix.includes('/') || first?.kind !== 'fork') return 'states';
  if (second?.kind === 'through' && tokens.length === 2 + tail) return 'last-component';
  return third?.kind === 'run' && tokens.length === 3 + tail ? 'rest' : 'states';
}

/** The literal texts between the wildcards, in order. */
function literalRuns(tokens: readonly Token[]): readonly string[] {
  const runs: string[] = [];
  let open = false;
  for (const token of tokens) {
    if (token.kind !== 'char') open = false;
    else if (open) runs[runs.length - 1] += token.char;
    else {
      runs.push(token.char);
      open = true;
    }
  }
  return runs;
}

/** The places in the pattern that the text so far may have led to; the one after the last token is the end. */
class StateSet {
  readonly list: number[] = [];
  readonly #tokens: readonly Token[];
  readonly #in: Uint8Array;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
    this.#in = new Uint8Array(tokens.length + 1);
  }

  has(at: number): boolean {
    return this.#in[at] === 1;
  }

  clear(): void {
    for (const at of this.list) this.#in[at] = 0;
    this.list.length = 0;
  }

  add(at: number): void {
    if (this.has(at)) return;
    this.#in[at] = 1;
    this.list.push(at);
  }

  /** Adds a place, and those that are reached from it without a character. */
  enter(first: number): void {
    let at = first;
    while (!this.has(at)) {
      this.add(at);
      const kind = this.#tokens[at]?.kind;
      if (kind === 'fork') this.add(at + 1);
      else if (kind !== 'run') return;
      at += kind === 'fork' ? 2 : 1;
    }
  }
}

function step(next: StateSet, at: number, token: Token | undefined, char: string, pathname: boolean): void {
  const barred = pathname && char === '/';
  switch (token?.kind) {
    case 'char':
      if (token.char === char) next.enter(at + 1);
      break;
    case 'one':
      if (!barred) next.enter(at + 1);
      break;
    case 'class':
      if (!barred && token.has(char.codePointAt(0) ?? 0) !== token.negated) next.enter(at + 1);
      break;
    case 'run':
      if (token.slash || !barred) next.enter(at);
      break;
    case 'through':
      next.add(at);
      if (char === '/') next.enter(at + 1);
      break;
    default:
      // A fork leads on before any character, and the end leads nowhere.
      break;
  }
}

function compile(source: string, pathname: boolean): readonly Token[] {
  if (source === '') throw new GlobError('is empty');
  if (source.length > maxGlobLength) throw new GlobError(`is longer than ${maxGlobLength} characters`);
  if (/\p{Surrogate}/u.test(source)) throw new GlobError('is not well-formed Unicode');
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
