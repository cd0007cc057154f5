import { RE2JS } from 're2js';
import { PatternError } from './re2-class.ts';
import type { Re2Node } from './re2-syntax.ts';
import { translateRe2, writeNode } from './re2-to-js.ts';
import { safeForV8, safeForV8AtOnce, sizeOf, widthOf } from './safety.ts';

/** One match in a text; `groups[0]` is the whole, the others as the pattern numbers them. */
export interface Found {
  readonly start: number;
  readonly end: number;
  readonly groups: readonly (readonly [number, number] | undefined)[];
}

/** Instructions of one pattern with its repetitions written out. RE2 bounds them by memory, at about this. */
const maxSize = 10_000;
/** Bytes of the windows for which a pattern is judged, when its own width does not tell. */
const widestWindow = 16_384;

/**
 * A user's pattern over latin1 text, in RE2's syntax. It cannot be made to
 * backtrack: V8 runs what is proven to need few steps on windows of its size,
 * and re2js, which is linear, everything else.
 */
export class UserPattern {
  readonly source: string;
  readonly root: Re2Node;
  readonly groups: number;
  /** Most bytes of a match; Infinity when there is no bound. */
  readonly width: number;
  readonly onV8: boolean;
  readonly #linear: RE2JS;
  readonly #quick: RegExp | undefined;
  readonly #exact: RegExp | undefined;
  readonly #longest: number;

  /** Throws PatternError. `windowBytes` is the longest text for which V8 may be used. */
  constructor(source: string, windowBytes: number = widestWindow) {
    const { js, re2, groups, root } = translateRe2(source);
    if (sizeOf(root) > maxSize)
      throw new PatternError(`it is too large with its repetitions written out: make them shorter`);
    this.source = source;
    this.root = root;
    this.groups = groups;
    this.width = widthOf(root).max;
    this.#longest = Math.min(widestWindow, windowBytes);
    this.onV8 = safeForV8(root, this.#longest);
    this.#linear = compileLinear(re2);
    this.#quick = this.onV8 ? new RegExp(js, 'g') : undefined;
    this.#exact = this.onV8 ? new RegExp(js, 'dy') : undefined;
  }

  /** Whether there is a match anywhere in the text; time linear in it. */
  test(text: string): boolean {
    if (!this.#quick || text.length > this.#longest) return this.#linear.test(text);
    this.#quick.lastIndex = 0;
    return this.#quick.test(text);
  }

  /** The matches from `from` on, leftmost first, none touching into another; empty ones are left out. */
  *all(text: string, from = 0): Generator<Found> {
    const v8 = this.#quick !== undefined && text.length <= this.#longest;
    if (!v8 && !this.#linear.test(text)) return;
    const matcher = v8 ? undefined : this.#linear.matcher(text);
    for (let at = from; at <= text.length; ) {
      const found = matcher ? this.#findLinear(matcher, at) : this.#findQuick(text, at);
      if (!found) return;
      if (found.end > found.start) yield found;
      at = Math.max(found.end, found.start + (found.end > found.start ? 0 : 1));
    }
  }

  #findQuick(text: string, at: number): Found | undefined {
    const [quick, exact] = [this.#quick as RegExp, this.#exact as RegExp];
    quick.lastIndex = at;
    const hit = quick.exec(text);
    if (!hit) return undefined;
    exact.lastIndex = hit.index;
    const groups = exact.exec(text)?.indices ?? [[hit.index, hit.index + hit[0].length] as const];
    return { start: hit.index, end: hit.index + hit[0].length, groups: [...groups] };
  }

  #findLinear(matcher: ReturnType<RE2JS['matcher']>, at: number): Found | undefined {
    if (!matcher.find(at)) return undefined;
    return foundBy(matcher, 0);
  }
}

/** A tree that is tried at one place of a text, and nowhere else. As safe as a UserPattern. */
export class PatternAt {
  readonly onV8: boolean;
  readonly #sticky: RegExp | undefined;
  /** At the beginning of a text, and behind one more byte, for what asks what stands before. */
  readonly #first: RE2JS;
  readonly #later: RE2JS;

  constructor(root: Re2Node, windowBytes: number) {
    const { js, re2 } = writeNode(root);
    this.onV8 = safeForV8AtOnce(root, windowBytes);
    this.#sticky = this.onV8 ? new RegExp(js, 'dy') : undefined;
    this.#first = compileLinear(`\\A(?:${re2})`);
    this.#later = compileLinear(`\\A[\\x00-\\xff](?:${re2})`);
  }

  /** The match that begins there; one that is empty is none. */
  match(text: string, at: number): Found | undefined {
    if (this.#sticky) {
      this.#sticky.lastIndex = at;
      const indices = this.#sticky.exec(text)?.indices;
      const [start, end] = indices?.[0] ?? [0, 0];
      return indices && end > start ? { start, end, groups: [...indices] } : undefined;
    }
    const base = Math.max(0, at - 1);
    const slice = text.slice(base);
    const pattern = at === 0 ? this.#first : this.#later;
    if (!pattern.test(slice)) return undefined;
    const matcher = pattern.matcher(slice);
    if (!matcher.find()) return undefined;
    const found = foundBy(matcher, base);
    const groups = [[at, found.end] as const, ...found.groups.slice(1)];
    return found.end > at ? { start: at, end: found.end, groups } : undefined;
  }
}

function foundBy(matcher: ReturnType<RE2JS['matcher']>, base: number): Found {
  const groups: (readonly [number, number] | undefined)[] = [];
  for (let group = 0; group <= matcher.groupCount(); group++) {
    const start = matcher.start(group);
    groups.push(start < 0 ? undefined : [base + start, base + matcher.end(group)]);
  }
  return { start: base + matcher.start(), end: base + matcher.end(), groups };
}

function compileLinear(source: string): RE2JS {
  try {
    return RE2JS.compile(source);
  } catch (cause) {
    throw new PatternError(
      `RE2 refuses it (${cause instanceof Error ? cause.message.split('\n')[0] : cause})`,
    );
  }
}
