/**
 * A regular expression tried at a keyword: for what stands in a file with its
 * own syntax. The expressions are those of our own rule files, each quantifier
 * bounded and none within another, and see no more than a window of the data.
 */
import { z } from 'zod';
import type { Matcher } from '../rule.ts';
import type { Detector } from './detector.ts';
import { isLiteral, isUncommon, looksGenerated } from './value.ts';

const optionsSchema = z.object({
  /** Matched where the keyword begins; group 1 is the secret. Case matters unless `(?i)` leads. */
  pattern: z.string(),
  /** Bytes after the keyword's begin that are looked at. */
  after: z.number().int().max(8192).default(512),
  /** Bytes before it. */
  before: z.number().int().max(4096).default(0),
  /** Tried first where the keyword begins, on so few bytes that it costs little; where it fails, `pattern` does. */
  first: z.string().optional(),
  /** Of each list one text must stand in the window; letter case does not matter. */
  beside: z.array(z.array(z.string())).default([]),
  value: z.enum(['any', 'literal', 'uncommon', 'generated']).default('literal'),
});

const judges = {
  any: () => true,
  literal: isLiteral,
  uncommon: isUncommon,
  generated: looksGenerated,
} as const;

/** A rule with `detector = "pattern"` and these options. */
export const patternDetector: Detector = (given) => {
  const options = optionsSchema.parse(given);
  const folded = options.pattern.startsWith('(?i)');
  const pattern = new RegExp(folded ? options.pattern.slice(4) : options.pattern, folded ? 'iyd' : 'yd');
  const beside = options.beside.map((texts) => texts.map((text) => text.toLowerCase()));
  const matcher: Matcher = {
    before: options.before,
    after: options.after,
    ...(options.first === undefined ? {} : firstLookOf(options.first)),
    find(data, from, to, at) {
      const text = data.toString('latin1', Math.max(from, at - options.before), to);
      const origin = Math.max(from, at - options.before);
      pattern.lastIndex = at - origin;
      const group = pattern.exec(text)?.indices?.[1];
      if (group === undefined || group[0] === group[1]) return undefined;
      if (beside.length > 0) {
        const lower = text.toLowerCase();
        if (!beside.every((texts) => texts.some((one) => lower.includes(one)))) return undefined;
      }
      return { start: origin + group[0], end: origin + group[1] };
    },
  };
  return { matcher, admit: judges[options.value] };
};

const firstBytes = 128;

function firstLookOf(source: string): Required<Pick<Matcher, 'mayMatch' | 'firstLook'>> {
  const first = new RegExp(source, 'y');
  return {
    firstLook: firstBytes,
    mayMatch(data, from, to, at) {
      const origin = Math.max(from, at - 1);
      first.lastIndex = at - origin;
      return first.test(data.toString('latin1', origin, Math.min(to, at + firstBytes)));
    },
  };
}
