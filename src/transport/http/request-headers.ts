import type { IncomingMessage } from 'node:http';
import type { ProtocolVersion, Service } from '../../domain/git.ts';
import { parseGitProtocol } from '../../git/repo-path.ts';
import { HttpRefusal } from './refuse.ts';

/** Headers that decide something here: said twice, two readers might each believe another one. */
const single = [
  'host',
  'authorization',
  'content-type',
  'content-encoding',
  'content-length',
  'transfer-encoding',
  'expect',
] as const;

/**
 * Refuses what node's parser lets pass and what a proxy before us may read
 * otherwise: doubled headers, transfer codings other than `chunked`, chunked
 * HTTP/1.0, and a Host that is not ours (`hosts` in lower case with the port,
 * when there is one). Throws HttpRefusal.
 */
export function checkHeaders(request: IncomingMessage, hosts?: ReadonlySet<string>): void {
  for (const name of single) {
    if ((request.headersDistinct[name]?.length ?? 0) > 1) {
      throw malformed(`the header ${name} came more than once; check the proxy between you and here`);
    }
  }
  const coding = request.headers['transfer-encoding'];
  if (coding !== undefined && (coding.toLowerCase() !== 'chunked' || request.httpVersion !== '1.1')) {
    throw malformed('the only transfer coding is chunked, in HTTP/1.1; use a stock git client');
  }
  if (hosts !== undefined && !hosts.has((request.headers.host ?? '').toLowerCase())) {
    throw new HttpRefusal(421, 'this server does not answer for that host name; check the URL');
  }
}

/** Where such a request ends is in doubt, so nothing more is read from its connection. */
function malformed(text: string): HttpRefusal {
  return new HttpRefusal(400, text, { Connection: 'close' });
}

/** Whether a body follows, RFC 9112 section 6.3. */
export function hasBody(request: IncomingMessage): boolean {
  return (
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0
  );
}

/**
 * The `Git-Protocol` header. Anything but exactly `version=0`, `1` or `2`
 * counts as not said, as git treats a version that it does not know; and
 * receive-pack has no version 2, for which git falls back to 0.
 */
export function readVersion(header: string | string[] | undefined, service: Service): ProtocolVersion {
  const version = typeof header === 'string' ? parseGitProtocol(header) : 0;
  return version === 2 && service === 'receive-pack' ? 0 : version;
}

/** User name and token of HTTP Basic, RFC 7617, UTF-8; both empty when the header is not exactly that. */
export function readBasic(header: string | undefined): { user: string; token: string } {
  const nobody = { user: '', token: '' };
  const encoded = /^Basic +([A-Za-z0-9+/]{1,2048}={0,2})$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return nobody;
  const bytes = Buffer.from(encoded, 'base64');
  const text = bytes.toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 1 || !Buffer.from(text, 'utf8').equals(bytes)) return nobody;
  return { user: text.slice(0, colon), token: text.slice(colon + 1) };
}
