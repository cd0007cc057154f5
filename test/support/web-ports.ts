import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AgentState, CheckLine } from '../../src/domain/admin.ts';
import type { Directory, Role } from '../../src/domain/identity.ts';
import { openDirectory } from '../../src/identity/directory.ts';
import { type Ledger, openLedger } from '../../src/record/ledger.ts';
import { openSignIns } from '../../src/web/sign-ins.ts';
import type { WebPorts } from '../../src/web/web-ports.ts';
import { SamplePushes } from './held-pushes.ts';
import { MemoryStore } from './memory-store.ts';
import { QuietLog } from './quiet-log.ts';
import { SampleMasking, SampleViews } from './sample-masking.ts';

export const roles: readonly Role[] = ['admin', 'auditor', 'reviewer', 'user'];

export interface WebScene {
  readonly ports: WebPorts;
  readonly directory: Directory;
  readonly ledger: Ledger;
  readonly log: QuietLog;
  readonly held: SamplePushes;
  readonly mask: SampleMasking;
  readonly views: SampleViews;
  /** Of the users `admin`, `auditor`, `reviewer` and `user`. */
  readonly tokens: Readonly<Record<Role, string>>;
}

/**
 * A real directory and ledger in memory, with one user for each role; behind
 * the other ports there is as little as pages and the API can do with.
 */
export async function webScene(change: Partial<WebPorts> = {}): Promise<WebScene> {
  const log = new QuietLog();
  const store = new MemoryStore();
  const ledger = await openLedger({ store, log });
  const directory = await openDirectory({ store, recorder: ledger });
  const tokens: Partial<Record<Role, string>> = {};
  for (const role of roles) {
    await directory.addUser({ name: role, kind: 'person', groups: [], role }, 'operator');
    tokens[role] = (await directory.createToken(role, 3_600_000, 'operator')).token;
  }
  const held = new SamplePushes();
  const signIns = await openSignIns({ store, recorder: ledger, directory, log });
  const [mask, views] = [new SampleMasking(), new SampleViews()];
  const real = { directory, ledger, held, mask, views, signIns, log };
  const ports: WebPorts = { ...emptyPorts(), ...real, ...change };
  return { ports, directory, ledger, log, held, mask, views, tokens: tokens as Record<Role, string> };
}

const version = { version: '0123456789ab' };
const lines: readonly CheckLine[] = [{ name: 'host key', outcome: 'ok', text: 'pinned' }];
const agent: AgentState = {
  name: 'local',
  embedded: true,
  alive: true,
  since: '2026-01-31T10:00:00.000Z',
  pid: 4711,
  socket: '/run/agent.sock',
  upstreams: ['here'],
  credentials: [],
};

type Quiet = Omit<WebPorts, 'directory' | 'ledger' | 'held' | 'mask' | 'views' | 'signIns' | 'log'>;

function emptyPorts(): Quiet {
  return {
    policy: {
      current: () => ({ ...version, text: 'access: []\n' }),
      check: async () => version,
      apply: async () => version,
      rollback: async () => version,
      history: async () => [],
      text: async () => 'access: []\n',
    },
    trials: {
      backtest: async function* () {},
      explain: async (session) => ({
        session,
        time: '2026-01-31T10:00:00.000Z',
        user: 'user',
        repo: 'acme/web',
        ...version,
        judgedBy: version.version,
        explanation: {},
      }),
    },
    baselines: {
      list: () => [],
      scan: async () => ({ refs: 0, objects: 0, secrets: [], unknowns: [], unknownCount: 0 }),
      accept: async () => 0,
      remove: async () => {},
    },
    upstreams: {
      list: () => [{ name: 'here', kind: 'path', where: '/srv/git' }],
      repos: () => [{ path: 'acme/*', upstream: 'here' }],
      target: (repo) => (repo.startsWith('acme/') ? { upstream: 'here', path: repo } : undefined),
      check: async () => lines,
    },
    vault: {
      ticket: async () => ({ socket: '/run/agent.sock', ticket: 'ticket' }),
      changed: async () => {},
    },
    agents: { list: async () => [agent] },
    reviews: {
      review: async () => [],
      diff: async () => ({ is: 'gone', added: 0, removed: 0, hunks: [] }),
    },
    notify: { status: async () => [], dead: async () => [], retry: async () => 0, test: async () => {} },
    readModeOf: ({ kind }) => (kind === 'service' ? 'masked' : 'clear'),
    publicUrl: () => 'https://git.example.com',
    secure: () => false,
  } as Quiet;
}

/** Serves on a free port of this machine until the test ends; gives `http://127.0.0.1:PORT`. */
export async function listenFor(
  t: { after(close: () => unknown): void },
  listener: RequestListener,
): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
