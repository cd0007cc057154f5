import type { KeyObject } from 'node:crypto';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { RefgateError } from '../domain/error.ts';
import { linkHeaders, parseFault, upgradeProtocol } from './link.ts';
import { type Operation, signJob } from './link-job.ts';

/** The most that an agent may say in a fault or a JSON answer, in bytes. */
const answerLimit = 4 * 1024 * 1024;

/** Milliseconds. */
export interface LinkTimeouts {
  /** From the request to the agent's first word, its own dialling of the upstream included. */
  readonly open: number;
  /** Without a byte from the upstream while one is waited for. */
  readonly idle: number;
}

export const defaultLinkTimeouts: LinkTimeouts = { open: 120_000, idle: 600_000 };

/** The gateway's end of the link to one agent: a socket for each operation, a signed job on each. */
export class LinkClient {
  readonly #socket: string;
  readonly #signer: KeyObject;
  readonly timeouts: LinkTimeouts;

  constructor(socket: string, signer: KeyObject, timeouts: LinkTimeouts) {
    this.#socket = socket;
    this.#signer = signer;
    this.timeouts = timeouts;
  }

  sign(operation: Operation): string {
    return signJob(operation, this.#signer);
  }

  /** Starts a request whose job is in its header, or, with `jobBytes`, in the body that the caller writes. */
  start(method: 'GET' | 'POST', path: string, headers: Record<string, string>): ClientRequest {
    return httpRequest({ socketPath: this.#socket, path, method, agent: false, headers });
  }

  /** A GET that the agent answers with 200. Throws the agent's fault. */
  async get(path: string, operation: Operation): Promise<IncomingMessage> {
    const request = this.start('GET', path, { [linkHeaders.job]: this.sign(operation) });
    request.end();
    return accepted(await responseTo(request, this.timeouts.open));
  }

  /** Opens a conversation with an upstream's upload-pack. Throws the agent's fault. */
  async upgrade(path: string, operation: Operation): Promise<{ head: IncomingMessage; stream: Duplex }> {
    const request = this.start('GET', path, {
      [linkHeaders.job]: this.sign(operation),
      connection: 'upgrade',
      upgrade: upgradeProtocol,
    });
    const upgraded = new Promise<{ head: IncomingMessage; stream: Duplex }>((resolve) => {
      request.once('upgrade', (head, stream, first) => {
        if (first.length > 0) stream.unshift(first);
        // Readers and writers hear of a failure by their own calls.
        stream.on('error', () => {});
        resolve({ head, stream });
      });
    });
    request.end();
    const refused = responseTo(request, this.timeouts.open).then(async (response) => {
      throw await faultOf(response);
    });
    return Promise.race([upgraded, refused]);
  }
}

/** The response, or UPSTREAM_UNREACHABLE, or UPSTREAM_TIMEOUT after so many milliseconds where they are given. */
export function responseTo(request: ClientRequest, timeout?: number): Promise<IncomingMessage> {
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    const late = (): void => {
      reject(new RefgateError('UPSTREAM_TIMEOUT', 'upstream', `no answer within ${(timeout ?? 0) / 1000} s`));
      request.destroy();
    };
    const timer = timeout === undefined ? undefined : setTimeout(late, timeout);
    const settled = (): void => clearTimeout(timer);
    request.once('response', settled).once('upgrade', settled).once('close', settled);
    request.once('response', resolve);
    request.on('error', (cause) => {
      reject(new RefgateError('UPSTREAM_UNREACHABLE', 'operator', 'the agent is not there', { cause }));
    });
  });
  // Whoever waits for it hears of it, however late.
  answered.catch(() => {});
  return answered;
}

/** The response if its status is 200; throws the fault in it otherwise. */
export async function accepted(response: IncomingMessage): Promise<IncomingMessage> {
  if (response.statusCode !== 200) throw await faultOf(response);
  return response;
}

/** The whole body as JSON. UPSTREAM_UNREACHABLE when it breaks off. */
export async function readJson(response: IncomingMessage): Promise<unknown> {
  return JSON.parse(await readText(response));
}

/** The agent's fault in an answer that is not a 200. */
export async function faultOf(response: IncomingMessage): Promise<RefgateError> {
  return parseFault(await readText(response));
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response) {
      bytes += (chunk as Buffer).length;
      if (bytes > answerLimit) break;
      chunks.push(chunk as Buffer);
    }
  } catch (cause) {
    throw new RefgateError('UPSTREAM_UNREACHABLE', 'operator', 'the agent went away', { cause });
  }
  return Buffer.concat(chunks).toString('utf8');
}
