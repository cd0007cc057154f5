import type { UpstreamAdmin } from '../../domain/admin.ts';
import { Empty } from '../parts/pieces.tsx';

interface MapProps {
  readonly lines: ReturnType<UpstreamAdmin['repos']>;
  readonly upstreams: ReturnType<UpstreamAdmin['list']>;
}

const kinds = { ssh: 'SSH', http: 'HTTP', path: 'folder' } as const;

/** The map of repositories, and the upstreams that it leads to. */
export function RepoMap({ lines, upstreams }: MapProps) {
  if (lines.length === 0)
    return (
      <Empty>
        No repository is mapped, so none can be reached. Add lines to <code>repos:</code> in refgate.yaml, and
        start the server again.
      </Empty>
    );
  return (
    <>
      <p class="hint">
        The first line that matches a path wins. The map is part of refgate.yaml; who may do what there is the
        policy’s matter.
      </p>
      <div class="scroll">
        <table>
          <caption class="unseen">The map of repositories</caption>
          <thead>
            <tr>
              <th scope="col">Path for clients</th>
              <th scope="col">Upstream</th>
              <th scope="col">Path there</th>
            </tr>
          </thead>
          <tbody>
            {lines.map(({ path, upstream, to }) => (
              <tr key={`${path} ${upstream}`}>
                <th scope="row">
                  <code>{path}</code>
                </th>
                <td>{upstream}</td>
                <td>{to === undefined ? <span class="muted">the same</span> : <code>{to}</code>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <h2>Upstreams</h2>
      <div class="scroll">
        <table>
          <caption class="unseen">Upstreams</caption>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Over</th>
              <th scope="col">Where</th>
            </tr>
          </thead>
          <tbody>
            {upstreams.map(({ name, kind, where }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{kinds[kind]}</td>
                <td>
                  <code>{where}</code>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
