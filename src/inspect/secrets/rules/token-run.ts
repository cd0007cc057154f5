/**
 * Runs a token over bytes, in time linear in the bytes and the token: instead of
 * trying one way after the other, it carries the set of all places where a match
 * can stand, as intervals. A class turns an interval into intervals run by run.
 */
import type { TokenNode, TokenSequence } from './token-grammar.ts';

/** Sorted, apart from each other: first, last, first, last ... */
type Places = readonly number[];

/**
 * Where a match of the sequence that begins at `start` can end, as intervals
 * (first, last, first, last ...); empty when it matches nowhere. With `step` -1
 * it runs towards the data's begin, and places are negated: -p for a match that
 * begins at p. `limit` is the first place that is out of reach, negated likewise.
 */
export function run(
  sequence: TokenSequence,
  data: Buffer,
  start: number,
  limit: number,
  step: 1 | -1,
): Places {
  // As long as there is one place, no interval is made: most tokens never need one.
  let place = start;
  let n = 0;
  for (; n < sequence.length; n++) {
    const node = sequence[n] as TokenNode;
    if (node.kind === 'literal') {
      if (place + node.text.length > limit || !literalAt(node.text, data, place, step)) return nowhere;
      place += node.text.length;
    } else if (node.kind === 'class' && node.min === node.max) {
      if (place + node.min > limit || !classAt(node, data, place, step)) return nowhere;
      place += node.min;
    } else break;
  }
  let places: Places = [place, place];
  for (; n < sequence.length; n++) {
    places = advance(sequence[n] as TokenNode, data, places, limit, step);
    if (places.length === 0) break;
  }
  return places;
}

const nowhere: Places = [];

function classAt(
  { set, min }: TokenNode & { kind: 'class' },
  data: Buffer,
  place: number,
  step: 1 | -1,
): boolean {
  for (let i = place; i < place + min; i++) {
    if (set[byteAt(data, i, step)] !== 1) return false;
  }
  return true;
}

function advance(node: TokenNode, data: Buffer, places: Places, limit: number, step: 1 | -1): Places {
  if (node.kind === 'literal') return advanceLiteral(node.text, data, places, limit, step);
  if (node.kind === 'class') return advanceClass(node, data, places, limit, step);
  let all: Places = [];
  for (const option of node.options) {
    let reached = places;
    for (const part of option) {
      if (reached.length === 0) break;
      reached = advance(part, data, reached, limit, step);
    }
    all = merge(all, reached);
  }
  return all;
}

const byteAt = (data: Buffer, place: number, step: 1 | -1): number =>
  (step === 1 ? data[place] : data[-place - 1]) ?? 0;

function advanceLiteral(text: string, data: Buffer, places: Places, limit: number, step: 1 | -1): Places {
  const reached: number[] = [];
  for (let i = 0; i < places.length; i += 2) {
    const last = Math.min(places[i + 1] as number, limit - text.length);
    for (let place = places[i] as number; place <= last; place++) {
      if (!literalAt(text, data, place, step)) continue;
      add(reached, place + text.length, place + text.length);
    }
  }
  return reached;
}

function literalAt(text: string, data: Buffer, place: number, step: 1 | -1): boolean {
  for (let i = 0; i < text.length; i++) {
    if (byteAt(data, place + i, step) !== text.charCodeAt(i)) return false;
  }
  return true;
}

// All places of one run of the class end at the same byte, so what they reach is one interval.
function advanceClass(
  { set, min, max }: TokenNode & { kind: 'class' },
  data: Buffer,
  places: Places,
  limit: number,
  step: 1 | -1,
): Places {
  const reached: number[] = [];
  let end = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < places.length; i += 2) {
    const last = places[i + 1] as number;
    for (let place = places[i] as number; place <= last; ) {
      const through = Math.min(limit, last + max);
      if (end < place) end = place;
      while (end < through && set[byteAt(data, end, step)] === 1) end++;
      // A place within the run goes on in it; the one at its end has a run of length nought.
      const lastInRun = Math.min(last, end);
      const lastThatReaches = Math.min(lastInRun, end - min);
      if (lastThatReaches >= place) add(reached, place + min, Math.min(lastThatReaches + max, end));
      place = lastInRun + 1;
    }
  }
  return reached;
}

function add(places: number[], first: number, last: number): void {
  const before = places.at(-1);
  if (before !== undefined && first <= before + 1) places[places.length - 1] = Math.max(before, last);
  else places.push(first, last);
}

function merge(a: Places, b: Places): Places {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const all: number[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    const fromA = j >= b.length || (i < a.length && (a[i] as number) <= (b[j] as number));
    if (fromA) add(all, a[i] as number, a[i + 1] as number);
    else add(all, b[j] as number, b[j + 1] as number);
    if (fromA) i += 2;
    else j += 2;
  }
  return all;
}
