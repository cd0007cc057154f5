import express, { type Express, type Request, type Router } from 'express';
import { z } from 'zod';
import type { BaselineAdmin, PolicyAdmin, PolicyTrials, UpstreamAdmin, VaultAdmin } from '../domain/admin.ts';
import { RefgateError } from '../domain/error.ts';
import type { Directory } from '../domain/identity.ts';
import type { Log } from '../domain/log.ts';
import type { LedgerReader } from '../domain/record.ts';
import { json, read } from './answer.ts';
import { answerError } from './answer-error.ts';
import { baselineRoutes } from './baseline-routes.ts';
import { policyRoutes } from './policy-routes.ts';

/** What the administrative API speaks for. */
export interface AdminPorts {
  readonly directory: Directory;
  readonly ledger: LedgerReader;
  readonly policy: PolicyAdmin;
  readonly trials: PolicyTrials;
  readonly baselines: BaselineAdmin;
  readonly upstreams: UpstreamAdmin;
  readonly vault: VaultAdmin;
  readonly log: Log;
}

/** Bounded here; what a name may be, the directory says in better words. */
const name = z.string().max(512);
const newUser = z.strictObject({
  name,
  kind: z.enum(['person', 'service']),
  groups: z.array(name).max(64),
  role: z.enum(['admin', 'auditor', 'reviewer', 'user']),
  emails: z.array(name).max(64).default([]),
  owner: name.optional(),
});
const userChange = z.strictObject({
  role: z.enum(['admin', 'auditor', 'reviewer', 'user']).optional(),
  addGroups: z.array(name).max(64).default([]),
  removeGroups: z.array(name).max(64).default([]),
  owner: name.nullable().optional(),
});
const emailChange = z.strictObject({
  add: z.array(name).max(64).default([]),
  remove: z.array(name).max(64).default([]),
});
const newKey = z.strictObject({ user: name, line: z.string().max(16_384) });
const oldKey = z.strictObject({ user: name, fingerprint: z.string().max(128) });
const newToken = z.strictObject({ user: name, ttl: z.number().int().positive() });
const repoName = z.strictObject({ repo: z.string().min(1).max(512) });
const bounded = z.string().min(1).max(512);
const vaultChange = z.discriminatedUnion('do', [
  z.strictObject({
    do: z.enum(['deploy-key-create', 'deploy-key-import', 'deploy-key-remove', 'credential-remove']),
    upstream: bounded,
    pattern: bounded,
  }),
  z.strictObject({ do: z.literal('credential-set'), upstream: bounded, pattern: bounded, user: bounded }),
  z.strictObject({ do: z.literal('list'), upstream: bounded.optional() }),
]);
const sessionQuery = z.strictObject({
  user: z.string().optional(),
  repo: z.string().optional(),
  ref: z.string().optional(),
  outcome: z
    .enum(['ok', 'partial', 'held', 'refused', 'rejected', 'failed', 'aborted', 'unknown'])
    .optional(),
  since: z.iso.datetime({ offset: true }).optional(),
  until: z.iso.datetime({ offset: true }).optional(),
  before: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(50),
});

/**
 * The administrative API for the admin socket: who can open the socket (mode
 * 0600) is the operator. JSON in and out; errors are `{code, message}` with a
 * fitting status.
 */
export function createAdminApi(ports: AdminPorts): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use(express.json({ limit: '2mb' }));
  app.use('/-/api/v1', adminRoutes(ports, 'operator'));
  app.use((_request, _response, next) => next(new RefgateError('NOT_FOUND', 'client', 'no such API path')));
  app.use(answerError(ports.log));
  return app;
}

function adminRoutes(ports: AdminPorts, actor: string): Router {
  const router = express.Router();
  directoryRoutes(router, ports.directory, actor);
  policyRoutes(router, ports, actor);
  baselineRoutes(router, ports, actor);
  ledgerRoutes(router, ports.ledger);
  upstreamRoutes(router, ports, actor);
  return router;
}

function directoryRoutes(router: Router, directory: Directory, actor: string): void {
  const userOf = (request: Request): string | undefined => read(name.optional(), request.query['user']);
  router.get(
    '/users',
    json(() => directory.users()),
  );
  router.post(
    '/users',
    json((request) => {
      const { owner, ...user } = read(newUser, request.body);
      return directory.addUser({ ...user, ...(owner === undefined ? {} : { owner }) }, actor);
    }),
  );
  router.post(
    '/users/:name',
    json((request) => {
      const change = definedOnly(read(userChange, request.body));
      return directory.changeUser(read(name, request.params['name']), change, actor);
    }),
  );
  router.post(
    '/users/:name/emails',
    json((request) => {
      const change = read(emailChange, request.body);
      return directory.changeEmails(read(name, request.params['name']), change, actor);
    }),
  );
  router.post(
    '/users/:name/disable',
    json((request) => directory.disableUser(read(name, request.params['name']), actor)),
  );
  router.get(
    '/keys',
    json((request) => directory.keys(userOf(request))),
  );
  router.post(
    '/keys',
    json((request) => {
      const { user, line } = read(newKey, request.body);
      return directory.addKey(user, line, actor);
    }),
  );
  router.delete(
    '/keys',
    json((request) => {
      const { user, fingerprint } = read(oldKey, request.body);
      return directory.removeKey(user, fingerprint, actor);
    }),
  );
  router.get(
    '/tokens',
    json((request) => directory.tokens(userOf(request))),
  );
  router.post(
    '/tokens',
    json((request) => {
      const { user, ttl } = read(newToken, request.body);
      return directory.createToken(user, ttl, actor);
    }),
  );
  router.delete(
    '/tokens/:id',
    json((request) => directory.revokeToken(read(name, request.params['id']), actor)),
  );
}

function ledgerRoutes(router: Router, ledger: LedgerReader): void {
  router.get(
    '/sessions',
    json((request) => {
      const { limit, ...rest } = read(sessionQuery, request.query);
      return ledger.sessions({ limit, ...definedOnly(rest) });
    }),
  );
  router.get(
    '/sessions/:id',
    json(async (request) => {
      const id = read(name, request.params['id']);
      const events = await ledger.sessionEvents(id);
      if (events.length === 0)
        throw new RefgateError('NOT_FOUND', 'client', `there is no session ${id}; see refgate session list`);
      return events;
    }),
  );
  router.get(
    '/audit/head',
    json(() => ledger.head()),
  );
  // Newline-separated JSON: progress while it works, then the result or the error.
  router.post('/audit/verify', async (_request, response) => {
    response.type('application/x-ndjson');
    const send = (value: object): void => void response.write(`${JSON.stringify(value)}\n`);
    try {
      send({ done: await ledger.verify((done, total) => send({ progress: { done, total } })) });
    } catch (error) {
      if (!(error instanceof RefgateError)) throw error;
      send({ error: { code: error.code, message: error.message } });
    }
    response.end();
  });
}

function upstreamRoutes(router: Router, { upstreams, vault }: AdminPorts, actor: string): void {
  router.get(
    '/upstreams',
    json(() => upstreams.list()),
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
    json((request) => vault.ticket(changeOf(request), actor)),
  );
  router.post(
    '/vault/changes',
    json((request) => vault.changed(changeOf(request), actor)),
  );
}

function changeOf(request: Request): Parameters<VaultAdmin['ticket']>[0] {
  const change = read(vaultChange, request.body);
  if (change.do !== 'list') return change;
  return { do: 'list', ...definedOnly({ upstream: change.upstream }) };
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The entries that have a value: an absent key and an undefined one are two things to the ports. */
function definedOnly<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as Defined<T>;
}
