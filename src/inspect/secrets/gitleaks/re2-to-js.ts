import { type ByteSet, rangesOf } from './byte-set.ts';
import { type Assertion, parseRe2, type Re2Node } from './re2-syntax.ts';

/** A pattern for text of which every character is one byte (latin1), without flags: they are written out. */
export interface Translated {
  /** For `new RegExp`, with neither `i`, `m`, `s`, `u` nor `v`. */
  readonly js: string;
  /** The same for an engine of RE2's syntax. */
  readonly re2: string;
  readonly groups: number;
  readonly root: Re2Node;
}

type Dialect = Readonly<Record<Assertion, string>>;

const javaScript: Dialect = {
  'text-start': '(?<![\\s\\S])',
  'text-end': '(?![\\s\\S])',
  'line-start': '(?<![^\\n])',
  'line-end': '(?![^\\n])',
  word: '\\b',
  'not-word': '\\B',
};

const re2: Dialect = {
  'text-start': '\\A',
  'text-end': '\\z',
  'line-start': '(?m:^)',
  'line-end': '(?m:$)',
  word: '\\b',
  'not-word': '\\B',
};

/**
 * Reads RE2's syntax and writes it for JavaScript, and anew for RE2. Both see
 * bytes. Throws PatternError with what RE2 does not have, and what cannot be said here.
 */
export function translateRe2(source: string): Translated {
  const { root, groups } = parseRe2(source);
  return { ...writeNode(root), groups, root };
}

/** A tree, or a part of one, written for both. */
export function writeNode(node: Re2Node): Pick<Translated, 'js' | 're2'> {
  return { js: write(node, javaScript), re2: write(node, re2) };
}

function write(node: Re2Node, dialect: Dialect): string {
  switch (node.kind) {
    case 'set':
      return writeSet(node.set);
    case 'assert':
      return dialect[node.what];
    case 'group':
      return `(${write(node.body, dialect)})`;
    case 'concat':
      return node.parts
        .map((part) => (part.kind === 'either' ? `(?:${write(part, dialect)})` : write(part, dialect)))
        .join('');
    case 'either':
      return node.parts.map((part) => write(part, dialect)).join('|');
    default:
      return writeRepeat(node, dialect);
  }
}

function writeRepeat(node: Re2Node & { readonly kind: 'repeat' }, dialect: Dialect): string {
  const { body, min, max, lazy } = node;
  const inner = write(body, dialect);
  const atom = body.kind === 'set' || body.kind === 'group' ? inner : `(?:${inner})`;
  return `${atom}${writeBounds(min, max)}${lazy ? '?' : ''}`;
}

function writeBounds(min: number, max: number): string {
  if (max === Number.POSITIVE_INFINITY) return min === 0 ? '*' : min === 1 ? '+' : `{${min},}`;
  if (min === 0 && max === 1) return '?';
  return min === max ? `{${min}}` : `{${min},${max}}`;
}

function writeSet(set: ByteSet): string {
  const ranges = rangesOf(set);
  const [first] = ranges;
  if (!first) return '[^\\x00-\\xff]';
  if (ranges.length === 1 && first[0] === first[1]) return writeByte(first[0]);
  const inside = ranges.map(([from, to]) => {
    if (from === to) return writeByte(from);
    return `${writeByte(from)}${to === from + 1 ? '' : '-'}${writeByte(to)}`;
  });
  return `[${inside.join('')}]`;
}

function writeByte(byte: number): string {
  const char = String.fromCharCode(byte);
  return /[A-Za-z0-9]/.test(char) ? char : `\\x${byte.toString(16).padStart(2, '0')}`;
}
