import type { Viewer } from '../viewer.ts';
import { Empty } from './pieces.tsx';
import type { Tab } from './push-filter.tsx';

/** What an empty list of pushes means, and what to do next. */
export function NoPushes({
  tab,
  viewer,
  isFiltered,
}: {
  readonly tab: Tab;
  readonly viewer: Viewer;
  readonly isFiltered: boolean;
}) {
  if (isFiltered)
    return (
      <Empty>
        <p>No push is like that here.</p>
        <p>
          <a href={`/-/pushes?tab=${tab}`}>Show the whole list</a>
        </p>
      </Empty>
    );
  return (
    <Empty>
      {tab === 'waiting' && (
        <>
          <p>Nothing waits for you.</p>
          <p>
            A push comes here when a rule of the policy asks a group of which you are a member. See{' '}
            <a href="/-/pushes?tab=open">all open pushes</a>.
          </p>
        </>
      )}
      {tab === 'yours' && (
        <>
          <p>No push of yours was held.</p>
          <p>
            When the policy sends one to review, git tells you its address, and you can follow it here,{' '}
            {viewer.user.name}.
          </p>
        </>
      )}
      {tab === 'open' && (
        <>
          <p>No push waits for anybody.</p>
          <p>
            Rules with <code>ask</code> in the policy hold pushes. See{' '}
            <a href="/-/pushes?tab=decided">what was decided</a>.
          </p>
        </>
      )}
      {tab === 'decided' && (
        <>
          <p>Nothing has been decided yet.</p>
          <p>
            See <a href="/-/pushes?tab=open">what is open</a>.
          </p>
        </>
      )}
    </Empty>
  );
}
