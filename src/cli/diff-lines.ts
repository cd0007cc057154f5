/** Lines around a change that are shown with it. */
const around = 3;

/** Beyond this many cells of the table, what differs is shown as replaced whole. */
const maxCells = 4_000_000;

interface Edit {
  readonly sign: ' ' | '-' | '+';
  readonly line: string;
}

/** What leads from one text to another, as `diff -u` shows it, without the head; empty when nothing does. */
export function diffLines(before: string, after: string): string {
  const edits = editsOf(before.split('\n'), after.split('\n'));
  const shown = new Set<number>();
  edits.forEach(({ sign }, at) => {
    if (sign !== ' ') for (let near = at - around; near <= at + around; near++) shown.add(near);
  });
  let text = '';
  let [oldLine, newLine] = [1, 1];
  edits.forEach(({ sign, line }, at) => {
    if (shown.has(at)) {
      if (!shown.has(at - 1)) text += `@@ -${oldLine} +${newLine} @@\n`;
      text += `${sign}${line}\n`;
    }
    if (sign !== '+') oldLine += 1;
    if (sign !== '-') newLine += 1;
  });
  return text;
}

function editsOf(before: readonly string[], after: readonly string[]): readonly Edit[] {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head += 1;
  let tail = 0;
  const room = Math.min(before.length, after.length) - head;
  while (tail < room && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail += 1;
  const same = (line: string): Edit => ({ sign: ' ', line });
  return [
    ...before.slice(0, head).map(same),
    ...middle(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...before.slice(before.length - tail).map(same),
  ];
}

/** By the longest common subsequence, where it is not too much work. */
function middle(before: readonly string[], after: readonly string[]): readonly Edit[] {
  const width = after.length + 1;
  if ((before.length + 1) * width > maxCells)
    return [
      ...before.map((line): Edit => ({ sign: '-', line })),
      ...after.map((line): Edit => ({ sign: '+', line })),
    ];
  const common = new Uint32Array((before.length + 1) * width);
  const cell = (i: number, j: number): number => common[i * width + j] as number;
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--)
      common[i * width + j] =
        before[i] === after[j] ? cell(i + 1, j + 1) + 1 : Math.max(cell(i + 1, j), cell(i, j + 1));
  const edits: Edit[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      edits.push({ sign: ' ', line: before[i] as string });
      i += 1;
      j += 1;
    } else if (j === after.length || (i < before.length && cell(i + 1, j) >= cell(i, j + 1)))
      edits.push({ sign: '-', line: before[i++] as string });
    else edits.push({ sign: '+', line: after[j++] as string });
  }
  return edits;
}
