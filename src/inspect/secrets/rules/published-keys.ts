import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { keyBody } from '../checks/pem.ts';

/** Shorter values are in too many places to be told by themselves, in bytes. */
const leastValue = 10;

let list: { readonly digests: ReadonlySet<string>; readonly version: string } | undefined;

/**
 * Whether the value (latin1, as in a SecretMatch) is a key, a token or a password that a well-known project publishes in
 * its test data or its documentation. `published-keys.txt` lists digests of them; scripts/published-keys.mjs makes it.
 */
export function isPublished(value: string): boolean {
  const digest = publishedDigest(value);
  return digest !== undefined && readList().digests.has(digest);
}

/**
 * The first 16 bytes of SHA-256, in base64url, of the value in its normal form: of a key the base64 of its body, however it
 * is wrapped and quoted; of base64 without the padding. Undefined of values that are too short to be listed.
 */
export function publishedDigest(value: string): string | undefined {
  const normal = (keyBody(unwrapped(value)) ?? value.trim()).replace(/=+$/, '');
  if (normal.length < leastValue) return undefined;
  return createHash('sha256').update(normal, 'latin1').digest().subarray(0, 16).toString('base64url');
}

/** A key in PEM that is base64 once more, as in a kubeconfig. */
function unwrapped(value: string): string {
  if (!/^LS0tLS1CRUdJTi[A-Za-z0-9+/]+={0,2}$/.test(value)) return value;
  return Buffer.from(value, 'base64').toString('latin1');
}

/** First 12 hex digits of SHA-256 over the list. */
export function publishedVersion(): string {
  return readList().version;
}

function readList(): NonNullable<typeof list> {
  if (list !== undefined) return list;
  const text = readFileSync(new URL('published-keys.txt', import.meta.url), 'latin1');
  list = {
    digests: new Set(text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))),
    version: createHash('sha256').update(text).digest('hex').slice(0, 12),
  };
  return list;
}
