import type { Request, Router } from 'express';
import { z } from 'zod';
import type { AgentAdmin, UpstreamAdmin, VaultAdmin, VaultChange } from '../domain/admin.ts';
import { RefgateError } from '../domain/error.ts';
import { definedOnly, json, read } from './answer.ts';
import { actorOf, type CallerOf } from './api-needs.ts';

const bounded = z.string().min(1).max(512);
const repoName = z.strictObject({ repo: bounded });
const vaultChange = z.discriminatedUnion('do', [
  z.strictObject({
    do: z.enum(['deploy-key-create', 'deploy-key-import', 'deploy-key-remove', 'credential-remove']),
    upstream: bounded,
    pattern: bounded,
  }),
  z.strictObject({ do: z.literal('credential-set'), upstream: bounded, pattern: bounded, user: bounded }),
  z.strictObject({ do: z.literal('list'), upstream: bounded.optional() }),
]);

/** Where pushes go, and the agent that goes there. */
export function upstreamRoutes(
  router: Router,
  ports: { readonly upstreams: UpstreamAdmin; readonly vault: VaultAdmin; readonly agents: AgentAdmin },
  callerOf: CallerOf,
): void {
  const { upstreams, vault, agents } = ports;
  router.get(
    '/upstreams',
    json(() => upstreams.list()),
  );
  router.get(
    '/repos',
    json(() => upstreams.repos()),
  );
  router.get(
    '/agents',
    json(() => agents.list()),
  );
  router.post(
    '/upstreams/check',
    json((request) => {
      const { repo } = read(repoName, request.body);
      const target = upstreams.target(repo);
      if (target === undefined)
        throw new RefgateError('NOT_FOUND', 'client', `${repo}: no line of repos: matches it`);
      return upstreams.check(target);
    }),
  );
  router.post(
    '/vault/tickets',
    json((request) => vault.ticket(changeOf(request), actorOf(callerOf(request)))),
  );
  router.post(
    '/vault/changes',
    json((request) => vault.changed(changeOf(request), actorOf(callerOf(request)))),
  );
}

function changeOf(request: Request): VaultChange {
  const change = read(vaultChange, request.body);
  if (change.do !== 'list') return change;
  return { do: 'list', ...definedOnly({ upstream: change.upstream }) };
}
