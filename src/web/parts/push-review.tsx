import type { FileDiff, HeldPush, RefReview, ReviewFile } from '../../domain/approval.ts';
import type { CommitFacts, Finding, UnknownFact } from '../../domain/facts.ts';
import { diffKey, type ReadReview } from '../read-review.ts';
import { type DiffLook, DiffView } from './diff-view.tsx';
import { peerText } from './peer-text.ts';
import { counted, Message, ShortOid, Time } from './pieces.tsx';
import { Lines } from './push-facts.tsx';
import { Counts, Files, Marks, More, mostRows } from './push-files.tsx';

/** Refs whose commits and files the page lists; refgate push show prints those of all. */
const mostRefs = 20;

/** What the push would do: of every ref its commits, findings and files, with their diffs. */
export function Review({
  push,
  review,
  look,
}: {
  readonly push: HeldPush;
  readonly review: ReadReview;
  readonly look: DiffLook;
}) {
  return (
    <section aria-labelledby="review">
      <h2 id="review">What it would do</h2>
      {review.failed !== undefined && (
        <Message tone="bad">The content of the push could not be read: {peerText(review.failed)}</Message>
      )}
      {review.refs.length > 0 && <LookLinks push={push} look={look} />}
      {review.refs.slice(0, mostRefs).map((one, at) => (
        <OneRef key={one.ref.ref} push={push} one={one} at={at} diffs={review.diffs} look={look} />
      ))}
      <More count={review.refs.length - mostRefs} what="more refs" />
    </section>
  );
}

function LookLinks({ push, look }: { readonly push: HeldPush; readonly look: DiffLook }) {
  const here = `/-/pushes/${encodeURIComponent(push.id)}`;
  return (
    <nav class="push-tabs" aria-label="How diffs are shown">
      <ul>
        <li>
          <a href={`${here}#review`} aria-current={look === 'unified' ? 'true' : undefined}>
            Unified
          </a>
        </li>
        <li>
          <a href={`${here}?view=split#review`} aria-current={look === 'split' ? 'true' : undefined}>
            Side by side
          </a>
        </li>
      </ul>
    </nav>
  );
}

/** The page of one file's diff. */
export function fileHref(push: HeldPush, ref: string, path: string, look: DiffLook): string {
  const query = new URLSearchParams({ ref, path, ...(look === 'split' ? { view: look } : {}) });
  return `/-/pushes/${encodeURIComponent(push.id)}/file?${query}`;
}

function OneRef({
  push,
  one,
  at,
  diffs,
  look,
}: {
  readonly push: HeldPush;
  readonly one: RefReview;
  readonly at: number;
  readonly diffs: ReadReview['diffs'];
  readonly look: DiffLook;
}) {
  const { ref } = one.ref;
  const href = (path: string): string => fileHref(push, ref, path, look);
  return (
    <section class="ref-review" aria-labelledby={`ref-${at}`}>
      <h3 id={`ref-${at}`}>
        <code>{peerText(ref)}</code>
      </h3>
      <p class="hint">
        {one.base === undefined ? (
          'Everything on it is new here.'
        ) : (
          <>
            Compared with <ShortOid oid={one.base} />.
          </>
        )}
      </p>
      {one.gone !== undefined && <p class="hint">{peerText(one.gone)}</p>}
      <Findings findings={one.findings} />
      <Unknowns unknowns={one.unknowns} />
      <Commits commits={one.commits} count={one.commitCount} />
      <Files one={one} at={at} diffs={diffs} href={href} />
      {one.files.map((file, index) => {
        const diff = diffs.get(diffKey(ref, file.path));
        return (
          diff !== undefined && (
            <FileCard
              key={file.path}
              id={`file-${at}-${index}`}
              file={file}
              diff={diff}
              look={look}
              href={href}
            />
          )
        );
      })}
    </section>
  );
}

function Findings({ findings }: { readonly findings: readonly Finding[] }) {
  if (findings.length === 0) return null;
  return (
    <>
      <h4>{counted(findings.length, 'secret')} found</h4>
      <ul class="findings">
        {findings.slice(0, mostRows).map((found, at) => (
          <li key={at}>
            <span class={`tag ${found.state === 'new' ? 'bad' : 'mild'}`}>
              {found.state === 'new' ? found.confidence : 'accepted'}
            </span>{' '}
            {peerText(found.rule)} in{' '}
            {found.path === undefined ? found.place : <code>{peerText(found.path)}</code>}
            {found.line !== undefined && `, line ${found.line}`}
            {': '}
            <mark class="masked">{peerText(found.sample)}</mark>
          </li>
        ))}
      </ul>
      <More count={findings.length - mostRows} what="findings" />
    </>
  );
}

function Unknowns({ unknowns }: { readonly unknowns: readonly UnknownFact[] }) {
  if (unknowns.length === 0) return null;
  return (
    <>
      <h4>What could not be established</h4>
      <ul>
        {unknowns.slice(0, mostRows).map(({ what, text }, at) => (
          <li key={at}>
            {what}: {peerText(text)}
          </li>
        ))}
      </ul>
      <More count={unknowns.length - mostRows} what="more" />
    </>
  );
}

function Commits({ commits, count }: { readonly commits: readonly CommitFacts[]; readonly count: number }) {
  if (count === 0) return <p class="hint">It brings no new commit.</p>;
  return (
    <>
      <h4>{counted(count, 'commit')}</h4>
      <ol class="push-commits">
        {commits.slice(0, mostRows).map((commit) => (
          <Commit key={commit.oid} commit={commit} />
        ))}
      </ol>
      <More count={count - Math.min(commits.length, mostRows)} what="older commits" />
    </>
  );
}

function Commit({ commit }: { readonly commit: CommitFacts }) {
  const { oid, author, committer, message, messageCut, signature } = commit;
  const [subject = '', ...rest] = message.trim().split('\n');
  const body = rest.join('\n').trim();
  const isOther = author.name !== committer.name || author.email !== committer.email;
  return (
    <li>
      <ShortOid oid={oid} /> <b>{peerText(subject) || '(no message)'}</b>
      <br />
      <span class="hint">
        {`${peerText(author.name)} <${peerText(author.email)}>`}
        {isOther && <b>{`, committed by ${peerText(committer.name)} <${peerText(committer.email)}>`}</b>}
        {', '}
        <CommitTime seconds={committer.time} />
        {signature === 'none' ? ', not signed' : `, ${signature} signature (not verified)`}
      </span>
      {body !== '' && (
        <details>
          <summary>Message</summary>
          <Lines text={body} />
          {messageCut && <p class="hint">The message goes on.</p>}
        </details>
      )}
    </li>
  );
}

/** What a commit claims may be no time at all. */
function CommitTime({ seconds }: { readonly seconds: number }) {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? <>at no valid time</> : <Time at={date.toISOString()} />;
}

/** One file with its diff, unfolded. */
function FileCard({
  id,
  file,
  diff,
  look,
  href,
}: {
  readonly id: string;
  readonly file: ReviewFile;
  readonly diff: FileDiff;
  readonly look: DiffLook;
  readonly href: (path: string) => string;
}) {
  return (
    <details class="file" id={id} open={diff.is === 'text' || diff.hunks.length > 0}>
      <summary>
        <code>{peerText(file.path)}</code> <Counts diff={diff} /> <Marks file={file} />
      </summary>
      <DiffView diff={diff} path={file.path} look={look} />
      <p class="hint">
        <a href={href(file.path)}>This file alone</a>
      </p>
    </details>
  );
}
