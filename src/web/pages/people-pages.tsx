import express, { type Request, type Router } from 'express';
import { RefgateError } from '../../domain/error.ts';
import { type Role, roles, type UserRecord } from '../../domain/identity.ts';
import { parseTtl } from '../../identity/ttl.ts';
import { answerForm, changeOf, fieldOf, wordsOf } from '../form-fields.ts';
import { frameOf } from '../frame.ts';
import { Layout } from '../parts/layout.tsx';
import { peerText } from '../parts/peer-text.ts';
import { sendPage } from '../send-page.ts';
import { only, viewerOf } from '../viewer.ts';
import type { WebPorts } from '../web-ports.ts';
import { NewUserForm, PeopleList, type PeoplePage } from './people-list.tsx';
import { NewToken, PersonPage, personHref } from './person-page.tsx';

const rowsOnPage = 50;

/** People and services, with their keys and tokens. Auditors read; administrators change. */
export function peoplePages(ports: WebPorts): Router {
  const router = express.Router();
  router.get('/people', only('auditor'), async (request, response) => {
    const frame = frameOf(ports, request);
    const page = pageOf(await ports.directory.users(), request);
    sendPage(
      response,
      <Layout title="People" at="people" {...frame}>
        <PeopleList page={page} />
        {frame.viewer.user.role === 'admin' && <NewUserForm viewer={frame.viewer} />}
      </Layout>,
    );
  });
  router.get('/people/:name', only('auditor'), async (request, response) => {
    const user = await userOf(ports, request);
    const frame = frameOf(ports, request);
    const [keys, tokens] = await Promise.all([
      ports.directory.keys(user.name),
      ports.directory.tokens(user.name),
    ]);
    sendPage(
      response,
      <Layout title={user.name} at="people" {...frame}>
        <PersonPage
          viewer={frame.viewer}
          user={user}
          keys={keys}
          tokens={tokens}
          signIns={ports.signIns.list(user.name)}
        />
      </Layout>,
    );
  });
  userForms(router, ports);
  credentialForms(router, ports);
  return router;
}

/** Throws NOT_FOUND. */
async function userOf({ directory }: WebPorts, request: Request): Promise<UserRecord> {
  const name = String(request.params['name'] ?? '');
  const user = await directory.user(name);
  if (user === undefined) throw new RefgateError('NOT_FOUND', 'client', `there is no user ${peerText(name)}`);
  return user;
}

function pageOf(all: readonly UserRecord[], request: Request): PeoplePage {
  const text = (name: string): string => String(request.query[name] ?? '').slice(0, 256);
  const search = text('q').trim().toLowerCase();
  const after = text('after');
  const found = all.filter((user) => search === '' || isLike(user, search));
  const rest = found.filter(({ name }) => name > after);
  const rows = rest.slice(0, rowsOnPage);
  const last = rows.at(-1);
  return {
    search,
    rows,
    count: found.length,
    isFirst: after === '',
    ...(rest.length > rowsOnPage && last !== undefined ? { next: last.name } : {}),
  };
}

function isLike({ name, role, kind, groups, emails = [], owner }: UserRecord, search: string): boolean {
  if (name.includes(search) || role === search || kind === search || owner === search) return true;
  return groups.includes(search) || emails.some((email) => email.includes(search));
}

function userForms(router: Router, ports: WebPorts): void {
  const { directory } = ports;
  const actorOf = (request: Request): string => viewerOf(request).user.name;
  router.post('/people', only('admin'), (request, response) =>
    answerForm(request, response, '/-/people', async () => {
      const owner = fieldOf(request, 'owner');
      const user = await directory.addUser(
        {
          name: fieldOf(request, 'name'),
          kind: fieldOf(request, 'kind') === 'service' ? 'service' : 'person',
          groups: wordsOf(request, 'groups'),
          role: roleOf(request),
          emails: wordsOf(request, 'emails'),
          ...(owner === '' ? {} : { owner }),
        },
        actorOf(request),
      );
      const say = `${user.name} is added. Next: a key, or a token.`;
      return { to: personHref(user.name), say };
    }),
  );
  router.post('/people/:name/change', only('admin'), async (request, response) => {
    const user = await userOf(ports, request);
    await answerForm(request, response, personHref(user.name), async () => {
      const groups = changeOf(
        user.groups,
        wordsOf(request, 'groups').map((word) => word.toLowerCase()),
      );
      const owner = fieldOf(request, 'owner');
      await directory.changeUser(
        user.name,
        {
          role: roleOf(request),
          addGroups: groups.add,
          removeGroups: groups.remove,
          owner: owner === '' ? null : owner,
        },
        actorOf(request),
      );
      return 'Role, groups and owner are as you said.';
    });
  });
  router.post('/people/:name/emails', only('admin'), async (request, response) => {
    const user = await userOf(ports, request);
    await answerForm(request, response, personHref(user.name), async () => {
      const wanted = wordsOf(request, 'emails').map((word) => word.toLowerCase());
      await directory.changeEmails(user.name, changeOf(user.emails ?? [], wanted), actorOf(request));
      return 'The addresses are as you said.';
    });
  });
  router.post('/people/:name/disable', only('admin'), async (request, response) => {
    const { name } = await userOf(ports, request);
    await answerForm(request, response, personHref(name), async () => {
      await directory.disableUser(name, actorOf(request));
      return `${name} is disabled: every key, token and sign-in has ended.`;
    });
  });
}

function roleOf(request: Request): Role {
  const role = roles.find((one) => one === fieldOf(request, 'role'));
  if (role === undefined) throw new RefgateError('USAGE', 'client', `a role is one of ${roles.join(', ')}`);
  return role;
}

function credentialForms(router: Router, ports: WebPorts): void {
  const { directory, signIns } = ports;
  const actorOf = (request: Request): string => viewerOf(request).user.name;
  router.post('/people/:name/keys', only('admin'), async (request, response) => {
    const { name } = await userOf(ports, request);
    await answerForm(request, response, personHref(name), async () => {
      const key = await directory.addKey(name, fieldOf(request, 'line', 16_384), actorOf(request));
      return `The key ${key.fingerprint} is added.`;
    });
  });
  router.post('/people/:name/keys/remove', only('admin'), async (request, response) => {
    const { name } = await userOf(ports, request);
    await answerForm(request, response, personHref(name), async () => {
      const fingerprint = fieldOf(request, 'fingerprint');
      await directory.removeKey(name, fingerprint, actorOf(request));
      return `The key ${fingerprint} has ended.`;
    });
  });
  // The answer to the form is the only page that ever shows the token: nothing keeps it, no address holds it.
  router.post('/people/:name/tokens', only('admin'), async (request, response) => {
    const { name } = await userOf(ports, request);
    const made = await directory.createToken(name, parseTtl(fieldOf(request, 'ttl')), actorOf(request));
    response.set('Cache-Control', 'no-store');
    sendPage(
      response,
      <Layout title={`A token for ${name}`} at="people" {...frameOf(ports, request)}>
        <NewToken token={made.token} record={made.record} />
      </Layout>,
    );
  });
  router.post('/people/:name/tokens/revoke', only('admin'), async (request, response) => {
    const { name } = await userOf(ports, request);
    await answerForm(request, response, personHref(name), async () => {
      const id = fieldOf(request, 'id');
      const tokens = await directory.tokens(name);
      if (!tokens.some((token) => token.id === id))
        throw new RefgateError('NOT_FOUND', 'client', `${name} has no such token`);
      await directory.revokeToken(id, actorOf(request));
      return `The token ${id} has ended.`;
    });
  });
  router.post('/people/:name/sign-ins/revoke', only('admin'), async (request, response) => {
    const { name } = await userOf(ports, request);
    await answerForm(request, response, personHref(name), async () => {
      const count = await signIns.revokeAll(name, actorOf(request));
      return count === 1 ? 'The sign-in has ended.' : `${count} sign-ins have ended.`;
    });
  });
}
