import { once } from 'node:events';
import type { Server } from 'node:net';
import { RefgateError } from '../domain/error.ts';

export interface Address {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
}

export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Opens the address; with `freePorts` another port is taken when this one is not to be had. */
export async function withFreePort<T>(
  freePorts: boolean,
  address: Address,
  open: (address: Address) => Promise<T>,
): Promise<T> {
  try {
    return await open(address);
  } catch (error) {
    if (!freePorts || !(error instanceof RefgateError) || error.code !== 'CONFIG_INVALID') throw error;
    return open({ ...address, port: 0 });
  }
}

/** Makes the server listen on TCP. @returns the real port @throws CONFIG_INVALID when the address is not to be had */
export async function listenTcp(server: Server, address: Address): Promise<number> {
  server.listen(address.port, address.host);
  await listening(server, formatAddress(address));
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : address.port;
}

/** Makes the server listen on a Unix socket that only we may open. */
export async function listenUnix(server: Server, path: string): Promise<void> {
  const before = process.umask(0o177);
  try {
    server.listen(path);
  } finally {
    process.umask(before);
  }
  await listening(server, path);
}

async function listening(server: Server, where: string): Promise<void> {
  try {
    await once(server, 'listening');
  } catch (cause) {
    const detail = `cannot listen on ${where} (${(cause as NodeJS.ErrnoException).code}); change listen:, or stop what uses it`;
    throw new RefgateError('CONFIG_INVALID', 'operator', detail, { cause });
  }
}

/** Stops listening and cuts what is idle or still open. */
export async function closeServer(server: Server & { closeAllConnections?: () => void }): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections?.();
  await closed;
}
