/**
 * Aho-Corasick over bytes: all keywords in one pass, in time linear in the
 * data whatever they hold. Letters are folded, so that one automaton serves
 * keywords with and without case; a keyword that minds its case is compared
 * once more where it was hit. Bytes that no keyword holds share one class, and
 * the states that end a keyword have the greatest numbers: the loop does one
 * table look-up and one comparison per byte.
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

export class Automaton {
  /** Bytes of the longest keyword. */
  readonly longest: number;
  readonly #lengths: Int32Array;
  /** The bytes to compare where case matters; undefined where it does not. */
  readonly #exact: readonly (Uint8Array | undefined)[];
  readonly #classes: Uint8Array;
  /** By state (already multiplied by the number of classes) plus class. */
  readonly #next: Int32Array;
  readonly #firstEnding: number;
  readonly #width: number;
  readonly #endings: readonly Int32Array[];

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
    this.#width = width;
    this.#next = order.next;
    this.#firstEnding = order.firstEnding * width;
    this.#endings = order.endings;
  }

  /** Every keyword that begins at `from` or later and before `to`; it may end after `to`. */
  search(data: Uint8Array, from: number, to: number, onHit: OnHit): void {
    const classes = this.#classes;
    const next = this.#next;
    const firstEnding = this.#firstEnding;
    const end = Math.min(data.length, to + this.longest - 1);
    let state = 0;
    let i = from;
    for (const unrolled = end - 3; i < unrolled; i += 4) {
      state = next[state + (classes[data[i] as number] as number)] as number;
      if (state >= firstEnding && !this.#report(data, state, i, to, onHit)) return;
      state = next[state + (classes[data[i + 1] as number] as number)] as number;
      if (state >= firstEnding && !this.#report(data, state, i + 1, to, onHit)) return;
      state = next[state + (classes[data[i + 2] as number] as number)] as number;
      if (state >= firstEnding && !this.#report(data, state, i + 2, to, onHit)) return;
      state = next[state + (classes[data[i + 3] as number] as number)] as number;
      if (state >= firstEnding && !this.#report(data, state, i + 3, to, onHit)) return;
    }
    for (; i < end; i++) {
      state = next[state + (classes[data[i] as number] as number)] as number;
      if (state >= firstEnding && !this.#report(data, state, i, to, onHit)) return;
    }
  }

  #report(data: Uint8Array, state: number, last: number, to: number, onHit: OnHit): boolean {
    const endings = this.#endings[(state - this.#firstEnding) / this.#width] as Int32Array;
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
  for (let i = 0; i < text.length; i++) {
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

function classesOf(keywords: readonly Uint8Array[]): { classes: Uint8Array; width: number } {
  const classes = new Uint8Array(256);
  // 0 stands for the bytes of no keyword; that upper case is folded leaves room for it.
  let width = 1;
  for (const keyword of keywords) {
    for (const byte of keyword) {
      if (classes[byte] === 0) classes[byte] = width++;
    }
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
  readonly next: Int32Array;
  readonly firstEnding: number;
  readonly endings: readonly Int32Array[];
}

// Fills in where each state goes when no keyword goes on, then renumbers: states that end a keyword come last.
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
  return renumber(trie, width);
}

function renumber(trie: readonly TrieNode[], width: number): ClosedTrie {
  const states = [...trie.keys()];
  const silent = states.filter((state) => (trie[state] as TrieNode).endings.length === 0);
  const ending = states.filter((state) => (trie[state] as TrieNode).endings.length > 0);
  const numbers = new Int32Array(trie.length);
  [...silent, ...ending].forEach((state, index) => {
    numbers[state] = index;
  });
  const next = new Int32Array(trie.length * width);
  for (const state of states) {
    const from = (numbers[state] as number) * width;
    (trie[state] as TrieNode).next.forEach((target, c) => {
      next[from + c] = (numbers[target] as number) * width;
    });
  }
  const endings = ending.map((state) => Int32Array.from((trie[state] as TrieNode).endings));
  return { next, firstEnding: silent.length, endings };
}
