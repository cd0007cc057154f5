import { z } from 'zod';
import { GlobError, type GlobOptions } from './glob.ts';
import { didYouMean } from './nearest.ts';
import { PathList } from './paths.ts';
import { Pattern } from './pattern.ts';
import { type Comparison, parseComparison } from './quantities.ts';
import { TextPattern, TextPatternError } from './text-pattern.ts';

/** How the message about an unknown key begins; the keys follow, with commas. */
export const keysHere = 'the keys here are ';

/** A map with these keys and no others. */
export function section<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const keys = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? `${keysHere}${keys}` : `expected a map with the keys ${keys}`,
  });
}

/** A list, or one item without the list. `editors` shows both, see json-schema.ts. */
export function oneOrMany<Item extends z.ZodType>(item: Item) {
  return z.preprocess(
    (value) => (Array.isArray(value) || value === undefined ? value : [value]),
    z.array(item).min(1, 'the list is empty; leave the key out, or name something').meta({ oneOrMany: true }),
  );
}

export const text = z.string('expected text, in quotes');

export const flag = z.boolean('expected true or false');

/** Text that people will read on one line of their terminal. */
export const line = text
  .max(500, 'is longer than 500 characters')
  .regex(/^[^\p{Cc}\p{Zl}\p{Zp}]+$/u, 'expected one line of text');

/** One of these words. */
export function word<const Words extends readonly [string, ...string[]]>(words: Words, expected?: string) {
  return z.enum(words, {
    error: ({ input }) => {
      const known = expected ?? `expected ${words.length > 2 ? 'one of ' : ''}${listed(words)}`;
      if (typeof input !== 'string') return known;
      return `${JSON.stringify(shown(input))} is unknown${didYouMean(input, words)}; ${known}`.replace(
        '?;',
        '?',
      );
    },
  });
}

/** One of many words that are not a type of their own. */
export function wordOf(what: string, words: Iterable<string>, otherwise = '') {
  const known = new Set(words);
  return text.refine((value) => known.has(value), {
    error: ({ input }) => {
      const near = didYouMean(String(input), known);
      return `${JSON.stringify(shown(String(input)))} is no ${what}${near || otherwise}`;
    },
  });
}

function listed(words: readonly string[]): string {
  return words.length === 2 ? words.join(' or ') : words.join(', ');
}

function shown(value: string): string {
  return value.length > 60 ? `${value.slice(0, 60)}...` : value;
}

/** Text that `make` turns into something else; what it throws of `Fault`, or undefined, is a problem. */
export function made<Made>(
  base: z.ZodType<string, unknown>,
  make: (source: string) => Made | undefined,
  expected: string,
) {
  return base.transform((source, context): Made => {
    let why = expected;
    try {
      const value = make(source);
      if (value !== undefined) return value;
    } catch (error) {
      if (!(error instanceof GlobError || error instanceof TextPatternError)) throw error;
      why = error.message;
    }
    context.issues.push({ code: 'custom', input: source, message: `"${shown(source)}" ${why}` });
    return z.NEVER;
  });
}

/** A pattern of names; `fault` says what else is wrong with it. */
export function pattern(options?: GlobOptions, fault?: (source: string) => string | undefined) {
  return made(
    z.string('expected a pattern, in quotes'),
    (source) => {
      const wrong = fault?.(source);
      if (wrong !== undefined) throw new GlobError(wrong);
      return new Pattern(source, options);
    },
    '',
  );
}

/** Patterns without components, which see no differences of ASCII case. */
export const addressPattern = made(
  z.string('expected a pattern of e-mail addresses, in quotes'),
  (source) =>
    new Pattern(
      source.replace(/[A-Z]/g, (letter) => letter.toLowerCase()),
      { pathname: false },
    ),
  '',
);

export const pathList = oneOrMany(z.string('expected a pattern of paths, in quotes')).transform(
  (sources, context): PathList => {
    let at = 0;
    try {
      for (; at < sources.length; at++) new PathList([(sources[at] ?? '').replace(/^!/, '')]);
      return new PathList(sources);
    } catch (error) {
      if (!(error instanceof GlobError)) throw error;
      const path = at < sources.length && sources.length > 1 ? [at] : [];
      const message = `"${shown(sources[at] ?? sources.join(', '))}" ${error.message}`;
      context.issues.push({ code: 'custom', input: sources, message, path });
      return z.NEVER;
    }
  },
);

export const textPattern = made(
  z.string('expected a regular expression, in quotes'),
  (source) => new TextPattern(source),
  '',
);

/** `> 10MiB` and the like. */
export function comparison(quantity: (text: string) => number | undefined, example: string, units = '') {
  return made<Comparison>(
    z.string(`expected a comparison such as "${example}", in quotes`),
    (source) => parseComparison(source, quantity),
    `is not a comparison; write >, >=, <, <= or = and a quantity, such as "${example}"${units}`,
  );
}

/** A quantity without an operator. */
export function quantity(parse: (text: string) => number | undefined, what: string, example: string) {
  return made(text, parse, `is not ${what}; write one such as ${example}`);
}

/** A ref pattern that can match no ref is refused: a rule that never speaks protects nothing. */
function refPatternFault(source: string): string | undefined {
  if (source.endsWith('/')) return `matches no ref; write "${source}**"`;
  if (source.startsWith('refs/') || source.startsWith('**')) return undefined;
  return `matches no ref, for it does not begin with refs/; write "refs/heads/${source}"`;
}

function repoPatternFault(source: string): string | undefined {
  if (source.endsWith('.git')) return 'ends with .git; repositories are named without it';
  return source.includes('/') || source.startsWith('**')
    ? undefined
    : `matches no repository; write OWNER/REPO, such as "${source}/*"`;
}

export const refPatterns = oneOrMany(pattern(undefined, refPatternFault));
export const repoPatterns = oneOrMany(pattern(undefined, repoPatternFault));
export const namePatterns = oneOrMany(pattern());
export const optionPatterns = oneOrMany(pattern({ pathname: false }));
export const kind = word(['person', 'service']);
export const readMode = word(['clear', 'masked', 'deny-secrets', 'cut']);

export const who = section({
  user: namePatterns.optional(),
  name: namePatterns.optional(),
  group: namePatterns.optional(),
  kind: kind.optional(),
});
