/** Rules made for the tests of the engine, and secrets for them; nothing in this file looks like a secret. */
import type { Matcher, SecretRule } from '../../../src/inspect/secrets/rule.ts';

const isWord = (byte: number | undefined): boolean =>
  byte !== undefined && /[A-Za-z0-9]/.test(String.fromCharCode(byte));

/** A prefix and `length` letters or digits, with neither beside it. */
export function prefixMatcher(length: number): Matcher {
  return {
    before: 1,
    after: length + 1,
    find(data, from, to, at, keyword) {
      const end = at + keyword.length + length;
      if (end > to || (at > from && isWord(data[at - 1])) || (end < to && isWord(data[end])))
        return undefined;
      for (let i = at + keyword.length; i < end; i++) if (!isWord(data[i])) return undefined;
      return { start: at, end };
    },
  };
}

export const prefixRule: SecretRule = {
  id: 'made-prefix',
  family: 'made',
  title: 'A made token',
  tier: 'B',
  keywords: ['mk_'],
  ignoreCase: false,
  matcher: prefixMatcher(24),
};

/** `password = "VALUE"`, in any case. */
export const assignmentRule: SecretRule = {
  id: 'made-assignment',
  family: 'generic',
  title: 'A value that is called a password',
  tier: 'D',
  keywords: ['password'],
  ignoreCase: true,
  matcher: {
    before: 0,
    after: 64,
    find(data, _from, to, at, keyword) {
      const text = data.toString('latin1', at + keyword.length, to);
      const found = /^["']?\s{0,3}[:=]\s{0,3}["']?([A-Za-z0-9_]{8,40})/.exec(text);
      if (found === null) return undefined;
      const end = at + keyword.length + found[0].length;
      return { start: end - (found[1] as string).length, end };
    },
  },
};

/** What has no keyword. */
export const shapeRule: SecretRule = {
  id: 'made-shape',
  family: 'made',
  title: 'A made shape',
  tier: 'C',
  keywords: [],
  ignoreCase: false,
  every: (text) =>
    [...text.matchAll(/<<[0-9]{12}>>/g)].map((found) => ({ start: found.index, end: found.index + 16 })),
};

export const madeRules: readonly SecretRule[] = [prefixRule, assignmentRule, shapeRule];

const alphabet = 'abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789';

/** A token of the prefix rule; a different one for each number. */
export function madeToken(n = 0): string {
  let state = (n + 1) * 2654435761;
  let text = '';
  for (let i = 0; i < 24; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    text += alphabet[(state >>> 8) % alphabet.length];
  }
  return `mk_${text}`;
}
