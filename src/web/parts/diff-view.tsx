import type { DiffHunk, DiffLine, DiffToken, FileDiff } from '../../domain/approval.ts';
import { peerText } from './peer-text.ts';
import { splitLines } from './split-lines.ts';

/** How diffs are shown. */
export type DiffLook = 'unified' | 'split';

/** Lines of one file that a page shows at most. */
const mostLines = 20_000;

/** What changes in one file. Text in it is the peer's. */
export function DiffView({
  diff,
  path,
  look,
}: {
  readonly diff: FileDiff;
  readonly path: string;
  readonly look: DiffLook;
}) {
  const { hunks, isCut } = firstLines(diff.hunks);
  return (
    <>
      {diff.note !== undefined && <p class="note">{peerText(diff.note)}</p>}
      {hunks.length > 0 && (
        <div class="scroll">
          <table class={`diff ${look}`}>
            <caption class="unseen">Changes of {peerText(path)}</caption>
            {hunks.map((hunk) => (
              <Hunk key={`${hunk.oldStart},${hunk.newStart}`} hunk={hunk} look={look} />
            ))}
          </table>
        </div>
      )}
      {isCut && <p class="note">Only the first {mostLines} lines are shown.</p>}
      {hunks.length === 0 && diff.note === undefined && <p class="note">{silent[diff.is]}</p>}
    </>
  );
}

const silent: Readonly<Record<FileDiff['is'], string>> = {
  text: 'The content does not change.',
  binary: 'Binary content is not shown.',
  large: 'The file is too large to be shown.',
  mode: 'Only the mode changes.',
  submodule: 'A submodule points to another commit.',
  gone: 'The content is not kept any more.',
};

function firstLines(hunks: readonly DiffHunk[]): {
  readonly hunks: readonly DiffHunk[];
  readonly isCut: boolean;
} {
  const shown: DiffHunk[] = [];
  let left = mostLines;
  for (const hunk of hunks) {
    if (left <= 0) return { hunks: shown, isCut: true };
    const isWhole = hunk.lines.length <= left;
    shown.push(isWhole ? hunk : { ...hunk, lines: hunk.lines.slice(0, left) });
    left -= hunk.lines.length;
  }
  return { hunks: shown, isCut: left < 0 };
}

function Hunk({ hunk, look }: { readonly hunk: DiffHunk; readonly look: DiffLook }) {
  const { oldStart, oldLines, newStart, newLines, lines } = hunk;
  return (
    <tbody>
      <tr class="hunk">
        <th scope="rowgroup" colSpan={4}>
          {`@@ -${oldStart},${oldLines} +${newStart},${newLines} @@`}
        </th>
      </tr>
      {look === 'unified' ? lines.map(unifiedRow) : splitLines(lines).map(splitRow)}
    </tbody>
  );
}

const signs = { same: ' ', added: '+', removed: '-' } as const;

function unifiedRow(line: DiffLine, at: number) {
  return (
    <tr key={at} class={line.is}>
      <td class="no">{line.old}</td>
      <td class="no">{line.new}</td>
      <td class="sign">{signs[line.is]}</td>
      <td class="line">
        <Line line={line} />
      </td>
    </tr>
  );
}

function splitRow(row: { readonly old?: DiffLine; readonly new?: DiffLine }, at: number) {
  return (
    <tr key={at}>
      {(['old', 'new'] as const).map((side) => {
        const line = row[side];
        const is = line?.is ?? 'nothing';
        return [
          <td key={`${side}-no`} class={`no ${is}`}>
            {line?.[side]}
          </td>,
          <td key={side} class={`line ${is}`}>
            {line !== undefined && <Line line={line} />}
          </td>,
        ];
      })}
    </tr>
  );
}

function Line({ line }: { readonly line: DiffLine }) {
  return <code dir="ltr">{line.tokens.map((token, at) => tokenOf(token, at))}</code>;
}

/** Names of highlight.js that the style sheet knows; anything else is text. */
const kindForm = /^[a-z][a-z_-]{0,30}/;

function tokenOf({ text, kind }: DiffToken, at: number) {
  const known = kind === undefined ? undefined : kindForm.exec(kind)?.[0];
  if (known === undefined) return peerText(text);
  if (known === 'secret')
    return (
      <mark key={at} class="masked" title="a secret, masked">
        {peerText(text)}
      </mark>
    );
  return (
    <span key={at} class={`hl-${known}`}>
      {peerText(text)}
    </span>
  );
}
