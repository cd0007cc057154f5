import type { Request, RequestHandler, Response } from 'express';
import { RefgateError } from '../../domain/error.ts';
import { findViewer, type Viewer } from '../viewer.ts';
import { sendError } from '../web-error.tsx';
import type { WebPorts } from '../web-ports.ts';
import { htmlStrings, jsonStrings } from './answer-strings.ts';
import { answering, Concerned } from './concerned.ts';
import { hideOids } from './hide-oids.ts';
import { shownTo, type Unclear, unclearTo } from './reader.ts';

type Ports = Pick<WebPorts, 'readModeOf' | 'upstreams' | 'views' | 'ledger' | 'log'>;

/**
 * Whatever answers after this, a page, JSON or an error, reaches somebody who does not read in clear as they may see it:
 * with the oids of their view, and without secrets. What is sent line by line is shown without any oid. The ports of the
 * routes after it must be `notingPorts`, and bodies must have been read before.
 */
export function maskAnswers(ports: Ports): RequestHandler {
  return (request, response, next) => {
    const concerned = new Concerned();
    const viewer = findViewer(request);
    if (viewer !== undefined) maskWrites(ports, viewer, concerned, request, response);
    answering(concerned, next);
  };
}

function maskWrites(
  ports: Ports,
  viewer: Viewer,
  concerned: Concerned,
  request: Request,
  response: Response,
): void {
  const [send, write, end] = [
    response.send.bind(response),
    response.write.bind(response) as (...args: unknown[]) => boolean,
    response.end.bind(response) as (...args: unknown[]) => Response,
  ];
  let isMasked = false;
  const unclear = (): Unclear => (isMasked ? [] : unclearTo(ports, viewer, concerned));
  const plain = (body: unknown): Response => {
    isMasked = true;
    return send(body);
  };
  response.send = (body?: unknown): Response => {
    // An object comes back here as text.
    if (isMasked || (typeof body === 'object' && body !== null && !Buffer.isBuffer(body))) return send(body);
    const views = unclear();
    if (views.length === 0 || body === undefined) return plain(body);
    maskBody(ports, views, concerned, response, String(body)).then(plain, (err: unknown) => {
      isMasked = true;
      if (err instanceof RefgateError) return sendNotReady(request, response, err);
      ports.log.error({ err }, 'an answer could not be masked');
      response.destroy();
    });
    return response;
  };
  const piece = (chunk: unknown): unknown =>
    (typeof chunk === 'string' || chunk instanceof Uint8Array) && unclear().length > 0
      ? hideLine(Buffer.from(chunk as string).toString())
      : chunk;
  response.write = ((chunk: unknown, ...rest: unknown[]) =>
    write(piece(chunk), ...rest)) as Response['write'];
  response.end = ((chunk: unknown, ...rest: unknown[]) => end(piece(chunk), ...rest)) as Response['end'];
}

/** Says nothing of what the answer was about. */
function sendNotReady(request: Request, response: Response, { code, message }: RefgateError): void {
  response.set('Retry-After', '10');
  if (String(response.get('content-type')).startsWith('text/html'))
    sendError(request, response, 503, message);
  else response.status(503).json({ code, message });
}

async function maskBody(
  ports: Ports,
  unclear: Unclear,
  concerned: Concerned,
  response: Response,
  body: string,
): Promise<string> {
  const type = String(response.get('content-type') ?? '');
  const isJson = type.startsWith('application/json');
  if (!isJson && !type.startsWith('text/html')) return hideOids(body);
  const { strings, replaced } = isJson ? jsonStrings(body) : htmlStrings(body);
  return replaced(await shownTo(ports, unclear, concerned, strings));
}

/** Numbers of JSON stay numbers. */
function hideLine(text: string): string {
  const line = text.endsWith('\n') ? '\n' : '';
  try {
    return `${jsonStrings(text).replaced(hideOids)}${line}`;
  } catch {
    return hideOids(text);
  }
}
