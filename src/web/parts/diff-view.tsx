import type { DiffHunk, DiffLine, DiffToken, FileDiff } from '../../domain/approval.ts';
import { peerText } from './peer-text.ts';
import { type SplitRow, splitLines } from './split-lines.ts';

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
  // Reviews say so in the note; three stars in any other file are its own.
  const isMasked = /\bmasked\b/.test(diff.note ?? '');
  return (
    <>
      {diff.note !== undefined && (
        <p class="hint">
          {diff.is === 'binary' && `${silent.binary} `}
          {peerText(diff.note)}
        </p>
      )}
      {hunks.length > 0 && (
        <div class="scroll">
          <table class={`diff ${look}`}>
            <caption class="unseen">Changes of {peerText(path)}</caption>
            <colgroup>
              <col class="no" />
              <col class={look === 'split' ? 'half' : 'no'} />
              <col class={look === 'split' ? 'no' : 'sign'} />
              <col />
            </colgroup>
            {hunks.map((hunk) => (
              <Hunk key={`${hunk.oldStart},${hunk.newStart}`} hunk={hunk} look={look} isMasked={isMasked} />
            ))}
          </table>
        </div>
      )}
      {isCut && <p class="hint">Only the first {mostLines} lines are shown.</p>}
      {hunks.length === 0 && diff.note === undefined && <p class="hint">{silent[diff.is]}</p>}
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

function Hunk({
  hunk,
  look,
  isMasked,
}: {
  readonly hunk: DiffHunk;
  readonly look: DiffLook;
  readonly isMasked: boolean;
}) {
  const { oldStart, oldLines, newStart, newLines, lines } = hunk;
  return (
    <tbody>
      <tr class="hunk">
        <th scope="rowgroup" colSpan={4}>
          {`@@ -${oldStart},${oldLines} +${newStart},${newLines} @@`}
        </th>
      </tr>
      {look === 'unified'
        ? lines.map((line, at) => unifiedRow(line, at, isMasked))
        : splitLines(lines).map((row, at) => splitRow(row, at, isMasked))}
    </tbody>
  );
}

const signs = { same: ' ', added: '+', removed: '-' } as const;

function unifiedRow(line: DiffLine, at: number, isMasked: boolean) {
  return (
    <tr key={at} class={line.is}>
      <td class="no">{line.old}</td>
      <td class="no">{line.new}</td>
      <td class="sign">{signs[line.is]}</td>
      <td class="line">
        <Line line={line} isMasked={isMasked} />
      </td>
    </tr>
  );
}

function splitRow(row: SplitRow, at: number, isMasked: boolean) {
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
            {line !== undefined && <Line line={line} isMasked={isMasked} />}
          </td>,
        ];
      })}
    </tr>
  );
}

function Line({ line, isMasked }: { readonly line: DiffLine; readonly isMasked: boolean }) {
  return <code dir="ltr">{line.tokens.map((token, at) => tokenOf(token, at, isMasked))}</code>;
}

/** Names of highlight.js that the style sheet may know; anything else is text. */
const kindForm = /^[a-z][a-z_-]{0,30}$/;

function tokenOf({ text, kind }: DiffToken, at: number, isMasked: boolean) {
  const known = kind === undefined ? undefined : kindForm.exec(kind)?.[0];
  const content = isMasked ? markMasks(text) : peerText(text);
  if (known === undefined) return content;
  return (
    <span key={at} class={`hl-${known}`}>
      {content}
    </span>
  );
}

/** What stands for a secret is seen to be no content of the file. */
function markMasks(text: string) {
  return text.split(/(\*\*\*)/).map((piece, at) =>
    piece === '***' ? (
      <mark key={at} class="masked" title="a secret, masked">
        ***
      </mark>
    ) : (
      peerText(piece)
    ),
  );
}
