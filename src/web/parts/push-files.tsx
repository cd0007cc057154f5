import type { FileDiff, RefReview, ReviewFile } from '../../domain/approval.ts';
import { diffKey, type ReadReview } from '../read-review.ts';
import { peerText } from './peer-text.ts';
import { bytesText, counted } from './pieces.tsx';

/** Rows of one list on a page; the rest is counted. */
export const mostRows = 200;

/** How many rows are not listed; nothing when all are. */
export function More({ count, what }: { readonly count: number; readonly what: string }) {
  return count <= 0 ? null : <p class="hint">{`${count} ${what} are not listed.`}</p>;
}

/** The files that an update changes, as a table; each leads to its diff. */
export function Files({
  one,
  at,
  diffs,
  href,
}: {
  readonly one: RefReview;
  readonly at: number;
  readonly diffs: ReadReview['diffs'];
  readonly href: (path: string) => string;
}) {
  if (one.files.length === 0) return null;
  return (
    <>
      <h4>{counted(one.fileCount, 'file')}</h4>
      {one.isCut && <p class="hint">There are too many files to compare; these are some of them.</p>}
      <div class="scroll">
        <table class="files">
          <caption class="unseen">Files that change on {peerText(one.ref.ref)}</caption>
          <thead>
            <tr>
              <th scope="col">Change</th>
              <th scope="col">Path</th>
              <th scope="col">Lines</th>
              <th scope="col">Size</th>
              <th scope="col">Note</th>
            </tr>
          </thead>
          <tbody>
            {one.files.slice(0, mostRows).map((file, index) => {
              const diff = diffs.get(diffKey(one.ref.ref, file.path));
              return (
                <tr key={file.path}>
                  <td>{file.kind}</td>
                  <td>
                    <a href={diff === undefined ? href(file.path) : `#file-${at}-${index}`}>
                      <code>{peerText(file.path)}</code>
                    </a>
                    <From file={file} />
                  </td>
                  <td>{diff !== undefined && <Counts diff={diff} />}</td>
                  <td>{file.size !== undefined && bytesText(file.size)}</td>
                  <td>
                    <Marks file={file} />
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      <More count={one.fileCount - Math.min(one.files.length, mostRows)} what="more files" />
    </>
  );
}

function From({ file: { from } }: { readonly file: ReviewFile }) {
  if (from === undefined) return null;
  return (
    <>
      {' from '}
      <code>{peerText(from)}</code>
    </>
  );
}

/** Lines that a file gains and loses. */
export function Counts({ diff: { added, removed } }: { readonly diff: FileDiff }) {
  return (
    <>
      <span class="good-text">+{added}</span> <span class="bad-text">-{removed}</span>
    </>
  );
}

/** What people should look at: sensitive paths, secrets, modes and content that is not text. */
export function Marks({ file }: { readonly file: ReviewFile }) {
  const { sensitive, findings, lfs, type, mode, oldMode } = file;
  const isOdd = type !== undefined && type !== 'text' && type !== 'empty';
  return (
    <>
      {sensitive && <span class="tag wait">sensitive</span>}{' '}
      {findings > 0 && <span class="tag bad">{counted(findings, 'secret')}</span>}{' '}
      {lfs && <span class="tag mild">LFS</span>} {isOdd && <span class="tag mild">{peerText(type)}</span>}{' '}
      {mode !== undefined && mode !== 'file' && mode !== oldMode && <span class="tag wait">{mode}</span>}
    </>
  );
}
