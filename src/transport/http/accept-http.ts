import { readFile } from 'node:fs/promises';
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, isIP, type Socket } from 'node:net';
import express, { type RequestHandler } from 'express';
import { RefgateError } from '../../domain/error.ts';
import type { Authenticator } from '../../domain/identity.ts';
import type { Log } from '../../domain/log.ts';
import { Connections } from './connections.ts';
import { refuse } from './refuse.ts';
import type { BodyLimits } from './request-body.ts';
import { checkHeaders } from './request-headers.ts';
import { type Serve, serveGit } from './serve-git.ts';

export interface HttpLimits extends BodyLimits {
  /** Milliseconds for TLS handshake and headers. */
  readonly headersMs: number;
  /** Milliseconds in which an awaited byte must move; a stalled client is cut after one to two of them. */
  readonly idleMs: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerSource: number;
}

export interface HttpDoorOptions {
  /** Port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Paths of PEM files. Left out: plain HTTP, on loopback addresses only. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Values of the Host header that are ours, such as `git.example.com`, beside the address itself. Left out: any. */
  readonly hosts?: readonly string[];
  readonly authenticator: Authenticator;
  readonly serve: Serve;
  /** Answers everything below `/-/`. */
  readonly mounts?: RequestHandler;
  readonly log: Log;
  readonly limits: HttpLimits;
}

export interface HttpDoor {
  readonly host: string;
  readonly port: number;
  /** Such as `http://127.0.0.1:8080`, without a slash at the end. */
  readonly url: string;
  /** Takes no new request, waits at most this many milliseconds for those in progress, and cuts the rest. */
  close(graceMs: number): Promise<void>;
}

/**
 * Listens for smart HTTP, gitprotocol-http(5). Throws CONFIG_INVALID when the
 * certificate cannot be read, plain HTTP would leave this machine, or the
 * address cannot be had.
 */
export async function startHttpDoor(options: HttpDoorOptions): Promise<HttpDoor> {
  const { limits, log } = options;
  if (options.tls === undefined && !isLoopback(options.listen.host)) {
    throw invalid(`plain HTTP is allowed on loopback only, not on ${options.listen.host}; set listen.tls`);
  }
  const connections = new Connections(limits);
  const state = { closing: false };
  const server = await createHttpServer(options);
  const hosts = options.hosts && new Set(options.hosts.map((host) => host.toLowerCase()));
  const app = buildApp(options, connections, state, hosts);
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    response.on('error', () => {});
    response.once('close', () => {
      if (state.closing) setImmediate(() => server.closeIdleConnections());
    });
    if (await connections.turn(request, response)) app(request, response);
  };
  const accept = (request: IncomingMessage, response: ServerResponse) => void handle(request, response);
  server.on('connection', (socket: Socket) => connections.accept(socket));
  server.on('timeout', (socket: Socket) => connections.idle(socket));
  server.on('request', accept);
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    connections.expectContinue(request);
    accept(request, response);
  });
  server.on('checkExpectation', accept);
  server.timeout = limits.idleMs;
  server.keepAliveTimeout = limits.idleMs;
  server.maxConnections = limits.maxConnections;
  await listen(server, options.listen);
  const address = server.address() as AddressInfo;
  const scheme = options.tls === undefined ? 'http' : 'https';
  const host = isIP(options.listen.host) === 6 ? `[${options.listen.host}]` : options.listen.host;
  hosts?.add(`${host}:${address.port}`.toLowerCase());
  log.info({ host: address.address, port: address.port, scheme }, 'http door open');
  return {
    host: address.address,
    port: address.port,
    url: `${scheme}://${host}:${address.port}`,
    close: (graceMs) => {
      state.closing = true;
      return close(server, connections, graceMs);
    },
  };
}

async function createHttpServer(options: HttpDoorOptions): Promise<Server> {
  const { headersMs } = options.limits;
  const common: ServerOptions = {
    insecureHTTPParser: false,
    requireHostHeader: true,
    maxHeaderSize: 16 * 1024,
    headersTimeout: headersMs,
    // A large push may take any time, as long as its bytes keep coming.
    requestTimeout: 0,
    connectionsCheckingInterval: Math.max(50, Math.min(5_000, headersMs / 4)),
    noDelay: true,
  };
  if (options.tls === undefined) return createServer(common);
  const [cert, key] = await Promise.all([readPem('cert', options.tls.cert), readPem('key', options.tls.key)]);
  try {
    return createTlsServer({ ...common, cert, key, minVersion: 'TLSv1.2', handshakeTimeout: headersMs });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw invalid(`listen.tls: cert and key are not a pair of PEM files (${why})`, cause);
  }
}

function readPem(which: string, file: string): Promise<Buffer> {
  return readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw invalid(`listen.tls.${which}: ${file} cannot be read (${cause.code})`, cause);
  });
}

function buildApp(
  options: HttpDoorOptions,
  connections: Connections,
  state: { readonly closing: boolean },
  hosts: ReadonlySet<string> | undefined,
) {
  const { log } = options;
  const app = express();
  app.set('env', 'production');
  app.set('query parser', false);
  app.disable('x-powered-by');
  app.disable('etag');
  app.use((request, _response, next) => {
    if (state.closing) throw new RefgateError('SHUTTING_DOWN', 'operator');
    checkHeaders(request, hosts);
    next();
  });
  const door = { ...options, connections };
  const { mounts } = options;
  if (mounts !== undefined) {
    app.use('/-', (request, response, next) => {
      if (connections.expectsContinue(request)) response.writeContinue();
      mounts(request, response, next);
    });
  }
  app.use((request, response) => serveGit(door, request, response));
  app.use((error: unknown, request: IncomingMessage, response: ServerResponse, _next: unknown) =>
    refuse(request, response, error, log),
  );
  return app;
}

async function listen(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const where = `${host}:${port} (${cause.code})`;
      reject(invalid(`cannot listen for HTTP on ${where}; change listen.http, or stop what uses it`, cause));
    });
    server.listen({ host, port }, resolve);
  });
}

async function close(server: Server, connections: Connections, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => {
    connections.cutAll(new RefgateError('SHUTTING_DOWN', 'operator'));
    server.closeAllConnections();
  }, graceMs);
  await closed;
  clearTimeout(timer);
}

/** By its text, so that no resolver decides it. */
function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}

function invalid(detail: string, cause?: unknown): RefgateError {
  return new RefgateError('CONFIG_INVALID', 'operator', detail, { cause });
}
