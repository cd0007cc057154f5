import { checks } from '../checks/index.ts';
import type { RuleEntry } from './rule-file.ts';
import { generate, generateWrong, type Random } from './token-sample.ts';

const places = /\{(token!?|partner|(?:\[(?:\\.|[^\\\]])+\]|[A-Za-z0-9]+):\d+(?:\.\.\d+)?)\}/g;

/**
 * A sample of a rule from one of its templates. `{token}` becomes a token of the
 * rule (its check's checksum right), `{token!}` one with a wrong checksum,
 * `{partner}` a token of its partner, `{class:n}` what the token grammar says;
 * all other text stands for itself. Words that look like secrets come into being here only.
 */
export function expandTemplate(
  template: string,
  entry: RuleEntry,
  random: Random,
  partner: RuleEntry | undefined,
): string {
  return template.replaceAll(places, (whole, name: string) => {
    if (name === 'token') return sampleOf(entry, random);
    if (name === 'token!') return wrongSampleOf(entry, random);
    if (name !== 'partner') return generate(whole, random);
    if (partner === undefined) throw new Error(`rule ${entry.id} has no partner`);
    return sampleOf(partner, random);
  });
}

function sampleOf(entry: RuleEntry, random: Random): string {
  return generate(anyToken(entry, random), random, checks[entry.check ?? '']);
}

function wrongSampleOf(entry: RuleEntry, random: Random): string {
  const check = checks[entry.check ?? ''];
  if (check === undefined) throw new Error(`rule ${entry.id} has no check that a token could fail`);
  return generateWrong(anyToken(entry, random), random, check);
}

function anyToken(entry: RuleEntry, random: Random): string {
  const tokens = entry.token === undefined ? [] : [entry.token].flat();
  const token = tokens[Math.floor(random() * tokens.length)];
  if (token === undefined) throw new Error(`rule ${entry.id} has no token; write out its samples`);
  return token;
}
