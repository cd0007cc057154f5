import type { Request, Response, Router } from 'express';
import { z } from 'zod';
import { read } from '../answer.ts';
import { frameOf, redirect } from '../frame.ts';
import { Layout } from '../parts/layout.tsx';
import { Message } from '../parts/pieces.tsx';
import { sendPage } from '../send-page.ts';
import { requireRole, viewerOf } from '../viewer.ts';
import { Confirm } from './policy-confirm.tsx';
import { inForce, PolicyMenu, type PolicyPorts } from './policy-menu.tsx';
import { draftOf, sendDraft } from './policy-try.tsx';
import { problemsOf } from './try-policy.ts';

/** `confirmed`: the version that was in force when the difference was shown. */
const applyForm = z.object({ text: z.string().max(1_048_576), confirmed: z.string().max(64).optional() });
const rollbackForm = z.object({ version: z.string().max(64), confirmed: z.string().max(64).optional() });

/** As the history names what was typed here. */
const fileName = 'page';

/** What administrators change: each change is shown as a difference first, and made when that has been confirmed. */
export function policyChanges(router: Router, ports: PolicyPorts): void {
  const { policy } = ports;
  router.post('/policy/apply', async (request, response) => {
    const viewer = viewerOf(request);
    requireRole(viewer, 'admin');
    const { text: typed, confirmed } = read(applyForm, request.body);
    const text = draftOf(typed);
    const problems = await problemsOf(policy, text);
    if (problems.length > 0) return sendDraft(response, ports, request, { text, problems });
    const now = inForce(policy);
    if ((await policy.check(text, fileName)).version === now?.version)
      return redirect(request, response, '/-/policy', {
        tone: 'mild',
        text: 'This text is in force already.',
      });
    if (confirmed === undefined || confirmed !== (now?.version ?? ''))
      return sendConfirm(request, response, ports, {
        title: 'Apply the policy?',
        action: '/-/policy/apply',
        fields: { text },
        after: text,
        hasMoved: confirmed !== undefined,
        button: 'Apply this policy',
      });
    const { version } = await policy.apply(text, fileName, viewer.user.name);
    redirect(request, response, '/-/policy', { tone: 'good', text: `Version ${version} is in force.` });
  });
  router.post('/policy/rollback', async (request, response) => {
    const viewer = viewerOf(request);
    requireRole(viewer, 'admin');
    const { version, confirmed } = read(rollbackForm, request.body);
    const text = await policy.text(version);
    const now = inForce(policy);
    if (now?.version === version)
      return redirect(request, response, '/-/policy', {
        tone: 'mild',
        text: `Version ${version} is in force already.`,
      });
    if (confirmed === undefined || confirmed !== (now?.version ?? ''))
      return sendConfirm(request, response, ports, {
        title: `Put ${version} in force again?`,
        action: '/-/policy/rollback',
        fields: { version },
        after: text,
        hasMoved: confirmed !== undefined,
        button: `Roll back to ${version}`,
      });
    await policy.rollback(version, viewer.user.name);
    redirect(request, response, '/-/policy', { tone: 'good', text: `Version ${version} is in force again.` });
  });
}

function sendConfirm(
  request: Request,
  response: Response,
  ports: PolicyPorts,
  change: {
    readonly title: string;
    readonly action: string;
    readonly fields: Readonly<Record<string, string>>;
    readonly after: string;
    readonly hasMoved: boolean;
    readonly button: string;
  },
): void {
  const now = inForce(ports.policy);
  const { title, hasMoved, ...rest } = change;
  sendPage(
    response,
    <Layout title={title} at="policy" {...frameOf(ports, request)}>
      <PolicyMenu />
      {hasMoved && (
        <Message tone="bad">
          Somebody else changed the policy while you read; nothing was applied. This is the difference from
          what is in force now.
        </Message>
      )}
      <Confirm viewer={viewerOf(request)} base={now?.version ?? ''} before={now?.text ?? ''} {...rest} />
    </Layout>,
    hasMoved ? 409 : 200,
  );
}
