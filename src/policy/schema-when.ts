import { z } from 'zod';
import { fileTypes } from '../domain/facts.ts';
import { type Condition, changes, fileChanges, type SecretCondition } from './document.ts';
import { parseNetwork } from './networks.ts';
import { Pattern } from './pattern.ts';
import { parseCount, parseSize, parseTimeOfDay } from './quantities.ts';
import {
  addressPattern,
  comparison,
  flag,
  made,
  namePatterns,
  oneOrMany,
  optionPatterns,
  pathList,
  refPatterns,
  repoPatterns,
  section,
  text,
  textPattern,
  who,
  word,
  wordOf,
} from './schema-parts.ts';

const count = comparison(parseCount, '> 10');
const size = comparison(parseSize, '> 10MiB', '; units are B, KiB, MiB and GiB');

/** The words that findings, commits and files are told by; the cases of a policy use them too. */
export const words = {
  fileMode: word(['file', 'executable', 'symlink', 'submodule']),
  fileType: wordOf('file type', fileTypes, '; docs/policy.md lists them').meta({ enum: [...fileTypes] }),
  fileChange: word(fileChanges),
  brings: word(['new', 'existing']),
  signature: word(['openpgp', 'ssh', 'x509', 'other']),
  confidence: word(['high', 'medium', 'low']),
  tier: word(['A', 'B', 'C', 'D']),
  place: word([
    'file',
    'commit-message',
    'author',
    'committer',
    'tag-message',
    'tagger',
    'path',
    'ref',
    'push-option',
  ]),
  unknown: word(['history', 'content']),
  refChange: word(changes),
} as const;

const file = section({
  extension: oneOrMany(
    text
      .transform((value) => value.replace(/^\*?\./, '').toLowerCase())
      .pipe(z.string().regex(/^[^/*?[\]]+$/, 'expected an extension such as exe, without wildcards')),
  ).optional(),
  type: oneOrMany(words.fileType).optional(),
  size: size.optional(),
  mode: oneOrMany(words.fileMode).optional(),
  lfs: flag.optional(),
  pathLength: count.optional(),
});

const isPusher = z.union(
  [
    flag,
    made(
      z.string(),
      (source) =>
        source.includes('{user}') ? new Pattern(source.toLowerCase(), { pathname: false }) : undefined,
      'does not name {user}; write true, false or a pattern such as "{user}@example.com"',
    ),
  ],
  'expected true, false or a pattern such as "{user}@example.com"',
);

const commit = section({
  author: oneOrMany(addressPattern).optional(),
  authorName: oneOrMany(addressPattern).optional(),
  committer: oneOrMany(addressPattern).optional(),
  committerName: oneOrMany(addressPattern).optional(),
  message: oneOrMany(textPattern).optional(),
  messageLacks: oneOrMany(textPattern).optional(),
  signed: z
    .union([flag, oneOrMany(words.signature)], 'expected true, false, openpgp, ssh, x509 or other')
    .optional(),
  signedOff: flag.optional(),
  merge: flag.optional(),
  authorIsPusher: isPusher.optional(),
  committerIsPusher: isPusher.optional(),
});

/** What blocks alone, unless the policy names a confidence. */
const sure = ['high', 'medium'] as const;

const secret = z.union(
  [
    word(['any'], 'expected any, or a map with the keys rule, family, confidence, tier, place').transform(
      (): SecretCondition => ({ confidence: sure }),
    ),
    section({
      rule: namePatterns.optional(),
      family: namePatterns.optional(),
      confidence: oneOrMany(words.confidence).default([...sure]),
      tier: oneOrMany(words.tier).optional(),
      place: oneOrMany(words.place).optional(),
    }),
  ],
  'expected any, or a map with the keys rule, family, confidence, tier, place',
);

const push = section({
  refs: count.optional(),
  commits: count.optional(),
  files: count.optional(),
  newFiles: count.optional(),
  objects: count.optional(),
  bytes: size.optional(),
  options: optionPatterns.optional(),
});

const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
const timeOfDay = made(
  z.string('expected a time of day such as "08:30", in quotes'),
  parseTimeOfDay,
  'is not a time of day; write one such as "08:30"',
);

const time = section({
  days: oneOrMany(word(dayNames).transform((day): number => dayNames.indexOf(day))).optional(),
  from: timeOfDay.optional(),
  to: timeOfDay.optional(),
  zone: wordOf('time zone; write one such as "Europe/Berlin"', [
    'UTC',
    ...Intl.supportedValuesOf('timeZone'),
  ]).default('UTC'),
});

const network = made(
  z.string('expected a network such as "10.0.0.0/8", in quotes'),
  parseNetwork,
  'is not a network; write one such as "10.0.0.0/8", with zeros after its length',
);

export const condition: z.ZodType<Condition> = z.lazy(() => conditionSection);

const conditions = z.array(condition, 'expected a list of conditions').min(1, 'the list is empty');

const conditionSection = section({
  who: who.optional(),
  repo: repoPatterns.optional(),
  ref: refPatterns.optional(),
  change: oneOrMany(
    word([...changes, ...fileChanges.filter((change) => change !== 'delete')] as unknown as readonly [
      (typeof changes)[number] | (typeof fileChanges)[number],
    ]),
  ).optional(),
  path: pathList.optional(),
  file: file.optional(),
  brings: words.brings.optional(),
  commit: commit.optional(),
  secret: secret.optional(),
  push: push.optional(),
  time: time.optional(),
  network: oneOrMany(network).optional(),
  hidden: flag.optional(),
  unknown: oneOrMany(words.unknown).optional(),
  not: condition.optional(),
  any: conditions.optional(),
  all: conditions.optional(),
});

/** The keys of `when`, and those of the maps in it. */
export const conditionKeys: readonly string[] = Object.keys(conditionSection.shape);

export const innerKeys: Readonly<Record<string, readonly string[]>> = {
  who: Object.keys(who.shape),
  file: Object.keys(file.shape),
  commit: Object.keys(commit.shape),
  secret: ['rule', 'family', 'confidence', 'tier', 'place'],
  push: Object.keys(push.shape),
  time: Object.keys(time.shape),
};
