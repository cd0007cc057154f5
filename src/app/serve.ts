import { createServer } from 'node:http';
import { join } from 'node:path';
import { pino } from 'pino';
import type { HeldPush } from '../domain/approval.ts';
import { RefgateError } from '../domain/error.ts';
import type { RefUpdate } from '../domain/git.ts';
import type { Directory } from '../domain/identity.ts';
import type { Log } from '../domain/log.ts';
import type { Target } from '../domain/ports.ts';
import type { Recorder } from '../domain/record.ts';
import { openDirectory } from '../identity/directory.ts';
import { createAncestry } from '../inspect/ancestry.ts';
import { Quarantine } from '../inspect/quarantine.ts';
import { createPushReviews } from '../inspect/review/reviews.ts';
import { TreeCache } from '../inspect/tree-cache.ts';
import { openMaskedViews } from '../mask/engine/open-masked-views.ts';
import { openLedger } from '../record/ledger.ts';
import { createPolicyTrials } from '../session/backtest.ts';
import { openBaselines } from '../session/baseline.ts';
import { createBaselineAdmin } from '../session/baseline-admin.ts';
import { factsOf } from '../session/facts-of.ts';
import { openPolicyInForce } from '../session/policy-in-force.ts';
import { RecentNames } from '../session/recent-names.ts';
import { HeldRelay } from '../session/relay-held.ts';
import { createSpine } from '../session/serve.ts';
import { Settler } from '../session/settle.ts';
import { UserSlots } from '../session/user-slots.ts';
import { version } from '../session/version.ts';
import { openLevelStore } from '../store/level.ts';
import { startHttpDoor } from '../transport/http/accept-http.ts';
import { startSshDoor } from '../transport/ssh/accept-ssh.ts';
import { createAdminApi } from '../web/admin-api.ts';
import { openSignIns } from '../web/sign-ins.ts';
import { createWebApp, type WebPorts } from '../web/web-app.ts';
import { createAgentLink } from './agent-link.ts';
import { Closers } from './closers.ts';
import type { Config } from './config.ts';
import { openDataFolder, openSocketFolder, removeRunState, writeRunState } from './data-folder.ts';
import { cancelOvertaken, openHeldPushes } from './held-pushes.ts';
import { closeServer, formatAddress, listenTcp, listenUnix, withFreePort } from './listen.ts';
import { heldMetrics, Metrics, maskMetrics } from './metrics.ts';
import { createOpsServer } from './ops.ts';
import { mapRepo } from './repo-map.ts';
import { readSecretSearch } from './secret-search.ts';

/** What `refgate serve` prints when it is ready. */
export interface ReadyLine {
  readonly event: 'ready';
  readonly ssh: string;
  readonly http: string;
  readonly ops: string;
  /** The path of the admin socket. */
  readonly admin: string;
  readonly pid: number;
}

export interface RunningServer {
  readonly ready: ReadyLine;
  /** `ssh-ed25519 AAAA...`, for known_hosts. */
  readonly hostKey: string;
  readonly directory: Directory;
  /** Takes nothing new, lets what runs end for a while, and closes everything in reverse order. */
  close(): Promise<void>;
}

export interface StartOptions {
  /** Takes another port where a configured one is not to be had: for the demo. */
  readonly freePortsWhenTaken?: boolean;
  /** Stands before the ledger on the spine's way to it: where tests make it fail. */
  readonly wrapRecorder?: (recorder: Recorder) => Recorder;
}

/** How long running sessions may still take when the server is stopped, in ms. */
const graceMs = 10_000;

/** Silence on band 2 after which a waiting client gets a sign of life, in ms. */
const keepAliveMs = 5_000;

/** How often a client that waits for people sees the time that is left, in ms. */
const tellWaitMs = 15_000;

const maxCachedCommits = 400_000;

/** Trees of all repositories, so that the push after next need not ask for them. */
const treeCacheBytes = 64 * 2 ** 20;

const httpLimits = {
  /** Room for the commands before a pack of the greatest size, in bytes. */
  bodySlack: 16 * 2 ** 20,
  /** DEFLATE itself cannot do more than 1,032. */
  maxInflatedRatio: 200,
  maxConnections: 4_000,
} as const;

/**
 * Composes the whole server from its configuration and starts it. What was
 * opened before a failure is closed again. @throws CONFIG_INVALID and what the parts throw
 */
export async function startServer(config: Config, options: StartOptions = {}): Promise<RunningServer> {
  const log = pino({ name: 'refgate', level: logLevel() }, pino.destination(2));
  const closers = new Closers();
  try {
    return await compose(config, log, closers, options);
  } catch (error) {
    await closers.close();
    throw error;
  }
}

function logLevel(): string {
  const levels = ['silent', ...Object.keys(pino.levels.values)];
  const level = process.env['REFGATE_LOG'] ?? 'info';
  if (levels.includes(level)) return level;
  const detail = `REFGATE_LOG is one of ${levels.join(', ')}, not ${JSON.stringify(level)}`;
  throw new RefgateError('CONFIG_INVALID', 'operator', detail);
}

interface ServerState {
  readonly closing: AbortController;
  /** Of the HTTP door, once it is open. */
  url: string | undefined;
}

/** Where pages will be, as far as the configuration says it. */
function plannedUrl({ listen }: Config): string {
  return `${listen.tls === undefined ? 'http' : 'https'}://${formatAddress(listen.http)}`;
}

async function compose(
  config: Config,
  log: Log,
  closers: Closers,
  options: StartOptions,
): Promise<RunningServer> {
  const { limits, listen } = config;
  const freePorts = options.freePortsWhenTaken ?? false;
  openDataFolder(config.data);
  const store = await openLevelStore(join(config.data, 'store'));
  closers.add(() => store.close());
  const sockets = openSocketFolder(config.data);
  closers.add(async () => sockets.remove());
  const ledger = await openLedger({ store, log });
  closers.add(() => ledger.close());
  const directory = await openDirectory({ store, recorder: ledger });
  const state: ServerState = { closing: new AbortController(), url: undefined };
  const publicUrl = (): string => config.publicUrl?.replace(/\/$/, '') ?? state.url ?? plannedUrl(config);
  const recorder = options.wrapRecorder?.(ledger) ?? ledger;
  const urlOf = (id: string): string => `${publicUrl()}/-/pushes/${id}`;
  const policy = await openPolicyInForce({ store, recorder: ledger, log });
  await policy.loadFile(config.policy);
  const baselines = await openBaselines({ store, recorder: ledger });
  const heldParts = { store, recorder, directory, urlOf, closers, log };
  const { desk, notifications } = await openHeldPushes(config, heldParts);

  const link = await createAgentLink(config, sockets.path, ledger, log);
  closers.add(() => link.close());
  const secrets = readSecretSearch(config, log);
  const quarantine = new Quarantine({
    dir: join(config.data, 'quarantine'),
    limits: {
      maxBytes: limits.packBytes,
      maxObjects: limits.packObjects,
      maxObjectBytes: limits.objectBytes,
      maxInflatedBytes: limits.inflatedBytes,
      maxDeltaDepth: limits.deltaDepth,
    },
    secrets: secrets.settings,
    log,
  });
  closers.add(() => quarantine.close());
  const swept = await quarantine.sweep(new Set(desk.live().map(({ session }) => session)));
  if (swept > 0) log.warn({ packs: swept }, 'packs of a crash removed');
  const { upstreams } = link;
  const settler = new Settler({ recorder, upstreams, patience: limits.upstreamIdle, log });
  closers.add(() => settler.close());
  await settler.atStart(ledger);
  await ledger.append('server.started', { version }, { actor: 'refgate' });
  closers.add(async () => {
    await settler.close();
    await ledger.append('server.stopped', {}, { actor: 'refgate' });
  });

  const map = (repo: string) => mapRepo(config.repos, repo);
  const metrics = new Metrics();
  const views = await openMaskedViews({
    dir: join(config.data, 'masking'),
    store,
    recorder,
    upstreams,
    mapRepo: map,
    secrets: secrets.settings,
    rulesVersion: secrets.version,
    maskSecrets: secrets.hide,
    settings: config.masking,
    workerUrl: new URL('./view-worker.js', import.meta.url),
    log,
  });
  closers.add(() => views.close());
  const treeCache = new TreeCache(treeCacheBytes);
  const shared = {
    recorder,
    upstreams,
    policy: () => policy.current(),
    authenticator: directory,
    names: new RecentNames(),
    settler,
    closing: state.closing.signal,
    facts: (session: string) => factsOf(ledger, store, session),
    moved: (target: Target, updates: readonly RefUpdate[]): void => {
      views.moved(target);
      cancelOvertaken(desk, target, updates).catch((err: unknown) =>
        log.error({ err }, 'held pushes of refs that moved not canceled'),
      );
    },
    log,
  };
  const discard = (session: string) => quarantine.remove(session);
  const heldRelay = new HeldRelay({ desk, deps: shared, ledger, discard });
  closers.add(() => heldRelay.close());
  const serve = metrics.count(
    createSpine({
      ...shared,
      mapRepo: map,
      baselineOf: (repo) => baselines.of(repo),
      quarantine,
      views,
      ancestry: createAncestry({ maxCachedCommits, log }),
      treeCache,
      maskSecrets: secrets.mask,
      desk,
      heldRelay,
      heldUrl: urlOf,
      users: () => directory.users(),
      sessionSlots: new UserSlots(limits.sessionsPerUser, 'sessions'),
      pushSlots: new UserSlots(limits.pushesPerUser, 'pushes'),
      limits: {
        refUpdates: limits.refUpdates,
        fetchLines: limits.fetchLines,
        keepAlive: keepAliveMs,
        tellWait: tellWaitMs,
      },
      noThin: config.noThin,
    }),
  );
  const isOutdated = ({ policyVersion }: HeldPush): boolean => policyVersion !== policy.current().version;
  const cancelOutdated = () => desk.cancelWhere(isOutdated, 'the policy changed while it waited');
  policy.onApplied(() => {
    cancelOutdated().catch((err: unknown) =>
      log.error({ err }, 'held pushes of an older policy not canceled'),
    );
  });
  await cancelOutdated();
  await heldRelay.start();
  const adminSocket = join(sockets.path, 'admin.sock');
  const { upstreamAdmin, vaultAdmin, agentAdmin } = link;
  const reviews = createPushReviews({
    quarantineDir: join(config.data, 'quarantine'),
    facts: shared.facts,
    open: (target) => upstreams.fetchSource(target),
    treeCache,
    secrets: secrets.settings,
    log,
  });
  closers.add(() => reviews.close());
  // The thread that compares takes memory, and is there when somebody may look.
  if (desk.live().length > 0) reviews.warm();
  desk.onChange(({ state }) => {
    if (state === 'pending') reviews.warm();
  });
  const signIns = await openSignIns({ store, recorder, directory, log });
  const ports: WebPorts = {
    directory,
    ledger,
    policy,
    trials: createPolicyTrials({ reader: ledger, store, load: (version) => policy.load(version) }),
    baselines: createBaselineAdmin({ baselines, upstreams, quarantine, mapRepo: map }),
    upstreams: upstreamAdmin,
    vault: vaultAdmin,
    agents: agentAdmin,
    held: desk,
    reviews,
    notify: notifications,
    mask: views.admin,
    views,
    readModeOf: (principal, repo) => {
      const current = policy.current();
      return current.may(principal, repo, 'read') ? current.readMode(principal, repo) : undefined;
    },
    signIns,
    publicUrl,
    secure: () => publicUrl().startsWith('https:'),
    log,
  };
  const admin = createServer(createAdminApi(ports));
  await listenUnix(admin, adminSocket);
  closers.add(() => closeServer(admin));

  const ops = createOpsServer({
    notReady: () => {
      if (state.closing.signal.aborted) return 'shutting down';
      return ledger.isWritable ? undefined : 'the ledger cannot be written; see the log, and restart';
    },
    metrics: () =>
      metrics.text([
        ...heldMetrics(desk.counts().pending, notifications.counts()),
        ...maskMetrics(views.counts()),
      ]),
  });
  const opsPort = await withFreePort(freePorts, listen.ops, (address) => listenTcp(ops, address));
  closers.add(() => closeServer(ops));

  const ssh = await withFreePort(freePorts, listen.ssh, (address) =>
    startSshDoor({
      listen: address,
      hostKeyFile: join(config.data, 'ssh_host_ed25519_key'),
      authenticator: directory,
      serve,
      log,
      limits: {
        loginGraceMs: limits.loginGrace,
        maxAuthTries: limits.authTries,
        maxStartups: limits.maxStartups,
        maxConnectionsPerSource: limits.connectionsPerSource,
        maxSessionsPerConnection: limits.sessionsPerConnection,
        idleMs: limits.idle,
      },
    }),
  );
  closers.add(() => ssh.close(graceMs));
  const http = await withFreePort(freePorts, listen.http, (address) =>
    startHttpDoor({
      listen: address,
      ...(listen.tls === undefined ? {} : { tls: listen.tls }),
      ...(config.publicUrl === undefined ? {} : { hosts: [new URL(config.publicUrl).host] }),
      authenticator: directory,
      serve,
      mounts: createWebApp(ports),
      log,
      limits: {
        headersMs: limits.headers,
        idleMs: limits.idle,
        maxBodyBytes: limits.packBytes + httpLimits.bodySlack,
        maxInflatedRatio: httpLimits.maxInflatedRatio,
        maxConnections: httpLimits.maxConnections,
        maxConnectionsPerSource: limits.connectionsPerSource,
      },
    }),
  );
  closers.add(() => http.close(graceMs));
  // Before the door: an open page that listens would hold it open.
  closers.add(async () => signIns.close());
  state.url = http.url;

  const ready: ReadyLine = {
    event: 'ready',
    ssh: formatAddress(ssh),
    http: http.url,
    ops: `http://${formatAddress({ host: listen.ops.host, port: opsPort })}`,
    admin: adminSocket,
    pid: process.pid,
  };
  writeRunState(config.data, { pid: process.pid, admin: ready.admin });
  log.info(ready, 'ready');
  return {
    ready,
    hostKey: ssh.hostKey,
    directory,
    async close() {
      state.closing.abort(new RefgateError('SHUTTING_DOWN', 'operator'));
      removeRunState(config.data);
      await closers.close();
    },
  };
}
