/**
 * Aho-Corasick over bytes: all keywords in one pass, in time linear in the
 * data whatever they hold. Letters are folded, so that one automaton serves
 * keywords with and without case; a keyword that minds its case is compared
 * once more where it was hit. Each step waits for the memory of the step
 * before, so four parts of the data are stepped through side by side; and the
 * table is laid out so that what text needs most lies close together: states
 * by their depth, letters by how common they are. The states that end a keyword
 * have the greatest numbers.
 */

/** Text as latin1; an empty one is never found. */
export interface Keyword {
  readonly text: string;
  readonly ignoreCase: boolean;
}

/** Told of each occurrence, in the order of their ends; returning false ends the search. */
export type OnHit = (keyword: number, at: number) => boolean;

const upperA = 65;
const upperZ = 90;
const toLower = 32;

/** Bytes that are searched at a time, and from how many on in lanes. */
const blockBytes = 16 * 1024;
const lanes = 4;
const shortestForLanes = 1024;

export class Automaton {
  /** Bytes of the longest keyword. */
  readonly longest: number;
  readonly #lengths: Int32Array;
  /** The bytes to compare where case matters; undefined where it does not. */
  readonly #exact: readonly (Uint8Array | undefined)[];
  readonly #classes: Uint8Array;
  /** By state, shifted, plus class. */
  readonly #next: Uint16Array | Int32Array;
  readonly #shift: number;
  readonly #firstEnding: number;
  readonly #endings: readonly Int32Array[];
  /** Where the lanes of a block came to a state that ends a keyword, and to which; a lane after the other. */
  readonly #places = new Int32Array(blockBytes + lanes);
  readonly #states = new Int32Array(blockBytes + lanes);
  readonly #counts = new Int32Array(lanes);

  constructor(keywords: readonly Keyword[]) {
    const folded = keywords.map(({ text }) => fold(text));
    this.longest = folded.reduce((most, text) => Math.max(most, text.length), 0);
    this.#lengths = Int32Array.from(folded, (text) => text.length);
    this.#exact = keywords.map(({ text, ignoreCase }) =>
      ignoreCase || !/[A-Za-z]/.test(text) ? undefined : Buffer.from(text, 'latin1'),
    );
    const { classes, width } = classesOf(folded);
    const trie = growTrie(folded, classes, width);
    const order = closeTrie(trie, width);
    this.#classes = classes;
    this.#next = order.next;
    this.#shift = order.shift;
    this.#firstEnding = order.firstEnding;
    this.#endings = order.endings;
  }

  /** Every keyword that begins at `from` or later and before `to`; it may end after `to`. */
  search(data: Uint8Array, from: number, to: number, onHit: OnHit): void {
    const end = Math.min(data.length, to + this.longest - 1);
    let state = 0;
    for (let start = from; start < end; start += blockBytes) {
      const next = Math.min(end, start + blockBytes);
      const laneBytes = next - start < shortestForLanes ? next - start : (next - start) >> 2;
      state = this.#searchBlock(data, from, start, next, laneBytes, state);
      const told = this.#tell(data, laneBytes, to, onHit);
      if (!told) return;
    }
  }

  #tell(data: Uint8Array, laneBytes: number, to: number, onHit: OnHit): boolean {
    for (let lane = 0; lane < lanes; lane++) {
      const first = lane * laneBytes;
      const last = first + (this.#counts[lane] as number);
      for (let n = first; n < last; n++) {
        if (!this.#report(data, this.#states[n] as number, this.#places[n] as number, to, onHit))
          return false;
      }
    }
    return true;
  }

  // Gives the state at the end. A lane begins as far before its first byte as a keyword is long: then it stands where it must.
  #searchBlock(
    data: Uint8Array,
    from: number,
    start: number,
    end: number,
    laneBytes: number,
    state: number,
  ): number {
    this.#counts.fill(0);
    if (laneBytes === end - start) return this.#step(data, 0, start, end, 0, state);
    const classes = this.#classes;
    const next = this.#next;
    const shift = this.#shift;
    const firstEnding = this.#firstEnding;
    const places = this.#places;
    const states = this.#states;
    const [b, c, d] = [start + laneBytes, start + 2 * laneBytes, start + 3 * laneBytes];
    let atA = state;
    let atB = this.#stateAt(data, from, b);
    let atC = this.#stateAt(data, from, c);
    let atD = this.#stateAt(data, from, d);
    let countA = 0;
    let countB = laneBytes;
    let countC = 2 * laneBytes;
    let countD = 3 * laneBytes;
    for (let i = start; i < b; i++) {
      atA = next[(atA << shift) + (classes[data[i] as number] as number)] as number;
      atB = next[(atB << shift) + (classes[data[i + laneBytes] as number] as number)] as number;
      atC = next[(atC << shift) + (classes[data[i + 2 * laneBytes] as number] as number)] as number;
      atD = next[(atD << shift) + (classes[data[i + 3 * laneBytes] as number] as number)] as number;
      if (atA >= firstEnding) {
        places[countA] = i;
        states[countA++] = atA;
      }
      if (atB >= firstEnding) {
        places[countB] = i + laneBytes;
        states[countB++] = atB;
      }
      if (atC >= firstEnding) {
        places[countC] = i + 2 * laneBytes;
        states[countC++] = atC;
      }
      if (atD >= firstEnding) {
        places[countD] = i + 3 * laneBytes;
        states[countD++] = atD;
      }
    }
    this.#counts.set([countA, countB - laneBytes, countC - 2 * laneBytes, countD - 3 * laneBytes]);
    return this.#step(data, 3, d + laneBytes, end, countD, atD);
  }

  // The same in one lane, whose next hit has the number `count`.
  #step(data: Uint8Array, lane: number, start: number, end: number, count: number, state: number): number {
    const classes = this.#classes;
    const next = this.#next;
    const shift = this.#shift;
    const firstEnding = this.#firstEnding;
    let at = state;
    let n = count;
    for (let i = start; i < end; i++) {
      at = next[(at << shift) + (classes[data[i] as number] as number)] as number;
      if (at < firstEnding) continue;
      this.#places[n] = i;
      this.#states[n++] = at;
    }
    this.#counts[lane] = (this.#counts[lane] as number) + n - count;
    return at;
  }

  #stateAt(data: Uint8Array, from: number, place: number): number {
    let state = 0;
    for (let i = Math.max(from, place - this.longest); i < place; i++) {
      state = this.#next[(state << this.#shift) + (this.#classes[data[i] as number] as number)] as number;
    }
    return state;
  }

  #report(data: Uint8Array, state: number, last: number, to: number, onHit: OnHit): boolean {
    const endings = this.#endings[state - this.#firstEnding] as Int32Array;
    for (let n = 0; n < endings.length; n++) {
      const keyword = endings[n] as number;
      const at = last + 1 - (this.#lengths[keyword] as number);
      if (at >= to) continue;
      const exact = this.#exact[keyword];
      if (exact !== undefined && !holdsAt(data, at, exact)) continue;
      if (!onHit(keyword, at)) return false;
    }
    return true;
  }
}

function holdsAt(data: Uint8Array, at: number, text: Uint8Array): boolean {
  const length = text.length;
  for (let i = 0; i < length; i++) {
    if (data[at + i] !== text[i]) return false;
  }
  return true;
}

function fold(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'latin1');
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte >= upperA && byte <= upperZ) bytes[i] = byte + toLower;
  }
  return bytes;
}

const commonFirst = Buffer.from(' etanosirlcdpumfhgb."_,-:=/y0', 'latin1');

function classesOf(keywords: readonly Uint8Array[]): { classes: Uint8Array; width: number } {
  const classes = new Uint8Array(256);
  // 0 stands for the bytes of no keyword; that upper case is folded leaves room for it.
  let width = 1;
  const used = new Set(keywords.flatMap((keyword) => [...keyword]));
  for (const byte of new Set([...commonFirst, ...used])) {
    if (used.has(byte)) classes[byte] = width++;
  }
  for (let byte = upperA; byte <= upperZ; byte++) classes[byte] = classes[byte + toLower] as number;
  return { classes, width };
}

interface TrieNode {
  readonly next: Int32Array;
  readonly endings: number[];
}

const newNode = (width: number): TrieNode => ({ next: new Int32Array(width).fill(-1), endings: [] });

function growTrie(keywords: readonly Uint8Array[], classes: Uint8Array, width: number): TrieNode[] {
  const trie = [newNode(width)];
  keywords.forEach((keyword, index) => {
    if (keyword.length === 0) return;
    let state = 0;
    for (const byte of keyword) {
      const { next } = trie[state] as TrieNode;
      const byteClass = classes[byte] as number;
      if ((next[byteClass] as number) < 0) {
        next[byteClass] = trie.length;
        trie.push(newNode(width));
      }
      state = next[byteClass] as number;
    }
    (trie[state] as TrieNode).endings.push(index);
  });
  return trie;
}

interface ClosedTrie {
  readonly next: Uint16Array | Int32Array;
  readonly shift: number;
  readonly firstEnding: number;
  readonly endings: readonly Int32Array[];
}

// Fills in where each state goes when no keyword goes on, then renumbers.
function closeTrie(trie: readonly TrieNode[], width: number): ClosedTrie {
  const failures = new Int32Array(trie.length);
  const queue: number[] = [];
  const root = trie[0] as TrieNode;
  for (let c = 0; c < width; c++) {
    if ((root.next[c] as number) < 0) root.next[c] = 0;
    else queue.push(root.next[c] as number);
  }
  for (let head = 0; head < queue.length; head++) {
    const state = queue[head] as number;
    const node = trie[state] as TrieNode;
    const failure = trie[failures[state] as number] as TrieNode;
    node.endings.push(...failure.endings);
    for (let c = 0; c < width; c++) {
      const child = node.next[c] as number;
      if (child < 0) {
        node.next[c] = failure.next[c] as number;
      } else {
        failures[child] = failure.next[c] as number;
        queue.push(child);
      }
    }
  }
  return renumber(trie, [0, ...queue], width);
}

// In the order of depth, but for states that end a keyword: those come last.
function renumber(trie: readonly TrieNode[], byDepth: readonly number[], width: number): ClosedTrie {
  const silent = byDepth.filter((state) => (trie[state] as TrieNode).endings.length === 0);
  const ending = byDepth.filter((state) => (trie[state] as TrieNode).endings.length > 0);
  const numbers = new Int32Array(trie.length);
  [...silent, ...ending].forEach((state, index) => {
    numbers[state] = index;
  });
  const shift = Math.ceil(Math.log2(width));
  const entries = trie.length << shift;
  const next = trie.length <= 0x10000 ? new Uint16Array(entries) : new Int32Array(entries);
  for (const state of byDepth) {
    const from = (numbers[state] as number) << shift;
    (trie[state] as TrieNode).next.forEach((target, c) => {
      next[from + c] = numbers[target] as number;
    });
  }
  const endings = ending.map((state) => Int32Array.from((trie[state] as TrieNode).endings));
  return { next, shift, firstEnding: silent.length, endings };
}
