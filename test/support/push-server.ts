import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import express from 'express';
import type { Role } from '../../src/domain/identity.ts';
import type { LedgerEvent } from '../../src/domain/record.ts';
import { answerError } from '../../src/web/answer-error.ts';
import { pushPages } from '../../src/web/pages/push-pages.tsx';
import { pushRoutes } from '../../src/web/push-routes.ts';
import { setViewer, type Viewer } from '../../src/web/viewer.ts';
import { SamplePushes, SampleReviews } from './held-pushes.ts';
import { QuietLog } from './quiet-log.ts';

/** Who looks: a person who signed in on a page. */
export function sampleViewer(name: string, role: Role, groups: readonly string[] = []): Viewer {
  const kind = 'person';
  return {
    user: { name, kind, groups, role, disabled: false, createdAt: '2026-01-01T00:00:00.000Z' },
    principal: { user: name, kind, groups, credential: { type: 'token', id: 't-1' } },
    via: 'page',
    csrf: 'form-mark',
    web: `w-${name}`,
  };
}

export const bob = sampleViewer('bob', 'reviewer', ['reviewers']);
export const alice = sampleViewer('alice', 'user', ['dev']);

export interface PushServer {
  readonly held: SamplePushes;
  readonly reviews: SampleReviews;
  /** What the ledger has of sessions, by id. */
  readonly events: Map<string, readonly LedgerEvent[]>;
  /** Such as `http://127.0.0.1:1234`. */
  readonly url: string;
  /** Who calls from now on. */
  as(caller: Viewer | 'operator'): void;
  page(path: string): Promise<{ readonly status: number; readonly text: string }>;
  post(path: string, form: Readonly<Record<string, string>>): Promise<Response>;
  api(path: string, body?: unknown): Promise<{ readonly status: number; readonly body: unknown }>;
}

/** The pages and the API of held pushes on a real listener, for one caller at a time. */
export async function startPushServer(t: Pick<TestContext, 'after'>): Promise<PushServer> {
  const [held, reviews, log] = [new SamplePushes(), new SampleReviews(), new QuietLog()];
  const events = new Map<string, readonly LedgerEvent[]>();
  let caller: Viewer | 'operator' = bob;
  const app = express();
  app.use((request, _response, next) => {
    if (caller !== 'operator') setViewer(request, caller);
    next();
  });
  const ledger = { sessionEvents: async (id: string) => events.get(id) ?? [] };
  const api = express.Router();
  api.use(express.json());
  pushRoutes(api, { held, reviews, ledger, publicUrl: () => 'https://git.example.com' }, () => caller);
  app.use('/-/api/v1', api);
  app.use('/-', express.urlencoded({ extended: false }), pushPages({ held, reviews, ledger, log }));
  app.use(answerError(log));
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    held,
    reviews,
    events,
    url,
    as: (next) => {
      caller = next;
    },
    page: async (path) => {
      const response = await fetch(`${url}/-${path}`);
      return { status: response.status, text: await response.text() };
    },
    post: (path, form) =>
      fetch(`${url}/-${path}`, { method: 'POST', body: new URLSearchParams(form), redirect: 'manual' }),
    api: async (path, body) => {
      const order =
        body === undefined
          ? {}
          : { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
      const response = await fetch(`${url}/-/api/v1${path}`, order);
      return { status: response.status, body: await response.json() };
    },
  };
}
