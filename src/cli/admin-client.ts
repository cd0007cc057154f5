import { readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { loadConfig } from '../app/config.ts';
import { runStateSchema } from '../app/run-state.ts';
import { type ErrorCode, errorCodes, RefgateError } from '../domain/error.ts';
import { type Call, remoteCall } from './remote-admin.ts';

/** Speaks to the administrative API of the running server, over its admin socket or over HTTP. */
export interface AdminClient {
  get<T>(path: string, query?: Readonly<Record<string, string | undefined>>): Promise<T>;
  send<T>(method: 'POST' | 'DELETE', path: string, body?: unknown): Promise<T>;
  /** Newline-separated JSON, line by line. A line that tells an error is thrown. */
  lines<T>(path: string, body?: unknown): AsyncIterable<T>;
}

/**
 * The server of REFGATE_URL, as the user of REFGATE_TOKEN, where `isFar`;
 * else the one that runs with this configuration file, as its operator.
 * @throws NOT_FOUND when there is none, USAGE for an environment that is not right
 */
export function connectAdmin(configFile: string, { isFar }: { readonly isFar: boolean }): AdminClient {
  return clientOver(isFar ? remoteCall() : socketCall(configFile));
}

function socketCall(configFile: string): Call {
  const { data } = loadConfig(configFile);
  const socketPath = findSocket(data, configFile);
  return (method, path, body) =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const headers =
        text === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
      const outgoing = request({ socketPath, method, path: `/-/api/v1${path}`, headers }, resolve);
      outgoing.on('error', (cause) => reject(notRunning(configFile, cause)));
      outgoing.end(text);
    });
}

function clientOver(call: Call): AdminClient {
  return {
    async get<T>(path: string, query: Readonly<Record<string, string | undefined>> = {}) {
      const given = Object.entries(query).filter(
        (entry): entry is [string, string] => entry[1] !== undefined,
      );
      const suffix = given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
      return (await readAnswer(await call('GET', path + suffix))) as T;
    },
    async send<T>(method: 'POST' | 'DELETE', path: string, body?: unknown) {
      return (await readAnswer(await call(method, path, body))) as T;
    },
    async *lines<T>(path: string, body?: unknown) {
      const answer = await call('POST', path, body);
      if (answer.statusCode !== 200) await readAnswer(answer);
      for await (const text of createInterface({ input: answer })) {
        const line = JSON.parse(text) as T & { readonly error?: unknown };
        if (line.error !== undefined) throw toError(line.error);
        yield line;
      }
    },
  };
}

function findSocket(data: string, configFile: string): string {
  try {
    return runStateSchema.parse(JSON.parse(readFileSync(join(data, 'run.json'), 'utf8'))).admin;
  } catch (cause) {
    throw notRunning(configFile, cause);
  }
}

function notRunning(configFile: string, cause: unknown): RefgateError {
  const detail = `no server runs with ${configFile}; start it with: refgate serve --config ${configFile}`;
  return new RefgateError('NOT_FOUND', 'operator', detail, { cause });
}

async function readAnswer(answer: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk);
  const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  if (answer.statusCode === 200) return body;
  throw toError(body);
}

/** The error that the API named, so that the command line says the same sentence. */
function toError(body: unknown): RefgateError {
  const { code, message } = body as { code?: string; message?: string };
  if (code === undefined || !(code in errorCodes)) return new RefgateError('INTERNAL', 'refgate', message);
  const known = code as ErrorCode;
  const prefix = `${errorCodes[known]}: `;
  const detail = message?.startsWith(prefix) ? message.slice(prefix.length) : message;
  return new RefgateError(known, 'operator', detail);
}
