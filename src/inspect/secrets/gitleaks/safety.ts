import { allBytes, type ByteSet, noBytes } from './byte-set.ts';
import type { Re2Node } from './re2-syntax.ts';

/** Fewest and most bytes that a match can have; the most may be Infinity. */
export interface Width {
  readonly min: number;
  readonly max: number;
}

export function widthOf(node: Re2Node): Width {
  switch (node.kind) {
    case 'set':
      return { min: 1, max: 1 };
    case 'assert':
      return { min: 0, max: 0 };
    case 'group':
      return widthOf(node.body);
    case 'concat':
      return node.parts
        .map(widthOf)
        .reduce((sum, one) => ({ min: sum.min + one.min, max: sum.max + one.max }), {
          min: 0,
          max: 0,
        });
    case 'either': {
      const all = node.parts.map(widthOf);
      return { min: Math.min(...all.map(({ min }) => min)), max: Math.max(...all.map(({ max }) => max)) };
    }
    default: {
      const { min, max } = widthOf(node.body);
      return { min: min * node.min, max: max === 0 || node.max === 0 ? 0 : max * node.max };
    }
  }
}

/** Instructions of the pattern with its counted repetitions written out: what a linear engine pays per byte at most. */
export function sizeOf(node: Re2Node): number {
  switch (node.kind) {
    case 'group':
      return sizeOf(node.body) + 2;
    case 'concat':
    case 'either':
      return node.parts.reduce((sum, part) => sum + sizeOf(part) + 1, 0);
    case 'repeat':
      return (
        (sizeOf(node.body) + 1) * Math.max(1, node.max === Number.POSITIVE_INFINITY ? node.min + 1 : node.max)
      );
    default:
      return 1;
  }
}

/** Steps that a search of one window may take at most in a backtracking engine: about a millisecond. */
const maxSteps = 500_000;

/**
 * Whether V8, which backtracks, may run the pattern over windows of so many
 * bytes: an upper bound on its steps is small. It is a bound for every input,
 * so a `no` says little and a `yes` can be relied on. Patterns whose groups
 * JavaScript and RE2 fill differently (a group within a repetition) are not
 * for V8 either, nor are repetitions of what can be empty.
 */
export function safeForV8(root: Re2Node, windowBytes: number): boolean {
  const { steps } = costOf(root, noBytes, windowBytes);
  return steps * (windowBytes + 1) <= maxSteps;
}

/** The same where the pattern is tried at one place of the window only. */
export function safeForV8AtOnce(root: Re2Node, windowBytes: number): boolean {
  return costOf(root, noBytes, windowBytes).steps <= maxSteps;
}

interface Cost {
  /** Steps of one attempt at one place. */
  readonly steps: number;
  /** In how many ways it may succeed there: how often what follows may be tried. */
  readonly ways: number;
}

const never: Cost = { steps: Number.POSITIVE_INFINITY, ways: Number.POSITIVE_INFINITY };

/** @param follow the bytes with which what comes after may begin; all of them where that cannot be said. */
function costOf(node: Re2Node, follow: ByteSet, windowBytes: number): Cost {
  switch (node.kind) {
    case 'set':
    case 'assert':
      return { steps: 1, ways: 1 };
    case 'group':
      return costOf(node.body, follow, windowBytes);
    case 'concat':
      return costOfConcat(node.parts, follow, windowBytes);
    case 'either':
      return costOfEither(node.parts, follow, windowBytes);
    default:
      return costOfRepeat(node, follow, windowBytes);
  }
}

function costOfConcat(parts: readonly Re2Node[], follow: ByteSet, windowBytes: number): Cost {
  let after = follow;
  const costs: Cost[] = [];
  for (const part of parts.toReversed()) {
    costs.push(costOf(part, after, windowBytes));
    after = firstOf(part, after);
  }
  return costs
    .toReversed()
    .reduce((sum, one) => ({ steps: sum.steps + sum.ways * one.steps, ways: sum.ways * one.ways }), {
      steps: 1,
      ways: 1,
    });
}

function costOfEither(parts: readonly Re2Node[], follow: ByteSet, windowBytes: number): Cost {
  const costs = parts.map((part) => costOf(part, follow, windowBytes));
  let seen = noBytes;
  let apart = true;
  for (const part of parts) {
    const first = firstOf(part, follow);
    apart &&= (seen & first) === noBytes && widthOf(part).min > 0;
    seen |= first;
  }
  const ways = costs.map((one) => one.ways);
  return {
    steps: costs.reduce((sum, one) => sum + one.steps, 1),
    ways: apart ? Math.max(...ways) : ways.reduce((sum, one) => sum + one, 0),
  };
}

function costOfRepeat(
  node: Re2Node & { readonly kind: 'repeat' },
  follow: ByteSet,
  windowBytes: number,
): Cost {
  const { body, min, max } = node;
  const width = widthOf(body);
  if (max === 0) return { steps: 1, ways: 1 };
  if (width.min === 0 || (max > 1 && hasGroup(body))) return never;
  const first = firstOf(body, allBytes);
  const inner = costOf(body, max > 1 ? first | follow : follow, windowBytes);
  const rounds = Math.min(max, Math.ceil(windowBytes / Math.max(1, width.min)));
  const apart = width.min > 0 && (first & follow) === noBytes;
  if (inner.ways === 1) {
    return { steps: 1 + rounds * (inner.steps + 1), ways: apart ? 1 : Math.max(1, rounds - min + 1) };
  }
  const ways = inner.ways ** rounds;
  return { steps: 1 + rounds * ways * (inner.steps + 1), ways: apart ? ways : ways * (rounds + 1) };
}

/** The bytes with which a match may begin, or what follows where it may be empty. An assertion may stand before anything. */
function firstOf(node: Re2Node, follow: ByteSet): ByteSet {
  switch (node.kind) {
    case 'set':
      return node.set;
    case 'assert':
      return allBytes;
    case 'group':
      return firstOf(node.body, follow);
    case 'concat':
      return node.parts.toReversed().reduce((after, part) => firstOf(part, after), follow);
    case 'either':
      return node.parts.reduce((sum, part) => sum | firstOf(part, follow), noBytes);
    default: {
      const first = node.max === 0 ? noBytes : firstOf(node.body, follow);
      return node.min === 0 || widthOf(node.body).min === 0 ? first | follow : first;
    }
  }
}

function hasGroup(node: Re2Node): boolean {
  if (node.kind === 'group') return true;
  if (node.kind === 'concat' || node.kind === 'either') return node.parts.some(hasGroup);
  return node.kind === 'repeat' && hasGroup(node.body);
}
