import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex, Writable } from 'node:stream';
import { RefgateError } from '../domain/error.ts';
import type { Log } from '../domain/log.ts';
import { encodePkt } from '../git/pkt-line.ts';
import { formatFault, jobLimits, linkHeaders, linkPaths, upgradeProtocol } from '../upstream/link.ts';
import { writeChunk } from '../upstream/link-write.ts';
import type { JobGate } from './admit-job.ts';
import { checkUpstream } from './check-upstream.ts';
import type { Dial, UploadPack } from './dial/dial.ts';
import { OpenedAhead } from './opened-ahead.ts';
import { readJobBody } from './read-job-body.ts';
import { type RelayAnswer, relayPush } from './relay-push.ts';
import { changeVault } from './vault/change-vault.ts';
import type { Vault } from './vault/vault.ts';

export interface LinkContext {
  readonly gate: JobGate;
  readonly dials: ReadonlyMap<string, Dial>;
  readonly vault: Vault;
  /** Pushes that are under way; some go on after their gateway has gone. */
  readonly relays: Set<Promise<unknown>>;
  /** Upstreams that wait for the push that they were opened for. */
  readonly ahead: Set<OpenedAhead>;
  readonly log: Log;
}

/** The agent's end of the link: an HTTP/1.1 server that does only what a signed job says. It does not listen yet. */
export function createLinkServer(context: LinkContext): Server {
  const server = createServer({ maxHeaderSize: 2 * jobLimits.header }, (request, response) => {
    void answer(context, request, response);
  });
  // A relay lasts as long as it lasts; only its head must come at once.
  server.requestTimeout = 0;
  server.headersTimeout = 10_000;
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    void upgrade(context, request, socket, head);
  });
  return server;
}

async function answer(
  context: LinkContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // A gateway that goes away is noticed by `close`.
  response.on('error', () => {});
  request.on('error', () => {});
  try {
    await dispatch(context, request, response);
  } catch (error) {
    logFault(context.log, request.url, error);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    await drain(request);
    response.writeHead(statusOf(error), { 'content-type': 'application/json', connection: 'close' });
    response.end(formatFault(error));
  }
}

async function dispatch(
  context: LinkContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { gate, vault } = context;
  const signed = request.headers[linkHeaders.job]?.toString();
  switch (`${request.method} ${request.url}`) {
    case `GET ${linkPaths.advertisement}`: {
      const { upstream, path } = gate.admit(signed, 'advertisement');
      return advertise(dialOf(context, upstream), path, response);
    }
    case `GET ${linkPaths.check}`: {
      const { upstream, path } = gate.admit(signed, 'check');
      return sendJson(response, await checkUpstream(dialOf(context, upstream), path));
    }
    case `POST ${linkPaths.vault}`: {
      const { change } = gate.admit(signed, 'vault');
      return sendJson(
        response,
        await changeVault(vault, change, request.iterator({ destroyOnReturn: false })),
      );
    }
    case `POST ${linkPaths.relay}`:
      return relay(context, request, response);
    default:
      throw new RefgateError('JOB_INVALID', 'refgate', 'there is no such operation');
  }
}

async function advertise(dial: Dial, path: string, response: ServerResponse): Promise<void> {
  const receivePack = await dial.receivePack(path, { signal: goneSignal(response) });
  try {
    response.writeHead(200, { 'content-type': 'application/octet-stream' });
    for await (const chunk of receivePack.advertisement) await writeChunk(response, chunk);
    receivePack.leave();
    response.end();
  } catch (error) {
    receivePack.abort();
    throw error;
  }
}

async function relay(
  context: LinkContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = goneSignal(response);
  const ahead = openAhead(context, request, gone);
  const begin = (sideband: boolean): Writable => response.writeHead(200, answerHeaders(sideband));
  let outcome: unknown;
  try {
    outcome = await takePush(context, request, ahead, { begin }, gone);
  } catch (error) {
    outcome = error;
  } finally {
    ahead?.leave();
  }
  if (!response.headersSent) {
    // A push that was refused after all.
    if (ahead && gone.aborted) return;
    throw outcome;
  }
  await drain(request);
  response.addTrailers({ [linkHeaders.outcome]: formatFault(outcome) });
  response.end();
}

/** The upstream of a relay that is begun ahead of its job. */
function openAhead(
  context: LinkContext,
  request: IncomingMessage,
  signal: AbortSignal,
): OpenedAhead | undefined {
  const signed = request.headers[linkHeaders.job]?.toString();
  if (signed === undefined) return undefined;
  const prepared = context.gate.admit(signed, 'prepare');
  const dial = dialOf(context, prepared.upstream);
  return new OpenedAhead(prepared, context.ahead, () =>
    dial.receivePack(prepared.path, { signal, mayBeRecent: true }),
  );
}

async function takePush(
  context: LinkContext,
  request: IncomingMessage,
  ahead: OpenedAhead | undefined,
  answer: RelayAnswer,
  gone: AbortSignal,
): Promise<RefgateError> {
  const { signed, pack, release } = await readJobBody(request);
  try {
    const operation = context.gate.admit(signed, 'relay');
    const dial = dialOf(context, operation.upstream);
    const opening = ahead?.take(operation) ?? dial.receivePack(operation.path, { signal: gone });
    const relaying = opening.then((opened) => relayPush(opened, operation, pack, answer, gone));
    return await tracked(context, relaying);
  } finally {
    await release();
  }
}

async function tracked<T>({ relays }: LinkContext, relaying: Promise<T>): Promise<T> {
  relays.add(relaying);
  try {
    return await relaying;
  } finally {
    relays.delete(relaying);
  }
}

function answerHeaders(sideband: boolean): Record<string, string> {
  return { trailer: linkHeaders.outcome, [linkHeaders.sideband]: sideband ? 'yes' : 'no' };
}

async function upgrade(
  context: LinkContext,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  socket.on('error', () => {});
  if (head.length > 0) socket.unshift(head);
  let service: UploadPack | undefined;
  const mark = randomBytes(16).toString('hex');
  try {
    if (request.url !== linkPaths.uploadPack || request.headers.upgrade !== upgradeProtocol) {
      throw new RefgateError('JOB_INVALID', 'refgate', 'there is no such operation');
    }
    const signed = request.headers[linkHeaders.job]?.toString();
    const { upstream, path, advertised } = context.gate.admit(signed, 'upload-pack');
    service = await dialOf(context, upstream).uploadPack(path, { advertised, signal: goneSignal(socket) });
    socket.write(upgradeHead(service.advertised, mark));
    await service.converse(socket, (fault) => {
      logFault(context.log, request.url, fault);
      socket.end(encodePkt(`ERR ${mark} ${formatFault(fault)}`));
    });
    socket.end();
  } catch (error) {
    if (service) {
      // Within a conversation only breaking off is left; the gateway sees a stream that is cut.
      service.abort();
      socket.destroy();
    } else {
      logFault(context.log, request.url, error);
      socket.end(refusal(error));
    }
  }
}

function upgradeHead(advertised: boolean, mark: string): string {
  return [
    'HTTP/1.1 101 Switching Protocols',
    'connection: upgrade',
    `upgrade: ${upgradeProtocol}`,
    `${linkHeaders.advertised}: ${advertised ? 'yes' : 'no'}`,
    `${linkHeaders.faultMark}: ${mark}`,
    '\r\n',
  ].join('\r\n');
}

function refusal(error: unknown): string {
  const body = formatFault(error);
  const fields = ['content-type: application/json', `content-length: ${body.length}`, 'connection: close'];
  return [`HTTP/1.1 ${statusOf(error)} Refused`, ...fields, '', body].join('\r\n');
}

function dialOf(context: LinkContext, upstream: string): Dial {
  const dial = context.dials.get(upstream);
  if (!dial)
    throw new RefgateError('UPSTREAM_UNREACHABLE', 'operator', `the agent has no upstream ${upstream}`);
  return dial;
}

/** Aborted when the stream closes before its end. */
function goneSignal(stream: Duplex | ServerResponse): AbortSignal {
  const gone = new AbortController();
  stream.once('close', () => gone.abort());
  return gone.signal;
}

/** Reads what the gateway still sends, so that it hears the answer instead of a broken pipe. */
async function drain(request: IncomingMessage): Promise<void> {
  if (request.readableEnded || request.destroyed) return;
  await new Promise<void>((resolve) => {
    request.once('end', resolve);
    request.once('close', resolve);
    request.resume();
  });
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}

function statusOf(error: unknown): number {
  return error instanceof RefgateError && error.code === 'JOB_INVALID' ? 403 : 502;
}

function logFault(log: Log, operation: string | undefined, error: unknown): void {
  if (error instanceof RefgateError) {
    const { code, detail } = error;
    log.info({ operation, code, detail }, 'operation refused');
  } else {
    log.error({ operation, error }, 'operation failed');
  }
}
