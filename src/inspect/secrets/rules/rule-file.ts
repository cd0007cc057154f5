/**
 * Our own rule files: TOML with an array of `[[rule]]`. The keys are those of
 * the schema; token-grammar.ts says how a token is written. The files lie beside
 * this one, and `node scripts/copy-files.mjs OUTDIR` copies them beside the
 * compiled code, because tsc does not: `npm run build` calls it for dist.
 */
import { parse, TomlError } from 'smol-toml';
import { z } from 'zod';
import { RefgateError } from '../../../domain/error.ts';

const texts = z.array(z.string().min(1)).min(1);

const ruleSchema = z
  .strictObject({
    id: z.string().regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/),
    family: z.string().regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/),
    title: z.string().min(1),
    tier: z.enum(['A', 'B', 'C', 'D']),
    /** In the token grammar; the rule matches any of several. */
    token: z.union([z.string().min(1), texts]).optional(),
    /** The class of bytes that may not stand beside the token: a name of the grammar, or `[...]`. */
    boundary: z.string().optional(),
    /** Instead of a token: code by its name in detectors/index.ts, and what it is told. */
    detector: z.string().optional(),
    options: z.record(z.string(), z.unknown()).optional(),
    /** The name of a check in checks/index.ts. */
    check: z.string().optional(),
    confidence: z.enum(['high', 'medium', 'low']).optional(),
    /** With a token: it must come within `near` bytes after one of them (or before, with `around`). */
    keywords: texts.optional(),
    /** Of keywords; true unless said otherwise for a token that needs one, false for a detector. */
    ignoreCase: z.boolean().optional(),
    near: z.number().int().min(1).max(1000).optional(),
    around: z.boolean().optional(),
    /** The id of a rule of the same set: a match of it within five lines is as good as a keyword. */
    partner: z.string().optional(),
    path: texts.optional(),
    notPath: texts.optional(),
    /** Globs: a file that matches is a finding, whatever it holds. */
    secretPath: texts.optional(),
    /** Bits for each character of the token without its literal beginning. */
    entropy: z.number().positive().max(8).optional(),
    /** The token must read like what a generator made, not like words: for tokens with no literal in them. */
    generated: z.boolean().optional(),
    stop: texts.optional(),
    /** Templates that must be found, and must not at medium or high; see template.ts. */
    true: texts,
    false: texts,
  })
  .refine((rule) => [rule.token, rule.detector, rule.secretPath].some((key) => key !== undefined), {
    message: 'a rule needs a token, a detector or a secretPath',
  })
  .refine((rule) => rule.token === undefined || rule.detector === undefined, {
    message: 'a rule has a token or a detector, not both',
  })
  .refine((rule) => rule.keywords?.every((keyword) => /^[\x20-\x7e]{3,}$/.test(keyword)) ?? true, {
    message: 'a keyword is printable ASCII, and at least three characters long',
    path: ['keywords'],
  });

/** One `[[rule]]`, as it is written. */
export type RuleEntry = z.infer<typeof ruleSchema>;

const fileSchema = z.strictObject({ rule: z.array(z.unknown()).min(1) });

/** Throws SECRET_RULES_INVALID (operator), which names the file and the rule. */
export function readRuleFile(toml: string, file: string): readonly RuleEntry[] {
  let document: unknown;
  try {
    document = parse(toml);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const what = error.message.split('\n')[0]?.replace(/^Invalid TOML document: /, '');
    throw invalidRules(`${file}:${error.line}:${error.column}: ${what}; correct the TOML`, error);
  }
  const whole = fileSchema.safeParse(document);
  if (!whole.success)
    throw invalidRules(`${file}: ${issuesOf(whole.error)}; a rule file holds [[rule]] and nothing else`);
  return whole.data.rule.map((entry, index) => {
    const rule = ruleSchema.safeParse(entry);
    if (rule.success) return rule.data;
    throw invalidRules(`${file}: ${nameOf(entry, index)}: ${issuesOf(rule.error)}; correct or remove it`);
  });
}

/** SECRET_RULES_INVALID with blame operator. */
export function invalidRules(detail: string, cause?: unknown): RefgateError {
  return new RefgateError('SECRET_RULES_INVALID', 'operator', detail, cause === undefined ? {} : { cause });
}

const nameOf = (entry: unknown, index: number): string => {
  const id = typeof entry === 'object' && entry !== null && 'id' in entry ? entry.id : undefined;
  return typeof id === 'string' ? `rule ${id}` : `rule number ${index + 1}`;
};

const issuesOf = (error: z.ZodError): string =>
  error.issues
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`))
    .join('; ');
