import type { Matcher, SecretRule, Span } from '../rule.ts';
import { allowedBy, asBytes, compilePattern, judgedAt } from './allow.ts';
import { type Anchor, anchorOf } from './anchor.ts';
import type { GitleaksEntry } from './gitleaks-file.ts';
import { holdsWanted, type Needed, neededLiterals } from './literals.ts';
import { type Found, PatternAt } from './pattern.ts';
import { type Proximity, proximityOf } from './proximity.ts';
import type { Re2Node } from './re2-syntax.ts';
import { admitOf, type RuleParts, type Search, secretOf } from './search.ts';

/** Bytes that a pattern without bounds may reach before a literal of it, and from there on. */
const reachBefore = 2_048;
const reachAfter = 14_000;
/** No literal is longer. */
const maxKeyword = 64;

/**
 * The rule as the engine runs it. gitleaks tries the pattern on the whole text
 * as soon as a keyword is anywhere in it. Where every match must hold a
 * keyword, or the rule has none and every match must hold some other literal, the engine's
 * automaton finds those, and the pattern sees a window around each: the findings are the same. Where the
 * keyword only switches the rule on, the pattern runs over the whole text in slices, each
 * of which must hold a keyword (gitleaks cuts large files into such pieces too).
 */
export function toSecretRule(search: Search | undefined, entry: GitleaksEntry, parts: RuleParts): SecretRule {
  const { allowances } = parts;
  const path = entry.path === undefined ? undefined : compilePattern(entry.path, `${entry.where}: path`);
  const atPath = judgedAt('path', allowances);
  const atCommit = judgedAt('commit', allowances);
  const base: SecretRule = {
    id: entry.id,
    family: 'custom',
    title: entry.description ?? entry.id,
    tier: 'C',
    keywords: [],
    ignoreCase: true,
    ...(atCommit.length === 0 ? {} : { admitCommit: (commit) => !allowedBy(atCommit, { commit }) }),
  };
  if (!search) {
    const byPath = judgedAt('path', allowances).filter(({ needs }) => !needs.includes('secret'));
    return {
      ...base,
      isSecretPath: (given) => path?.test(asBytes(given)) === true && !allowedBy(byPath, { path: given }),
    };
  }
  const admitPath = (given: string, secret: string): boolean =>
    path?.test(asBytes(given)) !== false && !allowedBy(atPath, { path: given, secret });
  return {
    ...base,
    ...finderOf(search, proximityOf(search, parts)),
    admit: admitOf(search),
    ...(path || atPath.length > 0 ? { admitPath } : {}),
  };
}

function finderOf(search: Search, near: Proximity): Pick<SecretRule, 'keywords' | 'matcher' | 'every'> {
  const { keywords } = search.entry;
  const anchor = anchorOf(search);
  if (anchor) return { keywords: anchor.needed.literals, matcher: anchoredMatcher(search, anchor, near) };
  const needed = neededLiterals(search.pattern.root, keywords);
  if (needed && (keywords.length === 0 || holdsWanted(needed, keywords)))
    return { keywords: needed.literals, matcher: matcherOf(search, needed, near) };
  return { keywords: [], every: everyOf(search, near) };
}

function matcherOf(search: Search, { before, after, literals }: Needed, near: Proximity): Matcher {
  const { pattern } = search;
  const anchored = hasEndAssertion(pattern.root);
  const judge = judgeMatch(search);
  return {
    before: Math.min(before, reachBefore) + 1,
    after: Math.min(after - Math.min(...literals.map(({ length }) => length)), reachAfter) + 1,
    find(data, from, to, at, keyword) {
      const text = data.toString('latin1', from, to);
      const [first, last] = [at - from, at - from + keyword.length];
      // The first byte is there for \b and ^ to look at, unless the data begin with it.
      for (const found of pattern.all(text, from > 0 ? 1 : 0)) {
        if (found.start > first) return undefined;
        if (found.end < last || (anchored && found.end === text.length && to < data.length)) continue;
        const secret = secretOf(search, found);
        if (!judge(text, found, secret)) continue;
        if (near.always || near.holds(around(data, from + found.start, near.reach)))
          return { start: from + secret.start, end: from + secret.end };
      }
      return undefined;
    },
  };
}

/** Tries the pattern at one place for each hit. */
function anchoredMatcher(search: Search, { needed, root, lead }: Anchor, near: Proximity): Matcher {
  const ended = hasEndAssertion(root);
  const judge = judgeMatch(search);
  const shortest = Math.min(...needed.literals.map(({ length }) => length));
  const after = Math.min(needed.after - shortest, reachAfter) + 1;
  const pattern = new PatternAt(root, lead + after + maxKeyword);
  return {
    before: lead + 1,
    after,
    find(data, from, to, at) {
      if (at - lead < from) return undefined;
      const text = data.toString('latin1', from, to);
      const found = pattern.match(text, at - lead - from);
      if (!found || (ended && found.end === text.length && to < data.length)) return undefined;
      const secret = secretOf(search, found);
      if (!judge(text, found, secret)) return undefined;
      if (!near.always && !near.holds(around(data, from + found.start, near.reach))) return undefined;
      return { start: from + secret.start, end: from + secret.end };
    },
  };
}

function around(data: Buffer, start: number, reach: number): { text: string; at: number } {
  const from = Math.max(0, start - reach);
  return { text: data.toString('latin1', from, Math.min(data.length, start + reach)), at: start - from };
}

/** Bytes of the pieces in which a text is searched, and by how much they overlap at most. */
const pieceBytes = 12_288;
const mostOverlap = 4_000;

function everyOf(search: Search, near: Proximity): NonNullable<SecretRule['every']> {
  const { pattern } = search;
  const judge = judgeMatch(search);
  const gate = gateOf(search.entry.keywords);
  const overlap = Math.min(pattern.width, mostOverlap) + 2;
  const anchored = hasEndAssertion(pattern.root);
  return (text, more) => {
    if (!gate(text) || !pattern.test(text)) return [];
    const spans: Span[] = [];
    // Of a slice, the first character is what stands before the text.
    let done = more?.before ? 1 : 0;
    for (let from = 0; from < text.length; from += pieceBytes) {
      const base = Math.max(0, from - 1);
      const to = Math.min(text.length, from + pieceBytes + overlap);
      const piece = text.slice(base, to);
      const cut = to < text.length || more?.after === true;
      for (const found of pattern.all(piece, Math.max(from, done) - base)) {
        if (base + found.start >= from + pieceBytes) break;
        if (anchored && cut && found.end === piece.length) continue;
        done = base + found.end;
        const secret = secretOf(search, found);
        if (!judge(piece, found, secret)) continue;
        if (near.always || near.holds({ text, at: base + found.start }))
          spans.push({ start: base + secret.start, end: base + secret.end });
      }
    }
    return spans;
  };
}

/** What is judged of a match where its whole text is at hand. */
function judgeMatch({ allowances }: Search): (text: string, found: Found, secret: Span) => boolean {
  const atMatch = judgedAt('match', allowances);
  if (atMatch.length === 0) return () => true;
  return (text, found, secret) =>
    !allowedBy(atMatch, {
      match: text.slice(found.start, found.end),
      secret: text.slice(secret.start, secret.end),
    });
}

/** Whether a text holds one of the words, whatever their case; always when there are none. */
function gateOf(words: readonly string[]): (text: string) => boolean {
  if (words.length === 0) return () => true;
  const sources = words.map((word) => asBytes(word).replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'));
  const pattern = new RegExp(sources.join('|'), 'i');
  return (text) => pattern.test(text);
}

function hasEndAssertion(node: Re2Node): boolean {
  if (node.kind === 'assert') return node.what === 'text-end' || node.what === 'line-end';
  if (node.kind === 'concat' || node.kind === 'either') return node.parts.some(hasEndAssertion);
  return (node.kind === 'group' || node.kind === 'repeat') && hasEndAssertion(node.body);
}
