import express, { type Router } from 'express';
import type { PolicyVersion } from '../../domain/admin.ts';
import { frameOf } from '../frame.ts';
import { sendLargePage } from '../large-pages.ts';
import { Layout } from '../parts/layout.tsx';
import { peerText } from '../parts/peer-text.ts';
import { Empty, Pager, Time } from '../parts/pieces.tsx';
import { NumberedText, PolicyDiff } from '../parts/policy-text.tsx';
import { sendPage } from '../send-page.ts';
import { only, viewerOf } from '../viewer.ts';
import { policyChanges } from './policy-changes.tsx';
import { RollbackForm } from './policy-confirm.tsx';
import { inForce, PolicyMenu, type PolicyPorts } from './policy-menu.tsx';
import { policyTrial } from './policy-try.tsx';

const versionsOnPage = 50;

/** The policy: what is in force, what was, what a draft would do, and, for administrators, its change. */
export function policyPages(ports: PolicyPorts): Router {
  const router = express.Router();
  const { policy } = ports;
  const readers = only('auditor');
  router.get('/policy', readers, async (request, response) => {
    const now = inForce(policy);
    const applied = now && (await policy.history()).find(({ version }) => version === now.version);
    sendPage(
      response,
      <Layout title="Policy" at="policy" {...frameOf(ports, request)}>
        <PolicyMenu at="In force" />
        {now === undefined ? (
          <Empty>
            <p>
              No policy is in force, so nothing is allowed. Apply one with{' '}
              <code>refgate policy apply FILE</code>.
            </p>
          </Empty>
        ) : (
          <>
            <p>
              {'Version '}
              <VersionLink version={now.version} />
              {applied !== undefined && <Applied applied={applied} />}
            </p>
            <NumberedText text={now.text} label="The policy in force" />
          </>
        )}
      </Layout>,
    );
  });
  router.get('/policy/history', readers, async (request, response) => {
    const versions = await policy.history();
    const page = pageOf(request.query['page']);
    sendPage(
      response,
      <Layout title="History of the policy" at="policy" {...frameOf(ports, request)}>
        <PolicyMenu at="History" />
        <History versions={versions} page={page} now={inForce(policy)?.version} />
      </Layout>,
    );
  });
  router.get('/policy/versions/:version', readers, async (request, response) => {
    const version = textOf(request.params['version']) ?? '';
    const text = await policy.text(version);
    const versions = await policy.history();
    const at = versions.findIndex((one) => one.version === version);
    const against = textOf(request.query['against']) ?? versions[at + 1]?.version;
    const before = against === undefined ? undefined : await policy.text(against);
    const applied = versions[at];
    const viewer = viewerOf(request);
    const isNow = inForce(policy)?.version === version;
    await sendLargePage(request, response, () => (
      <Layout title={`Policy ${version}`} at="policy" {...frameOf(ports, request)}>
        <PolicyMenu />
        <p>
          {isNow ? 'In force' : 'Not in force'}
          {applied !== undefined && <Applied applied={applied} />}
        </p>
        {viewer.user.role === 'admin' && !isNow && <RollbackForm viewer={viewer} version={version} />}
        <h2>What it changed</h2>
        {before === undefined || against === undefined ? (
          <p class="hint">It is the first version.</p>
        ) : (
          <>
            <p>
              {'Compared with '}
              <VersionLink version={against} />
            </p>
            <PolicyDiff before={before} after={text} />
          </>
        )}
        <h2>The whole text</h2>
        <NumberedText text={text} label={`The text of version ${version}`} />
      </Layout>
    ));
  });
  policyTrial(router, ports);
  policyChanges(router, ports);
  return router;
}

function Applied({ applied }: { readonly applied: PolicyVersion }) {
  return (
    <>
      {', applied '}
      <Time at={applied.appliedAt} age />
      {` by ${peerText(applied.actor)}`}
    </>
  );
}

function VersionLink({
  version,
  against,
}: {
  readonly version: string;
  readonly against?: string | undefined;
}) {
  const query = against === undefined ? '' : `?against=${encodeURIComponent(against)}`;
  return (
    <a href={`/-/policy/versions/${encodeURIComponent(version)}${query}`}>
      <code>{version}</code>
    </a>
  );
}

function History({
  versions,
  page,
  now,
}: {
  readonly versions: readonly PolicyVersion[];
  readonly page: number;
  readonly now: string | undefined;
}) {
  if (versions.length === 0)
    return (
      <Empty>
        <p>
          No policy has been applied yet. Apply one with <code>refgate policy apply FILE</code>.
        </p>
      </Empty>
    );
  const from = (page - 1) * versionsOnPage;
  const shown = versions.slice(from, from + versionsOnPage);
  const inForceAt = versions.findIndex(({ version }) => version === now);
  const hasNext = from + versionsOnPage < versions.length;
  return (
    <>
      <div class="scroll">
        <table>
          <caption class="unseen">Versions of the policy, newest first</caption>
          <thead>
            <tr>
              <th scope="col">Version</th>
              <th scope="col">Applied</th>
              <th scope="col">By</th>
              <th scope="col">State</th>
            </tr>
          </thead>
          <tbody>
            {shown.map(({ version, appliedAt, actor }, at) => (
              <tr key={`${appliedAt} ${version}`}>
                <th scope="row">
                  <VersionLink version={version} against={versions[from + at + 1]?.version} />
                </th>
                <td>
                  <Time at={appliedAt} />
                </td>
                <td>{peerText(actor)}</td>
                <td>{from + at === inForceAt && <span class="tag good">in force</span>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {shown.length === 0 && <p class="hint">The history is not that long.</p>}
      <Pager
        next={hasNext ? `/-/policy/history?page=${page + 1}` : undefined}
        first={page > 1 ? '/-/policy/history' : undefined}
      />
    </>
  );
}

function pageOf(value: unknown): number {
  const page = Number(textOf(value) ?? '1');
  return Number.isInteger(page) && page >= 1 && page <= 1_000_000 ? page : 1;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
