/** The administrative API of a running server, without a process of the command line for each call. */
import { request as httpRequest } from 'node:http';
import type { Refgate } from './refgate.ts';

/** One call of the administrative API on the server's socket. */
export function admin<T>(
  refgate: Pick<Refgate, 'admin'>,
  method: string,
  path: string,
  body?: unknown,
): Promise<T> {
  const json = body === undefined ? '' : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        socketPath: refgate.admin,
        method,
        path: `/-/api/v1${path}`,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json) },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (piece: string) => {
          text += piece;
        });
        response.on('error', reject);
        response.on('end', () => {
          if (response.statusCode === 200) resolve(JSON.parse(text.trim().split('\n').at(-1) ?? '') as T);
          else reject(new Error(`${method} ${path} gave ${response.statusCode}: ${text}`));
        });
      },
    );
    request.on('error', reject);
    request.end(json);
  });
}

/** Whom to register. */
export interface NewLogin {
  readonly name: string;
  readonly groups: readonly string[];
  readonly service?: boolean;
  readonly role?: string;
  /** A line of a .pub file. */
  readonly key?: string;
}

/** Registers a user, their key, and a token of eight hours, which it gives. */
export async function registerUser(
  refgate: Pick<Refgate, 'admin'>,
  { name, groups, service = false, role = 'user', key }: NewLogin,
): Promise<string> {
  const kind = service ? 'service' : 'person';
  await admin(refgate, 'POST', '/users', { name, kind, groups, role, emails: [] });
  if (key !== undefined) await admin(refgate, 'POST', '/keys', { user: name, line: key.trim() });
  const made = await admin<{ token: string }>(refgate, 'POST', '/tokens', { user: name, ttl: 8 * 3_600_000 });
  return made.token;
}
