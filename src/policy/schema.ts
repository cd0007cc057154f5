import { z } from 'zod';
import { GlobError, type GlobOptions } from './glob.ts';
import { Pattern } from './pattern.ts';

/** What a rule can say about one ref update; an update is also either a fast-forward or not. */
export const changes = ['create', 'update', 'delete', 'fast-forward', 'non-fast-forward'] as const;

export type Change = (typeof changes)[number];

export interface Who {
  readonly user?: readonly Pattern[] | undefined;
  /** The same as `user`. */
  readonly name?: readonly Pattern[] | undefined;
  readonly group?: readonly Pattern[] | undefined;
  readonly kind?: 'person' | 'service' | undefined;
}

/** Every key that is there must match. */
export interface Condition {
  readonly who?: Who | undefined;
  readonly repo?: readonly Pattern[] | undefined;
  readonly ref?: readonly Pattern[] | undefined;
  readonly change?: readonly Change[] | undefined;
  readonly not?: Condition | undefined;
  readonly any?: readonly Condition[] | undefined;
  readonly all?: readonly Condition[] | undefined;
}

export interface AccessLine {
  readonly who: Who;
  readonly repo: readonly Pattern[];
  readonly may: readonly ('read' | 'write')[];
  readonly only?: readonly Pattern[] | undefined;
  readonly alsoRefs?: readonly Pattern[] | undefined;
  readonly pushOptions?: readonly Pattern[] | undefined;
}

export interface Rule {
  readonly name: string;
  readonly when: Condition;
  readonly then: 'allow' | 'deny';
  readonly say?: string | undefined;
}

/** One case of `refgate policy test`. */
export interface PolicyCase {
  readonly name: string;
  readonly user?: string | undefined;
  readonly who?:
    | {
        readonly user: string;
        readonly kind?: 'person' | 'service' | undefined;
        readonly groups?: readonly string[] | undefined;
      }
    | undefined;
  readonly repo: string;
  readonly may?: 'read' | 'write' | undefined;
  readonly updates?: readonly { readonly ref: string; readonly change: Change }[] | undefined;
  readonly pushOptions?: readonly string[] | undefined;
  readonly expect: 'allow' | 'deny';
  readonly rule?: string | undefined;
}

export interface PolicyDocument {
  readonly access: readonly AccessLine[];
  readonly rules: readonly Rule[];
  readonly tests: readonly PolicyCase[];
}

/** Keys of `when` and values of `then` that the language has a place for, and this version does not know. */
export const notYet: ReadonlySet<string> = new Set([
  'ask',
  'warn',
  'path',
  'secret',
  'file',
  'size',
  'commit',
  'message',
  'author',
  'committer',
  'signature',
  'tag',
  'time',
  'address',
]);

export const notYetText = (word: string): string =>
  `"${word}" is not supported by this version; remove it, for it would not be enforced`;

function section<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const keys = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `the keys here are ${keys}`
        : `expected a map with the keys ${keys}`,
  });
}

function oneOrMany<Item extends z.ZodType>(item: Item) {
  return z.preprocess(
    (value) => (Array.isArray(value) || value === undefined ? value : [value]),
    z.array(item).min(1, 'the list is empty; leave the key out, or name something'),
  );
}

function pattern(options?: GlobOptions, check?: (source: string) => string | undefined) {
  return z.string('expected a pattern, in quotes').transform((source, context) => {
    try {
      const wrong = check?.(source);
      if (wrong === undefined) return new Pattern(source, options);
      context.issues.push({ code: 'custom', input: source, message: `the pattern "${source}" ${wrong}` });
    } catch (error) {
      if (!(error instanceof GlobError)) throw error;
      context.issues.push({
        code: 'custom',
        input: source,
        message: `the pattern "${source}" ${error.message}`,
      });
    }
    return z.NEVER;
  });
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

const refPatterns = oneOrMany(pattern(undefined, refPatternFault));
const repoPatterns = oneOrMany(pattern(undefined, repoPatternFault));
const namePatterns = oneOrMany(pattern());
const kind = z.enum(['person', 'service'], 'expected person or service');
const change = z.enum(changes, `expected one of ${changes.join(', ')}`);
const effect = z.enum(['allow', 'deny'], 'expected allow or deny');
const text = z.string('expected text');

/** Text that people will read on one line of their terminal. */
const line = text
  .max(500, 'is longer than 500 characters')
  .regex(/^[^\p{Cc}\p{Zl}\p{Zp}]+$/u, 'expected one line of text');

const then = z.unknown().transform((value, context): 'allow' | 'deny' => {
  if (value === 'allow' || value === 'deny') return value;
  const word =
    typeof value === 'object' && value !== null ? Object.keys(value).find((key) => notYet.has(key)) : value;
  const message = typeof word === 'string' && notYet.has(word) ? notYetText(word) : 'expected allow or deny';
  context.issues.push({ code: 'custom', input: value, message });
  return z.NEVER;
});

const who = section({
  user: namePatterns.optional(),
  name: namePatterns.optional(),
  group: namePatterns.optional(),
  kind: kind.optional(),
});

const condition: z.ZodType<Condition> = z.lazy(() => conditionSection);

const conditions = z.array(condition, 'expected a list of conditions').min(1, 'the list is empty');

const conditionSection = section({
  who: who.optional(),
  repo: repoPatterns.optional(),
  ref: refPatterns.optional(),
  change: oneOrMany(change).optional(),
  not: condition.optional(),
  any: conditions.optional(),
  all: conditions.optional(),
});

/** The keys of `when`. */
export const conditionKeys: readonly string[] = Object.keys(conditionSection.shape);

const accessLine = section({
  who,
  repo: repoPatterns,
  may: oneOrMany(z.enum(['read', 'write'], 'expected read or write')),
  only: refPatterns.optional(),
  alsoRefs: refPatterns.optional(),
  pushOptions: oneOrMany(pattern({ pathname: false })).optional(),
});

/** The keys of an access line. */
export const accessKeys: readonly string[] = Object.keys(accessLine.shape);

const rule = section({
  name: text.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'expected a name of letters, digits, - _ and .'),
  when: condition,
  then,
  say: line.optional(),
});

const policyCase = section({
  name: text.min(1, 'is empty'),
  user: text.optional(),
  who: section({ user: text, kind: kind.optional(), groups: z.array(text).optional() }).optional(),
  repo: text,
  may: z.enum(['read', 'write'], 'expected read or write').optional(),
  updates: z
    .array(section({ ref: text, change }))
    .min(1, 'the list is empty')
    .optional(),
  pushOptions: z.array(text).optional(),
  expect: effect,
  rule: text.optional(),
});

const cases = z.array(policyCase, 'expected a list of cases');

export const policySchema = section({
  access: z.array(accessLine, 'expected a list of access lines; nothing is readable or writable without one'),
  rules: z.array(rule, 'expected a list of rules').default([]),
  tests: cases.default([]),
});

/** A file of cases beside the policy. */
export const casesSchema = section({ tests: cases });
