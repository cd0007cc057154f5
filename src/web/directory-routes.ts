import type { Request, Router } from 'express';
import { z } from 'zod';
import { type Directory, roles } from '../domain/identity.ts';
import { definedOnly, json, read } from './answer.ts';
import { actorOf, type CallerOf } from './api-needs.ts';

/** Bounded here; what a name may be, the directory says in better words. */
const name = z.string().max(512);
const role = z.enum(roles);
const names = z.array(name).max(64);
const newUser = z.strictObject({
  name,
  kind: z.enum(['person', 'service']),
  groups: names,
  role,
  emails: names.default([]),
  owner: name.optional(),
});
const userChange = z.strictObject({
  role: role.optional(),
  addGroups: names.default([]),
  removeGroups: names.default([]),
  owner: name.nullable().optional(),
});
const emailChange = z.strictObject({ add: names.default([]), remove: names.default([]) });
const newKey = z.strictObject({ user: name, line: z.string().max(16_384) });
const oldKey = z.strictObject({ user: name, fingerprint: z.string().max(128) });
const newToken = z.strictObject({ user: name, ttl: z.number().int().positive() });

/** Users, keys and tokens. */
export function directoryRoutes(router: Router, directory: Directory, callerOf: CallerOf): void {
  const actor = (request: Request): string => actorOf(callerOf(request));
  userRoutes(router, directory, actor);
  credentialRoutes(router, directory, actor);
  // What a command that speaks for a person asks first.
  router.get(
    '/me',
    json((request) => {
      const caller = callerOf(request);
      return caller === 'operator' ? { operator: true } : { user: caller.user };
    }),
  );
}

function userRoutes(router: Router, directory: Directory, actor: (request: Request) => string): void {
  router.get(
    '/users',
    json(() => directory.users()),
  );
  router.post(
    '/users',
    json((request) => {
      const { owner, ...user } = read(newUser, request.body);
      return directory.addUser({ ...user, ...definedOnly({ owner }) }, actor(request));
    }),
  );
  router.post(
    '/users/:name',
    json((request) => {
      const change = definedOnly(read(userChange, request.body));
      return directory.changeUser(read(name, request.params['name']), change, actor(request));
    }),
  );
  router.post(
    '/users/:name/emails',
    json((request) => {
      const change = read(emailChange, request.body);
      return directory.changeEmails(read(name, request.params['name']), change, actor(request));
    }),
  );
  router.post(
    '/users/:name/disable',
    json((request) => directory.disableUser(read(name, request.params['name']), actor(request))),
  );
}

function credentialRoutes(router: Router, directory: Directory, actor: (request: Request) => string): void {
  const userOf = (request: Request): string | undefined => read(name.optional(), request.query['user']);
  router.get(
    '/keys',
    json((request) => directory.keys(userOf(request))),
  );
  router.post(
    '/keys',
    json((request) => {
      const { user, line } = read(newKey, request.body);
      return directory.addKey(user, line, actor(request));
    }),
  );
  router.delete(
    '/keys',
    json((request) => {
      const { user, fingerprint } = read(oldKey, request.body);
      return directory.removeKey(user, fingerprint, actor(request));
    }),
  );
  router.get(
    '/tokens',
    json((request) => directory.tokens(userOf(request))),
  );
  router.post('/tokens', async (request, response) => {
    const { user, ttl } = read(newToken, request.body);
    const made = await directory.createToken(user, ttl, actor(request));
    response.set('cache-control', 'no-store').json(made);
  });
  router.delete(
    '/tokens/:id',
    json((request) => directory.revokeToken(read(name, request.params['id']), actor(request))),
  );
}
