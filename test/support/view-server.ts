/** Both doors and the spine before views that a test gives, without policy, ledger and upstreams. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { RefgateError } from '../../src/domain/error.ts';
import type { MaskedViews, ReadMode } from '../../src/domain/mask.ts';
import type { FetchSource } from '../../src/domain/ports.ts';
import type { SpineDeps } from '../../src/session/open.ts';
import { createSpine } from '../../src/session/serve.ts';
import { startHttpDoor } from '../../src/transport/http/accept-http.ts';
import { authenticator, limits, token, user } from '../transport/http/served-git.ts';
import { openDoor } from '../transport/ssh/door.ts';
import { type GitRun, git, runGit } from './git.ts';
import { QuietLog } from './quiet-log.ts';

export type ViewDoor = 'ssh' | 'http';

export interface ViewServer {
  readonly log: QuietLog;
  url(door: ViewDoor): string;
  /** The environment of a git client of protocol `version` (2 when not said). */
  env(version?: 0 | 1 | 2): Record<string, string>;
  git(args: readonly string[], options?: { cwd?: string; version?: 0 | 1 | 2 }): Promise<string>;
  run(args: readonly string[], options?: { cwd?: string; version?: 0 | 1 | 2 }): Promise<GitRun>;
}

/** What the views of a test give; what is left out is not there. */
export type SomeViews = Partial<MaskedViews> & { readonly source: () => FetchSource };

/** Serves the one view of repository `acme/web` until the test ends. */
export async function startViewServer(
  t: TestContext,
  dir: string,
  views: SomeViews,
  mode: ReadMode = 'masked',
): Promise<ViewServer> {
  const log = new QuietLog();
  const missing = (): never => {
    throw new RefgateError('INTERNAL', 'refgate', 'not in this test');
  };
  const all: MaskedViews = {
    refs: missing,
    restore: missing,
    archive: missing,
    textFor: async (_view, text) => text,
    moved: () => {},
    ...views,
  };
  const deps: Partial<SpineDeps> = {
    recorder: { append: async () => {} } as unknown as SpineDeps['recorder'],
    upstreams: { fetchSource: missing, pushTarget: missing },
    policy: () => ({ may: () => true, readMode: () => mode }) as unknown as ReturnType<SpineDeps['policy']>,
    authenticator: { stillValid: async () => true },
    mapRepo: () => ({ upstream: 'origin', path: 'acme/web' }),
    sessionSlots: { take: () => () => {} } as unknown as SpineDeps['sessionSlots'],
    views: all,
    log,
    limits: { refUpdates: 1000, fetchLines: 100_000, keepAlive: 5_000, tellWait: 5_000 },
  };
  const serve = createSpine(deps as SpineDeps);
  const keys = join(dir, 'keys');
  mkdirSync(keys);
  const ssh = await openDoor(t, keys, { serve });
  const http = await startHttpDoor({
    listen: { host: '127.0.0.1', port: 0 },
    authenticator,
    serve,
    log,
    limits,
  });
  t.after(() => http.close(0));
  const urls = {
    ssh: ssh.url('acme/web'),
    http: http.url.replace('//', `//${user}:${token}@`).concat('/acme/web'),
  };
  const env = (version: 0 | 1 | 2 = 2): Record<string, string> => ({
    ...ssh.key.env,
    GIT_CONFIG_COUNT: '6',
    GIT_CONFIG_KEY_5: 'protocol.version',
    GIT_CONFIG_VALUE_5: String(version),
  });
  return {
    log,
    url: (door) => urls[door],
    env,
    git: (args, options = {}) => git(args, { ...options, env: env(options.version) }),
    run: (args, options = {}) => runGit(args, { ...options, env: env(options.version) }),
  };
}
