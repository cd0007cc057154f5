import { judgedAt } from './allow.ts';
import { holdsWanted, type Needed, neededLiterals } from './literals.ts';
import type { Re2Node } from './re2-syntax.ts';
import { widthOf } from './safety.ts';
import type { Search } from './search.ts';

/** Where in a match its literal stands, so that one hit of the literal is one place to try. */
export interface Anchor {
  readonly needed: Needed;
  /** What is tried. */
  readonly root: Re2Node;
  /** At so many bytes before the literal. */
  readonly lead: number;
}

/**
 * A literal of which every match has the same distance from its beginning, or
 * has before it only what may as well be nothing: then that is not looked for, where the
 * secret is a group and nobody asks for the whole match.
 */
export function anchorOf(search: Search): Anchor | undefined {
  const { pattern, entry } = search;
  const parts = flatten(pattern.root);
  for (let at = 0; at < parts.length; at++) {
    const before: Re2Node = { kind: 'concat', parts: parts.slice(0, at) };
    const rest: Re2Node = { kind: 'concat', parts: parts.slice(at) };
    const width = widthOf(before);
    const fixed = width.min === width.max;
    if (!fixed && !(parts.slice(0, at).every(mayBeNothing) && secretIsGroup(search))) return undefined;
    const needed = neededLiterals(rest, entry.keywords);
    if (needed?.before !== 0) continue;
    if (entry.keywords.length > 0 && !holdsWanted(needed, entry.keywords)) continue;
    return fixed ? { needed, root: pattern.root, lead: width.min } : { needed, root: rest, lead: 0 };
  }
  return undefined;
}

function flatten(node: Re2Node): readonly Re2Node[] {
  return node.kind === 'concat' ? node.parts.flatMap(flatten) : [node];
}

/** A repetition that may be empty, of a set. */
function mayBeNothing(node: Re2Node): boolean {
  return node.kind === 'repeat' && node.min === 0 && node.body.kind === 'set';
}

function secretIsGroup({ pattern, entry, allowances }: Search): boolean {
  return pattern.groups > 0 && entry.required.length === 0 && judgedAt('match', allowances).length === 0;
}
