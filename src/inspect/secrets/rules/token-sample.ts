import type { Check } from '../checks/check.ts';
import { parseToken, type TokenSequence } from './token-grammar.ts';

/** From 0 up to but not 1. */
export type Random = () => number;

/** The same seed gives the same numbers (mulberry32). For samples, never for keys. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A token that the grammar matches; with a check that can complete one, its checksum is right. */
export function generate(grammar: string, random: Random, check?: Check): string {
  const token = generateFrom(parseToken(grammar), random);
  return check?.complete === undefined ? token : check.complete(token, random);
}

/** The same with a checksum that is wrong: one character of a right one is another. */
export function generateWrong(grammar: string, random: Random, check: Check): string {
  const right = generate(grammar, random, check);
  for (let at = right.length - 1; at >= 0; at--) {
    const wrong = right.slice(0, at) + another(right.charAt(at)) + right.slice(at + 1);
    if (wrong !== right && check.check(wrong) === 'invalid') return wrong;
  }
  throw new Error('no character of the token is covered by its checksum');
}

const another = (char: string): string => {
  if (/[0-8a-eg-yA-EG-Y]/.test(char)) return String.fromCharCode(char.charCodeAt(0) + 1);
  return /[9fzFZ]/.test(char) ? String.fromCharCode(char.charCodeAt(0) - 1) : char;
};

function generateFrom(sequence: TokenSequence, random: Random): string {
  let text = '';
  for (const node of sequence) {
    if (node.kind === 'literal') text += node.text;
    else if (node.kind === 'choice') text += generateFrom(pick(node.options, random), random);
    else {
      const members = [...node.set.keys()].filter((byte) => node.set[byte] === 1);
      const count = node.min + Math.floor(random() * (node.max - node.min + 1));
      for (let i = 0; i < count; i++) text += String.fromCharCode(pick(members, random));
    }
  }
  return text;
}

function pick<T>(options: readonly T[], random: Random): T {
  return options[Math.floor(random() * options.length)] as T;
}
