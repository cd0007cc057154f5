import { copyFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { AgentAdmin, UpstreamAdmin, VaultAdmin, VaultChange } from '../domain/admin.ts';
import { RefgateError } from '../domain/error.ts';
import type { Log } from '../domain/log.ts';
import type { Upstreams } from '../domain/ports.ts';
import type { Recorder } from '../domain/record.ts';
import type { UpstreamDefinitions } from '../upstream/link-definition.ts';
import { createUpstreams } from '../upstream/upstreams.ts';
import { signVaultTicket } from '../upstream/vault-client.ts';
import { createAgentAdmin } from './agent-admin.ts';
import type { Config, UpstreamConfig } from './config.ts';
import { openGatewayKey } from './data-folder.ts';
import { startEmbeddedAgent } from './embedded-agent.ts';
import { mapRepo } from './repo-map.ts';

/** The gateway's end of the agent link, and what administrators do over it. */
export interface AgentLink {
  readonly upstreams: Upstreams;
  readonly upstreamAdmin: UpstreamAdmin;
  readonly vaultAdmin: VaultAdmin;
  readonly agentAdmin: AgentAdmin;
  close(): Promise<void>;
}

/** Starts the embedded agent, or takes the one that listens at `agentSocket`, and opens the link to it. */
export async function createAgentLink(
  config: Config,
  sockets: string,
  recorder: Recorder,
  log: Log,
): Promise<AgentLink> {
  const { privateKey, publicFile } = openGatewayKey(config.data);
  const definitions = join(config.data, 'upstreams.json');
  writeFileSync(definitions, JSON.stringify(definitionsOf(config)), { mode: 0o600 });
  const socket = config.agentSocket ?? join(sockets, 'agent.sock');
  const agent =
    config.agentSocket === undefined
      ? await startEmbeddedAgent({
          socket,
          data: join(config.data, 'agent'),
          gatewayKey: publicFile,
          upstreams: definitions,
          log,
        })
      : undefined;
  // A separate agent starts with our public key, and may see nothing of ours but the folder of its socket.
  if (config.agentSocket !== undefined) handOver(publicFile, dirname(config.agentSocket));
  const link = createUpstreams({
    agents: new Map(Object.keys(config.upstreams).map((name) => [name, { socket }])),
    signer: privateKey,
    timeouts: { open: config.limits.upstreamConnect, idle: config.limits.upstreamIdle },
  });
  return {
    upstreams: link,
    upstreamAdmin: {
      list: () =>
        Object.entries(config.upstreams).map(([name, upstream]) => ({ name, ...describe(upstream) })),
      repos: () =>
        config.repos.map(({ path, upstream, to }) => ({
          path,
          upstream,
          ...(to === undefined ? {} : { to }),
        })),
      target: (repo) => mapRepo(config.repos, repo),
      check: (target) => link.check(target),
    },
    vaultAdmin: {
      async ticket(change, actor) {
        if (change.upstream !== undefined && config.upstreams[change.upstream] === undefined) {
          throw new RefgateError(
            'NOT_FOUND',
            'operator',
            `there is no upstream ${change.upstream}; see refgate upstream list`,
          );
        }
        await recordChange(recorder, 'admin.vault-authorised', change, actor);
        return { socket, ticket: signVaultTicket(change, privateKey) };
      },
      changed: (change, actor) => recordChange(recorder, 'admin.vault-changed', change, actor),
    },
    agentAdmin: createAgentAdmin({
      socket,
      upstreams: Object.keys(config.upstreams),
      signer: privateKey,
      embedded: agent,
      log,
    }),
    async close() {
      await agent?.close();
    },
  };
}

function handOver(publicFile: string, folder: string): void {
  try {
    copyFileSync(publicFile, join(folder, 'gateway.pub'));
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code;
    const detail = `agentSocket: gateway.pub cannot be written into ${folder} (${why}); make the folder, and let us write there`;
    throw new RefgateError('CONFIG_INVALID', 'operator', detail, { cause });
  }
}

function definitionsOf(config: Config): UpstreamDefinitions {
  return Object.fromEntries(
    Object.entries(config.upstreams).map(([name, { agent: _, ...definition }]) => [name, definition]),
  );
}

function describe(upstream: UpstreamConfig): { kind: 'ssh' | 'http' | 'path'; where: string } {
  if ('ssh' in upstream) return { kind: 'ssh', where: upstream.ssh.url };
  if ('http' in upstream) return { kind: 'http', where: upstream.http.url };
  return { kind: 'path', where: upstream.path.root };
}

/** In the ledger before the ticket exists, and again once the agent has made the change. Looking at the list changes nothing and is not an event. */
async function recordChange(
  recorder: Recorder,
  code: 'admin.vault-authorised' | 'admin.vault-changed',
  change: VaultChange,
  actor: string,
): Promise<void> {
  if (change.do === 'list') return;
  const data = { change: change.do, upstream: change.upstream, repo: change.pattern };
  await recorder.append(code, data, { actor });
}
