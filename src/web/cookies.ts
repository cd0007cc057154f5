import type { IncomingMessage } from 'node:http';
import type { Response } from 'express';

/**
 * The `__Host-` prefix, RFC 6265bis section 4.1.3.2, keeps other hosts of the domain from setting it; browsers demand
 * Secure for it, so that plain HTTP on this machine needs another name.
 */
const nameOf = (isSecure: boolean) => (isSecure ? '__Host-refgate' : 'refgate-session');

const value = /^[A-Za-z0-9_-]{43}$/;

/** The value of our cookie; undefined when it is not there, not of its form, or there twice. */
export function readCookie(request: IncomingMessage, isSecure: boolean): string | undefined {
  const prefix = `${nameOf(isSecure)}=`;
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
  const [first, ...others] = pairs.filter((pair) => pair.startsWith(prefix));
  const text = first?.slice(prefix.length) ?? '';
  return others.length === 0 && value.test(text) ? text : undefined;
}

/** A cookie of the browser's session; the server knows when it ends. */
export function setCookie(response: Response, text: string, isSecure: boolean): void {
  response.append('Set-Cookie', `${nameOf(isSecure)}=${text}; ${attributes(isSecure)}`);
}

/** Makes the browser forget it. */
export function dropCookie(response: Response, isSecure: boolean): void {
  response.append('Set-Cookie', `${nameOf(isSecure)}=; Max-Age=0; ${attributes(isSecure)}`);
}

function attributes(isSecure: boolean): string {
  return `Path=/; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`;
}
