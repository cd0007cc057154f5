import { common, createLowlight } from 'lowlight';
import type { DiffToken } from '../../domain/approval.ts';
import { splitLines } from './file-text.ts';
import type { TokenLines } from './hunks.ts';

type Tree = ReturnType<ReturnType<typeof createLowlight>['highlight']>;
type Node = Tree['children'][number];

const lowlight = createLowlight(common);

const prefix = 'hljs-';

/** A text as lines of one token each, and of none where the line is empty. */
export function plainLines(text: string): TokenLines {
  return splitLines(text).lines.map((line) => (line === '' ? [] : [{ text: line }]));
}

/** A text as lines of tokens, as highlight.js takes the language to be written. Not bounded in time: the text may be hostile. */
export function highlightLines(text: string, language: string): TokenLines {
  const lines = new LineTokens();
  for (const node of lowlight.highlight(language, text).children) walk(node, undefined, lines);
  return lines.end(text);
}

/** The innermost class counts. Trees are as deep as the text nests, so the walk does not recurse. */
function walk(root: Node, kind: string | undefined, lines: LineTokens): void {
  const open: { readonly node: Node; readonly kind: string | undefined }[] = [{ node: root, kind }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node } = next;
    if (node.type === 'text') lines.add(node.value, next.kind);
    if (node.type !== 'element') continue;
    const inner = kindOf(node.properties['className']) ?? next.kind;
    for (const child of [...node.children].reverse()) open.push({ node: child, kind: inner });
  }
}

function kindOf(classes: unknown): string | undefined {
  const first = Array.isArray(classes) ? classes[0] : undefined;
  return typeof first === 'string' && first.startsWith(prefix) ? first.slice(prefix.length) : undefined;
}

class LineTokens {
  readonly #lines: DiffToken[][] = [[]];

  add(text: string, kind: string | undefined): void {
    for (const [i, piece] of text.split('\n').entries()) {
      if (i > 0) this.#lines.push([]);
      if (piece === '') continue;
      this.#lines.at(-1)?.push(kind === undefined ? { text: piece } : { text: piece, kind });
    }
  }

  /** What does not say the text again, line for line, is not believed. */
  end(text: string): TokenLines {
    const plain = plainLines(text);
    const isSame = plain.every(
      (line, i) => (line[0]?.text ?? '') === (this.#lines[i] ?? []).map((token) => token.text).join(''),
    );
    return isSame ? this.#lines.slice(0, plain.length) : plain;
  }
}
