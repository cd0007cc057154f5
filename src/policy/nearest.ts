/** The word that was probably meant, or undefined when none is near. */
function nearestWord(word: string, words: readonly string[]): string | undefined {
  const wanted = plain(word);
  if (wanted.length > 64) return undefined;
  let best: { readonly word: string; readonly distance: number } | undefined;
  for (const candidate of words) {
    const distance = editDistance(wanted, plain(candidate));
    if (!best || distance < best.distance) best = { word: candidate, distance };
  }
  const allowed = Math.max(1, Math.floor(wanted.length / 3));
  if (best && best.distance <= allowed) return best.word;
  return wanted.length < 3 ? undefined : words.find((candidate) => begins(wanted, plain(candidate)));
}

/** What people call it elsewhere, plain. */
const otherNames: Readonly<Record<string, string>> = {
  forcepush: 'non-fast-forward',
  force: 'non-fast-forward',
  push: 'update',
  added: 'add',
  edit: 'modify',
  remove: 'delete',
  block: 'deny',
  reject: 'deny',
  mask: 'masked',
  redact: 'masked',
  redacted: 'masked',
  plain: 'clear',
  full: 'clear',
  shallow: 'cut',
  refuse: 'deny',
  bot: 'service',
  human: 'person',
  exe: 'pe',
  dll: 'pe',
  class: 'java-class',
  pyc: 'python-bytecode',
  sh: 'script',
};

/** `; did you mean "x"?`, or nothing. */
export function didYouMean(word: string, words: Iterable<string>): string {
  const known = [...words];
  const other = Object.hasOwn(otherNames, plain(word)) ? otherNames[plain(word)] : undefined;
  const near = other !== undefined && known.includes(other) ? other : nearestWord(word, known);
  return near === undefined ? '' : `; did you mean "${near}"?`;
}

/** Whether one is the beginning of the other: `monday` for `mon`. */
function begins(a: string, b: string): boolean {
  return a.startsWith(b) || b.startsWith(a);
}

/** Case, `-` and `_` are what people mix up most. */
function plain(word: string): string {
  return word.toLowerCase().replace(/[-_ ]/g, '');
}

/** Insertions, deletions, substitutions and swaps of neighbours that turn one word into the other. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (before[j - 2] ?? 0) + 1);
      row.push(least);
    }
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
