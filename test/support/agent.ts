/** An agent as a process of its own, and the gateway's end of its link. */
import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { Secret } from '../../src/domain/secret.ts';
import type { LinkTimeouts } from '../../src/upstream/link-client.ts';
import type { UpstreamDefinitions } from '../../src/upstream/link-definition.ts';
import { type AgentUpstreams, createUpstreams } from '../../src/upstream/upstreams.ts';
import { createVaultClient, signVaultTicket, type VaultClient } from '../../src/upstream/vault-client.ts';
import { outDir } from './refgate.ts';

export interface TestAgent {
  readonly socket: string;
  /** The folder of the vault. */
  readonly data: string;
  readonly signer: KeyObject;
  readonly upstreams: AgentUpstreams;
  readonly vault: VaultClient;
  readonly process: ChildProcess;
  /** Everything that the agent wrote on stderr until now. */
  log(): string;
  /** Signals the process and waits for its end. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Starts bin/refgate-agent's main and waits until it is ready; it is ended with the test. */
export async function startTestAgent(
  t: Pick<TestContext, 'after'>,
  dir: string,
  definitions: UpstreamDefinitions,
  timeouts: Partial<LinkTimeouts> = {},
): Promise<TestAgent> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const socket = join(dir, 'run', 'agent.sock');
  const data = join(dir, 'vault');
  const keyFile = join(dir, 'gateway.pem');
  const upstreamsFile = join(dir, 'upstreams.json');
  writeFileSync(keyFile, publicKey.export({ type: 'spki', format: 'pem' }));
  writeFileSync(upstreamsFile, JSON.stringify(definitions));
  const main = join(outDir, 'src', 'agent', 'main.js');
  const places = ['--socket', socket, '--data', data, '--gateway-key', keyFile, '--upstreams', upstreamsFile];
  const child = spawn(process.execPath, [main, ...places, '--parent-stdin'], { stdio: 'pipe' });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log += chunk.toString();
  });
  const ended = once(child, 'exit');
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    child.kill(signal);
    await ended;
  };
  t.after(() => stop('SIGKILL'));
  const ready = once(createInterface({ input: child.stdout }), 'line');
  await Promise.race([
    ready,
    ended.then(() => {
      throw new Error(`the agent ended: ${log}`);
    }),
  ]);
  const agents = new Map(Object.keys(definitions).map((name) => [name, { socket }]));
  const upstreams = createUpstreams({ agents, signer: privateKey, timeouts });
  const vault = createVaultClient(socket);
  return { socket, data, signer: privateKey, upstreams, vault, process: child, log: () => log, stop };
}

/** Has the agent make a deploy key, and gives its public line. */
export async function addDeployKey(agent: TestAgent, upstream: string, pattern = '**'): Promise<string> {
  const ticket = signVaultTicket({ do: 'deploy-key-create', upstream, pattern }, agent.signer);
  const [entry] = await agent.vault.apply(ticket);
  if (entry?.publicKey === undefined) throw new Error('no public key');
  return entry.publicKey;
}

/** Gives the agent a login for an upstream. */
export async function addLogin(
  agent: TestAgent,
  upstream: string,
  login: { user: string; password: string },
  pattern = '**',
): Promise<void> {
  const ticket = signVaultTicket({ do: 'credential-set', upstream, pattern, user: login.user }, agent.signer);
  await agent.vault.apply(ticket, new Secret(`${login.password}\n`));
}
