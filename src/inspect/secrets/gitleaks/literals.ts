import { byteRange, rangesOf } from './byte-set.ts';
import type { Re2Node } from './re2-syntax.ts';
import { widthOf } from './safety.ts';

/** Every match holds one of these, in lower case or not. */
export interface Needed {
  /** ASCII, in lower case. */
  readonly literals: readonly string[];
  /** Bytes of a match before the literal, and from its first byte on; Infinity when there is no bound. */
  readonly before: number;
  readonly after: number;
}

/** More strings than this are not told apart. */
const maxStrings = 64;
const maxLiteral = 40;

interface Known {
  /** All strings that the node can match, in lower case. */
  readonly exact?: readonly string[];
  readonly needed?: Needed;
}

/**
 * Strings of which every match of the pattern holds at least one: those among
 * them that hold a wanted word, else the longest. Undefined when there are none of two bytes or more.
 */
export function neededLiterals(root: Re2Node, wanted: readonly string[]): Needed | undefined {
  const known = learn(root, wanted);
  const best = better(asNeeded(known.exact, 0, widthOf(root).max), known.needed, wanted);
  return best && shortest(best) >= 2 ? best : undefined;
}

function learn(node: Re2Node, wanted: readonly string[]): Known {
  switch (node.kind) {
    case 'set':
      return learnSet(node.set);
    case 'assert':
      return { exact: [''] };
    case 'group':
      return learn(node.body, wanted);
    case 'concat':
      return learnConcat(node.parts, wanted);
    case 'either':
      return learnEither(node, wanted);
    default:
      return learnRepeat(node, wanted);
  }
}

function learnSet(set: bigint): Known {
  if ((set & byteRange(128, 255)) !== 0n) return {};
  const strings = new Set<string>();
  for (const [from, to] of rangesOf(set))
    for (let byte = from; byte <= to; byte++) {
      strings.add(String.fromCharCode(byte).toLowerCase());
      if (strings.size > 4) return {};
    }
  return strings.size === 0 ? {} : { exact: [...strings] };
}

function learnConcat(parts: readonly Re2Node[], wanted: readonly string[]): Known {
  const widths = parts.map((part) => widthOf(part).max);
  const sum = (from: number, to: number): number => widths.slice(from, to).reduce((all, one) => all + one, 0);
  let run: readonly string[] = [''];
  let from = 0;
  let whole = true;
  let best: Needed | undefined;
  const flush = (next: number): void => {
    best = better(best, asNeeded(run, sum(0, from), sum(from, parts.length)), wanted);
    run = [''];
    from = next;
  };
  for (const [at, part] of parts.entries()) {
    const known = learn(part, wanted);
    const longer = known.exact && product(run, known.exact);
    if (longer) {
      run = longer;
      continue;
    }
    whole = false;
    flush(at + 1);
    if (known.exact) {
      run = known.exact;
      from = at;
    } else if (known.needed) {
      const { literals, before, after } = known.needed;
      const inner = { literals, before: sum(0, at) + before, after: after + sum(at + 1, parts.length) };
      best = better(best, inner, wanted);
    }
  }
  if (whole) return { exact: run };
  flush(parts.length);
  return best ? { needed: best } : {};
}

function learnEither(node: Re2Node & { readonly kind: 'either' }, wanted: readonly string[]): Known {
  const all = node.parts.map((part) => ({ known: learn(part, wanted), width: widthOf(part).max }));
  const exact = [...new Set(all.flatMap(({ known }) => known.exact ?? []))];
  if (all.every(({ known }) => known.exact) && exact.length <= maxStrings) return { exact };
  const each = all.map(({ known, width }) => better(asNeeded(known.exact, 0, width), known.needed, wanted));
  const found = each.filter((one) => one !== undefined);
  const literals = [...new Set(found.flatMap((one) => one.literals))];
  if (found.length < each.length || literals.length > maxStrings) return {};
  const before = Math.max(...found.map((one) => one.before));
  return { needed: { literals, before, after: Math.max(...found.map((one) => one.after)) } };
}

function learnRepeat(node: Re2Node & { readonly kind: 'repeat' }, wanted: readonly string[]): Known {
  const known = learn(node.body, wanted);
  if (known.exact && node.max <= 8) {
    let power: readonly string[] | undefined = [''];
    const all = new Set<string>(node.min === 0 ? [''] : []);
    for (let count = 1; power && count <= node.max; count++) {
      power = product(power, known.exact);
      if (power && count >= node.min) for (const one of power) all.add(one);
    }
    if (power && all.size <= maxStrings) return { exact: [...all] };
  }
  if (node.min === 0) return {};
  const needed = better(asNeeded(known.exact, 0, widthOf(node.body).max), known.needed, wanted);
  return needed ? { needed: { ...needed, after: widthOf(node).max } } : {};
}

function product(heads: readonly string[], tails: readonly string[]): readonly string[] | undefined {
  if (heads.length * tails.length > maxStrings) return undefined;
  const all = [...new Set(heads.flatMap((head) => tails.map((tail) => head + tail)))];
  return all.every((one) => one.length <= maxLiteral) ? all : undefined;
}

function asNeeded(exact: readonly string[] | undefined, before: number, after: number): Needed | undefined {
  return exact && exact.length > 0 && exact.every((one) => one !== '')
    ? { literals: exact, before, after }
    : undefined;
}

function better(
  one: Needed | undefined,
  other: Needed | undefined,
  wanted: readonly string[],
): Needed | undefined {
  if (!one || !other) return one ?? other;
  const [first, second] = [holdsWanted(one, wanted), holdsWanted(other, wanted)];
  if (first !== second) return first ? one : other;
  return shortest(other) > shortest(one) ? other : one;
}

/** Whether each of the literals holds one of the words. */
export function holdsWanted({ literals }: Needed, wanted: readonly string[]): boolean {
  return literals.every((literal) => wanted.some((word) => literal.includes(word)));
}

function shortest({ literals }: Needed): number {
  return Math.min(...literals.map((literal) => literal.length));
}
