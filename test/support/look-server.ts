import express from 'express';
import type { HeldPushes, NotifierStatus } from '../../src/domain/approval.ts';
import { type Ledger, openLedger } from '../../src/record/ledger.ts';
import { createPolicyTrials } from '../../src/session/backtest.ts';
import { openPolicyInForce, type PolicyInForce } from '../../src/session/policy-in-force.ts';
import { answerError } from '../../src/web/answer-error.ts';
import { overviewPages } from '../../src/web/pages/overview-pages.tsx';
import { policyPages } from '../../src/web/pages/policy-pages.tsx';
import { sessionPages } from '../../src/web/pages/session-pages.tsx';
import { setViewer, type Viewer } from '../../src/web/viewer.ts';
import { SamplePushes } from './held-pushes.ts';
import { MemoryStore } from './memory-store.ts';
import { sampleViewer } from './push-server.ts';
import { QuietLog } from './quiet-log.ts';
import { listenFor } from './web-ports.ts';

/** A page as it was answered. */
export interface Page {
  readonly status: number;
  readonly text: string;
  readonly location: string | null;
}

export interface LookServer {
  readonly store: MemoryStore;
  readonly ledger: Ledger;
  readonly policy: PolicyInForce;
  readonly held: HeldPushes;
  /** What `status` of the notifiers gives. */
  notifiers: readonly NotifierStatus[];
  /** Milliseconds since 1970, for the ledger and the pages. */
  now: number;
  /** Who calls from now on. */
  as(viewer: Viewer): void;
  page(path: string): Promise<Page>;
  post(path: string, form: Readonly<Record<string, string>>): Promise<Page>;
}

export const admin = sampleViewer('root', 'admin');
export const auditor = sampleViewer('audit', 'auditor');

/** The pages of sessions, policy and overview over a real ledger and a real policy in force, for one viewer at a time. */
export async function startLookServer(t: { after(close: () => unknown): void }): Promise<LookServer> {
  const [store, log, held] = [new MemoryStore(), new QuietLog(), new SamplePushes()];
  let viewer = admin;
  const ledger = await openLedger({ store, log, clock: () => server.now });
  const policy = await openPolicyInForce({ store, recorder: ledger, log });
  const trials = createPolicyTrials({ reader: ledger, store, load: (version) => policy.load(version) });
  const notify = {
    status: async () => server.notifiers,
    dead: async () => [],
    retry: async () => 0,
    test: async () => {},
  };
  const app = express();
  app.use((request, _response, next) => {
    setViewer(request, viewer);
    next();
  });
  app.use('/-', express.urlencoded({ extended: false, limit: '2mb' }));
  const ports = { ledger, held, policy, trials, notify };
  for (const pages of [sessionPages(ports), policyPages(ports), overviewPages(ports, () => server.now)])
    app.use('/-', pages);
  app.use(answerError(log));
  const url = await listenFor(t, app);
  const ask = async (path: string, init: RequestInit): Promise<Page> => {
    const response = await fetch(`${url}/-${path}`, { ...init, redirect: 'manual' });
    return {
      status: response.status,
      text: await response.text(),
      location: response.headers.get('location'),
    };
  };
  const server: LookServer = {
    store,
    ledger,
    policy,
    held,
    notifiers: [],
    now: Date.UTC(2026, 0, 31, 12),
    as: (next) => {
      viewer = next;
    },
    page: (path) => ask(path, {}),
    post: (path, form) => ask(path, { method: 'POST', body: new URLSearchParams(form) }),
  };
  return server;
}

/** What would act if it were not escaped, and what would deceive if it were not shown. */
export const hostile = '<img src=x onerror=alert(1)>"\'&\u202egpj.exe\u0007';

/** Whether the page holds none of `hostile` as it is. */
export function isHarmless({ text }: Page): boolean {
  return !text.includes('<img') && !text.includes('\u202e') && !text.includes('\u0007');
}
