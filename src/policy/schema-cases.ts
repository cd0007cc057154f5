import { z } from 'zod';
import { parseSize } from './quantities.ts';
import { flag, kind, quantity, readMode, section, text, word } from './schema-parts.ts';
import { words } from './schema-when.ts';

const size = quantity(parseSize, 'a size', '12MiB');
const whole = z.int('expected a whole number').min(0, 'is less than 0');
const ordinal = z.int('expected a whole number, counted from 1').min(1, 'is counted from 1');

const commit = section({
  author: text.optional(),
  committer: text.optional(),
  message: text.optional(),
  signed: z.union([flag, words.signature], 'expected true, false, openpgp, ssh, x509 or other').optional(),
  merge: flag.optional(),
});

const file = section({
  path: text.min(1, 'is empty'),
  from: text.optional(),
  change: words.fileChange.optional(),
  size: size.optional(),
  type: words.fileType.optional(),
  mode: words.fileMode.optional(),
  lfs: flag.optional(),
  brings: words.brings.optional(),
  commit: ordinal.optional(),
});

const secret = section({
  rule: text.optional(),
  family: text.optional(),
  confidence: words.confidence.optional(),
  tier: words.tier.optional(),
  place: words.place.optional(),
  path: text.optional(),
  line: ordinal.optional(),
  fingerprint: text.optional(),
  comment: flag.optional(),
  baseline: flag.optional(),
  commit: ordinal.optional(),
});

const placeholder = section({
  path: text.min(1, 'is empty'),
  how: word(['new-line', 'new-file', 'sensitive-path', 'symlink']).optional(),
  rule: text.optional(),
  line: ordinal.optional(),
});

const instant = text.refine(
  (value) =>
    /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)$/.test(value) && Date.parse(value) > 0,
  'expected a time such as 2026-12-24T18:00:00Z',
);

const policyCase = section({
  name: text.min(1, 'is empty'),
  user: text.optional(),
  who: section({
    user: text,
    kind: kind.optional(),
    groups: z.array(text, 'expected a list of groups').optional(),
    emails: z.array(text, 'expected a list of e-mail addresses').optional(),
  }).optional(),
  repo: text,
  may: word(['read', 'write']).optional(),
  read: readMode.optional(),
  updates: z
    .array(section({ ref: text, change: words.refChange }), 'expected a list of { ref, change }')
    .min(1, 'the list is empty')
    .optional(),
  commits: z.array(commit, 'expected a list of commits').optional(),
  files: z.array(file, 'expected a list of files').optional(),
  secrets: z.array(secret, 'expected a list of secrets').optional(),
  unknown: z.array(words.unknown, 'expected a list of history and content').optional(),
  hidden: whole.optional(),
  placeholders: z.array(placeholder, 'expected a list of { path, how, rule, line }').optional(),
  objects: whole.optional(),
  bytes: size.optional(),
  pushOptions: z.array(text, 'expected a list of push options').optional(),
  at: instant.optional(),
  address: text.optional(),
  expect: word(['allow', 'warn', 'ask', 'deny']),
  rule: text.optional(),
  rules: z.array(text, 'expected a list of names of rules').optional(),
  asks: section({
    groups: z.array(text, 'expected a list of groups').optional(),
    codeowners: flag.optional(),
  }).optional(),
});

export const cases = z.array(policyCase, 'expected a list of cases');

/** The keys of a case. */
export const caseKeys: readonly string[] = Object.keys(policyCase.shape);
