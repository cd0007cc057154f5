import { readFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { RefgateError } from '../domain/error.ts';

/** One request to the API: `path` is below `/-/api/v1`. */
export type Call = (method: string, path: string, body?: unknown) => Promise<IncomingMessage>;

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether commands go to REFGATE_URL, as the user of REFGATE_TOKEN. @throws USAGE when only one of the two is set */
export function isRemote(env: Environment = process.env): boolean {
  const [url, token] = [env['REFGATE_URL'] ?? '', env['REFGATE_TOKEN'] ?? ''];
  if ((url === '') === (token === '')) return url !== '';
  const [set, missing] = url === '' ? ['REFGATE_TOKEN', 'REFGATE_URL'] : ['REFGATE_URL', 'REFGATE_TOKEN'];
  throw usage(`${set} is set and ${missing} is not; set both, or neither`);
}

/**
 * Speaks to the server of REFGATE_URL with REFGATE_TOKEN. The token goes there
 * and nowhere else: no redirect is followed. @throws USAGE for an address that is
 * not https, or http to this machine, and NOT_FOUND when a call is not answered
 */
export function remoteCall(env: Environment = process.env): Call {
  const base = checkUrl(env['REFGATE_URL'] ?? '');
  const token = env['REFGATE_TOKEN'] ?? '';
  if (!/^[\x21-\x7e]+$/.test(token)) throw usage('REFGATE_TOKEN is not a token; see refgate token create');
  const ca = readCa(env['REFGATE_CA']);
  const send = base.protocol === 'https:' ? httpsRequest : httpRequest;
  return async (method, path, body) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      authorization: `Bearer ${token}`,
      accept: 'application/json',
      ...(text === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
    };
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = send(
        `${base.origin}/-/api/v1${path}`,
        { method, headers, agent: false, ...(ca === undefined ? {} : { ca }) },
        resolve,
      );
      outgoing.on('error', (cause: NodeJS.ErrnoException) => reject(unanswered(base.origin, cause)));
      outgoing.end(text);
    });
    return checkAnswer(base.origin, answer);
  };
}

function checkUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isBare =
    url?.pathname === '/' && url.search === '' && url.hash === '' && url.username + url.password === '';
  if (url === undefined || !isBare)
    throw usage('REFGATE_URL is the address of the server alone, such as https://git.example.com');
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))) return url;
  throw usage(
    'REFGATE_URL must begin with https://, since the token travels there; http:// is for this machine only',
  );
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function readCa(file: string | undefined): Buffer | undefined {
  if (file === undefined || file === '') return undefined;
  try {
    return readFileSync(file);
  } catch (cause) {
    throw usage(`REFGATE_CA: ${file} cannot be read (${(cause as NodeJS.ErrnoException).code})`, cause);
  }
}

/** Node's codes of a certificate that does not convince, or is for another name. */
const certificate = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME/;

function unanswered(origin: string, cause: NodeJS.ErrnoException): RefgateError {
  const code = cause.code ?? 'no code';
  const detail = certificate.test(code)
    ? `the certificate of ${origin} is not trusted (${code}); if your own authority signed it, name its file in REFGATE_CA`
    : `no server answers at ${origin} (${code}); check REFGATE_URL`;
  return new RefgateError('NOT_FOUND', 'operator', detail, { cause });
}

/** Everything of ours is JSON; a redirect, or a page of somebody in between, is not ours. */
function checkAnswer(origin: string, answer: IncomingMessage): IncomingMessage {
  const { statusCode = 0, headers } = answer;
  const isRedirect = statusCode >= 300 && statusCode < 400;
  if (!isRedirect && /^application\/(json|x-ndjson)\b/.test(headers['content-type'] ?? '')) return answer;
  answer.destroy();
  const what = isRedirect ? 'sends elsewhere, and a token does not follow' : 'is not a Refgate';
  throw new RefgateError(
    'NOT_FOUND',
    'operator',
    `what answers at ${origin} ${what} (status ${statusCode}); check REFGATE_URL`,
  );
}

function usage(text: string, cause?: unknown): RefgateError {
  return new RefgateError('USAGE', 'operator', text, { cause });
}
