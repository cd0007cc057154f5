import { z } from 'zod';
import { codeownersName, defaultWithin, maxDefaultWait } from './ask-terms.ts';
import type { AskTerms } from './document.ts';
import { isDate, parseDuration } from './quantities.ts';
import { cases } from './schema-cases.ts';
import {
  flag,
  line,
  namePatterns,
  oneOrMany,
  optionPatterns,
  pathList,
  quantity,
  readMode,
  refPatterns,
  repoPatterns,
  section,
  text,
  textPattern,
  who,
  word,
} from './schema-parts.ts';
import { condition } from './schema-when.ts';

const duration = quantity(parseDuration, 'a duration', '30m');
const votes = z.int('expected a whole number').min(1, 'is less than 1').max(20, 'is more than 20');
const groupNames = oneOrMany(
  text.regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'expected the name of a group: a-z, 0-9, ".", "_" and "-"'),
);
const mode = word(['enforce', 'evaluate']);

const askKeys = section({
  group: groupNames.optional(),
  from: groupNames.optional(),
  approvals: votes.default(1),
  denials: votes.default(1),
  within: duration.default(defaultWithin),
  wait: duration.optional(),
  onApprove: word(['relay', 'retry']).default('retry'),
  reason: z
    .union(
      [flag, z.literal('required').transform(() => true), textPattern.transform((pattern) => pattern.source)],
      'expected true, required, false or a pattern',
    )
    .optional(),
  breakGlass: groupNames.optional(),
});

const ask = askKeys.transform(({ group = [], from = [], wait, ...terms }, context): AskTerms => {
  const named = new Set([...group, ...from]);
  const codeowners = named.delete(codeownersName);
  const groups = [...named];
  if (groups.length === 0 && !codeowners) {
    const message = `names nobody to ask; give group: NAME, or from: ${codeownersName}`;
    context.issues.push({ code: 'custom', input: group, message });
    return z.NEVER;
  }
  return { ...terms, groups, codeowners, wait: wait ?? Math.min(terms.within, maxDefaultWait) };
});

const thenText = 'expected allow, deny, warn or { ask: { group: NAME } }';

const then = z.union([word(['allow', 'deny', 'warn'], thenText), section({ ask })], thenText);

const accessLine = section({
  who,
  repo: repoPatterns,
  may: oneOrMany(word(['read', 'write'])),
  read: readMode.optional(),
  only: refPatterns.optional(),
  alsoRefs: refPatterns.optional(),
  pushOptions: optionPatterns.optional(),
});

/** The keys of an access line. */
export const accessKeys: readonly string[] = Object.keys(accessLine.shape);

const rule = section({
  name: text.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'expected a name of letters, digits, - _ and .'),
  when: condition,
  then,
  mode: mode.optional(),
  say: line.optional(),
});

/** The keys of a rule, and those of `ask`. */
export const ruleKeys: readonly string[] = [...Object.keys(rule.shape), ...Object.keys(askKeys.shape)];

const checkEffect = word(['deny', 'warn', 'allow']);

const thenCheck = 'expected deny, warn, allow or { ask: { group: NAME } }';

const checks = section({
  'hidden-objects': checkEffect.default('deny'),
  unscanned: checkEffect.default('deny'),
  'unknown-history': checkEffect.default('deny'),
  placeholders: z
    .union([word(['deny', 'warn', 'allow'], thenCheck), section({ ask })], thenCheck)
    .default('deny'),
});

/** The names of the built-in checks. */
export const checkKeys: readonly string[] = Object.keys(checks.shape);

const allowedSecret = section({
  fingerprint: text.regex(/^[0-9a-f]{32}$/, 'expected the 32 hex digits of a finding').optional(),
  rule: namePatterns.optional(),
  path: pathList.optional(),
  reason: line,
  until: text.refine(isDate, 'expected a day such as 2027-01-31').optional(),
});

const secrets = section({
  allowComments: flag.default(false),
  allow: z.array(allowedSecret, 'expected a list of { fingerprint, rule, path, reason, until }').default([]),
});

export const policySchema = section({
  mode: mode.default('enforce'),
  checks: checks.prefault({}),
  secrets: secrets.prefault({}),
  access: z.array(accessLine, 'expected a list of access lines; nothing is readable or writable without one'),
  rules: z.array(rule, 'expected a list of rules').default([]),
  tests: cases.default([]),
});

/** The keys of the file, and of `secrets`. */
export const fileKeys: readonly string[] = [
  ...Object.keys(policySchema.shape),
  ...Object.keys(secrets.shape),
  ...Object.keys(allowedSecret.shape),
];

/** A file of cases beside the policy. */
export const casesSchema = section({ tests: cases });
