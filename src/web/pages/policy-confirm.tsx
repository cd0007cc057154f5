import { CsrfField } from '../parts/layout.tsx';
import { PolicyDiff } from '../parts/policy-text.tsx';
import type { Viewer } from '../viewer.ts';

/** The way from a version to putting it in force again. */
export function RollbackForm({ viewer, version }: { readonly viewer: Viewer; readonly version: string }) {
  return (
    <form method="post" action="/-/policy/rollback">
      <CsrfField viewer={viewer} />
      <input type="hidden" name="version" value={version} />
      <button type="submit">Put this version in force again…</button>
    </form>
  );
}

/** What is asked once more before the policy changes, with what would change. */
export function Confirm({
  viewer,
  action,
  fields,
  base,
  before,
  after,
  button,
}: {
  readonly viewer: Viewer;
  readonly action: string;
  readonly fields: Readonly<Record<string, string>>;
  /** The version in force when this was shown; empty when none is. */
  readonly base: string;
  readonly before: string;
  readonly after: string;
  readonly button: string;
}) {
  return (
    <>
      <p>Read what changes; it is in force for every push and fetch from the moment you confirm.</p>
      <PolicyDiff before={before} after={after} />
      <form method="post" action={action} class="look-confirm">
        <CsrfField viewer={viewer} />
        <input type="hidden" name="confirmed" value={base} />
        {Object.entries(fields).map(([name, value]) =>
          value.includes('\n') ? (
            <textarea key={name} name={name} hidden>
              {`\n${value}`}
            </textarea>
          ) : (
            <input key={name} type="hidden" name={name} value={value} />
          ),
        )}
        <button type="submit" class="primary">
          {button}
        </button>{' '}
        <a href="/-/policy">Leave it as it is</a>
      </form>
    </>
  );
}
