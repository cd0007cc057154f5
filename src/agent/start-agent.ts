import { createPublicKey, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { RefgateError } from '../domain/error.ts';
import type { Log } from '../domain/log.ts';
import { type UpstreamDefinitions, upstreamDefinitionsSchema } from '../upstream/link-definition.ts';
import { JobGate } from './admit-job.ts';
import type { AgentArguments } from './arguments.ts';
import { type Dial, type DialTimeouts, defaultDialTimeouts } from './dial/dial.ts';
import { dialHttp } from './dial/http.ts';
import { dialPath } from './dial/path.ts';
import { dialSsh } from './dial/ssh.ts';
import { createLinkServer } from './serve-link.ts';
import { Vault } from './vault/vault.ts';

export interface Agent {
  /** Stops listening, lets pushes that are complete end, and breaks off the rest after `grace` milliseconds. */
  close(grace?: number): Promise<void>;
}

/** Starts the agent inside this process. CONFIG_INVALID, CONFLICT when another agent listens on the socket. */
export async function startAgent(
  options: AgentArguments,
  log: Log,
  timeouts: DialTimeouts = defaultDialTimeouts,
): Promise<Agent> {
  const gatewayKey = await loadGatewayKey(options.gatewayKey);
  const definitions = await loadDefinitions(options.upstreams);
  const vault = await Vault.open(options.data, options.vaultKey);
  const dials = await openDials(definitions, vault, timeouts);
  const relays = new Set<Promise<unknown>>();
  const server = createLinkServer({
    gate: new JobGate(gatewayKey),
    dials,
    vault,
    relays,
    ahead: new Set(),
    log,
  });
  const sockets = trackSockets(server);
  await listen(server, options.socket);
  return {
    async close(grace = 5000) {
      const closed = once(server, 'close');
      server.close();
      const timer = setTimeout(() => {
        for (const dial of dials.values()) dial.close();
        for (const socket of sockets) socket.destroy();
      }, grace);
      await closed;
      await allClosed(sockets);
      await Promise.allSettled(relays);
      clearTimeout(timer);
      for (const dial of dials.values()) dial.close();
    },
  };
}

async function openDials(
  definitions: UpstreamDefinitions,
  vault: Vault,
  timeouts: DialTimeouts,
): Promise<ReadonlyMap<string, Dial>> {
  const dials = new Map<string, Dial>();
  for (const [name, definition] of Object.entries(definitions)) {
    if ('ssh' in definition) dials.set(name, dialSsh(name, definition.ssh, vault, timeouts));
    else if ('http' in definition) dials.set(name, await dialHttp(name, definition.http, vault, timeouts));
    else dials.set(name, dialPath(definition.path, timeouts));
  }
  return dials;
}

async function loadGatewayKey(source: AgentArguments['gatewayKey']): Promise<KeyObject> {
  const text =
    'text' in source ? source.text : await readFile(source.file, 'utf8').catch(unreadable(source.file));
  try {
    const key = createPublicKey(text);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // Said below, without the text of what may be a private key.
  }
  throw new RefgateError(
    'CONFIG_INVALID',
    'operator',
    "the gateway's key is not an Ed25519 public key in PEM form",
  );
}

async function loadDefinitions(file: string): Promise<UpstreamDefinitions> {
  const text = await readFile(file, 'utf8').catch(unreadable(file));
  try {
    return upstreamDefinitionsSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new RefgateError('CONFIG_INVALID', 'operator', `${file} does not hold upstream definitions`, {
      cause,
    });
  }
}

function unreadable(file: string): (cause: unknown) => never {
  return (cause) => {
    throw new RefgateError('CONFIG_INVALID', 'operator', `${file} cannot be read`, { cause });
  };
}

/** The folder is ours alone, and so is the socket from its first moment. */
async function listen(server: Server, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  if (await answers(path)) {
    throw new RefgateError('CONFLICT', 'operator', `another agent listens on ${path}; stop it first`);
  }
  await rm(path, { force: true });
  const umask = process.umask(0o177);
  try {
    const listening = once(server, 'listening');
    server.listen(path);
    await listening;
  } finally {
    process.umask(umask);
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}

function trackSockets(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}

/** Upgraded sockets are not counted by `server.close`. */
async function allClosed(sockets: ReadonlySet<Socket>): Promise<void> {
  for (const socket of sockets) if (!socket.destroyed) await once(socket, 'close');
}
