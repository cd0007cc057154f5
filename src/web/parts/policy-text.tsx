import { structuredPatch } from 'diff';
import type { DiffHunk, DiffLine } from '../../domain/approval.ts';
import { DiffView } from './diff-view.tsx';
import { peerText } from './peer-text.ts';

/** How long two texts are compared, in ms, and how many lines may differ. */
const compareLimits = { timeout: 300, maxEditLength: 4_000 } as const;

/** A text with the numbers of its lines beside it; who copies it gets the text alone. */
export function NumberedText({ text, label }: { readonly text: string; readonly label: string }) {
  const lines = text.replace(/\n$/, '').split('\n');
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard
    <section class="look-numbered scroll" aria-label={label} tabIndex={0}>
      <pre class="numbers" aria-hidden="true">
        {lines.map((_, at) => at + 1).join('\n')}
      </pre>
      <pre>{peerText(lines.join('\n'))}</pre>
    </section>
  );
}

/** What differs between two policies; undefined where they are too different to be compared in time. */
export function hunksBetween(before: string, after: string): readonly DiffHunk[] | undefined {
  const patch = structuredPatch('before', 'after', before, after, undefined, undefined, {
    context: 4,
    ...compareLimits,
  });
  return patch?.hunks.map(({ oldStart, oldLines, newStart, newLines, lines }) => ({
    oldStart,
    oldLines,
    newStart,
    newLines,
    lines: diffLines(lines, oldStart, newStart),
  }));
}

const kinds: Readonly<Record<string, DiffLine['is']>> = { ' ': 'same', '+': 'added', '-': 'removed' };

function diffLines(lines: readonly string[], oldStart: number, newStart: number): readonly DiffLine[] {
  let old = oldStart;
  let now = newStart;
  return lines.flatMap((line) => {
    const is = kinds[line.charAt(0)];
    // What is left says that the file does not end with a line feed.
    if (is === undefined) return [];
    return {
      is,
      ...(is === 'added' ? {} : { old: old++ }),
      ...(is === 'removed' ? {} : { new: now++ }),
      tokens: [{ text: line.slice(1) }],
    };
  });
}

/** The difference of two policies, unified. */
export function PolicyDiff({ before, after }: { readonly before: string; readonly after: string }) {
  if (before === after) return <p class="hint">The two texts are the same.</p>;
  const hunks = hunksBetween(before, after);
  if (hunks === undefined)
    return <p class="hint">The two texts are too different to be shown side by side; read each by itself.</p>;
  if (hunks.length === 0) return <p class="hint">They differ in the end of their last line only.</p>;
  return <DiffView diff={{ is: 'text', added: 0, removed: 0, hunks }} path="the policy" look="unified" />;
}
